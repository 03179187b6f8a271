"""A csv file means the same in every usual form, row by row; what it cannot mean is refused."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model

from metabit.edge_runtime.engine import Engine
from metabit.errors import FormatError, MetabitError
from metabit.export.container import dumps
from metabit.export.spec import Model
from metabit.export.windows import samples_of_recording
from metabit.readers.csv_rows import CsvRows, from_csv
from metabit.readers.live import no_sample, samples_as_they_come
from metabit.readers.read import read_samples
from metabit.readers.rows import CsvOptions
from metabit.readers.samples import ReadSamples
from metabit.trainer.frontend import Operations, fit
from metabit.trainer.frontend.features import windows_of

CODES = random_model((3, 4), seed=1)
REAL = random_model((3, 4), seed=1, dtype="int8")
REAL = replace(REAL, input=replace(REAL.input, scale=0.5))


def read(
    text: str,
    model: Model = CODES,
    limit: int | None = None,
    label: str | None = None,
    codes: bool | None = None,
) -> ReadSamples:
    return from_csv(io.StringIO(text), "f.csv", model, limit, CsvOptions(label, codes))


def refused(
    text: str, model: Model = CODES, label: str | None = None, codes: bool | None = None
) -> MetabitError:
    with pytest.raises(MetabitError) as caught:
        read(text, model, None, label, codes)
    return caught.value


FORMS = {
    "plain": "1,2,3\n4,5,6\n",
    "byte order mark": "\ufeff1,2,3\n4,5,6\n",
    "semicolons": "1;2;3\n4;5;6\n",
    "tabs": "1\t2\t3\n4\t5\t6\n",
    "spaces": " 1 , 2,3\n4,5 ,6 \n",
    "quotes": '"1","2",3\n4,"5",6\n',
    "lines of Windows": "1,2,3\r\n4,5,6\r\n",
    "empty lines": "\n1,2,3\n\n4,5,6\n\n",
    "header": "a,b,c\n1,2,3\n4,5,6\n",
    "no end": "1,2,3\n4,5,6",
    "separators in names": '"a; b","b\tc",c\n1,2,3\n4,5,6\n',
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(form: str) -> None:
    found = read(FORMS[form])
    assert found.x.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert found.y is None
    assert found.codes is True


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_decimal_comma_is_read_where_it_separates_nothing(separator: str) -> None:
    text = "1,5;-2;0,25\n,5;1e0;3\n".replace(";", separator)
    found = from_csv(io.StringIO(text), "f", REAL, None, CsvOptions())
    assert found.x.tolist() == [[3, -4, 0], [1, 2, 6]]


@pytest.mark.parametrize("name", ["f.csv.gz", "f.tsv", "f.txt", "F.CSV"])
def test_files_are_known_by_their_suffix(name: str, tmp_path: Path) -> None:
    text = "1\t2\t3\n4\t5\t6\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    assert read_samples(str(path), CODES).x.tolist() == [[1, 2, 3], [4, 5, 6]]
    (tmp_path / "bad.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(MetabitError) as caught:
        read_samples(str(tmp_path / "bad.csv.gz"), CODES)
    assert caught.value.code == "E-DATA-READ"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("1_0", "E-DATA-CELL"),
        ("\u0661", "E-DATA-CELL"),
        ("0x1", "E-DATA-CELL"),
        ("1 2", "E-DATA-CELL"),
        ("1-2", "E-DATA-CELL"),
        ("", "E-DATA-CELL"),
        ("five", "E-DATA-CELL"),
        ("1.2.3", "E-DATA-CELL"),
        ("nan", "E-DATA-NAN"),
        ("-Infinity", "E-DATA-NAN"),
        ("1e999", "E-DATA-NAN"),
    ],
)
def test_what_is_no_number_is_refused_with_its_place(cell: str, code: str) -> None:
    error = refused(f"1,2,3\n4,{cell},6\n", codes=False)
    assert error.code == code
    assert "f.csv: line 2, column 2" in str(error)


def test_a_row_never_changes_what_another_means() -> None:
    rows = "1,0,1\n2,1,0\n"
    assert refused(rows + "1,0,1.001\n", REAL).code == "E-DATA-MEANING"
    whole = from_csv(io.StringIO(rows), "f", REAL, None, CsvOptions(codes=False))
    more = from_csv(io.StringIO(rows + "1,0,1.5\n"), "f", REAL, None, CsvOptions(codes=False))
    assert np.array_equal(whole.x, more.x[:2])
    assert more.codes is False
    error = refused("1,0,1.5\n", REAL, codes=True)
    assert error.code == "E-DATA-MEANING"
    assert "which --codes does not expect" in str(error)
    first_real = from_csv(io.StringIO("0.5,1,1\n1,1,1\n"), "f", REAL, None, CsvOptions())
    assert first_real.x.tolist() == [[1, 2, 2], [2, 2, 2]]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("label,a,b,c\n7,1,2,3\n8,4,5,6\n", None),
        ("a,Class,b,c\n1,7,2,3\n4,8,5,6\n", None),
        ("a,b,c,what\n1,2,3,7\n4,5,6,8\n", None),
        ("a,b,c,what\n1,2,3,7\n4,5,6,8\n", "what"),
        ("a,b,what,c\n1,2,7,3\n4,5,8,6\n", "what"),
        ("1,2,7,3\n4,5,8,6\n", "3"),
        ("1,2,3,7\n4,5,6,8\n", None),
    ],
)
def test_the_label_is_where_the_header_or_the_user_says(text: str, label: str | None) -> None:
    found = from_csv(io.StringIO(text), "f", CODES, None, CsvOptions(label=label))
    assert found.x.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert found.y is not None
    assert found.y.tolist() == [7, 8]


def test_columns_that_are_not_there_are_refused() -> None:
    assert refused("a,b,c,d\n1,2,3,4\n", label="e").code == "E-DATA-COLUMN"
    assert refused("1,2,3,4\n", label="5").code == "E-DATA-COLUMN"
    assert refused("1,2\n").code == "E-DATA-SHAPE"
    assert refused("1,2,3,4,5\n").code == "E-DATA-SHAPE"
    assert refused("1,2,3\n1,2\n").code == "E-DATA-SHAPE"


def test_labels_are_names_or_numbers() -> None:
    named = replace(CODES, meta={"class_names": ["go", "11", "2", "sit"]})

    def labels(*cells: str) -> list[object]:
        text = "".join(f"1,2,3,{cell}\n" for cell in cells)
        found = from_csv(io.StringIO("a,b,c,label\n" + text), "f", named, None, CsvOptions())
        assert found.y is not None
        return list(found.y.tolist())

    assert labels("sit", "11", "2") == [3, 1, 2]  # a name comes before a number
    assert labels("3", "0") == [3, 0]
    assert labels("sit", "jump") == ["sit", "jump"]


def test_values_that_do_not_fit_are_counted() -> None:
    text = "1,2,500\n1,2,3\n"
    found = from_csv(io.StringIO(text), "f", REAL, None, CsvOptions(codes=False))
    assert found.limited_share == pytest.approx(1 / 6)
    assert refused(text, REAL, codes=True).code == "E-DATA-RANGE"


def test_a_limit_reads_no_further() -> None:
    text = "1,2,3\n4,5,6\nbroken\n"
    assert from_csv(io.StringIO(text), "f", CODES, 2, CsvOptions()).x.tolist() == [
        [1, 2, 3],
        [4, 5, 6],
    ]
    assert refused(text).code == "E-DATA-SHAPE"


# ---- frames for a front end ------------------------------------------------------------------


def with_front_end() -> tuple[Model, str, list[str]]:
    """A model of two channels, and a file of two people with 60 and 40 frames."""
    rng = np.random.default_rng(0)
    frames = np.round(rng.normal(0, 2, (100, 2)), 3)
    does = Operations(2, 16, 8, ("mean", "change"), (1, 9), "also", stack=2)
    unit = np.array([0.001, 0.002], dtype=np.float32)
    counts = np.rint(frames / unit).astype(np.int64)
    model = random_model((does.n_inputs, 3), seed=2, dtype="int8")
    model = replace(
        model,
        front_end=fit(windows_of(counts, does), does, unit),
        meta={
            "channel_names": ["ax", "ay"],
            "class_names": ["sit", "go", "x"],
            "data": {"path": "d.csv", "label": "what", "group": "who", "time": "t"},
        },
    )
    lines = [
        f"{i * 0.1:.1f},{'ann' if i < 60 else 'bob'},{'sit' if i % 40 < 20 else 'go'},{b},{a}"
        for i, (a, b) in enumerate(frames.tolist())
    ]
    return model, "t,who,what,ay,ax\n", lines


def test_frames_become_samples_within_a_recording() -> None:
    model, header, lines = with_front_end()
    text = header + "\n".join(lines) + "\n"
    found = from_csv(io.StringIO(text), "f", model, None, CsvOptions())
    assert model.front_end is not None
    values = np.array([[float(line.split(",")[4]), float(line.split(",")[3])] for line in lines])
    expected = [samples_of_recording(part, model.front_end) for part in (values[:60], values[60:])]
    assert np.array_equal(found.x, np.concatenate(expected))
    ends = [*range(23, 60, 8), *range(60 + 23, 100, 8)]
    assert found.y is not None
    assert found.y.tolist() == [0 if i % 40 < 20 else 1 for i in ends]
    assert found.codes is None


@pytest.mark.parametrize("kept", [(0, 4, 3), (1, 4, 3), (0, 1, 4, 3), (4, 3)])
def test_a_time_or_a_group_beside_the_channels_is_no_label(kept: tuple[int, ...]) -> None:
    model, header, lines = with_front_end()
    rows = [",".join(row.strip().split(",")[i] for i in kept) for row in (header, *lines[:60])]
    found = from_csv(io.StringIO("\n".join(rows) + "\n"), "f", model, None, CsvOptions())
    assert found.y is None
    assert found.x.shape[0] == 5


@pytest.mark.parametrize("header", ["t,who,what,az,ax\n", "t,who,what,ay,other\n"])
def test_another_column_is_not_read_in_place_of_a_channel_that_is_missing(header: str) -> None:
    model, _, lines = with_front_end()
    error = refused(header + "\n".join(lines) + "\n", model)
    assert error.code == "E-DATA-COLUMN"
    assert 'no column "a' in str(error)


def test_rows_that_still_come_give_the_same_samples_one_by_one() -> None:
    model, header, lines = with_front_end()
    text = header + "\n".join(lines) + "\n"
    whole = from_csv(io.StringIO(text), "f", model, None, CsvOptions())
    engine = Engine(dumps(model))
    rows = CsvRows(io.StringIO(text), "f", model, CsvOptions())
    live = [sample[0] for _, sample in samples_as_they_come(rows, engine) if sample is not None]
    assert np.array_equal(np.stack(live), whole.x)


def test_too_few_frames_are_refused() -> None:
    model, header, lines = with_front_end()
    error = refused(header + "\n".join(lines[:20]), model)
    assert error.code == "E-DATA-WINDOW"
    assert "a sample needs 24 rows" in str(error)
    rows = CsvRows(io.StringIO(header + "\n".join(lines[:20])), "f", model, CsvOptions())
    assert not any(sample for _, sample in samples_as_they_come(rows, Engine(dumps(model))))
    assert "f: 20 rows; a sample needs 24 rows" in str(no_sample(rows))
    assert no_sample(rows).code == "E-DATA-WINDOW"


def test_raw_windows_in_arrays_go_through_the_front_end(tmp_path: Path) -> None:
    model, _, _ = with_front_end()
    assert model.front_end is not None
    x = np.random.default_rng(1).integers(-500, 500, (7, 2, 24)).astype(np.int16)
    np.savez(tmp_path / "w.npz", x=x, y=np.zeros(7, int))
    found = read_samples(str(tmp_path / "w.npz"), model)
    one = samples_of_recording(x[3].T, model.front_end)
    assert np.array_equal(found.x[3:4], one)
    np.savez(tmp_path / "w.npz", x=x[:, :, :20], y=np.zeros(7, int))
    with pytest.raises(MetabitError) as caught:
        read_samples(str(tmp_path / "w.npz"), model)
    assert caught.value.code == "E-SHAPE"


# ---- arrays ----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_limit_gives_the_first_rows_of_an_array(name: str, order: str, tmp_path: Path) -> None:
    x = np.asarray(np.arange(60).reshape(20, 3).astype(np.uint8), order=order)  # type: ignore[call-overload]
    path = tmp_path / name
    np.save(path, x) if name.endswith("npy") else np.savez_compressed(path, x=x, y=np.arange(20))
    found = read_samples(str(path), CODES, limit=5)
    assert np.array_equal(found.x, x[:5])
    assert np.array_equal(read_samples(str(path), CODES).x, x)


def test_masked_values_are_refused_and_unmasked_arrays_are_read() -> None:
    engine = Engine(dumps(CODES), learn="all")
    x = np.arange(12, dtype=np.uint8).reshape(4, 3)
    masked = np.ma.MaskedArray(x, x == 5)
    calls: list[Callable[[], object]] = [
        lambda: engine.predict(masked),
        lambda: engine.scores(masked),
        lambda: engine.learn(masked, [0, 1, 2, 3]),
        lambda: engine.learn(x, np.ma.MaskedArray(np.arange(4), np.arange(4) == 1)),
    ]
    before = engine.save_state()
    for call in calls:
        with pytest.raises(MetabitError) as caught:
            call()
        assert caught.value.code == "E-MASKED"
    assert engine.save_state() == before
    plain = np.ma.MaskedArray(x, np.zeros(x.shape, dtype=bool))
    assert np.array_equal(engine.predict(plain), engine.predict(x))


def test_a_cell_that_goes_on_in_the_next_line_is_refused_where_it_begins() -> None:
    with pytest.raises(
        FormatError, match=r"f.csv: line 2: a cell in quotes does not end"
    ) as caught:
        read('"a","b","c"\n1,2,"3\n"\n4,5,6\n')
    assert caught.value.code == "E-DATA-FORMAT"
