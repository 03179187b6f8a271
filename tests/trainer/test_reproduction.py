"""Benchmarks: their files, the numbers of their jobs, and the tables made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.tiny_benchmark import HEAD, ROWS, Notes, serial, tiny, written

from metabit.errors import CorruptError, InputError
from metabit.trainer.circumstances import circumstances, commit
from metabit.trainer.reproduction import benchmark as benchmarks
from metabit.trainer.reproduction import page, results, tables
from metabit.trainer.reproduction.engines import Failure, Watcher
from metabit.trainer.reproduction.jobs import DONE, Job, folder_name, read_done
from metabit.trainer.reproduction.results import Document
from metabit.trainer.reproduction.runner import Workers, reproduce

TARGETS = """
[[target]]
row = "metaplastic"
metric = "acc"
above = "naive"
by = 5
[[target]]
row = "naive"
metric = "acc"
at_least = 99.9
[[target]]
row = "naive"
metric = "forgetting"
at_most = 100
scale = "small"
[[target]]
row = "naive"
metric = "acc"
at_least = 50
scale = "paper"
"""


@pytest.mark.parametrize("name", benchmarks.names())
def test_every_benchmark_that_comes_with_metabit_is_good(name: str) -> None:
    assert benchmarks.load(name).title


def test_the_nearer_layer_wins(tmp_path: Path) -> None:
    text = HEAD + (
        '[small.network]\nhidden = [8]\n[[row]]\nlabel = "a"\nmethod = { m = 2.0 }\n'
        "train = { batch = 50 }\nsmall = { train = { epochs = 1 }, method = { lr = 0.5 } }\n"
    )
    made = tiny(tmp_path, text)
    paper, small = (made.tables(made.rows[0], scale) for scale in ("paper", "small"))
    assert paper["train"] == {"epochs": 4, "batch": 50}
    assert small["train"] == {"epochs": 1, "batch": 50}
    assert (paper["network"]["hidden"], small["network"]["hidden"]) == ([32], [8])
    assert paper["method"] == {"lr": 0.01, "reset_optimizer": True, "m": 2.0}
    assert small["method"]["lr"] == 0.5
    recipe = made.recipe(made.rows[0], "small", {}, seed=7)
    assert (recipe["data"]["seed"], recipe["train"]["seed"]) == (7, 7)


EXPERIMENT = 'name = "tiny"\ntitle = "x"\nexperiment = "facts"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + ROWS.replace("m = 30.0", "strenth = 1.0"), ['row "metaplastic"', "strenth"]),
        (HEAD + ROWS.replace("paper =", "papper ="), ['row "metaplastic"', 'mean "paper"']),
        (HEAD + ROWS.replace('"naive" }', '"ewc", strength = "x" }'), ['row "naive"', "strength"]),
        (HEAD + ROWS.replace('"naive"\n', '"metaplastic"\n'), ['labelled "metaplastic"']),
        (HEAD + ROWS + "search = { m = 1.0 }", ["search m", "list"]),
        (HEAD + ROWS + "search = { m = [1.0] }", ["[method] m", "both given and searched"]),
        (HEAD + ROWS + "small = { metod = { m = 1.0 } }", ['mean "method"']),
        (HEAD + ROWS + "train = { seed = 1 }", ["sets the seeds"]),
        (HEAD + ROWS.replace('"naive"\n', '"a, b"\n'), ["row", "comma"]),
        (HEAD, ["rows", "experiment"]),
        (HEAD + ROWS + '[[target]]\nrow = "nave"\nmetric = "acc"\nat_least = 1', ['"naive"']),
        (HEAD + ROWS + '[[target]]\nrow = "naive"\nmetric = "acc"', ["target 1", "at_least"]),
        (HEAD + ROWS + '[[target]]\nmetric = "acc"\nat_least = 1', ["target 1", "row"]),
        (HEAD.replace('"tiny"', '"tyny"') + ROWS, ["the name of the file, tiny"]),
        ('name = "tiny"\ntitle = "x"\nexperiment = "none"', ["experiment", "none"]),
        (EXPERIMENT, ["hours", "small and paper"]),
        (EXPERIMENT + "hours = { small = 1.0 }\ngigabytes = 1.0", ["hours", "small and paper"]),
        (EXPERIMENT + "hours = { small = 1, paper = 2 }", ["gigabytes"]),
        (HEAD.replace("seeds = 2", "gigabytes = 1.0") + ROWS, ["gigabytes", "experiment"]),
        (HEAD.replace("seeds = 2", "seeds = 0") + ROWS, ["seeds = 0"]),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        tiny(tmp_path, text)
    assert caught.value.code == "E-RECIPE"
    for word in ["tiny.toml", *words]:
        assert word in str(caught.value)


def test_rows_like_those_of_another_benchmark(tmp_path: Path) -> None:
    tiny(tmp_path, HEAD + ROWS)
    like = HEAD.replace('"tiny"', '"other"').replace("seeds = 2", 'like = "tiny"')
    own = '[[row]]\nlabel = "metaplastic"\nmethod = { lr = 0.5 }\n[[row]]\nlabel = "new"\n'
    made = benchmarks.load(str(written(tmp_path, like + own, "other")))
    assert [row.label for row in made.rows] == ["naive", "metaplastic", "new"]
    assert made.rows[0].method == {"name": "naive"}
    assert made.rows[1].method == {"m": 30.0, "lr": 0.5}
    assert made.rows[1].paper is None  # published for the other benchmark
    for name, words in (("tony", "tony.toml"), ("other", "its rows from")):
        text = like.replace('"other"', '"third"').replace('"tiny"', f'"{name}"')
        with pytest.raises(InputError, match=words):
            benchmarks.load(str(written(tmp_path, text, "third")))


def test_an_unknown_benchmark_is_told_from_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='mean "digits"') as caught:
        benchmarks.load("digit")
    assert caught.value.code == "E-BENCHMARK"
    with pytest.raises(InputError, match="cannot be read") as caught:
        benchmarks.load(str(tmp_path / "digit.toml"))
    assert caught.value.code == "E-RECIPE-READ"


def test_folders_differ_where_recipes_do() -> None:
    name = folder_name("EWC (online)", {"a": 1, "b": 2})
    assert name.startswith("ewc-online-")
    assert name == folder_name("EWC (online)", {"b": 2, "a": 1})
    assert name != folder_name("EWC (online)", {"a": 1, "b": 3})


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Document, Path]:
    """The tiny benchmark, run at small scale: its document and its folder.

    With samples enough for metaplasticity to be better than plain training.
    """
    folder = tmp_path_factory.mktemp("reproduce")
    head = HEAD.replace("train_samples = 100", "train_samples = 400")
    made = tiny(folder, head + ROWS + TARGETS)
    workers = Workers(serial, 2, Notes())
    document, failures = reproduce(made, made.rows, "small", 2, folder / "out", workers)
    assert failures == []
    return document, folder


def test_means_are_those_of_the_jobs(outcome: tuple[Document, Path]) -> None:
    document, folder = outcome
    assert [row["label"] for row in document["rows"]] == ["naive", "metaplastic"]
    row = document["rows"][1]
    accs = [
        read_done(folder / "out" / "small" / name / f"seed-{seed}")["numbers"]["acc"]
        for name in [p.name for p in (folder / "out" / "small").glob("metaplastic-*")]
        for seed in (0, 1)
    ]
    assert row["metrics"]["acc"]["values"] == accs
    assert row["metrics"]["acc"]["mean"] == pytest.approx(sum(accs) / 2)
    assert row["gap"] == pytest.approx(100 * sum(accs) / 2 - 60.0)
    assert row["seeds"] == [0, 1]
    assert row["settings"]["m"] == 30.0
    assert {"plasticity", "bwt", "fwt", "forgetting", "seconds", "n_steps", "state_bytes"} < set(
        row["metrics"]
    )
    assert document["circumstances"]["torch"] == [circumstances()["torch"]]
    assert results.read(folder / "out" / "small" / "results.json") == document


def test_targets_are_met_or_short(outcome: tuple[Document, Path]) -> None:
    document, _ = outcome
    naive, metaplastic = (100 * row["metrics"]["acc"]["mean"] for row in document["rows"])
    above, least, most = document["targets"]  # the one of the other scale is left out
    assert above["met"] is (metaplastic > naive + 5) is True
    assert above["bound"] == pytest.approx(naive + 5)
    assert (least["met"], least["value"]) == (False, pytest.approx(naive))
    assert most["met"] is True
    words = [line.split(":")[0] for line in tables.target_lines(document)]
    assert words == ["met", "short", "met"]


def test_the_table_shows_every_row_in_per_cent(outcome: tuple[Document, Path]) -> None:
    document, _ = outcome
    titles, rows = tables.table(document)
    cells = dict(zip(titles, rows[1], strict=True))
    acc = document["rows"][1]["metrics"]["acc"]
    assert cells[""] == "metaplastic"
    assert cells["end"] == f"{100 * acc['mean']:.2f} ± {100 * acc['std']:.2f}"
    assert (cells["paper"], cells["gap"]) == ("60.00", f"{100 * acc['mean'] - 60:+.2f}")
    text = tables.markdown(document)
    assert text.count("\n|") == 3
    assert "published figures: nobody" in text
    assert tables.extra_metric_lines(document) == []


def test_what_a_method_says_of_itself_is_a_line(outcome: tuple[Document, Path]) -> None:
    document, _ = outcome
    naive, other = document["rows"]
    facts = {"share_free": {"mean": 0.25, "std": 0.1, "values": [0.2, 0.3]}}
    rows = [{**naive, "metrics": naive["metrics"] | facts}, other]
    document = {**document, "rows": rows}
    assert tables.extra_metric_lines(document) == ["naive: share_free = 0.25"]
    assert "- naive: share_free = 0.25\n" in tables.markdown(document)
    assert not any("share_free" in title for title in tables.table(document)[0])


def test_finished_jobs_are_not_done_again(outcome: tuple[Document, Path]) -> None:
    document, folder = outcome
    made = benchmarks.load(str(folder / "tiny.toml"))
    notes = Notes()
    again, _ = reproduce(made, made.rows, "small", 2, folder / "out", Workers(serial, 2, notes))
    assert notes.said == ["planned 4, finished 4"]
    assert again == document


def test_again_does_only_the_rows_that_are_asked_for(outcome: tuple[Document, Path]) -> None:
    document, folder = outcome
    made = benchmarks.load(str(folder / "tiny.toml"))
    notes = Notes()
    workers = Workers(serial, 1, notes, again=True)
    again, _ = reproduce(made, made.rows[:1], "small", 1, folder / "out", workers)
    assert notes.said == ["planned 1, finished 0", "started naive, seed 0", "done naive, seed 0"]
    # The other row is in the document as it was, for the one seed that was asked for.
    assert [row["seeds"] for row in again["rows"]] == [[0], [0]]
    assert again["rows"][1]["metrics"]["acc"]["values"] == [
        document["rows"][1]["metrics"]["acc"]["values"][0]
    ]


def test_two_at_a_time_in_one_folder_are_refused(outcome: tuple[Document, Path]) -> None:
    _, folder = outcome
    made = benchmarks.load(str(folder / "tiny.toml"))

    def greedy(jobs: Sequence[Job], n_workers: int, watcher: Watcher) -> list[Failure]:
        with pytest.raises(InputError, match="at work here") as caught:
            reproduce(made, made.rows, "small", 2, folder / "out", Workers(serial, 1, Notes()))
        assert caught.value.code == "E-RUN-BUSY"
        return serial(jobs, n_workers, watcher)

    notes = Notes()
    workers = Workers(greedy, 1, notes, again=True)
    reproduce(made, made.rows[:1], "small", 1, folder / "out", workers)
    assert notes.said[-1] == "done naive, seed 0"


def test_an_experiment_gives_its_own_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from metabit.trainer import experiments

    (tmp_path / "waves.py").write_text(
        "import numpy as np\n"
        "from metabit.trainer.experiments.outcome import Outcome\n"
        "def measure(seed, scale):\n"
        "    curve = (np.arange(3.0), np.array([1.0, 2.0, 5.0]))\n"
        "    return Outcome({'height': seed + 0.5}, {'sea': curve} if seed else {})\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(experiments.MODULES, "waves", "waves")
    text = (
        'name = "tiny"\ntitle = "x"\nexperiment = "waves"\n'
        "hours = { small = 0.01, paper = 0.1 }\ngigabytes = 0.5\n"
        '[[target]]\nmetric = "height"\nat_least = 1'
    )
    made = tiny(tmp_path, text)
    workers = Workers(serial, 1, Notes())
    document, _ = reproduce(made, made.rows, "small", 3, tmp_path / "out", workers)
    assert document["rows"][0]["metrics"]["height"]["values"] == [0.5, 1.5, 2.5]
    pictures = sorted((tmp_path / "out").rglob("curves.png"))
    assert [path.parent.name for path in pictures] == ["seed-1", "seed-2"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    assert document["targets"][0]["met"] is True
    assert ["height", "1.5000 ± 1.0000"] in tables.table(document)[1]


def test_numbers_of_a_job_that_are_damaged_are_refused(tmp_path: Path) -> None:
    for text in ("{", json.dumps({"schema": "other"}), "[]"):
        (tmp_path / DONE).write_text(text)
        with pytest.raises(CorruptError) as caught:
            read_done(tmp_path)
        assert caught.value.code == "E-JOB-JSON"


def test_a_job_goes_to_another_process_as_text() -> None:
    job = Job("a, seed 1", Path("/x"), 1, None, {"train": {"seed": 1}})
    copy = Job.from_json(job.to_json())
    assert replace(copy).__dict__ == job.__dict__


def test_the_commit_is_that_of_the_checkout() -> None:
    at = commit()
    assert at is None or len(at.rstrip("+")) >= 7


def test_tables_of_the_page_are_those_of_the_saved_results() -> None:
    """Figures of both pages were measured: `metabit reproduce NAME --save` writes them."""
    text = page.RESULTS.read_text(encoding="utf-8")
    assert page.with_figures(text) == text
    methods = page.METHODS.read_text(encoding="utf-8")
    assert page.with_figures(methods) == methods
    for path in page.FOLDER.glob("*.json"):
        document = results.read(path)
        assert f"<!-- reproduce {document['benchmark']} {document['scale']} -->" in text, path.name


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both pages, without marks, and no results yet."""
    monkeypatch.setattr(page, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(page, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setattr(page, "METHODS", tmp_path / "METHODS.md")
    page.METHODS.write_text("no marks\n")
    page.RESULTS.write_text("")


@pytest.mark.usefixtures("pages")
def test_a_table_is_put_between_its_marks(outcome: tuple[Document, Path], tmp_path: Path) -> None:
    document, _ = outcome
    made = tiny(tmp_path)
    marks = "<!-- reproduce {0} small -->\n<!-- end reproduce {0} small -->\n"
    page.RESULTS.write_text("before\n" + marks.format("tiny") + marks.format("other") + "after\n")
    page.save(made, document)
    text = page.RESULTS.read_text()
    assert tables.markdown(document) in text
    assert text.startswith("before\n<!-- reproduce tiny small -->\n|  | end |")
    assert page.METHODS.read_text() == "no marks\n"
    assert text.endswith(marks.format("other") + "after\n")
    assert page.with_figures(text) == text
    page.save(replace(made, name="new"), {**document, "benchmark": "new", "title": "New"})
    assert page.RESULTS.read_text().startswith(text)
    heading = page.RESULTS.read_text().removeprefix(text).splitlines()[:4]
    assert heading[1:] == ["## New; scale: small", "", "<!-- reproduce new small -->"]


def _only(document: Document, label: str, acc: float, at: str) -> Document:
    """The document with one of its rows, whose accuracy and commit are others."""
    (row,) = (row for row in document["rows"] if row["label"] == label)
    metrics = {**row["metrics"], "acc": {"mean": acc, "std": None, "values": [acc]}}
    row = {**row, "metrics": metrics, "circumstances": {"commit": [at], "torch": ["9.9"]}}
    return {**document, "rows": [row], "circumstances": row["circumstances"]}


@pytest.mark.usefixtures("pages")
def test_rows_that_were_not_run_again_stay_in_a_saved_table(
    outcome: tuple[Document, Path], tmp_path: Path
) -> None:
    document, _ = outcome
    made = tiny(tmp_path, HEAD + ROWS + TARGETS)
    page.save(made, _only(document, "naive", 0.25, "1234567"))
    page.save(made, _only(document, "metaplastic", 0.5, "89abcde+"))
    saved = results.read(page.saved_path("tiny", "small"))
    assert [(row["label"], row["metrics"]["acc"]["mean"]) for row in saved["rows"]] == [
        ("naive", 0.25),
        ("metaplastic", 0.5),
    ]
    assert saved["circumstances"] == {"commit": ["1234567", "89abcde+"], "torch": ["9.9"]}
    assert saved["targets"][0]["bound"] == 30  # the row of today against the one that stayed
    page.save(made, _only(document, "naive", 0.75, "fedcba9"))
    saved = results.read(page.saved_path("tiny", "small"))
    assert saved["rows"][0]["metrics"]["acc"]["mean"] == 0.75
    assert saved["circumstances"]["commit"] == ["fedcba9", "89abcde+"]


@pytest.mark.usefixtures("pages")
def test_a_saved_row_with_other_settings_than_today_goes(
    outcome: tuple[Document, Path], tmp_path: Path
) -> None:
    document, _ = outcome
    made = tiny(tmp_path, HEAD + ROWS)
    old = _only(document, "metaplastic", 0.5, "1234567")
    old["rows"][0]["settings"] = {**old["rows"][0]["settings"], "lr": 0.3}
    page.save(made, old)
    page.save(made, _only(document, "naive", 0.25, "1234567"))
    saved = results.read(page.saved_path("tiny", "small"))
    assert [row["label"] for row in saved["rows"]] == ["naive"]
