"""Runs a program for WebAssembly (WASI) in Wasmtime: `python wasm.py PROGRAM [ARGUMENT ...]`.

It sees all files, prints where this does, and its exit status is this one's.
"""

from __future__ import annotations

import sys

import wasmtime


def main() -> int:
    """Run the program; its exit status."""
    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    world = wasmtime.WasiConfig()
    world.argv = sys.argv[1:]
    world.inherit_stdout()
    world.inherit_stderr()
    world.preopen_dir("/", "/")
    store = wasmtime.Store(engine)
    store.set_wasi(world)
    program = linker.instantiate(store, wasmtime.Module.from_file(engine, sys.argv[1]))
    start = program.exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    try:
        start(store)
    except wasmtime.ExitTrap as ended:
        return ended.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
