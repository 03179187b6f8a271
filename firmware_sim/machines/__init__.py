"""What runs the firmware, and how it is spoken to.

emulator.py     an emulated core, where only the board's memory exists
gdb_remote.py   the remote protocol of GDB: memory, registers and breakpoints of a core
debug_probe.py  a core that a debug server holds: qemu, OpenOCD, pyOCD
device.py       the firmware on any of them, through its mailbox
"""
