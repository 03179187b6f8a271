"""One model and one way to run the command line, for all tests of the verbs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.cli import run
from metabit.export import container


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON on stdout: one line, and nothing else there."""
        assert self.stdout.count("\n") == 1, self.stdout
        answer = json.loads(self.stdout)
        assert isinstance(answer, dict)
        return answer

    def refused(self, code: int, error: str) -> None:
        """One clear line on stderr, nothing that looks like a mistake of metabit's."""
        assert (self.code, f"error[{error}]: " in self.stderr) == (code, True), self.stderr
        assert "Traceback" not in self.stderr
        assert self.stderr.rstrip().splitlines()[-1].startswith("error[")


Cli = Callable[..., Done]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run one command line in this process."""

    def call(*args: object) -> Done:
        code = run([str(arg) for arg in args])
        caught = capsys.readouterr()
        return Done(code, caught.out, caught.err)

    return call


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network: 12 uint8 inputs, 4 classes, 8-bit hidden weights, three golden samples."""
    path = tmp_path_factory.mktemp("model") / "random.mbit"
    container.save(random_model((12, 33, 4), seed=3), path)
    return path


@pytest.fixture(scope="session")
def data_file(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Path:
    """50 labelled samples for it."""
    path = tmp_path_factory.mktemp("data") / "samples.npz"
    rng = np.random.default_rng(5)
    x = random_samples(rng, container.load(model_file).input, 50)
    np.savez(path, x=x, y=rng.integers(0, 4, 50))
    return path
