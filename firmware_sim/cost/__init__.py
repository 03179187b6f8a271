"""What instructions cost on a core: from executed blocks to cycles, time and energy.

phases.py      which layer was at work, on what, and what that took
counting.py    executed instructions by class
operations.py  instructions as the operations that a cost model tells apart
cores.py       the cost model of a core: width, units, latencies
pipeline.py    cycles of the executed blocks on a core
watcher.py     which blocks ran, their cycles, and the lines that caches did not have
latency.py     cycles, time and energy as estimates with bounds

`cores/` has one TOML file per core, with the source of its constants; `watcher/` is the part of the
watcher that is called millions of times, in C for the host.
"""
