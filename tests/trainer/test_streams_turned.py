"""Turned and padded: geometry that can be checked against NumPy's own."""

from __future__ import annotations

import numpy as np
import pytest

from metabit import InputError
from metabit.trainer import streams
from metabit.trainer.data import images
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.recipe.data import DataRecipe

PICTURES = np.random.default_rng(3).integers(0, 256, (5, 9, 9), dtype=np.uint8)


# --- images ---


@pytest.mark.parametrize("quarters", [0, 1, 2, 3, -1, 4])
def test_quarter_turns_are_exact(quarters: int) -> None:
    turned = images.rotation((9, 9), 90.0 * quarters)(PICTURES)
    assert np.array_equal(turned, np.rot90(PICTURES, quarters, axes=(1, 2)))


def test_images_of_odd_and_even_sides_turn_about_their_middle() -> None:
    for shape in ((8, 8), (7, 4)):
        pictures = np.random.default_rng(1).integers(0, 256, (3, *shape), dtype=np.uint8)
        half = images.rotation(shape, 180.0)(pictures)
        assert np.array_equal(half, pictures[:, ::-1, ::-1])


def test_a_turned_image_fades_to_zero_and_keeps_its_mass_in_the_middle() -> None:
    white = np.full((1, 21, 21), 255, np.uint8)
    turned = images.rotation((21, 21), 45.0)(white)
    assert turned[0, 0, 0] == 0
    assert (turned[0, 7:14, 7:14] == 255).all()  # the four weights add up to one, everywhere
    dot = np.zeros((1, 21, 21), np.uint8)
    dot[0, 10, 15] = 240  # to the right of the middle
    up = images.rotation((21, 21), 30.0)(dot)[0]
    rows, columns = np.nonzero(up)
    assert rows.mean() < 10 < columns.mean()  # counter-clockwise
    assert abs(int(up.sum()) - 240) < 60


def test_many_images_are_turned_as_one_is() -> None:
    many = np.random.default_rng(2).integers(0, 256, (5000, 3, 3), dtype=np.uint8)
    turn = images.rotation((3, 3), 20.0)
    assert np.array_equal(turn(many)[4999], turn(many[4999:])[0])


def test_enlarging_keeps_flat_images_flat_and_edges_where_they_were() -> None:
    flat = np.full((2, 4, 4), 77, np.uint8)
    assert (images.enlargement((4, 4), (10, 10))(flat) == 77).all()
    assert np.array_equal(images.enlargement((9, 9), (9, 9))(PICTURES), PICTURES)
    half = np.zeros((1, 4, 4), np.uint8)
    half[:, :, 2:] = 200
    wide = images.enlargement((4, 4), (8, 8))(half)[0]
    assert (wide[:, :3] == 0).all()
    assert (wide[:, 5:] == 200).all()


def test_padding_puts_zeros_around(digits: DataSet) -> None:
    wide, stream = streams.build(DataRecipe("digits", "permuted", n_tasks=2, pad=2))
    assert wide.input_shape == (12, 12)
    assert np.array_equal(wide.train.x[:, 2:-2, 2:-2], digits.train.x)
    assert wide.train.x.sum() == digits.train.x.sum()
    order = stream[1].test_source.change
    assert isinstance(order, streams.Permutation)
    assert sorted(order.order.tolist()) == list(range(144))  # the border is permuted too


# --- rotated ---


def test_rotated_tasks_go_in_equal_steps_or_as_they_are_told(digits: DataSet) -> None:
    stream = streams.build(DataRecipe("digits", "rotated", n_tasks=3))[1]
    assert [task.name for task in stream] == [f"rotated by {a} degrees" for a in (0, 90, 180)]
    assert [task.bank for task in stream] == [0, 1, 2]
    assert np.array_equal(stream[0].test.x, digits.test.x)
    assert np.array_equal(stream[1].train.x, np.rot90(digits.train.x, 1, axes=(1, 2)))
    assert stream.description == "digits rotated by 0, 90, 180 degrees"
    told = streams.build(DataRecipe("digits", "rotated", angles=(0.0, -90.0)))[1]
    assert np.array_equal(told[1].test.x, np.rot90(digits.test.x, -1, axes=(1, 2)))
    small = streams.build(DataRecipe("digits", "rotated", n_tasks=2, max_angle=30.0))[1]
    assert small[1].name == "rotated by 30 degrees"


def test_what_is_not_an_image_is_not_rotated_or_padded() -> None:
    for recipe in (
        DataRecipe("hapt", "rotated", n_tasks=2),
        DataRecipe("hapt", "single", pad=2),
    ):
        with pytest.raises(InputError, match="needs images"):
            streams.build(recipe)


# --- axes ---


def test_sensor_axes_turn_as_one_body(hapt: DataSet) -> None:
    stream = streams.build(DataRecipe("hapt", "axes", n_tasks=3, seed=4))[1]
    assert stream[0].name == "as worn"
    assert np.array_equal(stream[0].test.x, hapt.test.x)
    pair = (hapt.test.x, stream[1].test.x)
    before, after = (x.astype(np.float64).reshape(-1, 2, 3, 128) for x in pair)
    unclipped = (np.abs(after).max(axis=2) < 127) & (np.abs(before).max(axis=2) < 127)
    assert unclipped.mean() > 0.99
    gap = np.abs(np.linalg.norm(before, axis=2) - np.linalg.norm(after, axis=2))
    assert gap[unclipped].max() < 1.0  # lengths stay, but for rounding
    angles = [np.sum(v[:, 0] * v[:, 1], axis=1) for v in (before, after)]  # between the sensors
    both = unclipped.all(axis=1)
    assert np.corrcoef(angles[0][both], angles[1][both])[0, 1] > 0.99
    assert np.abs(before - after).mean() > 5
    assert not np.array_equal(stream[1].test.x, stream[2].test.x)


def test_a_rotation_of_axes_is_one(hapt: DataSet) -> None:
    for seed in range(20):
        change = streams.axes_tasks(hapt, 2, seed)[1].test_source.change
        assert isinstance(change, streams.AxisRotation)
        matrix = change.matrix / 2**14
        assert np.abs(matrix @ matrix.T - np.eye(3)).max() < 1e-3
        assert np.linalg.det(matrix) == pytest.approx(1, abs=1e-3)  # turned, never mirrored


def test_the_same_seed_turns_the_same_way(hapt: DataSet) -> None:
    turned = [streams.axes_tasks(hapt, 2, seed)[1].test.x for seed in (1, 1, 2)]
    assert np.array_equal(turned[0], turned[1])
    assert not np.array_equal(turned[0], turned[2])


def test_images_have_no_sensor_axes() -> None:
    with pytest.raises(InputError, match="use hapt"):
        streams.build(DataRecipe("digits", "axes", n_tasks=2))
