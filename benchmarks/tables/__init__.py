"""Tables of pages in docs/, made from results/*.json. ../page.py says where each of them stands.

inference.py   networks, layers, convolutions and other engines
convnets.py    whole convolutional networks
scaling.py     time and memory against size, and its plots
learning.py    learning on the device: accuracy, bits, orders, contexts, speed
gates.py       the gates, and problems that no constant was chosen on
drifting.py    streams that drift
heads.py       the guard, novelty, new people, samples without labels
pictures.py    new classes of colour pictures
training.py    the speed of training
fitting.py     `metabit fit`, its rivals and a full grid
figures.py     the figures that matter most, each a cell of another table
when.py        the tables of docs/WHEN.md; run by itself, it writes them
"""
