"""`metabit data inspect` says what is in a user's data before anything is trained on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .conftest import Cli

TABLE = """t,who,ax,flat,mood,label
0.0,ann,1.5,7,up,walk
0.1,ann,,7,down,walk
0.2,ann,-2.5,7,up,run
5.0,bob,0.25,7,up,run
4.0,bob,9.0,7,down,walk
"""


def test_a_table_is_told_in_words_and_numbers(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    done = cli("data", "inspect", path, "--group", "who", "--time", "t", "--json")
    answer = done.answer
    assert answer["classes"] == {"walk": 3, "run": 2}
    assert answer["groups"] == {"ann": 3, "bob": 2}
    by_name = {column["name"]: column for column in answer["columns"]}
    assert set(by_name) == {"t", "ax", "flat"}
    assert (by_name["ax"]["lowest"], by_name["ax"]["highest"]) == (-2.5, 9.0)
    assert by_name["ax"]["n_missing"] == 1
    notes = " | ".join(answer["notes"])
    assert '"ax": 1 values are missing' in notes
    assert '"flat": every value is 7' in notes
    assert "1 gaps in time, the longest 4.8 s" in notes
    assert "time goes back, or stands still, 1 times" in notes
    assert 'label = "label"' in answer["recipe"]
    assert "mood: 2 (up 3, down 2)" in cli("data", "inspect", path).stdout


def test_a_sensor_at_its_limit_is_spoken_of(cli: Cli, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = np.clip(rng.normal(0, 60, (500, 1)), -128, 127)
    np.savez(tmp_path / "a.npz", x=x, y=rng.integers(0, 2, 500))
    answer = cli("data", "inspect", tmp_path / "a.npz", "--json").answer
    assert any("has the sensor reached its limit?" in note for note in answer["notes"])
    np.savez(tmp_path / "few.npz", x=rng.normal(size=(60, 1)), y=rng.integers(0, 2, 60))
    assert cli("data", "inspect", tmp_path / "few.npz", "--json").answer["notes"] == []


def test_a_folder_of_one_class_is_told_how_names_can_say_more(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in ("no_ann_1", "no_bob_1", "yes_ann_1", "yes_bob_1"):
        (folder / f"{name}.csv").write_text("a\n1\n2\n")
    said = 'such as "{label}_{group}_{}.wav"'
    looked = cli("data", "inspect", tmp_path, "--json").answer
    assert looked["classes"] == {"recordings": 4}
    assert any(said in note for note in looked["notes"])
    refused = cli("fit", tmp_path)
    refused.refused(2, "E-FIT-DATA")
    assert said in refused.stderr
    named = cli("data", "inspect", tmp_path, "--pattern", "{label}_{group}_{}.csv", "--json").answer
    assert len(named["classes"]) == 2
    assert not any(said in note for note in named["notes"])


def test_the_draft_is_a_recipe_that_trains(cli: Cli, tmp_path: Path) -> None:
    from metabit.trainer.recipe import load_recipe
    from metabit.trainer.streams import build

    rng = np.random.default_rng(0)
    path = tmp_path / "t.csv"
    rows = [f"{a:.3f},{b:.3f},{'ab'[i % 2]}" for i, (a, b) in enumerate(rng.normal(size=(40, 2)))]
    path.write_text("\n".join(rows) + "\n")
    draft = cli("data", "inspect", path, "--label", "3", "--json").answer["recipe"]
    recipe = tmp_path / "r.toml"
    recipe.write_text(f'name = "x"\n{draft}\n[train]\nepochs = 1\n')
    dataset, _ = build(load_recipe(recipe).data)
    assert dataset.class_names == ("a", "b")


def test_the_picture_is_drawn_where_it_is_wanted(cli: Cli, tmp_path: Path) -> None:
    path, plot = tmp_path / "t.csv", tmp_path / "t.png"
    path.write_text(TABLE)
    assert cli("data", "inspect", path, "--plot", plot).code == 0
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_looked_at_is_refused(cli: Cli, tmp_path: Path) -> None:
    cli("data", "inspect").refused(2, "E-USAGE")
    cli("data", "inspect", tmp_path / "none.csv").refused(2, "E-DATA-READ")
    (tmp_path / "w.csv").write_text("t,label\nnoon,a\n")
    cli("data", "inspect", tmp_path / "w.csv", "--time", "t").refused(2, "E-DATA-CELL")
    cli("data", "list", "--label", "y").refused(2, "E-USAGE")
    (tmp_path / "t.csv").write_text(TABLE)
    cli("data", "inspect", tmp_path / "t.csv", "--group", "whom").refused(2, "E-DATA-COLUMN")


def test_columns_and_classes_of_any_name_are_drawn(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "$a^{$.csv"
    path.write_text(TABLE.replace("ax", "$x^{$").replace("walk", "<b>$\\frac{$</b>"))
    done = cli("data", "inspect", path, "--plot", tmp_path / "plot.png")
    assert (done.code, done.stderr) == (0, "")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
