"""Measurements for docs/BENCHMARKS.md: one script a table, results as JSON beside it."""
