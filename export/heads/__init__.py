"""What a counting head knows before it leaves home; docs/LEARNING.md.

features.py  what a head sees of samples
home.py      counts of the samples of home, and how a head is chosen
novelty.py   how far samples are from what a counting head knows
"""
