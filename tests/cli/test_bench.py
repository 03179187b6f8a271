"""`metabit bench` answers with times of everything that it says it timed."""

from __future__ import annotations

from pathlib import Path

from .conftest import Cli

QUICK = ("--num-runs", 3, "--warmup-runs", 0, "--max-secs", 0.2)


def test_network_layers_rivals_and_learning_are_timed(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "bench.png"
    done = cli("bench", model_file, "--data", data_file, *QUICK, "--plot", picture, "--json")
    answer = done.answer
    assert answer["schema"] == "metabit/bench/1"
    kinds = [f"{runtime}, {kind}" for runtime in ("ONNX Runtime", "LiteRT") for kind in
             ("int8", "float32")]  # fmt: skip
    own = ["metabit", "metabit, Engine.predict of one sample"]
    assert list(answer["predict"]) == own + kinds
    assert [rival["name"] for rival in answer["rivals"]] == kinds
    assert list(answer["learn"]) == ["metabit, learning step", "PyTorch, learning step"]
    assert [row["macs"] for row in answer["layers"]] == [12 * 33, 33 * 4]
    rows = [*answer["predict"].values(), *answer["learn"].values(), *answer["layers"]]
    assert all(0 < row["min_us"] <= row["median_us"] <= row["p99_us"] for row in rows)
    assert all(row["windows"] == 3 for row in rows)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "MHz" in done.stderr


def test_alone_leaves_other_runtimes_out(cli: Cli, model_file: Path) -> None:
    done = cli("bench", model_file, "--alone", "--learn", "none", *QUICK)
    assert done.code == 0
    assert "fc1 (dense)" in done.stdout
    assert "LiteRT" not in done.stdout
    assert "learning" not in done.stdout


def test_what_is_no_model_is_refused(cli: Cli, data_file: Path) -> None:
    cli("bench", data_file).refused(4, "E-MAGIC")
