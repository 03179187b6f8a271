"""Cycles of a core: its operations, block after block, on a scoreboard.

A block that begins with the same results outstanding takes the same cycles, so that whoever counts
asks once for each block and each state before it. A state counts from the cycle in which the next
operation may start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from metabit.firmware_sim.cost.cores import Core, CycleCost
from metabit.firmware_sim.cost.operations import MachineOperation


@dataclass(frozen=True)
class _Step:
    """An operation with its costs on one core, its registers as numbers."""

    cost: CycleCost
    reads: tuple[tuple[int, int], ...]  # (register, how many cycles sooner it has to be there)
    writes: tuple[tuple[int, int], ...]  # (register, cycles until it can be read)
    uses: tuple[tuple[int, int], ...]  # (unit, how many of it)
    busy: int
    hold: int
    short: bool
    simple: bool  # of a core that pairs only some: it may join another
    lets: bool  # and another may join it
    goes: bool  # it always jumps


@dataclass(frozen=True)
class State:
    """What is outstanding between two blocks.

    Attributes:
        slots: operations that have started in this cycle.
        closed: whether no other can start in it.
        paired: of a core that pairs only some: whether the last to start lets any other join.
        ready: (register, cycles until it can be read), where it cannot yet.
        units: cycles until each instance of each unit is free; out of order, busy cycles as bits.
        held, held_hard: cycles until an operation may start that does not, or does, overlap a hold.
        goes: whether the last operation always jumps, on a core to which that matters.
    """

    slots: int
    closed: bool
    paired: bool
    ready: tuple[tuple[int, int], ...]
    units: tuple[tuple[int, ...], ...]
    held: int
    held_hard: int
    goes: bool = False
    last: int = -1  # address of the block that ran last, on a core that predicts short loops


class Pipeline:
    """What executed blocks cost on one core.

    Args:
        core: its cost model.
        decode: operations of the block at an address, of some bytes.

    Attributes:
        first: number of the state in which nothing is outstanding.
    """

    def __init__(self, core: Core, decode: Callable[[int, int], list[MachineOperation]]) -> None:
        self._core, self._decode = core, decode
        self._unit_names = list(core.units)
        self._registers: dict[str, int] = {}
        self._steps: dict[tuple[int, int], list[_Step]] = {}
        self._states: list[State] = []
        self._numbers: dict[State, int] = {}
        self._walk = self._in_order if core.in_order else self._out_of_order
        empty = tuple((0,) * n for n in core.units.values())
        self.first = self._number(State(0, False, True, (), empty, 0, 0))

    def block(self, address: int, n_bytes: int, jumped: bool, state: int) -> tuple[int, int]:
        """Cost of one executed block.

        Args:
            address, n_bytes: where it lies.
            jumped: whether the block before it lies elsewhere.
            state: number of the state before it.

        Returns:
            Cycles until the next block may begin, and the number of the state after it.
        """
        place = (address, n_bytes)
        if place not in self._steps:
            self._steps[place] = [self._step(o) for o in self._decode(address, n_bytes)]
        before, loops = self._states[state], self._core.loops
        jumped = jumped and not (loops and before.last == address)
        steps, core = self._steps[place], self._core
        cycles, after = self._walk(steps, before, jumped)
        if jumped and before.goes:
            cycles += core.always - core.taken
        if loops:
            after = replace(after, last=address)
        if core.always != core.taken:
            after = replace(after, goes=steps[-1].goes)
        return cycles, self._number(after)

    def outstanding(self, state: int) -> int:
        """Cycles after a state until nothing is outstanding any more."""
        last, busy = self._states[state], [0]
        for units in last.units:
            busy += units if self._core.in_order else [mask.bit_length() for mask in units]
        return max(*busy, *(t for _, t in last.ready), last.held)

    def _number(self, state: State) -> int:
        if state not in self._numbers:
            self._numbers[state] = len(self._states)
            self._states.append(state)
        return self._numbers[state]

    def _step(self, operation: MachineOperation) -> _Step:
        core, cost = self._core, self._core.cost(operation.kind)
        extra = round(cost.per_word * (operation.words - 1))
        stores = operation.kind.startswith(("store", "fp_store"))
        early = dict.fromkeys(operation.reads, -core.data_late if stores else 0)
        early |= dict.fromkeys(operation.address, core.address_early)
        if operation.shifted:
            early[operation.shifted] = core.shifted_early
        late = {register: cost.latency + extra for register in operation.writes}
        if operation.base:
            late[operation.base] = 1
        hold = cost.hold + extra if cost.hold else 0
        simple = lets = operation.simple
        if core.pairs == "jumps":
            simple = operation.kind in ("branch", "skip")
            lets = operation.short and "cpsr" not in operation.writes
        number = self._registers.setdefault
        return _Step(
            cost,
            tuple((number(r, len(self._registers)), n) for r, n in early.items()),
            tuple((number(r, len(self._registers)), n) for r, n in late.items()),
            tuple((self._unit_names.index(name), n) for name, n in cost.uses),
            cost.busy + extra,
            hold + round(cost.hold_per_word * (operation.words - 1)),
            operation.short,
            simple,
            lets,
            operation.kind in ("jump", "call"),
        )

    # ---- in order ----

    def _in_order(self, steps: list[_Step], state: State, jumped: bool) -> tuple[int, State]:
        """Operations start one after the other, as many in a cycle as width and units allow."""
        core = self._core
        now, slots, closed, paired = 0, state.slots, state.closed, state.paired
        ready, units = dict(state.ready), [sorted(frees) for frees in state.units]
        held, held_hard = state.held, state.held_hard
        if jumped:
            now, slots, closed = 1 + core.taken, 0, False
        for step in steps:
            cost = step.cost
            at = max(now, held_hard if cost.overlap else max(held, held_hard))
            for register, early in step.reads:
                at = max(at, ready.get(register, 0) + early if register in ready else 0)
            for unit, n in step.uses:
                at = max(at, units[unit][n - 1])
            joins = slots < core.width and not closed
            if slots and (cost.single or cost.first):
                joins = False
            if slots and core.pairs != "any":
                both = core.pairs == "jumps"
                joins = joins and step.short
                joins = joins and (step.simple and paired if both else step.simple or paired)
            if at == now and not joins:
                at += 1
            if at > now:
                now, slots = at, 0
            slots, closed = slots + 1, cost.single or (core.pairs != "any" and not step.short)
            paired = step.lets
            for unit, n in step.uses:
                frees = units[unit]
                frees[:n] = [now + step.busy] * n
                frees.sort()
            for register, latency in step.writes:
                ready[register] = now + latency
            if step.hold:
                held = now + 1 + step.hold
                held_hard = held_hard if cost.overlap else held
        return now, State(
            slots, closed, paired,
            tuple(sorted((r, t - now) for r, t in ready.items() if t > now)),
            tuple(tuple(max(t - now, 0) for t in frees) for frees in units),
            max(held - now, 0), max(held_hard - now, 0),
        )  # fmt: skip

    # ---- out of order ----

    def _out_of_order(self, steps: list[_Step], state: State, jumped: bool) -> tuple[int, State]:
        """Operations enter in order and start when operands and a unit are there.

        No operation enters while one is outstanding that entered a window of operations before it.
        """
        core = self._core
        depth = core.window // core.width
        now, slots = (core.taken if jumped else 0), (0 if jumped and core.taken else state.slots)
        ready, units = dict(state.ready), [list(masks) for masks in state.units]
        for step in steps:
            if slots >= core.width:
                now, slots = now + 1, 0
            slots += step.cost.micro_ops
            while slots > core.width:
                now, slots = now + 1, slots - core.width
            at = now
            for register, early in step.reads:
                if register in ready:
                    at = max(at, ready[register] + early)
            for unit, n in step.uses:
                for _ in range(n):
                    at = self._reserve(units[unit], at, step.busy)
            done = at
            for register, latency in step.writes:
                ready[register] = at + latency
                done = max(done, at + latency)
            if done - now > depth:
                now, slots = done - depth, 0
        return now, State(
            slots, False, True,
            tuple(sorted((r, t - now) for r, t in ready.items() if t > now)),
            tuple(tuple(mask >> now for mask in masks) for masks in units),
            0, 0,
        )  # fmt: skip

    @staticmethod
    def _reserve(masks: list[int], at: int, busy: int) -> int:
        """Take the instance of a unit that is free soonest; bits of a mask are its busy cycles."""
        best, chosen = -1, 0
        for i, mask in enumerate(masks):
            start = at
            while taken := (mask >> start) & ((1 << busy) - 1):
                start += taken.bit_length()
            if best < 0 or start < best:
                best, chosen = start, i
        masks[chosen] |= ((1 << busy) - 1) << best
        return best
