"""Data of one's own: every usual form is read as it is meant, or refused with its place."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.own_data import code_of

from metabit.errors import FormatError, InputError
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.data.label_name import label_in
from metabit.trainer.data.own import OwnData, load_own, memory
from metabit.trainer.data.own.text_table import read_text_table
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.recipe.frontend import FrontEndRecipe
from metabit.trainer.streams import build

ROWS = [(1.5, -20.0, "walk"), (2.25, 30.5, "run"), (0.0, 12.0, "walk"), (-1.0, 1e3, "run")] * 6


def table_text(separator: str = ",", comma: bool = False, header: bool = True) -> str:
    lines = [separator.join(["ax", "ay", "label"])] if header else []
    for a, b, word in ROWS:
        cells = [str(a), str(b)]
        cells = [cell.replace(".", ",") for cell in cells] if comma else cells
        lines.append(separator.join([*cells, word]))
    return "\n".join(lines) + "\n"


FORMS = {
    "plain": table_text().encode(),
    "byte order mark": b"\xef\xbb\xbf" + table_text().encode(),
    "semicolons": table_text(";").encode(),
    "tabs": table_text("\t").encode(),
    "decimal commas": table_text(";", comma=True).encode(),
    "both decimal signs": table_text(";", comma=True).replace("2,25", "2.25").encode(),
    "lines of Windows": table_text().replace("\n", "\r\n").encode(),
    "gzip": gzip.compress(table_text().encode()),
    "quotes": table_text().replace("walk", '"walk"').replace("ax", '"ax"').encode(),
    "spaces": table_text().replace(",", " , ").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_says_the_same_in_every_form(form: str, tmp_path: Path) -> None:
    plain, other = tmp_path / "plain.csv", tmp_path / "other.csv"
    plain.write_bytes(FORMS["plain"])
    other.write_bytes(FORMS[form])
    expected, found = load_own(OwnData(str(plain))), load_own(OwnData(str(other)))
    assert found.class_names == ("run", "walk")
    assert found.channel_names == ("ax", "ay")
    assert np.array_equal(found.train.x, expected.train.x)
    assert np.array_equal(found.test.y, expected.test.y)
    assert len(found.train) + len(found.test) == len(ROWS)


def test_without_a_header_columns_have_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(table_text(header=False))
    found = load_own(OwnData(str(path), label=3))
    assert found.channel_names == ("1", "2")
    assert found.class_names == ("run", "walk")
    assert code_of(OwnData(str(path))) == "E-NO-LABELS"
    assert code_of(OwnData(str(path), label=4)) == "E-DATA-COLUMN"


def test_counts_stand_for_the_values_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(table_text())
    found = load_own(OwnData(str(path), test=0.1))
    assert found.units is not None
    values = found.train.x[:, :, 0] * found.units
    known = {(round(a, 2), round(b, 1)) for a, b, _ in ROWS}
    for a, b in values.tolist():
        near = min(abs(a - x) / 2 + abs(b - y) / 1000 for x, y in known)
        assert near < 1e-3


@pytest.mark.parametrize("cell", ["1_0", "\u0661\u0660", "0x10", "1,5", "five", "1.5.2", "inf"])
def test_a_typing_error_is_no_number(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f'ax,label\n1,a\n2,b\n"{cell}",a\n', encoding="utf-8")
    with pytest.raises(InputError, match=r'line 4, column "ax"') as caught:
        load_own(OwnData(str(path)))
    assert caught.value.code == "E-DATA-CELL"


def series(path: Path, gap: bool = False, missing: str = "1.0") -> None:
    """Three people, two activities each of 40 rows at 10 Hz."""
    rng = np.random.default_rng(0)
    lines = ["t,who,ax,ay,label"]
    for p, who in enumerate(("ann", "bob", "cid")):
        for i in range(80):
            t = (p * 1000 + i) * 0.1 + (5 if gap and i >= 20 else 0)
            value = missing if (i, who) == (30, "bob") else f"{rng.normal():.3f}"
            lines.append(f"{t:.1f},{who},{value},{rng.normal():.3f},{'sit' if i < 40 else 'go'}")
    path.write_text("\n".join(lines) + "\n")


def own_series(path: Path, **keys: object) -> OwnData:
    given = {"group": "who", "time": "t", "window": 16, "hop": 8, **keys}
    return OwnData(str(path), **given)  # type: ignore[arg-type]


def test_windows_stay_in_one_recording_and_one_class(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    series(path)
    found = load_own(own_series(path))
    per_person = 2 * ((40 - 16) // 8 + 1)  # those over the change of class are left out
    assert len(found.train) + len(found.test) == 3 * per_person
    assert found.train.x.shape[1:] == (2, 16)
    assert found.train.subject is not None
    assert found.test.subject is not None
    assert set(found.train.subject.tolist()) & set(found.test.subject.tolist()) == set()
    series(path, gap=True)
    with_gap = load_own(own_series(path))
    assert len(with_gap.train) + len(with_gap.test) < 3 * per_person


def test_a_split_by_time_shares_no_row(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    lines = ["ax,label"] + [f"{i},{'ab'[i // 20 % 2]}" for i in range(400)]
    path.write_text("\n".join(lines) + "\n")
    found = load_own(OwnData(str(path), window=10, hop=1, channels=("ax",)))
    assert found.train.x.max() < found.test.x.min()


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"split": "random"}, "E-DATA-SPLIT"),
        ({"window": 100}, "E-DATA-WINDOW"),
        ({"group": "whom"}, "E-DATA-COLUMN"),
        ({"channels": ("ax", "az")}, "E-DATA-COLUMN"),
        ({"channels": ("who",)}, "E-DATA-CELL"),
        (
            {"label": "who", "group": None, "channels": ("ax",), "split": "time", "test": 0.34},
            "E-DATA-SPLIT",
        ),
        ({"group": None, "channels": ("ax",), "split": "group"}, "E-DATA-SPLIT"),
    ],
)
def test_what_would_leak_or_cannot_be_is_refused(
    keys: dict[str, object], code: str, tmp_path: Path
) -> None:
    path = tmp_path / "s.csv"
    series(path)
    assert code_of(own_series(path, **keys)) == code


def test_rows_of_one_group_are_never_on_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    series(path)
    assert code_of(own_series(path, window=None, split="random")) == "E-DATA-SPLIT"
    path.write_text("who,ax,label\n" + "".join(f"ann,{i},{'ab'[i % 2]}\n" for i in range(20)))
    assert code_of(OwnData(str(path), group="who")) == "E-DATA-SPLIT"


@pytest.mark.parametrize("word", ["", "NaN", "n/a", "?"])
def test_missing_values_are_handled_as_asked(word: str, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    series(path, missing=word)
    assert code_of(own_series(path)) == "E-DATA-MISSING-VALUE"
    whole = load_own(own_series(path, missing="hold"))
    dropped = load_own(own_series(path, missing="drop"))
    n_whole, n_dropped = (len(d.train) + len(d.test) for d in (whole, dropped))
    assert n_dropped < n_whole  # windows over the row that is gone are gone too
    path.write_text("ax,label\n,a\n1,b\n2,a\n")
    assert code_of(OwnData(str(path), missing="hold")) == "E-DATA-MISSING-VALUE"
    path.write_text("ax,label\n,a\n,b\n")
    assert code_of(OwnData(str(path), missing="drop")) == "E-DATA-EMPTY"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "E-DATA-EMPTY"),
        (b"ax,label\n", "E-DATA-EMPTY"),
        (b"ax,label\n1,\n2,b\n", "E-DATA-CELL"),
        (b"\xff\xfe\x00\x01", "E-DATA-FORMAT"),
        (b"\x1f\x8b\x08broken", "E-DATA-READ"),
        (b"ax,label\n1,a,7,8\n2,b\n", "E-DATA-FORMAT"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert code_of(OwnData(str(path))) == code
    assert code_of(OwnData(str(tmp_path / "none.csv"))) == "E-DATA-READ"


def test_an_uneven_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("# a logger\nax,label\n1,a\n")
    with pytest.raises(FormatError, match=r'line 2 has 2 cells, .* line 1; .*"#"'):
        load_own(OwnData(str(path)))


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["x", "y", "z", "label"], 3),
        (["x", "y", "z"], None),
        (["a", "b", " Y "], 2),
        (["target", "class"], 1),
        (["y", "Activity"], 1),
    ],
)
def test_an_axis_of_a_sensor_is_not_taken_for_the_class(
    names: list[str], label: int | None
) -> None:
    assert label_in(names) == label


@pytest.mark.parametrize(
    "form", ["{:.2f}", "2026-01-31T10:00:{:05.2f}Z", "2026-01-31 10:00:{:05.2f}"]
)
def test_times_are_seconds_however_they_are_written(form: str, tmp_path: Path) -> None:
    times = [0.0, 0.25, 0.5, 7.75]
    path = tmp_path / "t.csv"
    path.write_text("when,label\n" + "".join(f"{form.format(t)},a\n" for t in times))
    found = read_text_table(path).seconds("when")
    assert (found - found[0]).tolist() == times


def test_a_recipe_without_a_front_end_standardises_raw_values(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    series(path)
    recipe = recipe_from_dict(
        {
            "name": "own",
            "data": {"path": str(path), "group": "who", "time": "t", "window": 16, "hop": 8},
            "train": {"epochs": 1},
        }
    )
    dataset, _ = build(recipe.data, recipe.frontend)
    assert dataset.dtype == "int8"
    assert dataset.input_shape == (32,)
    assert dataset.front_end is not None
    assert dataset.front_end.does.stack == 16
    with_features, stream = build(recipe.data, FrontEndRecipe(bands=3))
    assert with_features.input_shape == (2 * 8 * 2,)
    assert stream.n_classes == 2


def test_people_one_after_the_other_are_a_stream_of_own_data(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    series(path)
    recipe = DataRecipe(path=str(path), stream="subjects", n_tasks=2, group="who", time="t",
                        window=16, hop=8)  # fmt: skip
    dataset, stream = build(recipe, FrontEndRecipe())
    assert len(stream) == 2
    assert dataset.channel_names == ("ax", "ay")
    assert recipe.title == "s.csv"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({}, "needs the name of a set, or the path"),
        ({"name": "hapt", "label": "y"}, "belongs to data with a path"),
        ({"name": "hapt", "path": "x.csv"}, "leave it out"),
        ({"path": "x.csv", "missing": "guess"}, "missing"),
        ({"path": "x.csv", "split": "people"}, "split"),
        ({"path": "x.csv", "hop": 3}, "belongs to window"),
        ({"path": "x.csv", "window": 1}, "must be 2 or more"),
        ({"path": "x.csv", "test": 1.0}, "below 1"),
    ],
)
def test_keys_of_own_data_are_checked_before_it_is_read(
    table: dict[str, object], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        recipe_from_dict({"name": "x", "data": table, "train": {"epochs": 1}})


def test_no_class_is_tested_that_was_never_trained(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("ax,label\n" + "".join(f"{i},{'abcd'[i // 10]}\n" for i in range(40)))
    assert code_of(OwnData(str(path), split="time")) == "E-DATA-SPLIT"
    found: DataSet = load_own(OwnData(str(path), split="random"))
    assert found.n_classes == 4


def test_a_missing_value_is_named_by_file_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,z,label\n1,2,a\n3,4,b\n,6,a\n7,8,b\n")
    with pytest.raises(InputError, match=r't\.csv: line 4, column "x": no value'):
        load_own(OwnData(str(path)))
    for name, text in (("a/1", "x,z\n1,2\n3,4\n"), ("b/1", "x,z\n5,6\n7,8\n9,\n")):
        file = tmp_path / "all" / f"{name}.csv"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    with pytest.raises(InputError, match=r'b/1\.csv: line 4, column "z": no value'):
        load_own(OwnData(str(tmp_path / "all")))
    (tmp_path / "all" / "b" / "1.csv").write_text("x,z\n,6\n7,8\n")
    with pytest.raises(InputError, match=r'b/1\.csv: line 2, column "x": no value, and none'):
        load_own(OwnData(str(tmp_path / "all"), missing="hold"))


@pytest.mark.parametrize("packed", [False, True])
def test_a_table_without_room_in_memory_is_refused_before_it_is_read(
    packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(FORMS["plain"]) if packed else FORMS["plain"])
    n_bytes = len(FORMS["plain"])
    monkeypatch.setattr(memory, "WORTH_SAYING_BYTES", n_bytes + 1)
    assert memory.said_before(str(path)) == ""
    monkeypatch.setattr(memory, "WORTH_SAYING_BYTES", n_bytes)
    assert "MiB of text; reading it takes about" in memory.said_before(str(path))
    monkeypatch.setattr(memory, "free_bytes", lambda: memory.PER_BYTE * n_bytes)
    assert len(load_own(OwnData(str(path))).train) == 18
    monkeypatch.setattr(memory, "free_bytes", lambda: memory.PER_BYTE * n_bytes - 1)
    assert code_of(OwnData(str(path))) == "E-DATA-READ"
    monkeypatch.setattr(memory, "free_bytes", lambda: None)
    monkeypatch.setattr(memory, "MOST_UNPACKED_BYTES", n_bytes - 1)
    assert code_of(OwnData(str(path))) == "E-DATA-READ"


def test_many_files_are_counted_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.csv").write_text("x\n1\n")
    assert memory.said_before(str(tmp_path)) == ""
    monkeypatch.setattr(memory, "WORTH_SAYING_FILES", 3)
    assert memory.said_before(str(tmp_path)) == f"reading 3 files of {tmp_path.name}"


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells its peaks")
def test_a_large_table_takes_no_more_memory_than_is_said_before(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    row = [",".join(f"{value:.5g}" for value in values) for values in rng.normal(size=(500, 30))]
    text = "\n".join(f"{row[i % 500]},{'ab'[i % 2]}" for i in range(120_000)) + "\n"
    path = tmp_path / "big.csv"
    path.write_text(text)
    code = (
        "import resource, sys, polars\n"
        "from metabit.trainer.data.own import OwnData, load_own\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak()\n"
        "load_own(OwnData(sys.argv[1], label=31))\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) <= memory.PER_BYTE * len(text)


@pytest.mark.parametrize("second", [0.04, 0.005])
def test_rows_at_another_rate_are_refused_with_their_line(second: float, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    time = np.cumsum([0.02] * 60 + [second] * 20)
    path.write_text("t,x,label\n" + "".join(f"{t:.3f},{i % 7},a\n" for i, t in enumerate(time)))
    with pytest.raises(InputError, match=r"t\.csv: line 6[12]: from here on a row comes") as caught:
        load_own(OwnData(str(path), time="t", window=4))
    assert caught.value.code == "E-DATA-RATE"
