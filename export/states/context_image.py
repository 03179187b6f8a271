"""The state image of an engine with contexts: several learnt blocks, and what chooses between them
(docs/FORMAT.md, "State image")."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from metabit.export.spec import Float32Array, Int64Array, Model
from metabit.export.states import state_image
from metabit.export.states.learnt import StateImage
from metabit.export.states.reader import StateReader
from metabit.export.states.state_image import HEADER_BYTES, MAX_CONTEXTS, padded

#: Samples, samples that waited, open contexts, the context that learns, samples that the newest
#: takes; suspicion, leads.
_ROUTER = struct.Struct(f"<5If{MAX_CONTEXTS}f")
_MOST_TAKEN, _MOST_SUSPECTED, _MOST_LEAD, _MOST_VALUE = 100, 80.0, 3.0, 2.0**50


def n_sums(n_inputs: int) -> int:
    """Sums that a sample is compared by."""
    return min(n_inputs, 128)


@dataclass(frozen=True)
class LikenessImage:
    """What is kept of the samples of one context.

    Attributes:
        n_varied: samples in the variances.
        n_judged: samples in the usual misfit.
        counts: samples in the means of each class, shape (n_outputs,).
        usual: mean misfit of samples that were learnt.
        spread: mean absolute deviation from it.
        variances: of sums, shape (n_sums,).
        means: of sums, shape (n_outputs, n_sums).
    """

    n_varied: int
    n_judged: int
    counts: Int64Array
    usual: float
    spread: float
    variances: Float32Array
    means: Float32Array


@dataclass(frozen=True)
class ContextsImage:
    """Everything that an engine with contexts has learnt.

    Attributes:
        networks: what each context has learnt; those that are not open are as in the file.
        n_samples: samples that came.
        n_waited: of these, samples that a suspicion kept from being learnt.
        n_open: contexts that are open.
        current: the context that learns, from 0.
        n_to_take: samples that the newest still takes, whatever they are like.
        suspicion: that samples are something else, 0 to 80.
        lead: how much better than the current one each has fitted lately, shape (MAX_CONTEXTS,).
        turns: in 1/65535, shape (n_outputs + 1,): share of each label in the last samples, what
            samples passed over have left of their turns.
        kept: of the samples of each context.
    """

    networks: tuple[StateImage, ...]
    n_samples: int
    n_waited: int
    n_open: int
    current: int
    n_to_take: int
    suspicion: float
    lead: Float32Array
    turns: Int64Array
    kept: tuple[LikenessImage, ...]


def dumps(image: ContextsImage) -> bytes:
    """The bytes of a state image."""
    learnt = b"".join(padded(state_image.learnt_block(one)) for one in image.networks)
    learnt += _ROUTER.pack(
        image.n_samples, image.n_waited, image.n_open, image.current, image.n_to_take,
        image.suspicion, *image.lead.tolist(),
    )  # fmt: skip
    learnt += padded(image.turns.astype("<u2").tobytes())
    for kept in image.kept:
        counters = np.concatenate([[kept.n_varied, kept.n_judged], kept.counts])
        learnt += counters.astype("<u4").tobytes()
    for kept in image.kept:
        learnt += np.array([kept.usual, kept.spread], dtype="<f4").tobytes()
        learnt += kept.variances.astype("<f4").tobytes() + kept.means.astype("<f4").tobytes()
    return state_image.seal(image.networks[0], learnt, len(image.networks))


def loads(data: bytes, model: Model, model_name: int, where: str = "state image") -> ContextsImage:
    """Parse an image of contexts of this model; arguments and errors as `state_image.loads`."""
    start, reader = state_image.begin(data, model, model_name, where)
    contexts, block_bytes = start.choice.contexts, start.choice.block_bytes
    if contexts == 0:
        raise reader.corrupt("one network has learnt, and no contexts")
    networks: list[StateImage] = []
    for _ in range(contexts):
        if networks:
            start = state_image.read_start(start.choice, start.version, model.n_outputs, reader)
        networks.append(state_image.read_values(start, model, model_name, reader))
        reader.fill_up()
        if reader.at != HEADER_BYTES + len(networks) * block_bytes:
            raise reader.corrupt("the blocks of its contexts have another length")
    n_samples, n_waited, n_open, current, n_to_take, suspicion, *lead = reader.numbers(_ROUTER)
    leads = np.array(lead, dtype=np.float32)
    sane = 1 <= n_open <= contexts and current < n_open and n_to_take <= _MOST_TAKEN
    sane = sane and 0 <= suspicion <= _MOST_SUSPECTED
    if not (sane and bool(((leads >= 0) & (leads <= _MOST_LEAD)).all())):
        raise reader.corrupt("what chooses between its contexts is out of range")
    turns = reader.padded("<u2", model.n_outputs + 1).astype(np.int64)
    counters = [reader.array("<u4", 2 + model.n_outputs) for _ in networks]
    kept = tuple(_likeness(row.astype(np.int64), model, reader) for row in counters)
    reader.finish()
    return ContextsImage(
        tuple(networks), n_samples, n_waited, n_open, current, n_to_take, suspicion, leads, turns,
        kept,
    )  # fmt: skip


def _likeness(counters: Int64Array, model: Model, reader: StateReader) -> LikenessImage:
    """Read the floats of a context."""
    n = n_sums(model.input.n_inputs)
    low = np.full(2 + n * (1 + model.n_outputs), -_MOST_VALUE, dtype=np.float32)
    low[1 : 2 + n] = 0
    floats: Float32Array = reader.within("<f4", len(low), low, _MOST_VALUE, "what a context keeps")
    return LikenessImage(
        int(counters[0]), int(counters[1]), counters[2:], float(floats[0]), float(floats[1]),
        floats[2 : 2 + n], floats[2 + n :].reshape(model.n_outputs, n),
    )  # fmt: skip
