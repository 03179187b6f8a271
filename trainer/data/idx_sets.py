"""MNIST and Fashion-MNIST: finds, reads and fetches their files. NumPy only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from metabit.errors import CorruptError, InputError
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.data.download import Contents, ReportBytes, download, is_verified
from metabit.trainer.data.idx import read_idx

SYSTEM_FOLDER = Path("/usr/share/datasets")  # Debian's dataset-fashion-mnist installs here
IMAGE_SHAPE = (28, 28)
N_CLASSES = 10


@dataclass(frozen=True)
class IdxSet:
    """A set of four IDX files: its address, and the SHA-256 of each unpacked file."""

    url: str
    class_names: tuple[str, ...]
    citation: str
    sha256: dict[str, str]


_TRAIN_X, _TRAIN_Y = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_TEST_X, _TEST_Y = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

UNPACKED_BYTES = {_TRAIN_X: 47_040_016, _TRAIN_Y: 60_008, _TEST_X: 7_840_016, _TEST_Y: 10_008}
"""Of each file of either set: its header, and 28 × 28 bytes per picture or one per label."""

SETS = {
    "mnist": IdxSet(
        url="https://storage.googleapis.com/cvdf-datasets/mnist/",
        class_names=tuple("0123456789"),
        citation=(
            "LeCun, Bottou, Bengio and Haffner 1998, Gradient-Based Learning Applied to Document "
            "Recognition, Proceedings of the IEEE 86(11)"
        ),
        sha256={
            _TRAIN_X: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            _TRAIN_Y: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            _TEST_X: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            _TEST_Y: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
    "fashion-mnist": IdxSet(
        url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        class_names=(
            "T-shirt",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
        citation=(
            "Xiao, Rasul and Vollgraf 2017, Fashion-MNIST: a Novel Image Dataset for Benchmarking "
            "Machine Learning Algorithms, arXiv 1708.07747, MIT licence"
        ),
        sha256={
            _TRAIN_X: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            _TRAIN_Y: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            _TEST_X: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            _TEST_Y: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ),
}
"""Known sets by name, which is also the name of their folder."""


def fetch_folder() -> Path:
    """Where fetched sets are kept: $METABIT_DATA, or else metabit's part of the user cache."""
    own = os.environ.get("METABIT_DATA")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "metabit"


def search_path(name: str) -> tuple[Path, ...]:
    """Folders in which a set is looked for, in this order: only one where $METABIT_DATA is set."""
    own = os.environ.get("METABIT_DATA")
    roots = (fetch_folder(),) if own else (fetch_folder(), SYSTEM_FOLDER)
    return tuple(root / name for root in roots)


def find(name: str) -> Path | None:
    """The first folder that holds all four files of a set, or None."""
    for folder in search_path(name):
        if all(_idx_file(folder, file) for file in SETS[name].sha256):
            return folder
    return None


def fetch(name: str, base_url: str | None = None, report: ReportBytes | None = None) -> Path:
    """Download a set into `fetch_folder()` and verify it. Files that are there and good are kept.

    Args:
        name: one of `SETS`.
        base_url: another place to fetch from, ending in a slash.
        report: told about the progress of each file.

    Returns:
        the folder that holds it.

    Raises:
        StorageError: no connection, or the folder cannot be written.
        CorruptError: what arrived does not match its checksum.
    """
    folder = fetch_folder() / name
    url = base_url or SETS[name].url
    for file, sha256 in SETS[name].sha256.items():
        target = folder / f"{file}.gz"
        contents = Contents(UNPACKED_BYTES[file], sha256)
        if not is_verified(target, contents):
            download(f"{url}{file}.gz", target, contents, report)
    return folder


def _idx_file(folder: Path, name: str) -> Path | None:
    """The file in `folder`, compressed or not."""
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    return None


def load(name: str, folder: Path) -> DataSet:
    """Read a set from a folder of IDX files.

    Raises:
        InputError: a file is missing.
        FormatError, CorruptError: a file is not what it should be.
    """
    wanted = SETS[name]
    return DataSet(
        name=name,
        train=_idx_split(folder, _TRAIN_X, _TRAIN_Y),
        test=_idx_split(folder, _TEST_X, _TEST_Y),
        n_classes=len(wanted.class_names),
        class_names=wanted.class_names,
        dtype="uint8",
        scale=1 / 255,
        zero_point=0,
        citation=wanted.citation,
        source=str(folder),
    )


def _idx_split(folder: Path, images: str, labels: str) -> Split:
    x_path, y_path = _idx_file(folder, images), _idx_file(folder, labels)
    if x_path is None or y_path is None:
        raise InputError(f"{folder}: lacks {images} or {labels}", code="E-DATA-MISSING")
    x, y = read_idx(x_path, n_dims=3), read_idx(y_path, n_dims=1)
    if x.shape[1:] != IMAGE_SHAPE or len(x) == 0:
        raise CorruptError(f"{x_path}: images {x.shape} are not (n, 28, 28)", code="E-IDX-SHAPE")
    if len(x) != len(y):
        raise CorruptError(
            f"{y_path}: {len(y)} labels for the {len(x)} images of {x_path.name}",
            code="E-IDX-COUNT",
        )
    if y.max() >= N_CLASSES:
        raise CorruptError(f"{y_path}: label {y.max()} is not one of 0 to 9", code="E-IDX-LABEL")
    return Split(x, y)
