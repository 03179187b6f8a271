"""Training on a graphics processor: milliseconds of a step beside one core of the processor.

    python -m benchmarks.speed.gpu_training [--only "784-1024-1024-10, metaplastic" ...]

Each network learns random samples with `metabit.trainer.repeated.RepeatedSteps`, which is what
`metabit train` uses: on one core, on the graphics processor launched step by step, and as
repetitions of a recorded CUDA graph. Times are of whole steps on the wall clock, with the copy of a
batch, best of several rounds. It needs a graphics processor of NVIDIA, and stops without one.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch

from benchmarks import page, results
from metabit.trainer import repeated
from metabit.trainer.devices import (
    device_words,
    find_device,
    one_thread_without_denormals,
    working_on,
)
from metabit.trainer.methods.base import Method, Setting
from metabit.trainer.methods.per_sample import protected
from metabit.trainer.methods.quadratic import QuadraticMethod
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.outputs import Outputs
from metabit.trainer.networks.real_mlp import RealMLP
from metabit.trainer.networks.shapes import MLPConfig, RealMLPConfig
from metabit.trainer.recipe import registry
from metabit.trainer.repeated import RepeatedSteps

Record = dict[str, Any]

METHODS: dict[str, dict[str, Any]] = {
    "metaplastic": {"m": 1.35, "weight_decay": 1e-7},
    "ewc": {"strength": 1e-6},
    "si": {"strength": 1e-6},
}
NETWORKS: dict[str, MLPConfig | RealMLPConfig] = {
    "784-1024-1024-10": MLPConfig(784, (1024, 1024), 10),
    "784-4096-4096-10": MLPConfig(784, (4096, 4096), 10),
    "784-1000-1000-10 real": RealMLPConfig(784, (1000, 1000), 10),
}
CASES = {
    f"{network}, {method}": (network, method)
    for network in NETWORKS
    for method in METHODS
    if (method == "metaplastic") != network.endswith("real") or method == "ewc"
}
BATCH = 100
CPU_STEPS, GPU_STEPS, ROUNDS = 4, 200, 3


def build(network: str, method: str, device: torch.device) -> tuple[Network, Method]:
    """A network with random weights and a method that has something to protect."""
    random = torch.Generator().manual_seed(0)
    config = NETWORKS[network]
    model: Network = (
        RealMLP(config, random) if isinstance(config, RealMLPConfig) else BinaryMLP(config, random)
    )
    model.to(device).train()
    outputs = Outputs(10, [range(10)], "all", device)
    options = registry.options_of(method)(name=method, **METHODS[method])
    made: Method = registry.find(method)(options, model, Setting(outputs=outputs))
    if isinstance(made, QuadraticMethod):
        made.remember(model, {name: torch.ones_like(p) for name, p in protected(model).items()})
    return model, made


def milliseconds(network: str, method: str, device: torch.device, warm_steps: int) -> float:
    """Of one step; the graph is recorded after so many steps."""
    model, made = build(network, method, device)
    steps, optimizer = RepeatedSteps(made, model), made.optimizer(model)
    random = torch.Generator().manual_seed(1)
    x = torch.randint(0, 256, (60 * BATCH, 784), generator=random).to(torch.uint8).to(device)
    y = torch.randint(0, 10, (60 * BATCH,), generator=random).to(device)
    n_steps = CPU_STEPS if device.type == "cpu" else GPU_STEPS
    before, repeated.WARM_STEPS = repeated.WARM_STEPS, warm_steps
    best = float("inf")
    for _ in range(ROUNDS + 1):  # the first warms up
        begun = time.perf_counter()
        for k in range(n_steps):
            at = slice(k % 60 * BATCH, (k % 60 + 1) * BATCH)
            steps.step(optimizer, x[at], y[at])
        if device.type == "cuda":
            torch.cuda.synchronize()
        spent = (time.perf_counter() - begun) / n_steps
        best = min(best, spent)
    repeated.WARM_STEPS = before
    return 1e3 * best


def measure(network: str, method: str) -> Record:
    """The three times of a case."""
    cpu, cuda = find_device("cpu"), find_device("cuda")
    with one_thread_without_denormals():
        record: Record = {"gpu": device_words(cuda)}
        record["cpu_ms"] = milliseconds(network, method, cpu, repeated.WARM_STEPS)
        with working_on(cuda):
            record["launched_ms"] = milliseconds(network, method, cuda, 1 << 30)
            record["repeated_ms"] = milliseconds(network, method, cuda, repeated.WARM_STEPS)
    return record


def main() -> None:
    """Measure, keep the results, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=CASES, help="only these cases")
    chosen = parser.parse_args().only or list(CASES)
    for case in chosen:
        record = {case: measure(*CASES[case])}
        results.save("gpu_training", "python -m benchmarks.speed.gpu_training", record)
        print(case, record[case], flush=True)
    page.write()


if __name__ == "__main__":
    main()
