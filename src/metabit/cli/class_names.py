"""Classes by name and by number, of a file and of what a device has learnt besides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.inputs import check_labels
from metabit.errors import CorruptError, InputError
from metabit.export.spec import Model
from metabit.files import write_whole
from metabit.plain_file import plain_bytes
from metabit.readers.samples import Labels, ReadSamples, need_labels

SCHEMA, VERSION = "metabit.names", 1
NAMES = "names.json"
LONGEST = 80


class ClassNames:
    """What the classes of an engine are called.

    Args:
        model: the file; its names come first.
        n_classes: classes that the engine tells apart; those after the file's own are spare.
        state: folder of the state, which holds the names of new classes; None for none.
    """

    def __init__(self, model: Model, n_classes: int, state: Path | None = None) -> None:
        self._model = model
        self.n_own = max(model.n_outputs, len(model.class_names))
        self.n_classes = n_classes
        self.new: dict[int, str] = {}
        if state is not None and (state / NAMES).exists():
            self.new = _read(state / NAMES, self.n_own, n_classes)

    def __call__(self, label: int) -> str:
        """The name of a class, or else its number, for people."""
        if label in self.new:
            return "".join(c if c.isprintable() else "?" for c in self.new[label])
        return self._model.class_name(label)

    @property
    def known(self) -> list[str]:
        """Names by label where anything is named; empty where nothing is."""
        if not self._model.class_names and not self.new:
            return []
        return [self(label) for label in range(max([self.n_own - 1, *self.new]) + 1)]

    def attach(self, names: str) -> None:
        """Name spare classes that have no name yet, in the order of their labels.

        Args:
            names: separated by commas.

        Raises:
            InputError: more names than classes (E-SPARE), or a name that is empty, too long or
                taken (E-NAMES).
        """
        for name in names.split(","):
            self._add(name.strip(), "--names")

    def numbers(self, samples: ReadSamples, *, learning: bool) -> Labels | None:
        """The labels of samples as numbers, shape (n,); None where they are not known.

        Args:
            samples: labels are numbers or names.
            learning: labels are needed, and names never seen become spare classes.

        Raises:
            InputError: no labels (E-NO-LABELS), a label that no class is left for (E-SPARE), or a
                label that is no class (E-LABEL).
        """
        y = samples.y
        if y is None:
            return need_labels(samples, self.n_classes) if learning else None
        if y.dtype.kind == "U":
            y = self._from_names(y, samples.where, learning)
        elif y.dtype.kind in "iu" and len(y) and self.n_classes > self.n_own:
            self._check_spare(y, samples.where)
        return check_labels(y, len(samples.x), self.n_classes, samples.where)

    def save(self, state: Path) -> None:
        """Keep the names of new classes beside the state.

        Raises:
            StorageError: the file cannot be written.
        """
        if self.new:
            names = {str(label): name for label, name in sorted(self.new.items())}
            content = {"schema": SCHEMA, "version": VERSION, "names": names}
            write_whole(state / NAMES, (json.dumps(content) + "\n").encode())

    def _from_names(self, y: NDArray[Any], where: str, learning: bool) -> NDArray[np.int64]:
        told, places = np.unique(y, return_inverse=True)
        first_seen = np.argsort([int(np.argmax(places == k)) for k in range(len(told))])
        numbers = np.zeros(len(told), np.int64)
        for k in first_seen:
            numbers[k] = self._number(str(told[k]), where, learning)
        return numbers[places]

    def _number(self, name: str, where: str, learning: bool) -> int:
        by_name = {self(label): label for label in range(self.n_own)}
        by_name |= {known: label for label, known in self.new.items()}
        if name in by_name:
            return by_name[name]
        if learning:
            return self._add(name, where)
        raise InputError(
            f'{where}: "{name}" is the name of no class; known are {", ".join(by_name)}',
            code="E-LABEL",
        )

    def _add(self, name: str, where: str) -> int:
        taken = {self(label) for label in range(self.n_own)} | set(self.new.values())
        if not name or len(name) > LONGEST or name in taken:
            raise InputError(
                f'{where}: "{name[:LONGEST]}" cannot name a new class: it is empty, longer than '
                f"{LONGEST} characters, or the name of another one",
                code="E-NAMES",
            )
        free = [n for n in range(self.n_own, self.n_classes) if n not in self.new]
        if not free:
            raise self._no_spare(f'{where}: no class is left for "{name}"')
        self.new[free[0]] = name
        return free[0]

    def _check_spare(self, y: NDArray[Any], where: str) -> None:
        if y.max() >= self.n_classes:
            first = int(np.argmax(y >= self.n_classes))
            raise self._no_spare(
                f"{where}: no class is left for label {y[first]} of sample {first}"
            )

    def _no_spare(self, what: str) -> InputError:
        spare = self.n_classes - self.n_own
        return InputError(
            f"{what}: the model has {self.n_own} classes and {spare} spare ones; `metabit export "
            "RUN --spare-classes N` makes more",
            code="E-SPARE",
        )


def _read(path: Path, n_own: int, n_classes: int) -> dict[int, str]:
    try:
        content = json.loads(plain_bytes(path))
        if (content["schema"], content["version"]) != (SCHEMA, VERSION):
            raise ValueError("not names of this version")
        names = {int(label): str(name) for label, name in content["names"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptError(
            f"{path}: does not hold names of classes ({error}); without it, numbers do",
            code="E-NAMES-FILE",
        ) from error
    if any(not n_own <= label < n_classes for label in names):
        raise CorruptError(
            f"{path}: names classes that the model does not have; without it, numbers do",
            code="E-NAMES-FILE",
        )
    return names
