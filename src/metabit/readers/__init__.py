"""Samples from files, from standard input and from data sets by name, checked for a model.

samples.py  an .npz or CSV file, standard input, or a data set by name
"""
