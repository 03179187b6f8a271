"""From a trained PyTorch network to a packed model, and back. Only this file here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, cast

import numpy as np
import torch

from metabit.errors import InputError
from metabit.export.exact import with_golden
from metabit.export.fold import fold_threshold
from metabit.export.spec import DenseLayer, InputSpec, LearnState, Model, Norm, Threshold
from metabit.export.state import DEPTH_DEFAULT, dequantize_hidden, quantize_hidden, saturation
from metabit.trainer import data
from metabit.trainer.networks.layers import Normalization
from metabit.trainer.networks.mlp import BinaryMLP, MLPConfig
from metabit.trainer.runs.run_folder import Run

GOLDEN_DEFAULT = 4


def from_run(
    run: Run, *, bits: int = 8, golden: int = GOLDEN_DEFAULT, learnable: bool = True
) -> Model:
    """Pack a finished run.

    Args:
        run: from `metabit.trainer.runs.run_folder.load_run`.
        bits: bits a hidden weight, 8 or 4.
        golden: test samples whose scores travel in the file.
        learnable: whether hidden weights and hidden normalisation travel too.

    Raises:
        InputError: its network is not a binary multilayer perceptron.
    """
    if not isinstance(run.model, BinaryMLP):
        raise InputError(
            f"{run.path}: only a binary multilayer perceptron can be exported yet, this is a "
            f"{type(run.model).__name__}",
            code="E-NETWORK",
        )
    sets = data.load(run.dataset)
    spec = input_spec(sets)
    model = from_model(run.model, spec, m=run.m, bits=bits, learnable=learnable)
    meta = dict(model.meta) | {
        "recipe": run.recipe.name,
        "data": run.recipe.to_dict()["data"],  # `metabit predict FILE NAME --task K` reads it
        "class_names": list(sets.class_names),
        "citation": sets.citation,
        "metrics": {k: run.metrics[k] for k in ("acc", "bwt", "forgetting") if k in run.metrics},
    }
    samples = sets.test.x[:golden].reshape(-1, model.n_inputs)
    return with_golden(replace(model, meta=meta), samples)


def input_spec(sets: data.DataSet) -> InputSpec:
    """The input of a network that was trained on this data set."""
    dtype = cast(Literal["uint8", "int8"], sets.dtype)
    return InputSpec(dtype, tuple(sets.input_shape), sets.scale, sets.zero_point)


def from_model(
    net: BinaryMLP,
    spec: InputSpec,
    *,
    m: float | Sequence[float],
    bits: int = 8,
    learnable: bool = True,
    depth: float = DEPTH_DEFAULT,
) -> Model:
    """Pack a network.

    Thresholds are exact: the packed network gives the bits that the PyTorch network gives in
    evaluation mode, for every input.

    Args:
        net: the network; its hidden weights are quantized, its normalisation is kept in float32.
        spec: its input.
        m: the metaplasticity coefficient it was trained with, one or one a layer.
        bits: bits a hidden weight, 8 or 4.
        learnable: whether the packed model can learn.
        depth: m * |hidden| at the end of the quantized range.

    Raises:
        InputError: weights or normalisation are not finite, or a limit of the format is broken.
    """
    n_layers = len(net.linears)
    ms = [float(m)] * n_layers if isinstance(m, int | float) else [float(value) for value in m]
    if len(ms) != n_layers:
        raise InputError(f"{len(ms)} values of m for {n_layers} layers", code="E-M")
    eps = float(np.float32(net.config.eps))
    hidden = [linear.weight.detach().numpy().astype(np.float32) for linear, _ in net.layers]
    w_max = [saturation(h, m_l, depth) for h, m_l in zip(hidden, ms, strict=True)]
    levels = [quantize_hidden(h, w, bits) for h, w in zip(hidden, w_max, strict=True)]
    layers = tuple(
        _dense(f"fc{i + 1}", levels[i], _norms(norm), eps, i, n_layers, learnable)
        for i, (_, norm) in enumerate(net.layers)
    )
    learn = LearnState(
        bits=bits,
        levels=tuple(levels),
        m=tuple(float(np.float32(m_l * w)) for m_l, w in zip(ms, w_max, strict=True)),
        w_max=tuple(float(np.float32(w)) for w in w_max),
    )
    meta = {"method": "metaplastic", "m": ms, "layer_names": [layer.name for layer in layers]}
    return Model(spec, layers, eps, learn if learnable else None, None, meta)


def _norms(norm: Normalization) -> tuple[Norm, ...]:
    return tuple(
        Norm(
            mean=norm.running_mean[bank].numpy().astype(np.float32),
            var=norm.running_var[bank].numpy().astype(np.float32),
            gamma=norm.gamma[bank].detach().numpy().astype(np.float32),
            beta=norm.beta[bank].detach().numpy().astype(np.float32),
        )
        for bank in range(norm.n_banks)
    )


def _dense(
    name: str,
    levels: np.ndarray,
    norms: tuple[Norm, ...],
    eps: float,
    index: int,
    n_layers: int,
    learnable: bool,
) -> DenseLayer:
    hidden = index + 1 < n_layers
    acc_max = levels.shape[1] * (255 if index == 0 else 1)
    thresholds: tuple[Threshold, ...] = ()
    if hidden:
        thresholds = tuple(fold_threshold(norm, eps, acc_max) for norm in norms)
    weights = np.where(levels >= 0, 1, -1).astype(np.int8)
    return DenseLayer(name, weights, thresholds, norms if learnable or not hidden else ())


def to_torch(model: Model) -> BinaryMLP:
    """A PyTorch network with the same labels as the packed model.

    Hidden weights are those that the levels stand for, so that training can go on from them. For
    what an engine has learnt, pass `metabit.export.repack.with_state(model, state)`.

    Raises:
        InputError: the model was packed without hidden weights.
    """
    learn = model.learn
    if learn is None:
        raise InputError(
            "this model was exported with --no-state: its hidden weights are gone; export the run "
            "again",
            code="E-NO-STATE",
        )
    config = MLPConfig(
        n_inputs=model.n_inputs,
        hidden=tuple(layer.n_out for layer in model.layers[:-1]),
        n_classes=model.n_outputs,
        n_banks=model.n_banks,
        eps=model.eps,
    )
    net = BinaryMLP(config)
    with torch.no_grad():
        for index, ((linear, module), layer) in enumerate(
            zip(net.layers, model.layers, strict=True)
        ):
            hidden = dequantize_hidden(learn.levels[index], learn.w_max[index], learn.bits)
            linear.weight.copy_(torch.from_numpy(hidden))
            for bank, norm in enumerate(layer.norms):
                _copy_norm(module, bank, norm)
    net.eval()
    return net


def _copy_norm(module: Normalization, bank: int, norm: Norm) -> None:
    module.running_mean[bank] = torch.from_numpy(norm.mean)
    module.running_var[bank] = torch.from_numpy(norm.var)
    module.gamma[bank].copy_(torch.from_numpy(norm.gamma))
    module.beta[bank].copy_(torch.from_numpy(norm.beta))
