"""Reports: what a verb found out, as one page that needs nothing besides itself.

A page holds its style and its drawings (SVG), fits a phone, and follows the reader's choice of
dark or light. The standard library is enough to make one.

page.py         what a page consists of
render.py       a page as HTML, every text escaped
drawing.py      curves and dots as SVG
style.py        how a page looks
words.py        numbers and circumstances as people read them
found.py        reads what a verb wrote, and makes its page
of_training.py  the page of a run of `metabit train`
of_learning.py  the page of `metabit learn`
of_profile.py   the page of `metabit profile`
of_boards.py    the page of `metabit profile --board all`
of_fit.py       the page of `metabit fit`
of_states.py    the page of a state folder
of_demo.py      the page of `metabit demo`
"""

from __future__ import annotations
