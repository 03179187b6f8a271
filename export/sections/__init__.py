"""The larger sections of a `.mbit` file, each written and read in one place; docs/FORMAT.md.

cursor.py   hands out the bytes of a section, checked
network.py  what the network is
head.py     a counting head
tracker.py  a tracking head that has learnt
goal.py     how the file is to learn where nobody says otherwise
front.py    a front end
"""
