"""`metabit fit`: from data and a budget to a network that fits, on a desk only.

question.py   what is asked: data, budgets, effort, seed
material.py   the samples: read, checked, divided into folds to choose with
windows.py    windows for recordings of which nobody said how to cut them
series.py     windows for tables whose rows follow each other in time
fronts.py     front ends that are tried
features.py   samples as a network reads them, in a file for the workers
networks.py   networks that are tried
candidate.py  a network after a front end
packing.py    a network of PyTorch as a packed model with a head
cost.py       RAM and flash of a candidate, before anything is trained
on_board.py   room, time and energy of candidates on an emulated board
units.py      time and energy as people write them
trial.py      trains a candidate for a while and tests it: one job of a worker
race.py       which candidates are trained for how long
choice.py     the best candidate, and those that nothing beats
finish.py     the chosen network, trained on all samples, packed and tested once
as_they_come.py  what learning is worth where samples come in time
rivals.py    what else one could take, trained on the same features
recipe_file.py  the chosen recipe as a file that one can read
outcome.py    results as one document
caution.py    what is said of a network that is no better than one and the same answer
plot.py       results as a picture
propose.py   candidates, and what is refused before any training
fit.py        from a question to its results
"""
