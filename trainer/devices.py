"""Where a network is trained: on the processor, or on a graphics processor of NVIDIA.

Random numbers are drawn on the processor everywhere, and then moved: so the initial weights and the
order of samples are the same on every device.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from metabit.errors import InputError


def find_device(name: str) -> torch.device:
    """The device of that name.

    Args:
        name: "cpu", "cuda" or "auto", which is "cuda" where there is one and else "cpu".

    Raises:
        InputError: code E-CUDA: "cuda" is asked for, and PyTorch finds none.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        built = "finds no such processor" if torch.version.cuda else "was built without CUDA"
        raise InputError(
            f'[train] device = "cuda": PyTorch {torch.__version__} {built}; use device = "cpu", or '
            '"auto", which takes what is there',
            code="E-CUDA",
        )
    return torch.device("cuda")


def device_words(device: torch.device) -> str | None:
    """The model of a graphics processor; None for the processor that runs Python."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else None


@contextlib.contextmanager
def one_thread_without_denormals() -> Iterator[None]:
    """A context in which PyTorch is set up for small networks.

    More threads are slower here, and sums would depend on their number. Adam's second moments of
    weights without a gradient become denormal numbers, which are a hundred times slower. The
    processor's switch that turns them into zeros also affects NumPy and C in this thread, so it
    must not stay on.
    """
    threads, flushed = torch.get_num_threads(), _denormals_are_flushed()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushed)


def _denormals_are_flushed() -> bool:
    return bool((torch.tensor([1e-310], dtype=torch.float64) * 1.0 == 0).item())


@contextlib.contextmanager
def working_on(device: torch.device) -> Iterator[None]:
    """A context in which training on a device gives the same bits each time.

    Convolutions use float32 and the same sums each time. All work is on a stream of its own, on
    which CUDA graphs can be recorded. On the processor that runs Python it changes nothing.
    """
    if device.type == "cpu":
        yield
        return
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.allow_tf32
    cudnn.deterministic, cudnn.allow_tf32 = True, False
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    try:
        with torch.cuda.stream(stream):
            yield
        torch.cuda.current_stream().wait_stream(stream)
    finally:
        cudnn.deterministic, cudnn.allow_tf32 = before
