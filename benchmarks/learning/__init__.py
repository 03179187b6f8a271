"""Learning on the device: what a stream does to a network.

learning_gates.py     the gates of learning on the device: what a stream does, with nothing set
learning_rivals.py    scikit-learn and river on the same streams, one sample at a time
any_order.py          what of a gate that is not passed is due to the order of its samples
unseen_problems.py    problems to remember that no constant was chosen on, with nothing set
drifting_streams.py   streams that drift, and on which nothing was tuned: goal "track", rivals
one_or_contexts.py    one network or contexts: what a user who sets nothing gains and loses by them
many_tasks.py         a thousand tasks, one after the other: permuted MNIST, each sample once
state_bits.py         accuracy against the bits of a hidden weight, 8 to 2
new_pictures.py       new classes of colour pictures: a frozen binary trunk, and a head that learns
device_learning.py    accuracy, memory and bits when all layers learn, beside PyTorch
"""
