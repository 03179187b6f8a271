"""What a counting head knows before it leaves home: counted from samples of its training."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.export.head_spec import MAX_CLASSES, MAX_FEATURES, CountingHead, HeadSource
from metabit.export.heads.features import FEATURE_UNIT, features, source_values
from metabit.export.heads.novelty import limit_of
from metabit.export.spec import ConvLayer, Float32Array, Int8Array, Model

MEAN_UNIT = 128
HOME_CAP = 1000
"""Samples that a class brings from home at most."""
LARGEST_PRODUCT = 8_000_000
HOME_BONUS = 1.5
"""What classes known at home score more than others: their features were made to tell them apart,
and a class that a device meets later would take of their place."""
FEW_RIDGE = 0.1
"""Ridge where home has as many samples as features; it falls with their number, down to the default
of `CountingHead`. Few samples leave directions in which they do not differ at all, and a single
wrong label in such a direction would decide."""
RAM_DEFAULT = 24 * 1024
"""Bytes of RAM that a head may take unless the caller says otherwise."""
SPARE_DEFAULT = 4
"""New classes that a head can learn besides all of its network, where nothing else is said."""
CHUNK = 250
"""Samples that go forward at once: what a convolution sees of them takes memory."""


@dataclass(frozen=True)
class HeadChoice:
    """The counting head that a model gets.

    Attributes:
        spare_classes: new classes that it can learn, besides all of the network.
        ram_bytes: RAM for its tables. None stands for 24 KiB, and a network with so many classes
            that this is too little then gets no head.
        novelty: whether it gets the limit by which it says what it does not know, which takes
            longer than all the rest. A head that is only tried needs none.
    """

    spare_classes: int = SPARE_DEFAULT
    ram_bytes: int | None = None
    novelty: bool = True


HEAD_DEFAULT = HeadChoice()


def obstacle(model: Model, choice: HeadChoice) -> str | None:
    """Why a model cannot have this head, for people; None where it can."""
    n_classes = model.n_outputs + choice.spare_classes
    if model.n_banks > 1:
        return (
            f"the network has {model.n_banks} banks, one per task; a label may mean something else "
            "in each, and a head would mix them"
        )
    if n_classes > MAX_CLASSES:
        return f"a head tells up to {MAX_CLASSES} classes apart, and these are {n_classes}"
    least = least_bytes(model, choice.spare_classes)
    if choice.ram_bytes is None and least > RAM_DEFAULT:
        return f"for {n_classes} classes it needs {least:,} bytes of RAM or more; give --head-ram"
    return None


def with_chosen_head(
    model: Model, x: NDArray[np.generic], y: NDArray[np.generic], choice: HeadChoice
) -> Model:
    """`with_head`, as chosen; errors as there."""
    ram_bytes = RAM_DEFAULT if choice.ram_bytes is None else choice.ram_bytes
    return with_head(
        model, x, y, spare_classes=choice.spare_classes, ram_bytes=ram_bytes, novelty=choice.novelty
    )


def head_bytes(n_features: int, n_classes: int, n_sums: int = 0) -> int:
    """RAM that a counting head takes, as the plan of the C core says it.

    Args:
        n_features, n_classes: of the head.
        n_sums: sums of the layer that features are made of; 0 where they come from elsewhere.
    """
    n, k = n_features, n_classes
    kept = 72 + -(-2 * k // 4) * 4 + 4 * k + 4 * n * k + 3 * (n * (n + 1) // 2) + n
    scratch = 8 * k + 19 * n + 4 * n_sums
    return 112 + -(-kept // 4) * 4 + -(-scratch // 4) * 4


def ram_of(head: CountingHead) -> int:
    """RAM that a head takes when it learns."""
    n_sums = len(head.centre) if head.source == "sums" else 0
    return head_bytes(head.n_features, head.n_classes, n_sums)


def with_head(
    model: Model,
    x: NDArray[np.generic],
    y: NDArray[np.generic],
    *,
    spare_classes: int = SPARE_DEFAULT,
    ram_bytes: int = RAM_DEFAULT,
    novelty: bool = True,
) -> Model:
    """The model with a counting head that knows these samples.

    Args:
        model: a packed model; its hidden layers stay as they are while the head learns.
        x: shape (n, n_inputs), the input's dtype; samples that the model was trained on.
        y: shape (n,), their labels.
        spare_classes: new classes that the head can learn, besides the classes of the network.
        ram_bytes: RAM for the tables of the head.
        novelty: see `HeadChoice`.

    Raises:
        InputError: code E-HEAD: no samples, labels that the network does not know, too many
            classes, or too little RAM for a useful head.
    """
    n_classes = model.n_outputs + spare_classes
    if len(x) == 0 or len(x) != len(y):
        raise InputError(f"a head needs samples: {len(x)}, and {len(y)} labels", code="E-HEAD")
    if int(y.min()) < 0 or int(y.max()) >= model.n_outputs or n_classes > MAX_CLASSES:
        raise InputError(
            f"labels {int(y.min())} to {int(y.max())} of {model.n_outputs} classes and "
            f"{spare_classes} spare ones; a head tells up to {MAX_CLASSES} apart",
            code="E-HEAD",
        )
    head, values, logits = _fitted(model, x, n_classes, model.n_outputs, ram_bytes)
    f = features(head, values, logits)
    counted = _counted(head, f, y)
    return replace(model, head=replace(counted, limit=limit_of(counted, f)) if novelty else counted)


def with_empty_head(
    model: Model,
    x: NDArray[np.generic],
    *,
    spare_classes: int = 0,
    ram_bytes: int = RAM_DEFAULT,
) -> Model:
    """The model with a counting head that knows nothing yet, for a network of random weights.

    Its features are the first hidden layer's as they are, so nothing that a stream brings can spoil
    them. The scores of the network are not among them, because they say nothing.

    Args:
        model: from `untrained`.
        x: some inputs, shape (n, n_inputs), the input's dtype; no labels are needed.
        spare_classes, ram_bytes: see `with_head`.

    Raises:
        InputError: code E-HEAD: no samples, too many classes, or too little RAM.
    """
    n_classes = model.n_outputs + spare_classes
    if len(x) == 0 or n_classes > MAX_CLASSES:
        raise InputError(
            f"a head of {n_classes} classes from {len(x)} samples: it tells up to {MAX_CLASSES} "
            "apart, and needs samples for its features",
            code="E-HEAD",
        )
    head, _, _ = _fitted(model, x, n_classes, 0, ram_bytes)
    n = head.n_features
    table = np.zeros((n_classes, n), np.int16)
    nothing = np.zeros(n * (n + 1) // 2, np.int32)
    return replace(model, head=replace(head, means=table, weights=table, products=nothing))


def _fitted(
    model: Model, x: NDArray[np.generic], n_classes: int, n_scores: int, ram_bytes: int
) -> tuple[CountingHead, Float32Array, Float32Array]:
    """A head without tables whose features fit these samples, and what they are made of."""
    source, layer = choose_source(model)
    values, logits = _forward(model, source, layer, x)
    centre, gain = _affine(model, source, layer, values)
    n_sums = values.shape[1] if source == "sums" else 0
    room = _room(n_scores, n_classes, n_sums, ram_bytes)
    n_units = min(values.shape[1], room)
    empty = np.zeros(0, dtype=np.int16)
    head = CountingHead(
        source, layer, centre, gain, n_units, source == "sums", n_scores,
        np.zeros(n_classes, np.uint16), np.zeros(n_classes, np.uint16), empty, empty,
        np.zeros(0, np.int32), 0, 1.0,
    )  # fmt: skip
    return head, values, logits


def _forward(
    model: Model, source: HeadSource, layer: int, x: NDArray[np.generic]
) -> tuple[Float32Array, Float32Array]:
    """`source_values` of many samples."""
    parts = [
        source_values(model, source, layer, x[start : start + CHUNK])
        for start in range(0, len(x), CHUNK)
    ]
    values, logits = zip(*parts, strict=True)
    return np.concatenate(values), np.concatenate(logits)


def least_bytes(model: Model, spare_classes: int = SPARE_DEFAULT) -> int:
    """RAM of the smallest head of a network: one unit and the network's scores are its features."""
    source, layer = choose_source(model)
    n_sums = model.layers[layer].n_out if source == "sums" else 0
    return head_bytes(model.n_outputs + 1, model.n_outputs + spare_classes, n_sums)


