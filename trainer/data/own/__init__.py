"""Data of one's own: tables, time series, arrays, and folders of recordings or pictures.

what.py        what a recipe says of such data
load.py        from a path to a data set
text_table.py  CSV files in their usual forms, as columns
roles.py       which column is the class, whose a row is, its time, and the inputs
memory.py      what is large, known before it is read
arrays.py      .npy and .npz files
folders.py     folders and zips of WAV, CSV, PNG and JPEG files
recordings.py  files of a folder as rows: WAV, and CSV files of a time series
frames.py      rows in order, cut into recordings and windows
look.py        what is in a file or folder, before anything is trained
look_plot.py   a picture of it
split.py       what is held out: whole groups, the end of time, or rows
counts.py      real values as the counts of a device
"""

from __future__ import annotations

from metabit.trainer.data.own.load import load_new, load_own
from metabit.trainer.data.own.what import OwnData

__all__ = ["OwnData", "load_new", "load_own"]
