"""Which methods a recipe may name, and what each of them reads from [method].

A built-in method is known here by its keys alone. Its code is the file of trainer/methods/ that has
the same name, and `find` imports it only when a run begins, because it needs PyTorch. A method that
is not part of metabit joins with `register`, and is then a [method] name like any other.
"""

from __future__ import annotations

import importlib
from dataclasses import fields
from typing import Any, ClassVar, TypeVar

from metabit.errors import InputError, nearest
from metabit.trainer.recipe import method_options as options
from metabit.trainer.recipe.dgm_options import DgmOptions
from metabit.trainer.recipe.method import MethodRecipe

BUILT_IN: dict[str, type[MethodRecipe]] = {
    "anpyc": options.AnpycOptions,
    "bimu": options.BimuOptions,
    "bop": options.BopOptions,
    "chain": options.ChainOptions,
    "dgm": DgmOptions,
    "ewc": options.EwcOptions,
    "joint": options.JointOptions,
    "lwf": options.LwfOptions,
    "mas": options.MasOptions,
    "metaplastic": options.MetaplasticOptions,
    "naive": MethodRecipe,
    "replay": options.ReplayOptions,
    "si": options.SiOptions,
}
"""The keys of every method that comes with metabit, by its name."""


class NamedMethod:
    """What the registry knows of a method, which is always a `metabit.trainer.methods.base.Method`.

    Attributes:
        name: what a recipe calls it.
        Options: frozen dataclass of the keys that [method] may hold.
    """

    name: ClassVar[str]
    Options: ClassVar[type[MethodRecipe]] = MethodRecipe


Class = TypeVar("Class", bound=type[NamedMethod])

_registered: dict[str, type[NamedMethod]] = {}


def register(method: Class) -> Class:
    """Make a method known by the name that its class gives; for use as a decorator.

    Raises:
        InputError: code E-METHOD: another class has this name already.
    """
    name, taken = method.name, _registered.get(method.name)
    if name in BUILT_IN and method.__module__ != _module_of(name):
        holder = _module_of(name)
    elif taken is not None and _full_name(taken) != _full_name(method):
        holder = _full_name(taken)
    else:
        _registered[name] = method
        return method
    raise InputError(
        f'two methods are named "{name}": {holder} and {_full_name(method)}', code="E-METHOD"
    )


def names() -> list[str]:
    """The names of all methods, in alphabetical order."""
    return sorted({*BUILT_IN, *_registered})


def options_of(name: str) -> type[MethodRecipe]:
    """The dataclass of the keys that [method] may hold for this method. Needs no PyTorch.

    Raises:
        InputError: no method has this name; the message gives the nearest name.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name not in _registered:
        raise InputError(f'[method] name = "{name}": {nearest(name, names())}', code="E-RECIPE")
    return _registered[name].Options


def find(name: str) -> Any:
    """The class of this method, a subclass of `metabit.trainer.methods.base.Method`.

    Raises:
        InputError: no method has this name; the message gives the nearest name.
    """
    options_of(name)  # refuses a name that nobody has
    if name not in _registered:
        importlib.import_module(_module_of(name))
    return _registered[name]


def owners(key: str) -> list[str]:
    """Names of the methods that have a key `key` in [method]."""
    return [name for name in names() if key in {f.name for f in fields(options_of(name))}]


def _module_of(name: str) -> str:
    """The module of a built-in method."""
    return f"metabit.trainer.methods.{name}"


def _full_name(method: type[NamedMethod]) -> str:
    return f"{method.__module__}.{method.__qualname__}"
