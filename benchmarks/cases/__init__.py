"""One file a family of cases; each has a tuple ``CASES`` (see ``benchmarks.case``)."""
