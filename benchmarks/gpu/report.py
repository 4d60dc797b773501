"""The table that ends a run, and which targets it meets."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.gpu.timing import Times, geometric_mean
from benchmarks.report import show_time

BANDWIDTH, EAGER, COMPILED, PRODUCTS, CALLS, HOST = 0.85, 2.5, 1.0, 0.9, 3.0, 15e-6


def report(times: list[Times], said: Sequence[Mapping[str, Any]], seconds: float) -> str:
    """All that ends a run. ``said``: by the process of each case, the device and a copy's bandwidth among it."""
    titles = [found["title"] for found in said if "title" in found]
    copies = [found["copy"] for found in said if "copy" in found]
    copy = max(copies, default=math.nan)
    host = min([found["host"] for found in said if "host" in found], default=None)
    lines = [
        f"{titles[0] if titles else 'no device answered'}, {time.strftime('%Y-%m-%d')}",
        f"a copy reads and writes {copy / 1e9:.0f} GB/s; python -m benchmarks.gpu took {seconds:.0f} s",
    ]
    return "\n".join([*lines, *verdicts(times, copy, host), table(times, copy)])


def table(times: list[Times], copy: float) -> str:
    """A line for each case: times, how many times graphc's the others take, and the part of a copy's bandwidth."""
    lines = [f"{'case':46} {'graphc':>9} {'eager':>16} {'torch.compile':>16} {'of a copy':>9}"]
    for row in times:
        cells = [_beside(row.eager, row.graphc), _beside(row.compiled, row.graphc)]
        part = row.bandwidth(copy)
        share = "-" if part is None or math.isnan(part) else f"{part:.0%}"
        line = f"{row.case.what:46} {show_time(row.graphc):>9} {cells[0]:>16} {cells[1]:>16} {share:>9}"
        lines.append(line + (f"  {row.notes[:100]}" if row.notes else ""))
    return "\n".join(lines)


def _beside(other: float | None, own: float | None) -> str:
    if other is None or own is None:
        return "-"
    return f"{show_time(other)} ({other / own:.2f}x)"


def verdicts(times: list[Times], copy: float, host: float | None) -> list[str]:
    """Each target, what was measured, and whether that meets it."""
    kernels = [row for row in times if row.case.group in ("bandwidth", "arithmetic")]
    parts = [part for row in kernels if not math.isnan(part := row.bandwidth(copy) or math.nan)]
    products = [r.compiled / r.graphc for r in times if r.case.group == "products" and r.compiled and r.graphc]
    calls = [r.eager / r.graphc for r in times if r.case.group == "calls" and r.eager and r.graphc]
    found = [
        ("least part of a copy's bandwidth", min(parts, default=None), BANDWIDTH, True),
        ("times torch eager's speed", _mean(kernels, "eager"), EAGER, True),
        ("times torch.compile's speed", _mean(kernels, "compiled"), COMPILED, True),
        ("least times torch.compile's speed, products", min(products, default=None), PRODUCTS, True),
        ("times torch eager's speed, the small step", min(calls, default=None), CALLS, True),
        ("seconds a call costs the host", host, HOST, False),
    ]
    return [_verdict(*line) for line in found]


def _mean(rows: list[Times], name: str) -> float | None:
    ratios = [getattr(r, name) / r.graphc for r in rows if r.graphc and getattr(r, name)]
    return geometric_mean(ratios) if ratios else None


def _verdict(what: str, found: float | None, target: float, more: bool) -> str:
    if found is None:
        return f"{what}: not measured"
    met = found >= target if more else found <= target
    return f"{what}: {found:.3g}, {'at least' if more else 'at most'} {target:g} asked: {'met' if met else 'NOT MET'}"