def _room(n_scores: int, n_classes: int, n_sums: int, ram_bytes: int) -> int:
    """The most features besides the network's scores for which a head fits."""
    for room in range(MAX_FEATURES - n_scores, 0, -1):
        if head_bytes(room + n_scores, n_classes, n_sums) <= ram_bytes:
            return room
    least = head_bytes(n_scores + 1, n_classes, n_sums)
    raise InputError(
        f"{ram_bytes} bytes are too few for a head of {n_classes} classes: at least {least}",
        code="E-HEAD",
    )


def choose_source(model: Model) -> tuple[HeadSource, int]:
    """Where features come from: the first dense hidden layer, or the last convolution, or the
    inputs. Layers further up have lost what tells classes apart that training did not know."""
    hidden = model.layers[:-1]
    dense = [i for i, layer in enumerate(hidden) if not isinstance(layer, ConvLayer)]
    if dense:
        return "sums", dense[0]
    return ("ones", len(hidden) - 1) if hidden else ("inputs", 0)


def _affine(
    model: Model, source: HeadSource, layer: int, values: Float32Array
) -> tuple[Float32Array, Float32Array]:
    """Centre and gain of each value: zero where a hidden unit changes its sign, or the mean."""
    deviation = values.std(axis=0, dtype=np.float64)
    centre = values.mean(axis=0, dtype=np.float64)
    if source == "sums" and model.layers[layer].norms:
        norm = model.layers[layer].norms[0]
        slope = norm.gamma.astype(np.float64) / np.sqrt(norm.var.astype(np.float64) + model.eps)
        usable = np.abs(slope) > 1e-9
        zero = norm.mean - norm.beta / np.where(usable, slope, 1.0)
        usable &= np.abs(zero) < 2.0**25
        centre = np.where(usable, zero, centre)
        gain = np.where(usable, slope, 1 / np.maximum(deviation, 1e-3))
    else:
        gain = 1 / np.maximum(deviation, 1e-3)
    return centre.astype(np.float32), (gain * FEATURE_UNIT).astype(np.float32)


