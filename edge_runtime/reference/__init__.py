"""The runtime in NumPy: each file is the twin of the C file or folder of its name in `src/`.

model.py           a packed model that predicts and learns
parts.py           what it holds: layers that learn, a forward pass, errors
moves.py           where moves are tried, and in which order
ring.py            samples that are kept and learnt again
rule.py            which samples are learnt, means of inputs, growth; a record of answers
metaplasticity.py  the method itself: f_meta, its table, one try of a move, consolidated weights
contexts.py        several networks, and which of them a sample belongs to
likeness.py        how well a sample fits what a context has seen
heads.py           the counting head
tracking.py        the tracking head
conv.py            gradients and errors of convolutions
arith.py           float32 and integer arithmetic, random numbers
"""
