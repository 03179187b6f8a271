"""Python and C agree on which model files are valid, and give the same reason where one is not.

The files are the first inputs of the fuzzers, which have every section and every kind of layer and
head between them, and what the fuzzers found. META alone is not lied about: C does not read it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.random_models import native_verdict, reseal
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.errors import CorruptError, FormatError
from metabit.export.container import loads

FILES = sorted((Path(__file__).parents[1] / "c" / "fuzz" / "corpus" / "model").iterdir())
#: What a fuzzer found has damage in META too, which C does not read, so no lie makes it good again.
WHOLE = [path for path in FILES if not path.name.startswith("found-")]
SPECIAL = (0, 1, 2, 0x7F800000, 0x7FC00000, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFF)
HEADER_BYTES, ENTRY_BYTES = 64, 32


def verdict(data: bytes) -> int:
    """What Python says of a file, in the words of C."""
    try:
        loads(data)
    except FormatError:
        return -1
    except CorruptError:
        return -2
    return 0


def parts(data: bytes) -> list[range]:
    """Where the words of header and table lie, and of each section but META."""
    (n,) = struct.unpack_from("<I", data, 20)
    table = HEADER_BYTES + n * ENTRY_BYTES
    found = [range(0, table, 4)]
    for at in range(HEADER_BYTES, table, ENTRY_BYTES):
        start, n_bytes = struct.unpack_from("<II", data, at + 8)
        if data[at : at + 4] != b"META" and n_bytes > 0:
            found.append(range(start, start + n_bytes - 3, 4))
    return found


def lying(data: bytes, *lies: tuple[int, int]) -> bytes:
    """The file with other words, under checksums that are right."""
    changed = bytearray(data)
    for at, word in lies:
        struct.pack_into("<I", changed, at, word)
    return reseal(changed)


def test_what_a_fuzzer_found_is_refused_by_both() -> None:
    found = [path.read_bytes() for path in FILES if path.name.startswith("found-")]
    assert found
    assert [native_verdict(data) for data in found] == [verdict(data) for data in found]
    assert all(verdict(data) < 0 for data in found)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_values_that_lie_under_right_checksums_get_the_same_verdict_twice(
    draw: st.DataObject,
) -> None:
    data = draw.draw(st.sampled_from(WHOLE)).read_bytes()
    lies = []
    for _ in range(draw.draw(st.integers(1, 3))):
        part = draw.draw(st.sampled_from(parts(data)))
        words = part[:24] if draw.draw(st.booleans()) else part  # what says most comes first
        word = draw.draw(st.sampled_from(SPECIAL) | st.integers(0, 2**32 - 1))
        lies.append((draw.draw(st.sampled_from(words)), word))
    lie = lying(data, *lies)
    theirs, ours = native_verdict(lie), verdict(lie)
    assert (theirs == 0) == (ours == 0)
    if len(lies) == 1:  # of several reasons, each may come first
        assert theirs == ours


def single_lies(data: bytes) -> Iterator[bytes]:
    """Each word that says much, with each value that is hard to get right."""
    for part in parts(data):
        for at in part[:24]:
            (word,) = struct.unpack_from("<I", data, at)
            near = {(word + 1) % 2**32, (word - 1) % 2**32, word ^ 1 << 16}
            for value in near.union(SPECIAL) - {word}:
                yield lying(data, (at, value))


@pytest.mark.long
@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.name)
def test_each_word_that_lies_is_refused_for_the_same_reason_or_accepted_by_both(path: Path) -> None:
    for data in single_lies(path.read_bytes()):
        assert native_verdict(data) == verdict(data)
