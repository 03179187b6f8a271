"""What people pass as an array, taken for what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.errors import InputError


def plain_array(x: ArrayLike, where: str) -> NDArray[Any]:
    """The values as an array.

    Raises:
        InputError: values of a masked array are masked: nobody knows what they are (E-MASKED).
    """
    if not isinstance(x, np.ma.MaskedArray):
        return np.asarray(x)
    n_masked = int(np.sum(np.ma.getmaskarray(x)))
    if n_masked:
        raise InputError(
            f"{where}: {n_masked} values are masked; fill them, or leave their samples out",
            code="E-MASKED",
        )
    return np.asarray(x.data)
