"""The ctypes table says what the C headers say, and the library is built as promised."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import cffi
import pytest

from metabit.edge_runtime import _native, sources
from metabit.errors import StorageError

HEADERS = ("metabit.h", "metabit_posix.h", "metabit_bench.h", "metabit_threads.h")
STRUCTS = {
    "mb_options": _native.NativeOptions,
    "mb_info": _native.Info,
    "mb_plan": _native.RamPlan,
    "mb_status": _native.NativeStatus,
    "mb_window_status": _native.NativeWindowStatus,
}


def declarations() -> str:
    text = "\n".join((sources() / "include" / name).read_text() for name in HEADERS)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = text.replace("[MB_MAX_LAYERS]", f"[{_native.MAX_LAYERS}]")
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    text = text.replace("MB_API", "").replace('extern "C" {', "")
    return re.sub(r"^}\s*$", "", text, flags=re.M)


@pytest.fixture(scope="module")
def ffi() -> cffi.FFI:
    parsed = cffi.FFI()
    parsed.cdef(declarations())
    return parsed


def functions() -> set[str]:
    return set(re.findall(r"\b(mb_[a-z_]+)\s*\((?!\*)", declarations())) - {"mb_error"}


def test_the_table_names_every_public_function_and_no_other() -> None:
    assert functions() == set(_native.SIGNATURES)


def test_every_argument_and_result_has_the_size_of_its_c_type(ffi: cffi.FFI) -> None:
    library = ffi.dlopen(str(_native.library_path()))
    for name, (result, arguments) in _native.SIGNATURES.items():
        signature = ffi.typeof(getattr(library, name))
        assert len(signature.args) == len(arguments), name
        for c_type, py_type in zip(signature.args, arguments, strict=True):
            assert ffi.sizeof(c_type) == ctypes.sizeof(py_type), name
        assert (signature.result.kind == "void") == (result is None), name
        if result is not None:
            assert ffi.sizeof(signature.result) == ctypes.sizeof(result), name


@pytest.mark.parametrize("name", STRUCTS)
def test_structs_have_the_same_fields_at_the_same_offsets(ffi: cffi.FFI, name: str) -> None:
    c_fields = ffi.typeof(name).fields
    python = STRUCTS[name]
    assert [field for field, _ in c_fields] == [entry[0] for entry in python._fields_]
    for field, info in c_fields:
        assert info.offset == getattr(python, field).offset
    assert ffi.sizeof(name) == ctypes.sizeof(python)


def test_every_c_error_has_an_exception_with_a_code(ffi: cffi.FFI) -> None:
    names = ffi.typeof("enum mb_error").elements
    negative = {value for value in names if value < 0}
    assert negative == set(_native.ERRORS)
    texts = {_native.library().mb_error_text(code) for code in negative}
    assert len(texts) == len(negative)


def test_the_library_is_of_this_version() -> None:
    import metabit

    assert _native.library().mb_version().decode() == metabit.__version__


def test_the_core_includes_only_freestanding_headers() -> None:
    allowed = {"float.h", "stdbool.h", "stddef.h", "stdint.h"}
    of_the_compiler = {"arm_mve.h", "arm_neon.h", "cpuid.h", "immintrin.h", "wasm_simd128.h"}
    of_linux = {"sys/auxv.h"}  # these and those in kernels, behind a macro
    for path in (sources() / "src").rglob("*.[ch]"):
        system = set(re.findall(r"#include <([^>]+)>", path.read_text()))
        kernels = sources() / "src" / "kernels" in path.parents
        assert system <= (allowed | of_the_compiler | of_linux if kernels else allowed), path.name


def test_a_missing_library_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("METABIT_LIBRARY", str(tmp_path / "none.so"))
    _native.library.cache_clear()
    try:
        with pytest.raises(StorageError, match="reinstall metabit"):
            _native.library()
    finally:
        monkeypatch.undo()
        _native.library.cache_clear()


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("linux", "libmetabit.so"),
        ("darwin", "libmetabit.dylib"),
        ("win32", "metabit.dll"),
        ("freebsd14", "libmetabit.so"),
    ],
)
def test_the_library_is_looked_for_under_the_name_that_its_system_gives(
    platform: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("METABIT_LIBRARY", raising=False)
    monkeypatch.setattr("sys.platform", platform)
    assert _native.library_path().name == name
