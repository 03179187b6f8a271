"""A record in bare flash: after a power cut, the record before is there or the new one."""

from __future__ import annotations

import ctypes
import random
from ctypes import c_size_t, c_uint8

import pytest
from helpers.flash_rig import INPUT, MOVE, OK, STORAGE, Flash, PowerCut, Shape


def records(n: int, n_bytes: int = 150) -> list[bytes]:
    rng = random.Random(3)
    return [rng.randbytes(n_bytes + i) for i in range(n)]


SHAPES = [
    Shape(), Shape(write_bytes=1), Shape(write_bytes=32, n_slots=3),
    Shape(page_bytes=512, write_bytes=256, pages_per_slot=1, n_slots=2),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_the_last_record_is_there_when_a_program_begins(shape: Shape) -> None:
    flash = Flash(shape)
    assert flash.begin() == OK
    assert flash.call("kept_bytes") == 0
    for record in records(7):
        assert flash.keep(record) == OK
        assert flash.kept() == record
        assert flash.begin() == OK
        assert flash.kept() == record


@pytest.mark.parametrize("shape", SHAPES)
def test_a_power_cut_at_any_moment_leaves_the_record_before_or_the_new_one(shape: Shape) -> None:
    flash = Flash(shape)
    flash.begin()
    before, after = records(2)
    assert flash.keep(before) == OK
    at, found = 0, []
    while True:
        flash.begin(cut_at=at)
        try:
            assert flash.keep(after) == OK
            break
        except PowerCut:
            assert flash.begin() == OK
            found.append(flash.kept())
            assert found[-1] in (before, after)
            assert flash.keep(before) == OK  # the next program keeps something all the same
        at += 1
    assert at == flash.n_calls > shape.pages_per_slot
    assert before in found


@pytest.mark.parametrize("shape", SHAPES)
def test_a_record_that_has_gone_bad_is_not_taken_for_whole(shape: Shape) -> None:
    flash = Flash(shape)
    flash.begin()
    first, second = records(2)
    flash.keep(first)
    before = bytes(flash.cells)
    flash.keep(second)
    changed = [i for i, (a, b) in enumerate(zip(before, flash.cells, strict=True)) if a != b]
    for at in changed[:: max(1, len(changed) // 60)]:
        whole = flash.cells[at]
        flash.cells[at] ^= 1 << at % 8
        flash.begin()
        inside_gap = flash.kept() == second  # bytes that nothing reads
        assert inside_gap or flash.kept() == first
        assert not inside_gap or whole == 0xFF
        flash.cells[at] = whole
    flash.begin()
    assert flash.kept() == second


def slowly_changing(n: int, n_bytes: int = 300) -> list[bytes]:
    """Records in which a few bytes differ from one to the next; now and then all of them."""
    rng, now, made = random.Random(4), bytearray(n_bytes), []
    for number in range(n):
        now = bytearray(rng.randbytes(n_bytes)) if number % 9 == 8 else now
        for at in rng.sample(range(n_bytes), 6):
            now[at] = rng.randrange(256)
        made.append(bytes(now))
    return made


ROOMY = [
    Shape(page_bytes=256, pages_per_slot=8),
    Shape(page_bytes=128, write_bytes=1, pages_per_slot=11),
    Shape(page_bytes=512, write_bytes=8, pages_per_slot=6, n_slots=3),
    Shape(page_bytes=1024, write_bytes=256, pages_per_slot=4),
]  # fmt: skip


@pytest.mark.parametrize("shape", ROOMY)
def test_changes_read_as_the_whole_record(shape: Shape) -> None:
    flash, rng = Flash(shape), random.Random(5)
    flash.begin()
    for number, record in enumerate(slowly_changing(40)):
        assert flash.keep(record, piece=rng.choice((1, 7, 32, 300))) == OK
        if number % 3 == 0:
            assert flash.begin() == OK
        assert flash.kept() == record
        for _ in range(5):  # in any order
            at = rng.randrange(300)
            n = rng.randrange(300 - at + 1)
            into = ctypes.create_string_buffer(max(n, 1))
            assert flash.call("kept_read", c_size_t(at), into, c_size_t(n)) == OK
            assert into.raw[:n] == record[at : at + n]


def test_what_changes_little_is_written_and_erased_little() -> None:
    flash = Flash(Shape(page_bytes=1024, pages_per_slot=8))
    flash.begin()
    calm = slowly_changing(8, 2000)
    for number in range(48):
        assert flash.keep(calm[number % 8]) == OK
    assert sum(flash.n_erased) < 48 / 2  # a whole record takes two pages
    assert flash.keep(calm[0]) == flash.keep(calm[0]) == OK  # nothing has changed at all
    assert flash.begin() == OK
    assert flash.kept() == calm[0]


@pytest.mark.parametrize("shape", ROOMY)
def test_a_power_cut_among_changes_leaves_the_record_before_or_the_new_one(shape: Shape) -> None:
    """At each erasure and each write of many records, one after the other."""
    flash, found = Flash(shape), set()
    flash.begin()
    before = b""
    for number, record in enumerate(slowly_changing(12 if shape.write_bytes > 1 else 3)):
        for at in range(2000):
            flash.begin(cut_at=at)
            try:
                assert flash.keep(record) == OK
                break
            except PowerCut:
                assert flash.begin() == OK
                now = flash.kept() if flash.call("kept_bytes") else b""
                assert now in (before, record)
                found.add((number, now == record))
                if now == record:
                    break
        else:
            pytest.fail("a record is kept in the end")
        before = record
    assert False in {is_new for _, is_new in found}


@pytest.mark.parametrize("shape", ROOMY)
def test_a_bit_that_flips_costs_no_more_than_it_must(shape: Shape) -> None:
    """In the newest changes, the last commit; in a whole record, those that lie on it too."""
    flash, history = Flash(shape), slowly_changing(6)
    flash.begin()
    states = []
    for record in history:
        states.append(bytes(flash.cells))
        assert flash.keep(record) == OK
    both = enumerate(zip(states[-1], flash.cells, strict=True))
    for at in [i for i, (a, b) in both if a != b and b != 0xFF]:  # no gap that nothing reads
        flash.cells[at] ^= 1 << at % 8
        flash.begin()
        assert flash.kept() == history[-2]
        kept = bytes(flash.cells)
        assert flash.keep(history[0]) == OK  # what comes next counts all the same
        flash.begin()
        assert flash.kept() == history[0]
        flash.cells[:] = kept
        flash.cells[at] ^= 1 << at % 8
    first = [i for i, (a, b) in enumerate(zip(states[0], states[1], strict=True)) if a != b]
    for at in first[:: len(first) // 20]:
        flash.cells[at] ^= 1 << at % 8
        flash.begin()
        assert (flash.kept() if flash.call("kept_bytes") else b"") in (b"", *history)
        flash.cells[at] ^= 1 << at % 8


def test_slots_wear_alike() -> None:
    flash = Flash(Shape(n_slots=3))
    flash.begin()
    for record in records(30, 100):
        assert flash.keep(record) == OK
    # Pages that a record does not reach are not erased.
    assert flash.n_erased == [10, 10, 10, 0] * 3


def test_flash_that_fails_keeps_the_record_before() -> None:
    flash = Flash(Shape())
    flash.begin()
    first, second = records(2)
    flash.keep(first)
    flash.fails = True
    assert flash.keep(second) == STORAGE
    flash.fails = False
    assert flash.kept() == first
    assert flash.keep(second) == OK
    assert flash.kept() == second


def test_a_cell_that_does_not_take_what_is_written_is_found_at_once() -> None:
    class Worn(Flash):
        def _write(self, context: int, offset: int, data: ctypes.Array[c_uint8], n: int) -> int:
            error = super()._write(context, offset, data, n)
            self.cells[3 * self.shape.page_bytes] |= 0x80
            return error

    flash = Worn(Shape(pages_per_slot=3))
    flash.begin()
    assert flash.keep(bytes(150)) == STORAGE


def test_a_record_in_other_pieces_than_was_said_is_refused() -> None:
    flash = Flash(Shape())
    flash.begin()
    some = bytes(10)
    assert flash.call("keep_start", c_size_t(0)) == STORAGE
    assert flash.call("keep_start", c_size_t(64 * 4 - 31)) == STORAGE
    assert flash.call("keep_end") == STORAGE
    assert flash.call("keep_start", c_size_t(20)) == OK
    assert flash.call("keep_write", c_size_t(1), some, c_size_t(10)) == STORAGE
    assert flash.call("keep_write", c_size_t(0), some, c_size_t(10)) == OK
    assert flash.call("keep_end") == STORAGE
    assert flash.call("keep_write", c_size_t(10), some, c_size_t(11)) == STORAGE
    assert flash.call("kept_bytes") == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_slots": 1}, {"write_bytes": 3}, {"write_bytes": 0}, {"page_bytes": 0}, {"bytes": 65},
        {"write_bytes": 512}, {"page_bytes": 48}, {"bytes": 0}, {"read": MOVE()},
    ],
)  # fmt: skip
def test_sizes_that_do_not_go_together_are_refused(wrong: dict[str, object]) -> None:
    flash = Flash(Shape())
    flash.begin()
    for name, value in wrong.items():
        setattr(flash.native, name, value)
    assert flash.call("start") == INPUT
