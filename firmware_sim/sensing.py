"""The front end of a model on a board: frames come one by one, as a sensor gives them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabit.firmware_sim.cost.counting import Counts, together
from metabit.firmware_sim.machines.device import Device
from metabit.firmware_sim.session import Session

COUNTED_SAMPLES = 2
"""The first begins with empty caches, where the board has any."""
LARGEST_COUNT = 4000
"""Frames are random up to this: what they hold changes the work of a front end little."""


@dataclass(frozen=True, eq=False)
class Sensed:
    """What frames became on the board.

    Attributes:
        frames: shape (n, n_channels), int16.
        samples: shape (n_samples, n_inputs), int8.
        counts: of all frames from one sample to the next, the front end alone.
    """

    frames: NDArray[np.int16]
    samples: NDArray[np.int8]
    counts: list[Counts]


def sense(running: Session, device: Device) -> Sensed | None:
    """Push random frames into the open model on the board; None where it has no front end.

    The frames of the first sample only fill the window. Instructions are counted from then on.
    """
    front_end = running.engine.front_end
    if front_end is None:
        return None
    does = front_end.does
    n_first = does.n_frames
    shape = (n_first + COUNTED_SAMPLES * does.hop, does.n_channels)
    generator = np.random.default_rng(0)
    frames = generator.integers(-LARGEST_COUNT, LARGEST_COUNT, shape).astype(np.int16)
    samples, counts = [device.push(frame) for frame in frames[:n_first]][-1:], []
    device.empty_caches()
    for start in range(n_first, len(frames), does.hop):
        of_sample, last = [], start + does.hop - 1
        for at in range(start, last + 1):
            if at == last:  # the frame that makes the features; the others are only kept
                device.watch_memory()
            made = device.push(frames[at], count=True)
            of_sample.append(device.counts)
        samples.append(made)
        counts.append(together(of_sample))
    whole = [sample for sample in samples if sample is not None]
    return Sensed(frames, np.array(whole, dtype=np.int8), counts)
