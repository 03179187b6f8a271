"""The machine code of the C core: its instructions, its bytes, and which kernels compute what.

instructions.py   instructions of the main kernels, counted by callgrind and pinned
callgrind.py      instructions of the installed C library by function (valgrind)
code_sizes.py     bytes of code per function, on four cores, and the difference to another commit
kernel_sets.py    which kernel set computes which operator how, read from the C sources
"""
