"""Data sets by name: digits and HAPT are bundled, MNIST and Fashion-MNIST are found or fetched."""

from __future__ import annotations

from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.data.find import fetch, find, load, names, search_path

__all__ = ["DataSet", "Split", "fetch", "find", "load", "names", "search_path"]
