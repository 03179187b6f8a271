"""Samples from files, from standard input and from data sets by name, checked for a model.

read.py        from what stands on the command line to samples of a model
samples.py     what every reader gives
arrays.py      .npy and .npz files
csv_rows.py    comma-separated numbers, from a file or standard input
named_sets.py  data sets by name, and the tasks that a model was trained on
"""
