"""graphc beside its peers: ``python -m benchmarks``; docs/benchmarks.md says how the comparison is made."""
