"""A packed model changed: a learnt state put into it, hidden weights of other bits or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from metabit.errors import CorruptError, FormatError, InputError
from metabit.export.blob import Blob
from metabit.export.fold import fold_threshold
from metabit.export.golden import with_golden
from metabit.export.head_spec import CountingHead, TrackingHead
from metabit.export.levels import convert_levels
from metabit.export.spec import Goal, Golden, Layer, Model, Norm, Told
from metabit.export.states import context_image, state_image
from metabit.export.states.facts import StateFacts, facts_of
from metabit.export.states.files import kept_bytes, state_bytes
from metabit.export.states.head_image import learnt_head, learnt_tracker
from metabit.export.states.learnt import LayerImage, StateImage

T = TypeVar("T")

#: What layers have learnt, or a head in their place.
Learnt = StateImage | CountingHead | TrackingHead


def with_state(model: Model, state: Learnt) -> Model:
    """The model as an engine has changed it: hidden weights, binary weights, normalisation; or
    its head, which then answers.

    Hidden weights keep the state's width; layers that did not learn are converted to it. Only the
    state's bank has new running values. Golden samples get new scores.

    Args:
        model: the model that the engine was opened with.
        state: its state, from `read_state`.

    Raises:
        InputError: the model carries no hidden weights.
    """
    if isinstance(state, CountingHead):
        tracker = None if model.tracker is None else replace(model.tracker, answers=False)
        return replace(model, head=state, tracker=tracker, told=_for_goal(model, "remember"))
    if isinstance(state, TrackingHead):
        head = None if model.head is None else replace(model.head, answers=False)
        return replace(model, head=head, tracker=state, told=_for_goal(model, "track"))
    if model.learn is None:
        raise InputError("a model without hidden weights has no state", code="E-NO-STATE")
    first = len(model.layers) - len(state.layers)
    levels = [convert_levels(q, model.learn.bits, state.bits) for q in model.learn.levels[:first]]
    levels += [layer.levels for layer in state.layers]
    layers = list(model.layers[:first])
    for index, image in enumerate(state.layers, start=first):
        layers.append(_learnt_layer(model, index, image, state.bank))
    learn = replace(model.learn, bits=state.bits, levels=tuple(levels))
    changed = replace(model, layers=tuple(layers), learn=learn)
    return changed if model.golden is None else with_golden(changed, model.golden.inputs)


def _for_goal(model: Model, goal: Goal) -> Told | None:
    """How the model is to learn, so that the head which has learnt for this goal learns on."""
    told = model.told or Told()
    if told.what == "auto" and told.goal != goal:
        return replace(told, goal=goal, replay=0)
    return model.told


def read_state(path: Path, base: Blob) -> Learnt:
    """A state that was kept: one image, or the newest sound one of a state folder.

    Args:
        path: a `state-NNNNNNNNNN.mbs` file, or the folder of an engine.
        base: the model it was learnt with.

    Raises:
        InputError: there is no such file, or no state in the folder (E-STATE-EMPTY).
        FormatError, CorruptError: it is no state image, or damaged; in a folder, all of them are.
        MismatchError: it belongs to another model.
    """

    def load(file: Path) -> Learnt:
        return state_of(kept_bytes(file), base, str(file))

    if not path.is_dir():
        return state_of(state_bytes(path), base, str(path))
    found = newest(path, load)
    if found is None:
        raise InputError(f"{path}: holds no state-NNNNNNNNNN.mbs file", code="E-STATE-EMPTY")
    return found


def state_of(data: bytes, base: Blob, where: str) -> Learnt:
    """A state from its image, such as `Engine.save_state` gives; errors as for `read_state`.

    Of several contexts it is the network that learns: a file holds one.

    Args:
        data: the image.
        base: the model it was learnt with.
        where: its name, for messages.
    """
    made_by = state_image.choice(data, where)
    head = made_by.head
    if made_by.contexts:
        image = context_image.loads(data, base.model, base.model_id, where)
        return image.networks[image.current]
    if head is None:
        return state_image.loads(data, base.model, base.model_id, where)
    learnt = learnt_tracker if head == "tracking" else learnt_head
    return learnt(data, base.model, base.model_id, where)


def newest_facts(folder: Path) -> StateFacts | None:
    """What the newest sound state of a folder says of itself; None where there is no state.

    Raises:
        FormatError, CorruptError: all states there are damaged.
        StorageError: one cannot be read (E-STORAGE).
    """
    return newest(folder, lambda file: facts_of(kept_bytes(file), str(file)))


def newest(folder: Path, load: Callable[[Path], T]) -> T | None:
    """What `load` makes of the newest state file of a folder that it does not refuse.

    Raises:
        FormatError, CorruptError: it refuses all of them.
    """
    damaged: FormatError | CorruptError | None = None
    for file in sorted(folder.glob("state-??????????.mbs"), reverse=True):
        try:
            return load(file)
        except (FormatError, CorruptError) as error:
            damaged = damaged or error
    if damaged is not None:
        raise damaged
    return None


def _learnt_layer(model: Model, index: int, image: LayerImage, bank: int) -> Layer:
    layer = model.layers[index]
    norm = Norm(image.mean, image.var, layer.norms[bank].gamma, layer.norms[bank].beta)
    norms = (*layer.norms[:bank], norm, *layer.norms[bank + 1 :])
    thresholds = layer.thresholds
    if thresholds:
        acc_max = layer.n_in * (255 if index == 0 else 1)
        folded = fold_threshold(norm, model.eps, acc_max)
        thresholds = (*thresholds[:bank], folded, *thresholds[bank + 1 :])
    weights = np.where(image.levels >= 0, 1, -1).astype(np.int8)
    return replace(layer, weights=weights, thresholds=thresholds, norms=norms)


def without_state(model: Model) -> Model:
    """The model without what only learning needs; a head that answers stays."""
    head = model.head if model.head is not None and model.head.answers else None
    tracker = model.tracker if model.tracker is not None and model.tracker.answers else None
    hidden = tuple(replace(layer, norms=()) for layer in model.layers[:-1])
    layers = (*hidden, model.layers[-1])
    return replace(model, learn=None, head=head, tracker=tracker, probes=None, layers=layers)


def with_bits(model: Model, bits: int, where: str) -> Model:
    """The model with `bits` bits per hidden weight.

    Args:
        model: a model that learns.
        bits: 8 or 4.
        where: its file, for messages.

    Raises:
        InputError: it has no hidden weights (E-NO-STATE).
    """
    if model.learn is None:
        raise InputError(
            f"{where}: holds no hidden weights; export the run folder again", code="E-NO-STATE"
        )
    levels = tuple(convert_levels(q, model.learn.bits, bits) for q in model.learn.levels)
    return replace(model, learn=replace(model.learn, bits=bits, levels=levels))


def first_golden(model: Model, n: int, where: str) -> Model:
    """The model with only the first `n` of its golden samples.

    Args:
        model: one with golden samples, or n = 0.
        n: how many are left.
        where: its file, for messages.

    Raises:
        InputError: it has fewer (E-NO-GOLDEN). New ones come from the trained network alone.
    """
    held = 0 if model.golden is None else len(model.golden.inputs)
    if n > held:
        raise InputError(
            f"{where}: holds {held} golden samples, not {n}; export the run folder for more",
            code="E-NO-GOLDEN",
        )
    if model.golden is None or n == 0:
        return replace(model, golden=None)
    return replace(model, golden=Golden(model.golden.inputs[:n], model.golden.scores[:n]))
