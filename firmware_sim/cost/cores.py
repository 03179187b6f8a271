"""The cores that metabit has a cost model for: one TOML file per core, in `cores/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from metabit.firmware_sim.toml_table import BoardTable, read_toml

FOLDER = Path(__file__).parent / "cores"

#: Where a core says nothing about a kind of operation, it is taken for the kind on the right.
#: `operations.py` names the kinds.
SIMILAR = {
    "shift_alu": "alu", "shift_logic": "shift_alu", "shift_small": "shift_alu", "shift": "alu",
    "mul": "alu", "mla": "mul", "mul_long": "mla", "mul64": "mul", "mul_high": "mul64",
    "div": "alu", "div64": "div", "simd": "alu", "simd_sum": "simd", "field": "shift",
    "load": "alu", "load_narrow": "load", "load_pair": "load", "load_many": "load_pair",
    "store": "alu", "store_pair": "store", "store_many": "store_pair", "branch": "alu",
    "jump": "branch", "call": "branch", "skip": "alu", "other": "alu", "fp_add": "alu",
    "fp_mul": "fp_add", "fp_mla": "fp_mul", "fp_div": "fp_mul", "fp_sqrt": "fp_div",
    "fp_move": "fp_add", "fp_convert": "fp_add", "fp_load": "load", "fp_load_many": "load_many",
    "fp_store": "store", "fp_store_many": "store_many", "vec": "fp_add", "vec_q": "vec",
    "vec_shift": "vec", "vec_shift_q": "vec_q", "vec_insert_q": "vec_shift_q",
    "vec_mul": "fp_mul",
    "vec_mul_q": "vec_mul", "vec_table_q": "vec_q", "vec_zip_q": "vec_q", "vec_reduce": "vec_q",
    "vec_accumulate": "vec_q", "vec_fp_q": "vec_q", "load_q": "fp_load", "load_q_many": "load_q",
    "store_q": "fp_store", "store_q_many": "store_q",
}  # fmt: skip


@dataclass(frozen=True)
class CycleCost:
    """What one kind of operation costs a core.

    Attributes:
        latency: cycles from its start until what it writes can be read.
        uses: how many of a unit it takes, by the unit's name.
        busy: cycles for which it takes them.
        per_word: cycles added to `busy`, `hold` and the latency for each word after the first.
        hold: cycles for which the next operation cannot start, beyond its own.
        hold_per_word: cycles added to that for each word after the first, also where it is 0.
        overlap: whether a `hold` of an operation like it does not hold it.
        single: it starts alone in its cycle.
        first: it starts as the first in its cycle.
        micro_ops: places that it takes of the width of an out-of-order core.
    """

    latency: int = 1
    uses: tuple[tuple[str, int], ...] = ()
    busy: int = 1
    per_word: float = 0.0
    hold: int = 0
    hold_per_word: float = 0.0
    overlap: bool = False
    single: bool = False
    first: bool = False
    micro_ops: int = 1


@dataclass(frozen=True)
class Core:
    """The cost model of one core.

    Attributes:
        name: as boards name it.
        title: for people.
        in_order: whether operations start in the order of the program.
        width: operations that can start in a cycle.
        window: operations that an out-of-order core looks ahead.
        taken: cycles lost when a jump is taken.
        always: cycles lost by a jump that has no condition, or a call.
        loops: whether a jump back to the block that has just run is predicted, and loses none.
        shifted_early, address_early: how many cycles sooner a shifted operand, and the address of a
            load or store, has to be there.
        data_late: how many cycles later the data of a store has to be there.
        pairs: "any" two operations start together; "t1": of two of 16 bits a simple one; "jumps":
            of two of 16 bits a jump, where the first sets no flags.
        units: how many there are of each.
        costs: by kind of operation.
        bar: the true figure lies within these factors of the estimate: low and high.
        bar_source: what the bar is taken from.
        sources: where the constants are from.
    """

    name: str
    title: str
    in_order: bool
    width: int
    window: int
    taken: int
    always: int
    loops: bool
    shifted_early: int
    address_early: int
    data_late: int
    pairs: str
    units: Mapping[str, int]
    costs: Mapping[str, CycleCost]
    bar: tuple[float, float]
    bar_source: str
    sources: tuple[str, ...]

    def cost(self, kind: str) -> CycleCost:
        """The cost of a kind of operation, or of the most similar kind that the core has."""
        while kind not in self.costs:
            kind = SIMILAR[kind]
        return self.costs[kind]


def names() -> list[str]:
    """Names of the cores that have a cost model."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def load(name: str) -> Core:
    """The model of a core.

    Args:
        name: one of `names()`.
    """
    return _parse(read_toml(FOLDER / f"{name}.toml", "core file"))


def _parse(table: BoardTable) -> Core:
    named = table.table("units")
    units = {name: named.number(name, least=1) for name in named.names()}
    costs: dict[str, CycleCost] = {}
    sources = []
    for part in table.tables("costs"):
        sources.append(str(part.take("source", str)))
        for kind in part.names():
            if kind != "source":
                costs[kind] = _cost(part.table(kind), units)
        part.finish()
    bar = table.table("bar")
    core = Core(
        name=table.take("name", str),
        title=table.take("title", str),
        in_order=table.choice("order", ("in", "out")) == "in",
        width=table.number("width", least=1),
        window=table.number("window", default=0),
        taken=table.number("taken"),
        always=table.number("always", default=table.number("taken")),
        loops=table.flag("loops"),
        shifted_early=table.number("shifted_early", default=0),
        data_late=table.number("data_late", default=0),
        address_early=table.number("address_early", default=0),
        pairs=table.choice("pairs", ("any", "t1", "jumps")),
        units=units,
        costs=costs,
        bar=(bar.share("low"), bar.share("high")),
        bar_source=bar.take("source", str),
        sources=tuple(sources),
    )
    for part in (table, bar):
        part.finish()
    return core


def _cost(part: BoardTable, units: Mapping[str, int]) -> CycleCost:
    named = part.table("uses", optional=True)
    uses = tuple((name, named.number(name, least=1)) for name in named.names())
    for name, count in uses:
        if count > units.get(name, 0):
            raise part.wrong(f"uses {count} of unit {name}, which the core has not")
    cost = CycleCost(
        latency=part.number("latency", default=1),
        uses=uses,
        busy=part.number("busy", default=1),
        per_word=part.share("per_word", default=0.0),
        hold=part.number("hold", default=0),
        hold_per_word=part.share("hold_per_word", default=0.0),
        overlap=part.flag("overlap"),
        single=part.flag("single"),
        first=part.flag("first"),
        micro_ops=part.number("micro_ops", default=1),
    )
    part.finish()
    return cost
