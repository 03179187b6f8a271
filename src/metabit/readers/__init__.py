"""Samples from files, from standard input and from data sets by name, checked for a model.

read.py         from what stands on the command line to samples of a model
samples.py      what every reader gives
arrays.py       .npy and .npz files
csv_text.py     lines of separated cells, and what a cell says
csv_columns.py  which column of a csv file is what
rows.py         rows of any text: their values as a model reads them
csv_rows.py     rows of a csv file, or of standard input, as samples of a model
json_rows.py    rows as JSON lines, whose labels may come later
live.py         samples of rows that still come, and those that wait for their label
own_folders.py  folders and zips of recordings or pictures
named_sets.py   data sets by name, and the tasks that a model was trained on
"""
