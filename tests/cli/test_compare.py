"""`metabit compare`: one table for people, one answer for programs, pictures on demand."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from metabit.trainer.loop import train
from metabit.trainer.recipe import load_recipe
from metabit.trainer.runs.run_folder import METRICS, read_metrics, write_metrics

from .conftest import Cli

RECIPE = load_recipe(Path(__file__).parents[2] / "recipes" / "digits-tiny.toml")
RECIPE = replace(RECIPE, train=replace(RECIPE.train, epochs=1))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """m = 30 with seeds 0 and 1, then m = 0 with seed 0."""
    folder = tmp_path_factory.mktemp("runs")
    second = replace(RECIPE, train=replace(RECIPE.train, seed=1))
    recipes = {"a0": RECIPE, "a1": second, "plain": RECIPE.with_m(0.0)}
    return [train(recipe, folder / name).path for name, recipe in recipes.items()]


def test_seeds_share_a_row_and_the_answer_has_every_number(cli: Cli, runs: list[Path]) -> None:
    answer = cli("compare", *runs, "--json").answer
    assert (answer["schema"], answer["ok"]) == ("metabit/compare/1", True)
    assert answer["tasks"] == ["permutation 1", "permutation 2"]
    assert answer["plots"] == []
    by_m = {group["settings"]["m"]: group for group in answer["groups"]}
    assert set(by_m) == {30.0, 0.0}
    many, one = by_m[30.0], by_m[0.0]
    assert (many["method"], many["seeds"], one["seeds"]) == ("metaplastic", [0, 1], [0])
    assert many["runs"] == [str(path) for path in runs[:2]]
    for key in ("acc", "bwt", "forgetting", "plasticity", "seconds"):
        assert many[key]["std"] >= 0, key
        assert one[key]["std"] is None, key
    accs = [cli("compare", run, "--json").answer["groups"][0]["acc"]["mean"] for run in runs[:2]]
    assert many["acc"]["mean"] == pytest.approx(sum(accs) / 2)
    assert many["accuracy_so_far"][-1] == pytest.approx(many["acc"]["mean"])
    assert many["accuracy_matrix"][0][1] is None


def test_the_table_names_methods_settings_and_seeds(cli: Cli, runs: list[Path]) -> None:
    done = cli("compare", *runs)
    assert (done.code, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("metaplastic")]
    assert sorted(row[1:4] + row[-1:] for row in rows) == [
        ["m", "=", "0", "1"],
        ["m", "=", "30", "2"],
    ]
    for group in cli("compare", *runs, "--json").answer["groups"]:
        for key in ("acc", "bwt", "forgetting", "plasticity"):
            mean, std = group[key]["mean"], group[key]["std"]
            cell = f"{100 * mean:.1f}" + ("" if std is None else f" ± {100 * std:.1f}")
            assert cell in done.stdout, key
    assert "not the same effort" not in done.stdout


def test_pictures_are_drawn_into_a_new_folder(cli: Cli, runs: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pictures"
    answer = cli("compare", *runs, "-o", folder, "--json").answer
    assert sorted(answer["plots"]) == sorted(str(path) for path in folder.iterdir())
    assert {"accuracy_so_far.png", "stability_plasticity.png"} <= {p.name for p in folder.iterdir()}


def test_a_state_that_no_run_recorded_is_said_and_not_drawn(
    cli: Cli, runs: list[Path], tmp_path: Path
) -> None:
    copies = [Path(shutil.copytree(run, tmp_path / run.name)) for run in runs]
    for copy, state in zip(copies, (64, 64, None), strict=True):
        metrics = read_metrics(copy / METRICS)
        write_metrics(copy / METRICS, {**metrics, "state_bytes": state})
    done = cli("compare", *copies, "-o", tmp_path / "pictures")
    assert (tmp_path / "pictures" / "accuracy_state.png").is_file()
    assert "no state recorded: metaplastic, m = 0\n" in done.stdout
    by_m = {
        group["settings"]["m"]: group
        for group in cli("compare", *copies, "--json").answer["groups"]
    }
    assert by_m[30.0]["state_bytes_per_weight"] == {"mean": 64 / (64 * 64 + 640), "std": 0.0}
    assert by_m[0.0]["state_bytes_per_weight"] is None


def test_a_folder_that_is_a_file_is_refused(cli: Cli, runs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cli("compare", runs[0], "-o", tmp_path / "file").refused(1, "E-WRITE")


def test_a_single_task_has_no_forgetting_and_no_history(cli: Cli, tmp_path: Path) -> None:
    single = replace(RECIPE.data, stream="single", n_tasks=None)
    run = train(replace(RECIPE, data=single), tmp_path / "run").path
    done = cli("compare", run, "--json", "-o", tmp_path / "pictures")
    group = done.answer["groups"][0]
    assert group["bwt"] is None
    assert group["forgetting"] is None
    assert 0 < group["acc"]["mean"] <= 1
    assert "accuracy_so_far.png" not in done.stdout


def test_longer_training_is_told_from_better_training(
    cli: Cli, runs: list[Path], tmp_path: Path
) -> None:
    longer = replace(RECIPE, train=replace(RECIPE.train, epochs=2))
    done = cli("compare", runs[0], train(longer, tmp_path / "run").path)
    assert "epochs = 2" in done.stdout
    assert "not the same effort" in done.stdout


def test_another_stream_is_refused_with_the_reason(
    cli: Cli, runs: list[Path], tmp_path: Path
) -> None:
    other = replace(RECIPE, data=replace(RECIPE.data, seed=1))
    run = train(other, tmp_path / "run").path
    done = cli("compare", runs[0], run, "--json")
    done.refused(2, "E-COMPARE")
    assert "[data] seed 0 -> 1" in done.answer["error"]["message"]


def test_a_run_twice_is_refused(cli: Cli, runs: list[Path]) -> None:
    cli("compare", runs[0], runs[0]).refused(2, "E-COMPARE")


def test_a_folder_without_a_run_is_refused(cli: Cli, runs: list[Path], tmp_path: Path) -> None:
    cli("compare", runs[0], tmp_path).refused(2, "E-RUN-NONE")


def test_no_run_at_all_is_a_usage_error(cli: Cli) -> None:
    cli("compare").refused(2, "E-USAGE")
