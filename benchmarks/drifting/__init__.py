"""Streams that drift, none of which chose a constant of the device learner that it reports.

stream.py      what a stream is: rows of raw numbers in the order of time, and their classes
rules.py       streams made of rules and thresholds: loans, displays, boards, trees
shapes.py      streams made of clouds, planes and curves that move
sensors.py     streams as bad sensors give them: outliers, other units, gain and offset that wander
published.py   streams that others have published, where their files are at hand
unpack.py      those streams out of the packages that carry them
streams.py     all of them by name, and which half each belongs to
learners.py    the device, and its rivals in an environment of their own
"""
