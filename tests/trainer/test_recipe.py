"""Recipes: every wrong key or value is refused by name, and writing one loses nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from metabit import InputError
from metabit.trainer.recipe import Recipe, load_recipe, recipe_from_dict

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))

GOOD = """
name = "good"
[data]
name = "digits"
stream = "permuted"
n_tasks = 3
[network]
hidden = [16, 8]
[method]
m = [1.0, 2, 3.5]
[train]
epochs = 2
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "some.toml"
    path.write_text(text)
    return path


def test_defaults_fill_what_is_not_given(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD))
    assert recipe.network.hidden == (16, 8)
    assert recipe.method.m == (1.0, 2.0, 3.5)
    assert recipe.method.optimizer == "adam"
    assert recipe.train.batch == 100
    assert recipe.data.train_samples is None


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_the_project_loads_and_is_named_like_its_file(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert recipe.description


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_written_out_reads_back_the_same(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe_from_dict(tomllib.loads(recipe.to_toml())) == recipe
    assert recipe_from_dict(recipe.to_dict()) == recipe


def test_strings_of_any_kind_survive_being_written(tmp_path: Path) -> None:
    tables = tomllib.loads(GOOD) | {"name": 'quotes " and \\ and é and 🙂 and\nlines'}
    recipe = recipe_from_dict(tables)
    assert recipe_from_dict(tomllib.loads(recipe.to_toml())).name == tables["name"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 2", "epoch = 2", r'\[train\] unknown key "epoch": did you mean "epochs"\?'),
        ("[train]", "[trian]", r'unknown key "trian": did you mean "train"\?'),
        ('"digits"', '"digit"', r'\[data\] name = "digit": did you mean "digits"\?'),
        ('"permuted"', '"permute"', r'\[data\] stream = "permute": did you mean "permuted"\?'),
        ("n_tasks = 3", "", r"\[data\] n_tasks is missing"),
        ("n_tasks = 3", "n_tasks = 0", r"\[data\] n_tasks = 0: must be 1 or more"),
        ("n_tasks = 3", "n_tasks = 3\nn_parts = 2", r'n_parts = 2: belongs to stream = "parts"'),
        ("epochs = 2", "", r"\[train\] epochs is missing"),
        ("[16, 8]", "[16, 0]", r"\[network\] hidden = \[16, 0\]: widths must be"),
        ("[16, 8]", "16", r"\[network\] hidden = 16: must be a list \(a whole number each\)"),
        ("[1.0, 2, 3.5]", "[1.0, 2]", r"\[method\] m = \[1.0, 2.0\]: .* each of the 3 layers"),
        ("[1.0, 2, 3.5]", "-1", r"\[method\] m = -1.0: must be 0 or more"),
        ("[1.0, 2, 3.5]", "nan", r"\[method\] m = nan: must be a finite number"),
        ("[1.0, 2, 3.5]", '"big"', r'\[method\] m = "big": must be a finite number or a list'),
        ("[1.0, 2, 3.5]", "0\nmomentum = 0.9", r'momentum belongs to optimizer = "sgd"'),
        ("[1.0, 2, 3.5]", "0\nlr = 0", r"\[method\] lr = 0.0: must be above 0"),
        ("[1.0, 2, 3.5]", '0\noptimizer = "adm"', r'optimizer = "adm": did you mean "adam"'),
        ("epochs = 2", "epochs = true", r"\[train\] epochs = true: must be a whole number"),
        ("epochs = 2", "epochs = 2.0", r"\[train\] epochs = 2.0: must be a whole number"),
        ("epochs = 2", "epochs = 2\nbatch = 1", r"\[train\] batch = 1: must be 2 or more"),
        ("epochs = 2", "epochs = 2\nseed = -1", r"\[train\] seed = -1: must be 0 or more"),
        ('name = "good"', "", "name is missing"),
        ('name = "good"', 'name = " "', "must not be empty"),
        ("[train]\nepochs = 2", "train = 3", r"must be|train"),
    ],
)
def test_a_mistake_is_named_with_file_table_and_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value)
    assert caught.value.code == "E-RECIPE"


def test_a_stream_of_parts_has_no_banks_per_task(tmp_path: Path) -> None:
    text = GOOD.replace('"permuted"', '"parts"').replace("n_tasks", "n_parts")
    load_recipe(write(tmp_path, text))
    with pytest.raises(InputError, match='use banks = "shared"'):
        load_recipe(write(tmp_path, text.replace("[method]", 'banks = "task"\n[method]')))


def test_blurred_tasks_have_no_banks_of_their_own(tmp_path: Path) -> None:
    text = GOOD.replace("n_tasks = 3", "n_tasks = 3\nblur = 0.1")
    load_recipe(write(tmp_path, text))
    with pytest.raises(InputError, match="blur mixes tasks"):
        load_recipe(write(tmp_path, text.replace("[method]", 'banks = "task"\n[method]')))


def test_groups_and_n_tasks_exclude_each_other(tmp_path: Path) -> None:
    text = GOOD.replace('"permuted"', '"classes"')
    load_recipe(write(tmp_path, text))
    both = text.replace("n_tasks = 3", "n_tasks = 3\ngroups = [[0, 1], [2]]")
    for wrong in (both, text.replace("n_tasks = 3", "")):
        with pytest.raises(InputError, match="either n_tasks or groups"):
            load_recipe(write(tmp_path, wrong))


@pytest.mark.parametrize("text", ["name = ", "= 3", "\x00", 'name = "a"\nname = "b"'])
def test_what_is_not_toml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="not TOML"):
        load_recipe(write(tmp_path, text))


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not TOML"):
        load_recipe(tmp_path / "bad.toml")


def test_a_recipe_that_is_not_there_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.toml"):
        load_recipe(tmp_path / "missing.toml")


def test_with_m_changes_nothing_else(tmp_path: Path) -> None:
    recipe: Recipe = load_recipe(write(tmp_path, GOOD))
    plain = recipe.with_m(0.0)
    assert plain.method.m == 0.0
    assert plain.with_m(recipe.method.m) == recipe


def test_the_description_is_no_part_of_what_ran(tmp_path: Path) -> None:
    tables: dict[str, Any] = tomllib.loads(GOOD)
    assert recipe_from_dict(tables) == recipe_from_dict(tables | {"description": "other words"})


def test_a_recipe_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text("a = " + "[" * 20_000 + "]" * 20_000)
    with pytest.raises(InputError, match="nested deeper"):
        load_recipe(path)


def test_how_a_file_learns_is_read_written_and_checked(tmp_path: Path) -> None:
    told = GOOD + '[learn]\ngoal = "track"\nreplay = 240\n'
    recipe = load_recipe(write(tmp_path, told))
    assert recipe.learn is not None
    assert (recipe.learn.what, recipe.learn.goal, recipe.learn.replay) == ("auto", "track", 240)
    assert recipe_from_dict(tomllib.loads(recipe.to_toml())) == recipe
    assert load_recipe(write(tmp_path, GOOD)).learn is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ('goal = "trak"', 'did you mean "track"'),
        ("replay = 65536", "must be 0 to 65535"),
        ("batch = 65", "must be 1 to 64"),
        ('what = "counting"\nreplay = 5', "learnt again by"),
        ("replay = 5\nbatch = 2", "one by one"),
    ],
)
def test_how_no_file_can_learn_is_refused(tmp_path: Path, keys: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_recipe(write(tmp_path, f"{GOOD}[learn]\n{keys}\n"))
