"""Convolutional networks: memory, time of a prediction and of a learning step, instructions.

    python -m benchmarks.speed.convnets

Random weights and random samples: neither changes the work much. Results go to
results/convnets.json here, and from there into docs/benchmarks/speed.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks import page, results
from metabit.bench.subject import LEARN, PREDICT, Subject
from metabit.bench.timing import Limits, take_turns
from metabit.edge_runtime.plan import plan
from metabit.export.container import dumps
from metabit.export.from_torch import from_model
from metabit.export.spec import InputSpec, Model
from metabit.firmware_sim.profile import profile
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.named import named
from metabit.trainer.networks.shapes import ConvBlock, ConvNetConfig

Record = dict[str, Any]

NETWORKS: dict[str, ConvNetConfig] = {
    # As in recipes/fashion-convnet.toml.
    "28×28: 16c3-p2, 32c3-p2, 10": ConvNetConfig(
        (1, 28, 28), (ConvBlock(16, pool=2), ConvBlock(32, pool=2)), (), 10
    ),
    "32×32×3: 2×128c3-p2, 2×256c3-p2, 2×512c3-p2, 2048, 2048, 10": named("cifar-vgg"),
}
BOARD = "nrf52840"
LIMITS = Limits(num_runs=60, warmup_runs=2, max_seconds=20.0)


def random_network(config: ConvNetConfig) -> Model:
    """Random weights, and normalisation that fits random samples."""
    generator = torch.Generator().manual_seed(0)
    net = BinaryConvNet(config, generator)
    with torch.no_grad():
        net.train()(torch.randint(0, 256, (16, *config.input_shape), generator=generator).float())
    channels, rows, columns = config.input_shape
    return from_model(net.eval(), InputSpec("uint8", (rows, columns, channels)), m=2.0)


def networks() -> list[Record]:
    """Both networks on this machine, and on the board what fits it."""
    rows = []
    for name, config in NETWORKS.items():
        model = random_network(config)
        blob = dumps(model)
        subject = Subject(blob)
        times = take_turns([subject.predicting(), subject.learning()], LIMITS)
        arenas = {learn: plan(blob, learn=learn).arena_bytes for learn in ("none", "head", "all")}
        row = {
            "network": name, "macs": model.n_macs, "weights": model.n_weights,
            "file_bytes": len(blob), "arena_bytes": arenas, "path": subject.path,
            "predict": times[PREDICT].to_dict(), "learn": times[LEARN].to_dict(),
        }  # fmt: skip
        rows.append(row | _on_board(blob, model))
        print(f"{name}: {times[PREDICT].min_us:,.0f} µs, {times[LEARN].min_us:,.0f} µs", flush=True)
    return rows


def _on_board(blob: bytes, model: Model) -> Record:
    if len(blob) > 512 * 1024:
        return {}
    x = np.random.default_rng(0).integers(0, 256, (4, model.n_inputs), dtype=np.uint8)
    made = profile(blob, BOARD, learn="all", x=x, n_samples=4)
    assert made.learn is not None
    return {
        "board": BOARD, "predict_instructions": made.predict.counts.total,
        "learn_instructions": made.learn.counts.total, "ram_used_bytes": made.ram.used_bytes,
    }  # fmt: skip


def main() -> None:
    """Measure, write the JSON, write the tables."""
    results.save("convnets", "python -m benchmarks.speed.convnets", {"networks": networks()})
    page.write()


if __name__ == "__main__":
    main()
