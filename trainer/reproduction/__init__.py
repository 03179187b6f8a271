"""Benchmarks of papers, as files: what is run, over which seeds, and what came out."""
