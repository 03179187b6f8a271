"""Measurements for the pages of docs/: a folder per question, results as JSON in results/."""
