"""Benchmarks of papers, as files: what is run, over which seeds, and what came out.

benchmark.py   what a benchmark's TOML file may say; each row is checked at both scales
jobs.py        a job: one recipe with one seed, in a folder of its own
work.py        doing a job
engines.py     who runs the jobs, who is told, and how often a job is tried
pool.py        processes on this machine
ray_engine.py  a Ray cluster
search.py      strengths chosen on validation data
runner.py      from a benchmark to its results
needs.py       hours and memory of a benchmark, estimated before it is started
results.py     all figures as one document
tables.py      one document as a table
overview.py    methods on several benchmarks, in one table or one line
page.py        the figures of docs/RESULTS.md and docs/METHODS.md
"""