def _counted(head: CountingHead, f: Int8Array, y: NDArray[np.generic]) -> CountingHead:
    """Means, products and exact weights of these features; every class weighs alike."""
    n, k = head.n_features, head.n_classes
    means, counts = np.zeros((k, n), np.int16), np.zeros(k, np.uint16)
    matrix = np.zeros((n, n))
    for label in np.unique(y):
        of_class = f[y == label].astype(np.float64)
        counts[label] = min(len(of_class), HOME_CAP)
        means[label] = np.rint(of_class.mean(axis=0) * MEAN_UNIT)
        deviations = of_class - of_class.mean(axis=0)
        matrix += deviations.T @ deviations * (counts[label] / len(of_class))
    n_products = int(counts.sum())
    products = np.rint(matrix).astype(np.int64)
    while products.diagonal().max() > LARGEST_PRODUCT:
        n_products, products = n_products >> 1, products >> 1
    # Few samples that lie close together are about as large as the rounding, which may then leave
    # directions in which distances are negative: the diagonal takes that back.
    products += max(0, math.ceil(-np.linalg.eigvalsh(products)[0])) * np.eye(n, dtype=np.int64)
    head = replace(head, ridge=_ridge_of(head, int(counts.sum())))
    weights, scale = _solve(head, products, n_products, means)
    triangle = products[np.triu_indices(n)].astype(np.int32)
    bonus = np.where(counts > 0, HOME_BONUS, 0).astype(np.float32)
    return replace(
        head, counts=counts, fed=counts.copy(), means=means, weights=weights, products=triangle,
        n_products=n_products, scale=scale, bonus=bonus,
    )  # fmt: skip


def _ridge_of(head: CountingHead, n_samples: int) -> float:
    """What a head that counted so many samples adds to its diagonal; as a file can hold it."""
    few = min(FEW_RIDGE * head.n_features / n_samples, 1.0)
    return float(np.float32(max(head.ridge, few)))


def _solve(
    head: CountingHead, matrix: NDArray[np.int64], n_products: int, means: NDArray[np.int16]
) -> tuple[NDArray[np.int16], float]:
    """Weights that a device starts from, and their scale."""
    covariance = matrix / n_products
    ridge = max(head.ridge * covariance.diagonal().mean(), 1e-6)
    regular = covariance + ridge * np.eye(len(matrix))
    exact = np.linalg.solve(regular, means.T.astype(np.float64) / MEAN_UNIT).T
    largest = max(2 * float(np.abs(exact).max()) / 32767, 2.0**-40)
    scale = min(2.0 ** int(np.ceil(np.log2(largest))), 1.0)
    return np.clip(np.rint(exact / scale), -32767, 32767).astype(np.int16), scale
