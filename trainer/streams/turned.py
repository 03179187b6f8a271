"""Streams whose tasks differ by a rotation: rotated images, rotated sensor axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.data.images import check_images, rotation
from metabit.trainer.streams.cut import check_count
from metabit.trainer.streams.stream import Change, Source, Stream, Task

_MATRIX_BITS = 14  # fraction of a rotation matrix: whole numbers give the same bits everywhere


def even_angles(n_tasks: int, max_angle: float) -> list[float]:
    """`n_tasks` angles in equal steps from 0 to `max_angle`, in degrees."""
    check_count("n_tasks", n_tasks)
    angles: list[float] = np.linspace(0.0, max_angle, n_tasks).tolist()
    return angles


def rotated_tasks(dataset: DataSet, angles: Sequence[float]) -> Stream:
    """Tasks that differ by a rotation of the images. Each task has a bank of its own.

    Args:
        dataset: a set of images.
        angles: angle of each task in degrees, counter-clockwise.

    Raises:
        InputError: the samples are not images.

    Reference:
        Lopez-Paz and Ranzato 2017, "Gradient episodic memory for continual learning", where the
        angles are random; here they are given.
    """
    check_images(dataset, 'stream = "rotated"')
    height, width = dataset.input_shape
    changes = [rotation((height, width), angle) if angle else None for angle in angles]
    titles = [f"rotated by {angle:g} degrees" for angle in angles]
    shown = ", ".join(f"{angle:g}" for angle in angles)
    description = f"{dataset.name} rotated by {shown} degrees"
    return _turned("rotated", description, dataset, titles, changes)


@dataclass(frozen=True, eq=False)
class AxisRotation:
    """Rotates the three axes of each sensor in space; it is called with samples.

    Attributes:
        matrix: rotation matrix in units of 1/16384, int64, shape (3, 3).
    """

    matrix: NDArray[np.int64]

    def __call__(self, x: NDArray[Any]) -> NDArray[np.int8]:
        """Rotate samples `x`, int8, (n, 3 * sensors, steps); rounds, and clips to int8."""
        by_sensor = x.reshape(len(x), -1, 3, x.shape[-1])
        out = np.empty_like(by_sensor)
        for axis, row in enumerate(self.matrix):
            sums = np.full(by_sensor[:, :, 0].shape, 1 << (_MATRIX_BITS - 1), np.int64)
            for other, factor in enumerate(row):
                sums += by_sensor[:, :, other] * factor
            out[:, :, axis] = np.clip(sums >> _MATRIX_BITS, -128, 127)
        return out.reshape(x.shape)


def axes_tasks(dataset: DataSet, n_tasks: int, seed: int) -> Stream:
    """Tasks that differ in how the device was worn: a random rotation of all sensor axes.

    Accelerometer and gyroscope are on one board, so both are rotated in the same way. The first
    task is the set as it is. Each task has a bank of its own.

    Args:
        dataset: a set with samples of shape (3 * sensors, steps), int8 (hapt).
        n_tasks: number of tasks.
        seed: seed of the rotations, which are uniform over all orientations.

    Raises:
        InputError: the samples do not come from sensors with three axes.
    """
    check_count("n_tasks", n_tasks)
    shape = dataset.input_shape
    if dataset.dtype != "int8" or len(shape) != 2 or shape[0] % 3:
        raise InputError(
            f'stream = "axes": {dataset.name} has no sensors with three axes; use hapt',
            code="E-STREAM",
        )
    generator = np.random.default_rng(seed)
    changes: list[Change | None] = [None]
    changes += [AxisRotation(_random_rotation(generator)) for _ in range(n_tasks - 1)]
    titles = ["as worn", *(f"orientation {k + 1}" for k in range(1, n_tasks))]
    description = f"{dataset.name} in {n_tasks} orientations of the sensors, seed {seed}"
    return _turned("axes", description, dataset, titles, changes)


def _random_rotation(generator: np.random.Generator) -> NDArray[np.int64]:
    """A uniform rotation, from a normal quaternion of length 1; a matrix in units of 1/16384."""
    w, x, y, z = (q := generator.normal(size=4)) / np.sqrt(np.sum(q * q))
    matrix = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    in_steps: NDArray[np.int64] = np.rint(matrix * (1 << _MATRIX_BITS)).astype(np.int64)
    return in_steps


def _turned(
    name: str,
    description: str,
    dataset: DataSet,
    titles: Sequence[str],
    changes: Sequence[Change | None],
) -> Stream:
    tasks = tuple(
        Task(title, k, (Source(dataset.train, change),), Source(dataset.test, change))
        for k, (title, change) in enumerate(zip(titles, changes, strict=True))
    )
    return Stream(name, description, tasks, dataset.n_classes)
