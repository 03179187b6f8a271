"""Which network for which data, and when another tool fits better.

when.py           when metabit fits: equal flash, equal RAM with learning, equal time
fitting.py        what `metabit fit` finds, against the best of a full grid, and what each takes
fit_answers.py    what `metabit fit` found beside its rivals, taken from what it wrote
recipe_gains.py   what metaplasticity, and measured normalisation, bring to each recipe of recipes/
statistics_gains.py  what measured normalisation brings where m is 0: digits, Fashion, HAPT
"""
