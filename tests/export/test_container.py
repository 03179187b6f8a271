"""A model survives the file; what is not a model is refused; C and Python refuse the same."""

from __future__ import annotations

import ctypes
import json
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import random_model
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit.edge_runtime import _native
from metabit.errors import CorruptError, FormatError, InputError, MetabitError
from metabit.export import layout
from metabit.export.container import dumps, load, loads, save, sections, sizes
from metabit.export.spec import LearnState, Model

SMALL = (33, 20, 5)


def native_verdict(data: bytes) -> int:
    # Exactly as long as the data, so that the sanitizers see a read of one byte too many.
    blob = np.empty(len(data), dtype=np.uint8)
    blob[:] = np.frombuffer(data, dtype=np.uint8)
    info = _native.Info()
    return int(_native.library().mb_verify(blob.ctypes.data, blob.size, ctypes.byref(info)))


def assert_same_model(a: Model, b: Model) -> None:
    assert (a.input, a.eps, dict(a.meta)) == (b.input, b.eps, dict(b.meta))
    for one, other in zip(a.layers, b.layers, strict=True):
        assert np.array_equal(one.weights, other.weights)
        for t1, t2 in zip(one.thresholds, other.thresholds, strict=True):
            assert np.array_equal(t1.value, t2.value)
            assert np.array_equal(t1.flip, t2.flip)
        for n1, n2 in zip(one.norms, other.norms, strict=True):
            for column in ("mean", "var", "gamma", "beta"):
                assert np.array_equal(getattr(n1, column), getattr(n2, column))
    assert (a.learn is None) == (b.learn is None)
    if a.learn is not None and b.learn is not None:
        assert replace(a.learn, levels=()) == replace(b.learn, levels=())
        for l1, l2 in zip(a.learn.levels, b.learn.levels, strict=True):
            assert np.array_equal(l1, l2)
    assert a.golden is not None
    assert b.golden is not None
    assert np.array_equal(a.golden.inputs, b.golden.inputs)
    assert np.array_equal(a.golden.scores, b.golden.scores)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("learnable", [True, False])
@pytest.mark.parametrize("sizes", [(1, 2), (33, 31, 4), (64, 65, 33, 7)], ids=str)
def test_a_model_comes_back_as_it_was(
    tmp_path: Path, sizes: tuple[int, ...], bits: int, learnable: bool
) -> None:
    model = random_model(sizes, bits=bits, learnable=learnable, n_banks=3, dtype="int8")
    path = tmp_path / "m.mbit"
    save(model, path)
    assert_same_model(load(path), model)
    assert dumps(load(path)) == path.read_bytes()
    assert native_verdict(path.read_bytes()) == 0


def test_every_section_starts_on_a_multiple_of_64_and_none_is_left_out() -> None:
    data = dumps(random_model(SMALL))
    found = sections(data)
    assert [s.type for s in found] == ["NETW", "WGTS", "THRS", "NORM", "LERN", "GOLD", "META"]
    assert all(s.offset_bytes % 64 == 0 for s in found)
    assert found[-1].offset_bytes + found[-1].length_bytes == len(data)


def test_size_is_one_bit_a_weight_and_sixteen_bytes_a_channel() -> None:
    model = random_model((784, 128, 128, 10), learnable=True, golden=1)
    data = dumps(model)
    parts = sizes(model, data)
    budget = 1.02 * model.n_weights / 8 + 16 * model.n_channels + 4096
    assert parts.file_bytes - parts.learn_bytes <= budget


@pytest.mark.parametrize("learnable", [True, False])
def test_every_truncation_is_refused_by_c_and_python(learnable: bool) -> None:
    data = dumps(random_model(SMALL, learnable=learnable))
    for length in range(len(data)):
        assert native_verdict(data[:length]) < 0
        with pytest.raises((FormatError, CorruptError)):
            loads(data[:length])


