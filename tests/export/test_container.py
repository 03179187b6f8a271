"""A model survives the file; what is not a model is refused; C and Python refuse the same."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.random_models import (
    native_verdict,
    random_convnet,
    random_model,
    reseal,
    small_convnet,
)

from metabit.errors import CorruptError, FormatError, InputError, StorageError
from metabit.export import layout
from metabit.export.container import dumps, load, loads, save, sections
from metabit.export.file_sizes import file_sizes
from metabit.export.shapes import shape_of
from metabit.export.spec import ConvLayer, LearnState, Model, Told

SMALL = (33, 20, 5)


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


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("learnable", [True, False])
def test_a_convolutional_model_comes_back_as_it_was(bits: int, learnable: bool) -> None:
    model = small_convnet(bits=bits, learnable=learnable, n_banks=2, dtype="int8")
    data = dumps(model)
    assert layout.version_text(data) == "1.1"
    assert layout.version_text(dumps(random_model(SMALL))) == "1.0"
    back = loads(data)
    assert_same_model(back, model)
    for one, other in zip(back.layers, model.layers, strict=True):
        assert shape_of(one) == shape_of(other)
    assert dumps(back) == data
    assert native_verdict(data) == 0


def test_every_section_starts_on_a_multiple_of_64_and_none_is_left_out() -> None:
    data = dumps(random_model(SMALL))
    found = sections(data)
    assert [s.type for s in found] == ["NETW", "WGTS", "THRS", "NORM", "LERN", "GOLD", "META"]
    assert all(s.offset_bytes % 64 == 0 for s in found)
    assert found[-1].offset_bytes + found[-1].length_bytes == len(data)


def test_size_is_one_bit_a_weight_and_sixteen_bytes_a_channel() -> None:
    model = random_model((784, 128, 128, 10), learnable=True, golden=1)
    data = dumps(model)
    parts = file_sizes(model, data)
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


@pytest.mark.parametrize(
    "words",
    [(6, 1, 0, 1), (0, 0, 0, 1), (0, 3, 0, 1), (0, 1, 65_536, 1), (0, 1, 0, 0), (0, 1, 0, 65),
     (0, 1, 9, 2), (1, 1, 9, 1), (5, 1, 9, 1)],
)  # fmt: skip
def test_what_no_recipe_can_say_of_learning_is_refused(words: tuple[int, int, int, int]) -> None:
    told = replace(random_model(SMALL), told=Told())
    data = bytearray(dumps(told))
    (goal,) = (s for s in sections(bytes(data)) if s.type == layout.GOAL)
    assert loads(bytes(data)).told == Told()
    struct.pack_into("<4I", data, goal.offset_bytes, *words)
    resealed = reseal(data)
    with pytest.raises(CorruptError):
        loads(resealed)
    assert native_verdict(resealed) == -2
    with pytest.raises(InputError, match="how it learns"):
        dumps(replace(told, told=Told(batch=65)))


def with_record(data: bytes, layer: int, record: bytes, shape: tuple[int, ...] = ()) -> bytes:
    """A file whose NETW says something else of one layer, and of the shape of a sample."""
    (network,) = (s for s in sections(data) if s.type == "NETW")
    lying = bytearray(data)
    if shape:
        struct.pack_into("<I4I", lying, network.offset_bytes + 24, len(shape), *shape)
    at = network.offset_bytes + 48 + 16 * layer
    lying[at : at + 16] = record
    return reseal(lying)


@pytest.mark.parametrize(
    "geometry",
    [
        (0, 1, 2, 1),  # no kernel
        (3, 0, 2, 1),  # no stride
        (3, 1, 0, 1),  # no pooling
        (3, 1, 16, 1),  # a window with more positions than a byte counts
        (3, 1, 2, 2),  # a padding that does not exist
        (3, 1, 2, 0),  # other maps: the dense layer after it does not fit any more
        (3, 9, 2, 1),  # one position a side, two are pooled
        (2, 1, 2, 1),  # not as many weights as there are
        (255, 1, 1, 1),
        (255, 255, 15, 1),
        (255, 255, 255, 255),
    ],
    ids=str,
)
def test_a_convolution_that_lies_is_refused(geometry: tuple[int, int, int, int]) -> None:
    data = dumps(small_convnet(golden=1))
    assert with_record(data, 0, struct.pack("<III4B", 2, 18, 6, 3, 1, 2, 1)) == data
    lying = with_record(data, 0, struct.pack("<III4B", 2, 18, 6, *geometry))
    assert native_verdict(lying) < 0
    with pytest.raises((FormatError, CorruptError)):
        loads(lying)


@pytest.mark.parametrize(
    ("record", "shape"),
    [
        ((2, 9, 65535, 3, 1, 1, 1), (256, 256, 1, 1)),  # 2**32 sums and more
        ((2, 65536, 65535, 1, 1, 1, 0), (1, 1, 65536, 1)),  # weights of 512 MiB
        ((2, 1, 65535, 1, 1, 1, 0), (65536, 1, 1, 1)),
        ((2, 9, 65535, 3, 1, 1, 1), (1, 1, 1, 1)),  # errors that do not fit 32 bits
        ((2, 0, 6, 3, 1, 1, 1), (9, 7, 0, 1)),
        ((2, 0, 6, 3, 1, 1, 1), (0xFFFFFFFF, 1, 1, 1)),
    ],
    ids=str,
)
@pytest.mark.parametrize("n_dims", [1, 2, 3, 4])
def test_huge_maps_are_refused_before_anything_of_their_size_is_touched(
    record: tuple[int, ...], shape: tuple[int, ...], n_dims: int
) -> None:
    lying = bytearray(
        with_record(dumps(small_convnet(golden=1)), 0, struct.pack("<III4B", *record), shape)
    )
    (network,) = (s for s in layout.sections(bytes(lying), "x") if s.type == "NETW")
    struct.pack_into("<I", lying, network.offset_bytes + 24, n_dims)
    assert native_verdict(reseal(lying)) < 0
    with pytest.raises(CorruptError):
        loads(reseal(lying))


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


def test_a_convolution_that_does_not_fit_is_not_written() -> None:
    model = small_convnet()
    first, *rest = model.layers
    assert isinstance(first, ConvLayer)
    assert isinstance(rest[0], ConvLayer)
    wrong = [
        replace(first, window=replace(first.window, pool=9)),
        replace(first, window=replace(first.window, in_shape=(7, 9, 2))),
        replace(first, window=replace(first.window, stride=0)),
    ]
    broken = [replace(model, layers=(layer, *rest)) for layer in wrong]
    broken.append(replace(model, layers=(first, rest[0])))  # ends with maps
    broken.append(replace(model, layers=(*rest[1:], first)))
    for bad in broken:
        with pytest.raises(InputError, match="cannot pack"):
            dumps(bad)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("kernel_size", [2, 3])  # 2 pads after the map only
def test_a_padded_map_needs_an_integer_next_to_its_zero_point(dtype: str, kernel_size: int) -> None:
    """256 is no sample of uint8, nor 128 one of int8: the file is refused by both readers."""
    highest = 255 if dtype == "uint8" else 127
    options: dict[str, Any] = {"dtype": dtype, "golden": 1, "learnable": False}
    good = random_convnet(
        (6, 5), [(4, kernel_size, 1, "one", 1)], (3,), zero_point=highest - 1, **options
    )
    data = bytearray(dumps(good))
    bad = replace(good, input=replace(good.input, zero_point=highest))
    with pytest.raises(InputError, match="cannot pack"):
        dumps(bad)
    (network,) = (s for s in sections(bytes(data)) if s.type == "NETW")
    struct.pack_into("<i", data, network.offset_bytes + 12, highest)
    assert native_verdict(reseal(data)) < 0
    with pytest.raises(CorruptError):
        loads(reseal(data))
    unpadded = random_convnet((6, 5), [(4, 1, 1, "one", 1)], (3,), zero_point=highest, **options)
    assert native_verdict(dumps(unpadded)) == 0


def test_saving_replaces_whole_files_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "m.mbit"
    save(random_model(SMALL), path)
    save(random_model(SMALL, seed=1), path)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(StorageError, match="cannot write"):
        save(random_model(SMALL), tmp_path / "no" / "such" / "folder.mbit")
