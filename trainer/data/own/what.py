"""What a recipe says of data of one's own."""

from __future__ import annotations

from dataclasses import dataclass

MISSING = ("refuse", "drop", "hold")
SPLITS = ("group", "time", "random")


@dataclass(frozen=True)
class OwnData:
    """Where data lies, and what its columns mean.

    Attributes:
        path: a .csv, .tsv or .txt file (also .gz), a .npy or .npz file, a folder or a .zip.
        label: name of the column, or its number from 1, that holds the class. Default: a column
            that is called "label", "class", "target" or "activity"; or "y", if none is called "x".
        group: the column that says of whom, or of which recording, a row is. Recordings in a folder
            without {group} in their pattern are a group each.
        time: the column with the time of a row, in seconds or as 2026-01-31 10:00:00.5; a
            longer step begins a new recording.
        channels: the columns that are inputs. Default: all others.
        pattern: how the names of files say what they hold, such as "{label}/{}.wav" or
            "{split}/{label}/{}"; {group} too. Default: the folder of a file is its class, and
            folders train and test above the classes, if all of them have one, are the split.
        sample_rate: rows per second.
        missing: what to do with missing values: "refuse"; "drop" the row; "hold" the value before.
        window: rows per sample, for a time series. Default: each row is a sample.
        hop: rows from the start of a window to the start of the next. Default: half a window.
        test: share of the groups, of the time or of the rows that is held out to test with.
        split: what is held out: "group" for whole groups, "time" for the end of the data, "random"
            for rows, which must then be independent. Default: "group" where there are groups;
            "time" for windows and where there is a time; "random" otherwise.
        seed: of what is drawn.
    """

    path: str
    label: str | int | None = None
    group: str | int | None = None
    time: str | int | None = None
    channels: tuple[str, ...] | None = None
    pattern: str | None = None
    sample_rate: float | None = None
    missing: str = "refuse"
    window: int | None = None
    hop: int | None = None
    test: float = 0.25
    split: str | None = None
    seed: int = 0
