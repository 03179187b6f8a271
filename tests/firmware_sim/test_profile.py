"""Profiles: every byte is named, nothing that does not fit is called fitting."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import plan
from metabit.errors import InputError
from metabit.export.container import dumps, save
from metabit.export.heads.home import with_head
from metabit.firmware_sim import boards, session
from metabit.firmware_sim.boards import Region
from metabit.firmware_sim.keeping import n_slots, slot_bytes
from metabit.firmware_sim.profile import WARM_UP_STEPS, profile


def test_ram_and_flash_parts_sum_to_what_the_linker_used(blob: bytes) -> None:
    made = profile(blob, "nrf52840", learn="all")
    board = boards.load("nrf52840")
    at = session.start(blob, board, "all", Options()).firmware.program.symbols
    assert made.ram.used_bytes == at["fw_ram_end"] - board.ram.origin
    assert made.flash.used_bytes == at["fw_flash_end"]
    assert sum(made.ram.parts.values()) == made.ram.used_bytes
    assert all(n_bytes >= 0 for n_bytes in (*made.ram.parts.values(), *made.flash.parts.values()))
    assert made.flash.parts["model"] == len(blob)
    assert made.fits


def test_without_flash_code_and_model_are_in_ram(blob: bytes) -> None:
    made = profile(blob, "raspberry-pi-3b-plus", learn="all")
    board = boards.load("raspberry-pi-3b-plus")
    at = session.start(blob, board, "all", Options()).firmware.program.symbols
    assert made.ram.used_bytes == at["fw_ram_end"] - board.load_at
    assert made.ram.parts["model"] == len(blob)
    assert (made.flash.used_bytes, made.flash.available_bytes) == (0, 0)
    assert made.flash_life is None
    assert made.fits


def test_the_arena_is_the_plans(blob: bytes, board_name: str) -> None:
    made = profile(blob, board_name, learn="head")
    planned = plan(blob, learn="head", panels=made.panels)
    assert made.arena_bytes == planned.arena_bytes
    assert made.ram.parts["hidden weights"] == planned.parts["hidden_bytes"]
    assert [row.learns for row in made.layers] == [False, True]
    assert [row.state_bytes for row in made.layers] == [0, 33 * 5]
    assert [row.weight_bytes for row in made.layers] == [33 * 3 * 4, 5 * 2 * 4]


def test_weights_are_interleaved_where_kernels_want_them_and_they_fit(blob: bytes) -> None:
    pi = boards.load("raspberry-pi-3b-plus")
    assert not session.start(blob, boards.load("nrf52840"), "head", Options()).plan.panels
    wide = session.start(blob, pi, "head", Options())
    assert wide.plan.panels
    assert wide.plan.parts["panel_bytes"] > 0
    end = wide.firmware.program.symbols["fw_ram_end"]
    full = replace(pi, ram=Region(pi.ram.origin, end - 64 - pi.ram.origin))
    tight = session.start(blob, full, "head", Options())
    assert tight.plan == plan(blob, learn="head")


def test_instructions_are_counted_by_class_and_by_function(blob: bytes, board_name: str) -> None:
    made = profile(blob, board_name, learn="all", n_samples=2)
    assert made.open is not None
    assert made.learn is not None
    for work in (made.open, made.predict, made.learn):
        assert work.counts.total == pytest.approx(sum(work.counts.by_function.values()))
        assert work.totals[0] > 0
        assert work.estimate is not None
        low, typical, high = work.estimate.microseconds
        assert 0 < low < typical < high
    assert made.learn.counts.total > made.predict.counts.total
    assert len(made.predict.totals) == len(made.learn.totals) == 2
    assert 0 < made.stack_used_bytes < boards.load(board_name).stack_bytes


def test_a_profile_is_reproducible(blob: bytes) -> None:
    assert profile(blob, "nrf52840").to_dict() == profile(blob, "nrf52840").to_dict()


def test_auto_learns_the_most_layers_that_fit() -> None:
    """An 8-bit state of 257 KiB does not fit 256 KiB of RAM; the second layer's does."""
    blob = dumps(random_model((1024, 257, 200, 3)))
    made = profile(blob, "nrf52840", n_samples=1)
    assert (made.learn_layers, made.fits) == (2, True)
    every = profile(blob, "nrf52840", learn="all", n_samples=1)
    assert (every.learn_layers, every.fits) == (3, False)
    assert every.ram.over_bytes == every.ram.used_bytes - 256 * 1024 > 0
    assert every.flash.over_bytes == 0
    assert every.learn is not None  # measured all the same, on the same core with more memory


