"""Every method by its name, loaded when it is asked for, so that this file needs no PyTorch.

A method outside metabit joins with `register`, and is then a [method] name like any other.
"""

from __future__ import annotations

import importlib
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from metabit.errors import InputError, nearest

if TYPE_CHECKING:
    from metabit.trainer.methods.base import Method

BUILT_IN = (
    "anpyc",
    "bimu",
    "bop",
    "dgm",
    "ewc",
    "joint",
    "lwf",
    "mas",
    "metaplastic",
    "naive",
    "replay",
    "si",
)
"""Each is a file of this folder with the same name."""

_registered: dict[str, type[Method]] = {}

Kind = TypeVar("Kind", bound="type[Method]")


def register(kind: Kind) -> Kind:
    """Make a method known by the name that its class gives; for use as a decorator.

    Raises:
        InputError: another class has this name already.
    """
    holder = _registered.setdefault(kind.name, kind)
    if holder.__qualname__ != kind.__qualname__ or holder.__module__ != kind.__module__:
        raise InputError(
            f'two methods are named "{kind.name}": {holder.__module__} and {kind.__module__}',
            code="E-METHOD",
        )
    _registered[kind.name] = kind
    return kind


def names() -> list[str]:
    """The names of all methods, in alphabetical order."""
    return sorted({*BUILT_IN, *_registered})


def find(name: str) -> type[Method]:
    """The method of this name.

    Raises:
        InputError: there is none; the nearest name is given.
    """
    if name not in _registered and name in BUILT_IN:
        importlib.import_module(f"metabit.trainer.methods.{name}")
    if name not in _registered:
        raise InputError(f'[method] name = "{name}": {nearest(name, names())}', code="E-RECIPE")
    return _registered[name]


def owners(key: str) -> list[str]:
    """Names of the methods that have an option `key`."""
    return [name for name in names() if key in {f.name for f in fields(find(name).Options)}]
