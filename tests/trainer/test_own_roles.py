"""Columns that should be no inputs are not taken for inputs; files that end oddly are read well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.own_data import code_of

from metabit.errors import InputError
from metabit.trainer.data.own import OwnData, load_own
from metabit.trainer.data.own.look import look_at
from metabit.trainer.data.own.text_table import read_text_table

ROWS = [f"{(i * 37) % 11},{(i * 53) % 13},{'ab'[i % 2]}" for i in range(80)]


def write(path: Path, text: str) -> OwnData:
    path.write_text(text)
    return OwnData(str(path))


def test_a_column_of_times_is_no_input_unless_it_is_named(tmp_path: Path) -> None:
    timed = [f"{i / 50:.2f},{row}" for i, row in enumerate(ROWS)]
    data = write(tmp_path / "t.csv", "t,x,v,class\n" + "\n".join(timed) + "\n")
    with pytest.raises(InputError, match='column "t" rises from row to row') as caught:
        load_own(data)
    assert caught.value.code == "E-DATA-COLUMN"
    assert any('column "t" rises' in note for note in look_at(data).notes)
    assert load_own(OwnData(data.path, time="t", split="random")).channel_names == ("x", "v")
    assert load_own(OwnData(data.path, channels=("t", "x"))).channel_names == ("t", "x")


def test_the_index_that_pandas_writes_is_no_input(tmp_path: Path) -> None:
    indexed = [f"{i},{row}" for i, row in enumerate(ROWS)]
    data = write(tmp_path / "i.csv", ",x,v,class\n" + "\n".join(indexed) + "\n")
    with pytest.raises(InputError, match='column "1" rises'):
        load_own(data)


def test_times_of_recordings_in_a_folder_are_no_input(tmp_path: Path) -> None:
    for name in ("sit", "run"):
        (tmp_path / name).mkdir()
        lines = "".join(f"{i / 50},{(i * 7) % 5}\n" for i in range(60))
        (tmp_path / name / "1.csv").write_text("t,x\n" + lines)
    assert code_of(OwnData(str(tmp_path))) == "E-DATA-COLUMN"


def test_a_column_of_persons_is_asked_about(tmp_path: Path) -> None:
    rows = [f"{i // 20},{row}" for i, row in enumerate(ROWS)]
    data = write(tmp_path / "p.csv", "Subject,x,v,class\n" + "\n".join(rows) + "\n")
    with pytest.raises(InputError, match="whose a row is"):
        load_own(data)
    assert load_own(OwnData(data.path, group="Subject")).channel_names == ("x", "v")


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"channels": ("x", "class")}, "is the class"),
        ({"channels": ("x", "x")}, "named twice"),
        ({"group": "class"}, "two of label, group and time"),
        ({"label": "x", "time": "x"}, "two of label, group and time"),
    ],
)
def test_a_column_has_one_role(keys: dict[str, Any], why: str, tmp_path: Path) -> None:
    data = write(tmp_path / "r.csv", "x,v,class\n" + "\n".join(ROWS) + "\n")
    with pytest.raises(InputError, match=why):
        load_own(OwnData(data.path, **keys))


def test_the_class_alone_is_no_data(tmp_path: Path) -> None:
    data = write(tmp_path / "c.csv", "class,n\n" + "a,1\nb,2\n" * 10)
    assert code_of(OwnData(data.path, channels=())) == "E-DATA-COLUMN"


@pytest.mark.parametrize(
    "text",
    [
        "x,v,class\n1,2,a\n3,4,b\n\n\n",
        "x,v,class\r\n1,2,a\r\n3,4,b\r\n\r\n",
        "x,v,class,\n1,2,a,\n3,4,b,\n",
        "\n\nx,v,class\n1,2,a\n3,4,b\n",
    ],
)
def test_empty_lines_around_a_table_and_a_separator_after_it_are_no_values(
    text: str, tmp_path: Path
) -> None:
    (tmp_path / "e.csv").write_bytes(text.encode())
    table = read_text_table(tmp_path / "e.csv")
    assert table.frame.rows() == [("1", "2", "a"), ("3", "4", "b")]
    assert table.frame.columns == ["x", "v", "class"]


def test_lines_are_counted_from_the_top_of_the_file(tmp_path: Path) -> None:
    data = write(tmp_path / "l.csv", "\n\nx,v,class\n1,2,a\n3,oops,b\n")
    with pytest.raises(InputError, match='line 5, column "v": "oops"'):
        load_own(data)


def test_a_separator_after_each_line_without_a_header_is_no_column(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text("1,2,a,\n3,4,b,\n")
    assert read_text_table(tmp_path / "n.csv").frame.columns == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("x,x,class\n1,2,a\n", "E-DATA-FORMAT", 'columns are called "x"'),
        (",\n,\n", "E-DATA-EMPTY", "no values"),
        ('x,class\n"0,5",a\n', "E-DATA-CELL", "separated by semicolons"),
        ("x;class\n1.024,5;a\n", "E-DATA-CELL", "between thousands"),
        ("x,class\nhigh,a\n", "E-DATA-CELL", "name it as group"),
        ("x,class\nhigh,a\nlow,b\n", "E-DATA-CELL", "a column of 0 and 1 .* each of these 2"),
        ("x,class\n1,a\n2,b\noops,b\n", "E-DATA-CELL", "name the others as channels"),
        ("x,class\n2026-03-01 08:00,a\n", "E-DATA-CELL", "looks like a date: name this .* as time"),
        ("x,class\n1,\n", "E-DATA-CELL", "take it out"),
    ],
)
def test_a_refusal_says_what_to_do(text: str, code: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=why) as caught:
        load_own(write(tmp_path / "x.csv", text))
    assert getattr(caught.value, "code", None) == code


@pytest.mark.parametrize("keys", [{"window": 4}, {"missing": "drop"}, {"channels": ("x",)}])
def test_arrays_are_no_rows_to_be_cut(keys: dict[str, Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.random.default_rng(0).random((40, 3)), y=np.arange(40) % 2)
    assert code_of(OwnData(str(tmp_path / "a.npz"), **keys)) == "E-DATA-KEY"


def test_booleans_are_values_and_whole_labels_have_one_name_in_every_type(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((40, 3)) > 0.5
    np.savez(tmp_path / "b.npz", x=x, y=(np.arange(40) % 2).astype(np.float64))
    found = load_own(OwnData(str(tmp_path / "b.npz")))
    assert found.class_names == ("0", "1")
    assert set(np.unique(found.train.x).tolist()) == {0, 1}


def test_a_value_that_is_not_finite_is_named(tmp_path: Path) -> None:
    x = np.zeros((40, 3))
    x[7, 1] = np.nan
    np.savez(tmp_path / "n.npz", x=x, y=np.arange(40) % 2)
    with pytest.raises(InputError, match=r"x\[7, 1\] is nan"):
        load_own(OwnData(str(tmp_path / "n.npz")))
