"""Checks and times programs on a GPU: ``python -m benchmarks.gpu``."""
