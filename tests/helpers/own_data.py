"""What tests of a user's own data share."""

from __future__ import annotations

import pytest

from metabit.errors import MetabitError
from metabit.trainer.data.own import OwnData, load_own


def code_of(data: OwnData) -> str:
    """The code of the error that refuses these data."""
    with pytest.raises(MetabitError) as caught:
        load_own(data)
    return caught.value.code
