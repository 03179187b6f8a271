"""What goes onto a real board, how it gets there, and what it has measured.

image_files.py      a linked program as plain bytes, Intel HEX and UF2
flash_image.py      builds firmware that a board runs by itself: core, model, clock, serial port
linux_program.py    builds the program that measures on a board with Linux
firmware_folder.py  the folder that `metabit firmware` writes
remote.py           runs that program on another machine through ssh
measured.py         what it measured, beside the estimate
core_line.py        a line to a firmware through its core's memory
cores_at_hand.py    builds that firmware for an emulated board or for a debug server's
"""
