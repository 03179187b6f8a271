"""Which layers learn: what people ask for, as a number, and that number in words."""

from __future__ import annotations

from metabit.errors import InputError

Learn = str | int


def describe(learn_layers: int, n_layers: int, bits: int, batch: int = 1) -> str:
    """What learns, in words: "learning the head, 8-bit state, batches of 16"."""
    if learn_layers == 0:
        return "inference only"
    step = f", batches of {batch}" if batch > 1 else ""
    return f"learning {layers_in_words(learn_layers, n_layers)}, {bits}-bit state{step}"


def contexts_in_words(contexts: int) -> str:
    """Room for contexts, after what learns: ", up to 5 contexts"; nothing for one network."""
    return f", up to {contexts} contexts" if contexts > 1 else ""


def layers_in_words(learn_layers: int, n_layers: int) -> str:
    """The layers that learn, counted from the output: "the last 2 layers"."""
    if learn_layers == n_layers:
        return "all layers"
    return "the head" if learn_layers == 1 else f"the last {learn_layers} layers"


def who_learns(head: str | None, learn_layers: int, n_layers: int, contexts: int) -> str:
    """What learns, as the subject of a sentence: "the tracking head learns"."""
    if head is not None:
        return {
            "counting": "the counting head learns",
            "counting-small": "the counting head learns with the matrix of home",
            "tracking": "the tracking head learns",
        }[head]
    if learn_layers == 0:
        return "nothing learns"
    layers = layers_in_words(learn_layers, n_layers)
    return f"{layers} learn{'s' if layers == 'the head' else ''}{contexts_in_words(contexts)}"


def resolve_learn(learn: Learn, n_layers: int) -> int:
    """Layers that learn, counted from the output, for "none", "head", "all" or a number.

    Raises:
        InputError: none of these (E-LEARN).
    """
    names = {"none": 0, "head": 1, "all": n_layers}
    if isinstance(learn, str) and learn in names:
        return names[learn]
    if isinstance(learn, str) and learn.isdigit():
        learn = int(learn)
    if isinstance(learn, int) and not isinstance(learn, bool) and 0 <= learn <= n_layers:
        return learn
    raise InputError(
        f"learn={learn!r}: choose none, counting, counting-small, tracking, head, all, auto or a "
        f"number of layers from 0 to {n_layers}",
        code="E-LEARN",
    )
