"""Measurements for docs/BENCHMARKS.md: one script per table, results as JSON beside it."""
