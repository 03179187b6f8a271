"""Data sets by name: digits and HAPT are bundled, others are found, fetched or made.

dataset.py      what a data set is: 8-bit integers, labels, a split, class names, a citation
find.py         finds, loads and fetches a data set by its name
bundled.py      digits and HAPT
idx_sets.py     MNIST and Fashion-MNIST
idx.py          reads the IDX files of those two
cifar.py        CIFAR-10
made_sets.py    CIFAR-10 in grey and spoken digits as pictures, made of what is on this machine
spectrogram.py  a sound as a picture
own/            data of one's own: tables, time series, recordings, pictures
addresses.py    https, and where a redirect may lead
download.py     fetches files and checks their sizes and checksums
images.py       pads, enlarges and rotates images
label_name.py   names of columns that people give the class
windows.py      raw windows through a front end
thermometer.py  values as several bits, for a first layer of binary inputs
"""

from __future__ import annotations

from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.data.find import (
    fetch,
    find,
    how_to_get,
    load,
    make,
    names,
    search_path,
    where,
)

__all__ = [
    "DataSet",
    "Split",
    "fetch",
    "find",
    "how_to_get",
    "load",
    "make",
    "names",
    "search_path",
    "where",
]
