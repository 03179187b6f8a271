"""Samples from files, from standard input and from data sets by name, checked for a model."""
