"""State images: what a device has learnt, as bytes, written and read; docs/FORMAT.md.

learnt.py         what an engine has learnt, parsed
state_image.py    the same, as bytes
context_image.py  the same of several contexts
head_image.py     a learnt head in it
reader.py         a cursor over an image that refuses what could do harm
files.py          state files read, alone or from a folder
facts.py          what an image says of itself, whatever model it belongs to
"""