def test_every_flipped_bit_is_refused_by_c_and_python() -> None:
    data = bytearray(dumps(random_model((9, 5, 3), golden=1)))
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        assert native_verdict(bytes(data)) < 0
        with pytest.raises((FormatError, CorruptError)):
            loads(bytes(data))
        data[bit // 8] ^= 1 << bit % 8


def reseal(data: bytearray) -> bytes:
    """Make all checksums right again, so that only the values lie."""
    (count,) = struct.unpack_from("<I", data, 20)
    for i in range(min(count, (len(data) - 64) // 32)):
        entry = 64 + 32 * i
        offset, length = struct.unpack_from("<II", data, entry + 8)
        struct.pack_into("<I", data, entry + 16, zlib.crc32(data[offset : offset + length]))
    struct.pack_into("<I", data, 24, zlib.crc32(data[64 : 64 + 32 * count]))
    struct.pack_into("<I", data, 60, zlib.crc32(data[:60]))
    return bytes(data)


def python_accepts(data: bytes) -> bool:
    try:
        loads(data)
    except MetabitError:
        return False
    return True


@settings(max_examples=1500, deadline=None)
@given(st.data())
def test_values_that_lie_under_right_checksums_get_the_same_verdict_twice(
    draw: st.DataObject,
) -> None:
    model = random_model((9, 5, 3), golden=1, bits=draw.draw(st.sampled_from([4, 8])))
    data = bytearray(dumps(replace(model, meta={})))
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(data) // 4 - 1)) * 4
        special = st.sampled_from(
            [0, 1, 2, 0x7F800000, 0x7FC00000, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 31]
        )
        struct.pack_into("<I", data, at, draw.draw(special | st.integers(0, 2**32 - 1)))
    resealed = reseal(data)
    assert python_accepts(resealed) == (native_verdict(resealed) == 0)


def test_foreign_files_are_named_as_such() -> None:
    for foreign in (b"", b"PK\x03\x04" + b"\0" * 100, b"\x89PNG\r\n\x1a\n" + b"\0" * 100):
        assert native_verdict(foreign) == -1
        with pytest.raises(FormatError, match=r"not a \.mbit file"):
            loads(foreign)


def test_a_later_format_and_an_unknown_critical_section_ask_for_an_update() -> None:
    data = bytearray(dumps(random_model(SMALL)))
    struct.pack_into("<H", data, 8, 2)
    with pytest.raises(FormatError, match="update metabit"):
        loads(reseal(data))
    known = layout.sections(dumps(random_model(SMALL)), "x")
    payloads = [(s.type, s.critical, b"\0" * s.length_bytes) for s in known[:1]]
    unknown = layout.assemble([*payloads, ("NEWS", True, b"abc")], minor=0)
    with pytest.raises(FormatError, match="NEWS"):
        loads(unknown)
    assert native_verdict(unknown) == -1


def test_an_unknown_optional_section_is_skipped() -> None:
    data = dumps(random_model(SMALL))
    parts = [
        (s.type, s.critical, data[s.offset_bytes : s.offset_bytes + s.length_bytes])
        for s in sections(data)
    ]
    extended = layout.assemble([*parts, ("NOTE", False, b"from the future")], minor=0)
    assert_same_model(loads(extended), loads(data))
    assert native_verdict(extended) == 0


def test_meta_that_is_not_an_object_is_refused() -> None:
    data = dumps(random_model(SMALL))
    parts = [
        (s.type, s.critical, data[s.offset_bytes : s.offset_bytes + s.length_bytes])
        for s in sections(data)[:-1]
    ]
    for text in (b"[1]", b"{", b"\xff\xfe", json.dumps("x").encode()):
        with pytest.raises(CorruptError, match="META"):
            loads(layout.assemble([*parts, ("META", False, text)], minor=0))


def test_limits_are_checked_before_anything_is_written(tmp_path: Path) -> None:
    model = random_model(SMALL)
    assert model.learn is not None
    path = tmp_path / "m.mbit"
    bad: list[Model] = [
        replace(model, input=replace(model.input, zero_point=300)),
        replace(model, eps=0.0),
        replace(model, learn=replace(model.learn, step_levels=float("nan"))),
        replace(model, learn=LearnState(6, model.learn.levels, model.learn.m, model.learn.w_max)),
        replace(model, layers=model.layers[1:]),
    ]
    for broken in bad:
        with pytest.raises(InputError, match="cannot pack"):
            save(broken, path)
    assert not path.exists()


def test_saving_replaces_whole_files_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "m.mbit"
    save(random_model(SMALL), path)
    save(random_model(SMALL, seed=1), path)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="cannot write"):
        save(random_model(SMALL), tmp_path / "no" / "such" / "folder.mbit")
