"""Networks trained at home for the gates, cached: the only file of the gates that uses PyTorch.

What is cached are trained weights, under a key of the samples, the settings and the sources of the
trainer. They are exported anew each time, because export is part of what the gates judge.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from benchmarks.gates.problem import Home, Labels, Problem, Samples, flat
from metabit.export.from_torch import from_model
from metabit.export.heads.home import with_head
from metabit.export.spec import Model
from metabit.trainer import optim
from metabit.trainer.data.dataset import Split
from metabit.trainer.devices import one_thread_without_denormals
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.optim import MetaplasticAdam, parameter_groups
from metabit.trainer.runs.home_samples import home_of
from metabit.trainer.streams.stream import Source, Stream, Task
from metabit.trainer.tensor_files import read_tensors, write_tensors

CACHE = Path(__file__).parents[2] / "build" / "gates"
#: The rule at home; recipes/ has the same on these sets.
M, LEARNING_RATE, WEIGHT_DECAY = 4.0, 0.005, 1e-7


def exported(problem: Problem) -> Model:
    """The network that was trained at home, exported with nothing set, so with a head."""
    assert problem.home is not None
    net = BinaryMLP(
        MLPConfig(problem.spec.n_inputs, problem.hidden, problem.n_classes, affine=False),
        generator=torch.Generator().manual_seed(problem.seed),
    )
    path = CACHE / f"{_key(problem, problem.home)}.safetensors"
    if path.exists():
        net.load_state_dict(read_tensors(path)[0])
    else:
        with one_thread_without_denormals():
            _train(net, problem, problem.home)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(path, net.state_dict(), {"problem": problem.name, "seed": problem.seed})
    return with_head(from_model(net.eval(), problem.spec, m=M), *kept_of(problem))


def kept_of(problem: Problem) -> tuple[Samples, Labels]:
    """What a run keeps of its training samples."""
    home = problem.home
    assert home is not None
    data = Split(home.x, home.y)
    task = Task("home", 0, (Source(data),), Source(data))
    kept = home_of(Stream("single", "", (task,), problem.n_classes), problem.seed)
    return flat(kept.x), kept.y


def _train(net: BinaryMLP, problem: Problem, home: Home) -> None:
    """Metaplastic Adam over shuffled batches; what does not fill a batch is left out."""
    optimizer = MetaplasticAdam(
        parameter_groups(net, M), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
    )
    generator = torch.Generator().manual_seed(problem.seed)
    x = torch.from_numpy(home.x).float() - problem.spec.zero_point
    y = torch.from_numpy(home.y)
    net.train()
    n_steps = home.epochs * (len(y) // home.batch)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, n_steps)
    for _ in range(home.epochs):
        for some in torch.split(torch.randperm(len(y), generator=generator), home.batch):
            if len(some) == home.batch:
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(net(x[some]), y[some])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                falling.step()


def _key(problem: Problem, home: Home) -> str:
    """A digest of everything that training depends on."""
    trainer = Path(optim.__file__).parent
    sources = [trainer / "metaplasticity.py", trainer / "optim.py", Path(__file__)]
    digest = hashlib.sha256(home.x.tobytes() + home.y.tobytes())
    for path in [*sources, *sorted((trainer / "networks").glob("*.py"))]:
        digest.update(path.read_bytes())
    settings = (problem.spec, problem.hidden, problem.n_classes, problem.seed)
    digest.update(repr((*settings, home.epochs, home.batch, torch.__version__)).encode())
    return digest.hexdigest()[:24]
