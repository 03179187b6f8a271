"""What survives what: power cuts, failing calls, bad lines, hostile bytes and long streams.

power_cuts.py      millions of failing calls, ending processes and power cuts on a folder of states
kernel_cuts.py     failing system calls, killed processes and several writers on it, for real
flash_rivals.py    states and samples in bare flash beside littlefs, in the same power cuts
bad_line.py        corruptions, losses, repetitions and resets between a host and a device
fuzzing.py         millions of mutated model files, states and requests: libFuzzer with sanitizers
fuzz_together.py   run fuzzers side by side for a while, and say what they did
long_streams.py    memory and first answer of `metabit predict` and `learn` on a long csv stream
"""
