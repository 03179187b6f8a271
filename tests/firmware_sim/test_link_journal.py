"""A device that keeps samples in place of states (metabit_journal.h), spoken to over the link."""

from __future__ import annotations

from collections.abc import Callable

from helpers.link_rig import BLOB, LEARNS, Rig, samples

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.options import Options
from metabit.firmware_sim.link.client import LinkClient
from metabit.firmware_sim.link.device import LinkedDevice


def test_a_device_that_keeps_samples_has_them_after_a_reset(rig: Callable[..., Rig]) -> None:
    line, host = rig(most_again=40), Engine(BLOB, learn="all")
    x, y = samples(36)
    for number, part in enumerate((slice(0, 12), slice(12, 24), slice(24, 36)), start=1):
        device = LinkedDevice(LinkClient(line))
        device.learn(number, x[part], y[part], commit_every=4)
        host.learn(x[part], y[part])
        line.update(LEARNS)  # with the same options: a reset
        again = LinkedDevice(LinkClient(line))
        assert (again.info.restored, again.info.session, again.info.n_learnt) == (1, number, 12)
        assert again.state_out() == host.save_state()


def test_a_device_whose_samples_lead_elsewhere_says_so_and_has_the_state_before_them(
    rig: Callable[..., Rig],
) -> None:
    """Its new firmware takes larger steps, which no state image tells."""
    line, host = rig(most_again=40), Engine(BLOB, learn="all")
    x, y = samples(24)
    device = LinkedDevice(LinkClient(line))
    host.learn(x[:12], y[:12])
    whole = host.save_state()
    device.state_in(whole)  # what is not learnt from samples is kept as a state
    device.commit()
    device.learn(2, x[12:], y[12:], commit_every=12)
    line.update(Options(learn_layers=2, step_levels=4.0))
    updated = LinkedDevice(LinkClient(line))
    assert (updated.info.restored, updated.info.session, updated.info.n_learnt) == (2, 0, 0)
    assert updated.state_out() == whole
    updated.learn(3, x[12:], y[12:], commit_every=6)
    kept = updated.state_out()
    line.update(Options(learn_layers=2, step_levels=4.0))
    again = LinkedDevice(LinkClient(line))
    assert (again.info.restored, again.info.session, again.info.n_learnt) == (1, 3, 12)
    assert again.state_out() == kept