def test_a_model_larger_than_flash_does_not_fit() -> None:
    made = profile(dumps(random_model((2048, 512, 4))), "nrf52840", learn="none", n_samples=1)
    assert not made.fits
    assert made.flash.over_bytes == made.flash.used_bytes - 1024 * 1024 > 0
    assert made.ram.over_bytes == 0
    assert made.open is None


def test_a_model_without_state_is_profiled_for_inference() -> None:
    made = profile(dumps(random_model((33, 9, 3), learnable=False)), "nrf52840")
    assert made.choice == "inference only"
    assert made.learn is None
    assert made.flash_life is None
    assert "hidden weights" not in made.ram.parts


def test_flash_life_counts_whole_pages_in_what_is_free(blob: bytes) -> None:
    made = profile(blob, "nrf52840", learn="all")
    life = made.flash_life
    assert life is not None
    assert life.slots == 16, "more of them take long to look through"
    assert life.commits == life.slots * 10_000
    assert life.years_hourly == pytest.approx(life.commits / 24 / 365.25)


def test_flash_that_is_nearly_full_has_fewer_slots() -> None:
    board = boards.load("nrf52840")
    assert slot_bytes(board, 4096 - 280) == 4096
    assert slot_bytes(board, 4096 - 279) == 2 * 4096
    assert n_slots(board, 4096, 5 * 4096) == 2


def test_the_answer_is_json_with_a_schema(blob: bytes, tmp_path: Path) -> None:
    path = tmp_path / "small.mbit"
    save(random_model((33, 9, 3)), path)
    answer = json.loads(json.dumps(profile(path, "nrf52840").to_dict()))
    assert answer["schema"] == "metabit/profile/1"
    assert answer["predict"]["estimate"]["kind"] == "estimate"
    assert answer["ram"]["used_bytes"] <= answer["ram"]["available_bytes"]
    assert "not measured on a board" in answer["included"]
    assert WARM_UP_STEPS > 0


def test_a_core_without_costs_is_profiled_without_times(blob: bytes, tmp_path: Path) -> None:
    text = (boards.FOLDER / "nrf52840.toml").read_text()
    path = tmp_path / "unknown-core.toml"
    path.write_text(text.replace('core = "cortex-m4f"', 'core = "cortex-m4g"'))
    made = profile(blob, path, n_samples=1)
    assert made.predict.counts.total > 0
    assert made.predict.estimate is None


def test_a_board_that_nothing_can_run_says_what_it_can_be_used_for(blob: bytes) -> None:
    with pytest.raises(InputError, match="metabit plan --board esp32-s3") as caught:
        profile(blob, "esp32-s3")
    assert caught.value.code == "E-BOARD-PLAN"


def test_what_predicting_does_not_read_costs_it_no_time() -> None:
    """The learnt state in the file, and the arena of layers that learn."""
    model = random_model((784, 512, 10), golden=1)
    lean = dumps(random_model((784, 512, 10), golden=1, learnable=False))
    pi = "raspberry-pi-3b-plus"
    first = profile(lean, pi, learn="none", n_samples=2).predict.estimate
    for learn in ("none", "all"):
        made = profile(dumps(model), pi, learn=learn, n_samples=2).predict.estimate
        assert made is not None
        assert first is not None
        assert made.microseconds[1] == pytest.approx(first.microseconds[1], rel=0.1)


def test_the_solution_of_a_counting_head_is_in_its_average() -> None:
    rng, network = np.random.default_rng(1), random_model((20, 12, 4), seed=3)
    x, y = random_samples(rng, network.input, 400), rng.integers(0, 4, 400)
    model = with_head(network, x, y, spare_classes=1)
    assert model.head is not None
    made = profile(dumps(model), "nrf52840", learn="counting", x=x[:4], y=y[:4])
    assert made.learn is not None
    *plain, solving = made.learn.totals
    assert solving > 10 * max(plain)
    every = model.head.every
    share = (sum(plain) / len(plain) * (every - 1) + solving) / every
    assert made.learn.counts.total == pytest.approx(share, rel=0.01)


def test_instructions_of_a_head_that_learns_are_counted(blob: bytes) -> None:
    made = profile(blob, "nrf52840", learn="auto", goal="track")
    assert made.choice.startswith("learning the tracking head")
    assert made.learn is not None
    assert made.learn.counts.by_function["mb_units_learn"] > 0
    assert "mb_units_learn" not in made.predict.counts.by_function
