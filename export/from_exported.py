"""A network of others in PyTorch, through `torch.export`, as a packed model."""

from __future__ import annotations

import warnings

import torch

from metabit.export.onnx.read import check
from metabit.export.onnx_import.importer import Imported, from_onnx
from metabit.export.onnx_import.samples import Quantization
from metabit.extras import need

_OPSET = 18


def from_exported(program: torch.export.ExportedProgram, samples: Quantization) -> Imported:
    """Import a network of binary layers.

    PyTorch's own exporter makes ONNX of it first, so that the rules are as for `metabit import`:
    weights of -a and +a a channel (torch.sign or torch.where of latent ones), any normalisation,
    a sign, max-pooling, padding of +1.

    Args:
        program: of a network in evaluation mode, from `torch.export.export`; the batch may be free.
        samples: how 8-bit samples stand for the floats that the network takes.

    Returns:
        the model, and what became of each layer.

    Raises:
        InputError: onnxscript, which PyTorch's exporter needs, is not installed.
        FormatError: the network is no chain of binary layers.
    """
    need("import from PyTorch")
    where = "the exported program"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about itself
        made = torch.onnx.export(program, dynamo=True, opset_version=_OPSET, verbose=False)
    assert made is not None
    return from_onnx(check(made.model_proto, where), where, samples)
