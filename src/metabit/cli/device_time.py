"""What a device counted, beside what `metabit profile` estimates for its board."""

from __future__ import annotations

from metabit.cli.common import Answer, Output
from metabit.export.blob import Blob
from metabit.extras import need
from metabit.firmware_sim import boards
from metabit.firmware_sim.link.choice import plan_of
from metabit.firmware_sim.link.device import Answered, LinkedDevice

#: Characters of a board's name that a device tells.
NAME_LENGTH = 23


def say_time(out: Output, device: LinkedDevice, told: Answered, no_measurement: str) -> Answer:
    """What the device counted, said and returned.

    Args:
        out: where it is said.
        device: that answered.
        told: its answer.
        no_measurement: why its counter does not measure; empty where it does.
    """
    clock = device.info.clock_hz
    us = 1e6 * told.cycles / clock if told.cycles is not None and clock else None
    if told.cycles is None:
        return {"cycles_per_sample": None, "us_per_sample": None}
    if no_measurement:
        out.line(
            f"counted on the device: {told.cycles:,.0f} per sample, which is no measurement: "
            f"{no_measurement}",
            "yellow",
        )
        return {"cycles_per_sample": None, "us_per_sample": None}
    at = "" if us is None else f", {us:,.1f} us at {clock / 1e6:g} MHz"
    out.line(f"measured on the device: {told.cycles:,.0f} cycles per sample{at}")
    return {"cycles_per_sample": told.cycles, "us_per_sample": us}


def estimate(
    out: Output, device: LinkedDevice, blob: Blob, action: str, cycles: float, *, of_frames: bool
) -> Answer:
    """What `profile` says of the same work on the device's board, beside what it measured.

    Args:
        out: where it is said.
        device: that was measured.
        blob: its model.
        action: "predict" or "learn".
        cycles: per sample, as the device counted them.
        of_frames: whether its front end made the samples.
    """
    need("profile, simulate")
    from metabit.firmware_sim.profile import profile

    told, chosen = device.info.board, plan_of(device.info, blob)
    board = next((name for name in boards.names() if name[:NAME_LENGTH] == told), told)
    learn = chosen.head or (chosen.learn_layers if chosen.learns else "none")
    options = device.info.options
    made = profile(
        blob, board, learn=learn, bits=options.state_bits, bank=options.bank, batch=options.batch
    )
    out.line(f"the device: {chosen.choice}")
    works = [made.predict if action == "predict" else made.learn]
    works += [made.front_end] if of_frames else []
    estimates = [(w.estimate, w.n_samples) for w in works if w is not None]
    if len(estimates) < len(works) or any(each is None for each, _ in estimates):
        out.line(f'core "{made.core}" has no cost model: nothing is estimated', "yellow")
        return {"choice": chosen.choice, "estimated_cycles": None, "cycles_ratio": None}
    low, typical, high = (
        sum(each.cycles[i] / n for each, n in estimates if each is not None) for i in range(3)
    )
    ratio = cycles / typical
    out.line(
        f"estimated: {typical:,.0f} cycles per sample, {low:,.0f} to {high:,.0f}; "
        f"measured is {ratio:.2f} of that"
    )
    return {
        "choice": chosen.choice, "estimated_cycles": [low, typical, high], "cycles_ratio": ratio,
    }  # fmt: skip
