"""Measurements behind docs/BENCHMARKS.md: one script a table, results as JSON beside it."""
