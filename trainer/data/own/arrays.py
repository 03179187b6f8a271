""".npy and .npz files of samples and labels, under the names that people give them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from metabit.errors import CorruptError, InputError, MetabitError, reason
from metabit.unpacking import DAMAGE, array_in, arrays_of

SUFFIXES = (".npy", ".npz")
SAMPLES = ("x", "data", "samples", "features", "images", "windows")
LABELS = ("y", "label", "labels", "target", "targets", "classes")
GROUPS = ("group", "groups", "subject", "subjects", "recording")


def read_arrays_of(path: Path, label: str | None, group: str | None) -> dict[str, NDArray[Any]]:
    """Samples "x", labels "y" and, where there are any, groups "group".

    Args:
        path: an .npz file.
        label, group: names of arrays; None for the usual ones.

    Raises:
        InputError: it cannot be read (E-DATA-READ), an array is missing (E-DATA-NO-X,
            E-NO-LABELS), lengths differ (E-DATA-SHAPE), or it holds objects (E-DATA-PICKLE).
        CorruptError: not an .npz file, or a damaged one (E-DATA-FORMAT).
    """
    try:
        with path.open("rb") as file:
            if file.read(6) == b"\x93NUMPY":
                raise InputError(
                    f"{path}: samples without labels; numpy.savez(file, x=..., y=...) keeps both",
                    code="E-NO-LABELS",
                )
            with zipfile.ZipFile(file) as archive:
                lower = {name.lower(): name for name in arrays_of(archive)}
                x = _named(path, archive, lower, SAMPLES, None, "E-DATA-NO-X")
                y = _named(path, archive, lower, LABELS, label, "E-NO-LABELS", x.nbytes)
                found, taken = {"x": x, "y": y}, x.nbytes + y.nbytes
                if group is not None or any(name in lower for name in GROUPS):
                    found["group"] = _named(
                        path, archive, lower, GROUPS, group, "E-DATA-COLUMN", taken
                    )
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)})", code="E-DATA-READ") from error
    except MetabitError:
        raise
    except DAMAGE as error:
        if "pickle" in str(error).lower():
            raise InputError(
                f"{path}: holds Python objects, which are never loaded; save numbers or text",
                code="E-DATA-PICKLE",
            ) from error
        raise CorruptError(f"{path}: damaged ({error})", code="E-DATA-FORMAT") from error
    if found["y"].ndim == 2 and found["y"].shape[1] > 1:  # one-hot
        found["y"] = found["y"].argmax(axis=1)
    for name in ("y", "group"):
        if name in found and found[name].size != len(found["x"]):
            raise InputError(
                f"{path}: {len(found['x'])} samples and {found[name].size} of {name}",
                code="E-DATA-SHAPE",
            )
    return found


def _named(
    path: Path, archive: zipfile.ZipFile, lower: dict[str, str], usual: tuple[str, ...],
    name: str | None, code: str, taken_bytes: int = 0,
) -> NDArray[Any]:  # fmt: skip
    wanted = [name] if name is not None else [lower[u] for u in usual if u in lower]
    if not wanted or wanted[0] not in lower.values():
        names = ", ".join(lower.values()) or "none"
        raise InputError(
            f"{path}: no array named {name or ' or '.join(usual[:2])} (found: {names}); write the "
            "file anew, numpy.savez(file, x=..., y=...), with all samples in it",
            code=code,
        )
    return array_in(archive, wanted[0], str(path), taken_bytes=taken_bytes)
