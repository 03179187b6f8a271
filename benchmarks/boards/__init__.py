"""Predicted cycles of the cores beside published ones; README.md lists the files."""
