"""What a user would pick instead: a network of the same shape in other runtimes."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metabit import extras
from metabit.bench.rival_networks import Int8Layer, RivalShape, random_network
from metabit.bench.timing import Contestant

#: Runtimes and their packages.
RUNTIMES = {"ONNX Runtime": "onnxruntime", "LiteRT": "ai_edge_litert"}


@dataclass(frozen=True)
class Rival:
    """A network of the same shape in another runtime.

    Attributes:
        runtime: its name and version.
        kind: "int8", statically quantized, or "float32".
        file_bytes: size of the model file.
        contestant: one run per call; input and output stay in the runtime's own buffers.
    """

    runtime: str
    kind: str
    file_bytes: int
    contestant: Contestant


def missing() -> dict[str, list[str]]:
    """Runtimes that cannot be measured here, and the packages they lack."""
    lacking = {name: extras.missing(f"bench beside {name}") for name in RUNTIMES}
    return {name: packages for name, packages in lacking.items() if packages}


def rivals(shapes: Sequence[RivalShape], threads: int = 1) -> list[Rival]:
    """A network of these layers in every runtime that is installed, as int8 and as float.

    Args:
        shapes: of the layers, one after the other.
        threads: threads each runtime may use.
    """
    layers = random_network(shapes)
    made = []
    for name, package in RUNTIMES.items():
        if name in missing():
            continue
        runtime = f"{name} {importlib.metadata.version(package.replace('_', '-'))}"
        for kind in ("int8", "float32"):
            build = _onnx if package == "onnxruntime" else _tflite
            blob, run = build(layers, kind, threads)
            contestant = Contestant(f"{name}, {kind}", run)
            made.append(Rival(runtime, kind, len(blob), contestant))
    return made


def _onnx(
    layers: Sequence[Int8Layer], kind: str, threads: int
) -> tuple[bytes, Callable[[int], object]]:
    from metabit.bench import onnx_network

    blob = getattr(onnx_network, f"{kind.removesuffix('32')}_model")(layers)
    session = onnx_session(blob, threads)
    (entry,) = session.get_inputs()
    dtype = np.uint8 if entry.type == "tensor(uint8)" else np.float32
    binding = session.io_binding()
    binding.bind_cpu_input(entry.name, np.ones(entry.shape, dtype=dtype))
    binding.bind_output(session.get_outputs()[0].name)
    call = session.run_with_iobinding

    def run(n: int) -> None:
        for _ in range(n):
            call(binding)

    return blob, run


def onnx_session(blob: bytes, threads: int) -> Any:
    """An ONNX Runtime session on the processor with every graph optimization."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(blob, options, providers=["CPUExecutionProvider"])


def _tflite(
    layers: Sequence[Int8Layer], kind: str, threads: int
) -> tuple[bytes, Callable[[int], object]]:
    from metabit.bench import tflite_network

    blob = getattr(tflite_network, f"{kind.removesuffix('32')}_model")(layers)
    interpreter = tflite_interpreter(blob, threads)
    call = interpreter.invoke

    def run(n: int) -> None:
        for _ in range(n):
            call()

    return blob, run


def tflite_interpreter(blob: bytes, threads: int) -> Any:
    """A LiteRT interpreter, which takes XNNPACK where it can, with its tensors allocated."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=blob, num_threads=threads)
    interpreter.allocate_tensors()
    return interpreter
