"""Every verb says the same RAM of the same file: what it needs on every machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import fit
from metabit.edge_runtime.sizes import format_kib, ram_in_words
from metabit.export import container
from metabit.export.heads.home import with_head

from .conftest import Cli

GOLDEN = Path(__file__).parent.parent / "golden"
KINDS = {
    "dense": ("v1-dense-8bit", "all"),
    "dense, 4 bits": ("v1-dense-4bit", "all"),
    "convolutions": ("v1.1-conv-8bit", "all"),
    "the last layer of convolutions": ("v1.1-conv-4bit", "head"),
    "counting head": ("v1.5-head", "counting"),
    "small counting head": ("v1.5-head", "counting-small"),
    "tracking head": ("v1.2-head", "tracking"),
    "front end": ("v1.3-front-end", "all"),
}


def samples(model_file: Path, path: Path) -> Path:
    """Twenty samples with labels, in the form that the file reads."""
    model, rng = container.load(model_file), np.random.default_rng(0)
    labels = rng.integers(0, model.n_outputs, 20)
    if model.front_end is None:
        np.savez(path, x=random_samples(rng, model.input, 20), y=labels)
        return path
    rows = rng.normal(0, 1, (200, len(model.front_end.unit)))
    lines = [f"{','.join(f'{v:.3f}' for v in row)},{labels[0]}" for row in rows]
    table = path.with_suffix(".csv")
    table.write_text("\n".join(lines) + "\n")
    return table


@pytest.mark.parametrize("kind", KINDS)
def test_plan_learn_and_a_board_say_the_same_ram(cli: Cli, kind: str, tmp_path: Path) -> None:
    name, learn = KINDS[kind]
    path = GOLDEN / f"{name}.mbit"
    planned = cli("plan", path, "--learn", learn, "--json").answer["arena_bytes"]
    assert planned == fit(Mapped(path), learn, Options(), None).arena_bytes  # as `metabit fit` does
    data = samples(path, tmp_path / "some.npz")
    taught = cli("learn", path, data, "--learn", learn, "--json").answer
    assert taught["needed_bytes"] == planned
    profiled = cli("profile", path, "--board", "nrf52840", "--learn", learn, "--json").answer
    assert profiled["arena_bytes"] == planned
    told = cli("learn", path, data, "--learn", learn, "--report", tmp_path / "page.html").stdout
    assert f"; {ram_in_words(planned, taught['arena_bytes'])}\n" in told
    page = (tmp_path / "page.html").read_text()
    unbroken = format_kib(planned).replace(" ", "\u00a0")
    assert f"{unbroken}</" in page
    unlearnt = cli("predict", path, data, "--json").answer["needed_bytes"]
    assert unlearnt == fit(Mapped(path), None, Options(), None).arena_bytes


def test_interleaved_weights_are_named_beside_what_is_needed(cli: Cli, tmp_path: Path) -> None:
    """A head learns on a network of 100 inputs, whose weights kernels for vectors interleave."""
    model, rng = random_model((100, 128, 4), seed=1), np.random.default_rng(1)
    x, y = random_samples(rng, model.input, 80), np.arange(80) % 4
    path = tmp_path / "wide.mbit"
    container.save(with_head(model, x, y), path)
    np.savez(tmp_path / "some.npz", x=x, y=y)
    needed = cli("plan", path, "--learn", "counting", "--json").answer["arena_bytes"]
    done = cli("learn", path, tmp_path / "some.npz", "--learn", "counting")
    made = Engine(path, learn="counting").plan
    assert made.needed_bytes == needed
    if not made.panels:
        assert f"; {format_kib(needed)}\n" in done.stdout
        return
    assert made.arena_bytes > needed
    with_them = f"{format_kib(made.arena_bytes)} with weights interleaved"
    assert f"; {format_kib(needed)}, {with_them}\n" in done.stdout
    in_that = Engine(path, learn="counting", ram=needed).plan
    assert (in_that.panels, in_that.arena_bytes) == (False, needed)
    board = cli("simulate", path, "--board", "raspberry-pi-4b", "--samples", 1).stdout
    assert "with weights interleaved" in board
