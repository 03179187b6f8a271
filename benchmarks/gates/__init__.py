"""The learning gates: streams that a learner must come through when nothing is set, and its rivals.

problem.py    what a gate is: a home, a stream in phases, held-out parts
problems.py   all gates by name
pictures.py   digits, MNIST, Fashion-MNIST: more of the same, wrong labels, new classes, one label
people.py     HAPT: new people, new activities, a stuck sensor
synthetic.py  classes that wander, a meaning that turns, gravity on one axis
streams.py    INSECTS and other streams that drift, from CSV files
orders.py     orders in which a stream is hard
unseen.py     problems to remember that no constant was chosen on
home.py       networks trained at home, cached; the only use of PyTorch
guarded.py    a gate whose network brings probes for a guard
judges.py     what is judged: the learner of this project, in one place
rivals.py     what it is compared with: scikit-learn and river
exam.py       what is measured before, during and after a stream
"""
