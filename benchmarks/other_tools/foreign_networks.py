"""Networks that Larq and Brevitas have trained and written as ONNX, imported: are labels equal?

    make foreign      # an environment of its own for each; Larq's holds TensorFlow, 1.5 GB
    python -m benchmarks.other_tools.foreign_networks larq|brevitas

Each trains a small convolutional network on the digits with its own layers and its own exporter
(tf2onnx, export_qonnx). The labels of the imported network over the test set must be those that the
framework itself gives. Results go to benchmarks/results/foreign_networks.json.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from metabit.export.golden import model_scores
from metabit.export.onnx.read import load as load_onnx
from metabit.export.onnx_import.importer import from_onnx
from metabit.export.onnx_import.samples import Quantization
from metabit.trainer.data import load
from metabit.trainer.data.dataset import DataSet

Record = dict[str, Any]
#: Train on a data set of 8 x 8 pixels, write a file; labels of the test samples.
Made = Callable[[DataSet, Path], NDArray[Any]]

PIXEL = Quantization("uint8", 1 / 16)
EPOCHS = 4


def _pixels(x: NDArray[Any], *shape: int) -> NDArray[np.float32]:
    return (x.reshape(-1, *shape) * np.float32(PIXEL.scale)).astype(np.float32)


def larq(sets: DataSet, path: Path) -> NDArray[Any]:
    """Padding of +1, pooling, batch norms, ste_sign; converted by tf2onnx."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import larq as lq
    import tensorflow as tf
    import tf2onnx

    first: dict[str, Any] = {
        "kernel_quantizer": "ste_sign", "kernel_constraint": "weight_clip", "use_bias": False,
    }  # fmt: skip
    options = first | {"input_quantizer": "ste_sign"}
    keras = tf.keras.layers
    net = tf.keras.Sequential(
        [
            lq.layers.QuantConv2D(16, 3, input_shape=(8, 8, 1), **first),
            keras.BatchNormalization(),
            lq.layers.QuantConv2D(32, 3, padding="same", pad_values=1.0, **options),
            keras.MaxPool2D(2), keras.BatchNormalization(), keras.Flatten(),
            lq.layers.QuantDense(64, **options), keras.BatchNormalization(),
            lq.layers.QuantDense(10, **options), keras.BatchNormalization(),
            keras.Activation("softmax"),
        ]
    )  # fmt: skip
    tf.keras.utils.set_random_seed(0)
    net.compile("adam", "sparse_categorical_crossentropy")
    net.fit(_pixels(sets.train.x, 8, 8, 1), sets.train.y, epochs=EPOCHS, verbose=0)
    spec = (tf.TensorSpec((None, 8, 8, 1), tf.float32, name="x"),)
    tf2onnx.convert.from_keras(net, input_signature=spec, opset=18, output_path=str(path))
    labels: NDArray[Any] = net.predict(_pixels(sets.test.x, 8, 8, 1), verbose=0).argmax(axis=1)
    return labels


def brevitas(sets: DataSet, path: Path) -> NDArray[Any]:
    """Bipolar weights and activations, written by Brevitas as QONNX."""
    import torch
    from brevitas.export import export_qonnx
    from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear
    from brevitas.quant.binary import (
        SignedBinaryActPerTensorConst,
        SignedBinaryWeightPerTensorConst,
    )
    from torch import nn

    torch.manual_seed(0)
    options = {"bias": False, "weight_quant": SignedBinaryWeightPerTensorConst}
    bits = {"act_quant": SignedBinaryActPerTensorConst}
    net = nn.Sequential(
        QuantConv2d(1, 16, 3, **options), nn.BatchNorm2d(16), QuantIdentity(**bits),
        QuantConv2d(16, 32, 3, **options), nn.MaxPool2d(2), nn.BatchNorm2d(32),
        QuantIdentity(**bits), nn.Flatten(),
        QuantLinear(128, 10, **options), nn.BatchNorm1d(10),
    )  # fmt: skip
    x = torch.from_numpy(_pixels(sets.train.x, 1, 8, 8))
    y = torch.from_numpy(sets.train.y.astype(np.int64))
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(len(x)), 32):
            optimizer.zero_grad()
            loss: torch.Tensor = nn.functional.cross_entropy(net(x[batch]), y[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    net.eval()
    export_qonnx(net, args=x[:1], export_path=str(path))
    with torch.no_grad():
        labels: NDArray[Any] = net(torch.from_numpy(_pixels(sets.test.x, 1, 8, 8))).argmax(1)
    return np.asarray(labels)


FRAMEWORKS: dict[str, tuple[tuple[str, ...], Made]] = {
    "larq": (("larq", "tensorflow-cpu", "tf2onnx"), larq),
    "brevitas": (("brevitas", "qonnx", "torch"), brevitas),
}


def compare(name: str) -> Record:
    """Train, export, import; what became of the layers, and how many labels are equal."""
    packages, make = FRAMEWORKS[name]
    sets = load("digits")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        expected = make(sets, path)
        imported = from_onnx(load_onnx(path), name, PIXEL)
        file_bytes = path.stat().st_size
    labels = model_scores(imported.model, sets.test.x.reshape(len(sets.test), -1)).argmax(axis=1)
    record: Record = {
        "versions": {package: importlib.metadata.version(package) for package in packages},
        "onnx_bytes": file_bytes,
        "n_samples": len(labels),
        "n_labels_equal": int((labels == expected).sum()),
        "accuracy": float((labels == sets.test.y).mean()),
        "layers": [
            {"nodes": list(layer.nodes), "became": layer.became, "note": layer.note}
            for layer in imported.layers
        ],
    }
    print(f"{name}: {record['n_labels_equal']} of {len(labels)} labels equal", flush=True)
    return record


def main() -> None:
    """Compare one framework, and keep what the other gave."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("framework", choices=FRAMEWORKS)
    name = parser.parse_args().framework
    results.save(
        "foreign_networks",
        f"python -m benchmarks.other_tools.foreign_networks {name}",
        {name: compare(name)},
    )


if __name__ == "__main__":
    main()
