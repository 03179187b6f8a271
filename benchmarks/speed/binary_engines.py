"""Other engines for binary convolutions: OpenVINO's BinaryConvolution and Larq Compute Engine.

    make bench-engines        # an environment of its own for each; Larq's holds TensorFlow, 1.5 GB
    python -m benchmarks.speed.binary_engines openvino|larq

The four 3x3 convolutions of 115.6 M multiplications, whole graphs from float maps to float sums:
their graphs begin and end so. metabit takes turns with bits in and bits out. Results go to
benchmarks/results/binary_engines.json, and `python -m benchmarks.page` takes them from there.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import models, results
from metabit.bench.subject import PREDICT, Subject
from metabit.bench.timing import Contestant, Limits, take_turns

Record = dict[str, Any]

Signs = NDArray[np.int8]
#: Convolve signs (rows, columns, channels) with kernels (n_out, 3, 3, channels), each -1 or +1; a
#: function that runs once, and one that gives the sums, shape (rows, columns, n_out).
Built = tuple[Callable[[], object], Callable[[], NDArray[Any]]]


def openvino(x: Signs, kernels: Signs) -> Built:
    """BinaryConvolution after the two-level FakeQuantize that it asks for; its edges are -1."""
    import openvino as ov
    from openvino import opset1 as ops

    n_channels = x.shape[2]
    channels_first = np.ascontiguousarray(x.transpose(2, 0, 1)[None].astype(np.float32))
    data = ops.parameter(list(channels_first.shape), np.float32)
    # Bits are 0 and 1 here; with a low end of -1 the plugin reads all of them as 0.
    zeros = np.zeros((1, n_channels, 1, 1), dtype=np.float32)
    bits = ops.fake_quantize(data, zeros, zeros, zeros, np.ones_like(zeros), 2)
    packed = np.packbits(kernels.transpose(0, 3, 1, 2).reshape(-1) > 0, bitorder="little")
    shape = ov.Shape([len(kernels), n_channels, 3, 3])
    weights = ov.op.Constant(ov.Tensor(packed, shape, ov.Type.u1))
    ones = [1, 1]
    sums = ops.binary_convolution(bits, weights, ones, ones, ones, ones, "xnor-popcount", 0.0)
    model = ov.Model([ops.result(sums)], [data], "conv")
    request = ov.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1})
    infer = request.create_infer_request()
    infer.set_input_tensor(ov.Tensor(channels_first))
    return infer.infer, lambda: infer.get_output_tensor().data[0].transpose(1, 2, 0)


def larq(x: Signs, kernels: Signs) -> Built:
    """LceBconv2d after LceQuantize; its edges are +1."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import larq as lq
    import larq_compute_engine as lce
    import tensorflow as tf
    from larq_compute_engine.tflite.python.interpreter import Interpreter

    layer = lq.layers.QuantConv2D(
        len(kernels), 3, input_quantizer="ste_sign", kernel_quantizer="ste_sign", padding="same",
        pad_values=1, use_bias=False,
    )  # fmt: skip
    model = tf.keras.models.Sequential([tf.keras.layers.Input(x.shape), layer])
    layer.set_weights([kernels.transpose(1, 2, 3, 0).astype(np.float32)])
    interpreter = Interpreter(lce.convert_keras_model(model), num_threads=1)
    batch = x[None].astype(np.float32)
    return lambda: interpreter.predict(batch), lambda: interpreter.predict(batch)[0]


ENGINES: dict[str, tuple[str, Callable[[Signs, Signs], Built]]] = {
    "openvino": ("openvino", openvino),
    "larq": ("larq-compute-engine", larq),
}


def measure(engine: str) -> Record:
    """The four shapes, in turns with metabit; the sums away from the edges are checked."""
    package, build = ENGINES[engine]
    rng = np.random.default_rng(0)
    rows = []
    for side, channels in models.RESNET_18:
        subject = Subject(models.convolution(side, channels))
        x = (2 * rng.integers(0, 2, (side, side, channels)) - 1).astype(np.int8)
        kernels = (2 * rng.integers(0, 2, (channels, 3, 3, channels)) - 1).astype(np.int8)
        call, sums = build(x, kernels)
        call()
        expected = np.tensordot(kernels.astype(np.int32), x[:3, :3].astype(np.int32), 3)
        assert np.array_equal(sums()[1, 1], expected), f"{engine} computes something else"
        own = Contestant(PREDICT, subject.single_layers()[1].run)
        times = take_turns([own, Contestant(engine, _repeat(call))], Limits(100, 3, 10.0))
        rows.append(
            {"shape": f"{side}×{side}×{channels}", "path": subject.path,
             "contestants": {name: row.to_dict() for name, row in times.items()}}
        )  # fmt: skip
        print(f"{rows[-1]['shape']}: {engine} {times[engine].min_us:,.0f} µs, metabit "
              f"{times[PREDICT].min_us:,.0f}", flush=True)  # fmt: skip
    return {"version": importlib.metadata.version(package), "rows": rows}


def _repeat(call: Callable[[], object]) -> Callable[[int], None]:
    def run(n: int) -> None:
        for _ in range(n):
            call()

    return run


def main() -> None:
    """Measure one engine, and keep what others gave."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("engine", choices=ENGINES)
    engine = parser.parse_args().engine
    command = f"python -m benchmarks.speed.binary_engines {engine}"
    results.save("binary_engines", command, {engine: measure(engine)})


if __name__ == "__main__":
    main()
