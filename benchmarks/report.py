"""A run's outcomes as one table, one JSON file, one plot."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.driver import Outcome
from benchmarks.peers import SUBJECT
from benchmarks.roofline import Floor

# case name -> peer name -> outcome
Results = dict[str, dict[str, Outcome]]
# case name -> peer name -> "cold" or "warm" -> seconds to the first result
FirstCalls = dict[str, dict[str, dict[str, float]]]
# case name -> what the machine needs at least for its derivative
Floors = dict[str, Floor]


def show_time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def ratio(outcomes: dict[str, Outcome], peer: str, mode: str) -> float | None:
    """The peer's time divided by ours: above 1, graphc is the faster one."""
    theirs, subject = outcomes[peer].median(mode), outcomes.get(SUBJECT)
    ours = subject.median(mode) if subject else None
    return theirs / ours if theirs is not None and ours is not None else None


def show_cell(outcomes: dict[str, Outcome], peer: str, mode: str) -> str:
    outcome = outcomes[peer]
    if outcome.failed:
        return "FAILED"
    time = outcome.median(mode)
    times = ratio(outcomes, peer, mode) if peer != SUBJECT else None
    return show_time(time) + (f" ({times:.2f}x)" if times is not None else "")


def geometric_means(results: Results, peers: list[str], modes: list[str]) -> dict[str, dict[str, float]]:
    """mode -> peer -> geometric mean of the ratios over the cases where both have a time."""
    means: dict[str, dict[str, float]] = {}
    for mode in modes:
        means[mode] = {}
        for peer in peers:
            ratios = [value for outcomes in results.values() if (value := ratio(outcomes, peer, mode)) is not None]
            if ratios and peer != SUBJECT:
                means[mode][peer] = math.exp(sum(map(math.log, ratios)) / len(ratios))
    return means


def value_cost(outcomes: dict[str, Outcome]) -> float | None:
    """How many times the value alone graphc's value and gradient cost."""
    subject = outcomes.get(SUBJECT)
    both, value = (subject.median(mode) if subject else None for mode in ("value_and_grad", "value"))
    return both / value if both is not None and value is not None else None


def standing(results: Results, peers: list[str], floors: Floors) -> str:
    """A row for each case: the best peer, value and gradient against the value alone, the distance from the floor."""
    rows = [["case", "fastest peer", "its time / ours", "value+gradient / value", "floor", "bound by", "ours / floor"]]
    for name, outcomes in results.items():
        ratios = {peer: times for peer in peers if peer != SUBJECT and (times := ratio(outcomes, peer, "grad"))}
        best = min(ratios, key=lambda peer: ratios[peer], default="")
        cost, ours = value_cost(outcomes), outcomes[SUBJECT].median("grad") if SUBJECT in outcomes else None
        floor = floors[name]
        rows.append(
            [
                name,
                best,
                f"{ratios[best]:.2f}x" if best else "",
                f"{cost:.2f}" if cost else "",
                show_time(floor.seconds),
                floor.bound,
                f"{ours / floor.seconds:.1f}" if ours else "",
            ]
        )
    costs = [cost for outcomes in results.values() if (cost := value_cost(outcomes))]
    if costs:
        rows.append(["geometric mean", "", "", f"{math.exp(sum(map(math.log, costs)) / len(costs)):.2f}", "", "", ""])
    return align(rows)


def beside_the_primal(results: Results) -> str:
    """A row for each case: graphc's gradient against the function itself written by hand for Numba, and against JAX."""
    rows = [["case", "gradient", "Numba, value alone", "gradient / value", "jax, gradient", "jax / gradient"]]
    for name, outcomes in results.items():
        ours, primal, theirs = (
            outcomes[peer].median(mode) if peer in outcomes else None
            for peer, mode in ((SUBJECT, "grad"), ("numba_primal", "value"), ("jax", "grad"))
        )
        rows.append(
            [
                name,
                show_time(ours),
                show_time(primal),
                f"{ours / primal:.2f}" if ours and primal else "",
                show_time(theirs),
                f"{theirs / ours:.2f}x" if ours and theirs else "",
            ]
        )
    return align(rows)


def table(results: Results, peers: list[str], modes: list[str], first_calls: FirstCalls) -> str:
    timed_first = [peer for peer in peers if any(peer in case for case in first_calls.values())]
    header = ["case", "mode", *peers, *(f"{peer} first call, cold / warm" for peer in timed_first)]
    rows = []
    for name, outcomes in results.items():
        for mode in modes:
            row = [name, mode, *(show_cell(outcomes, peer, mode) for peer in peers)]
            firsts = first_calls.get(name, {}) if mode == modes[0] else {}
            row += [
                " / ".join(show_time(firsts.get(peer, {}).get(state)) for state in ("cold", "warm"))
                for peer in timed_first
            ]
            rows.append(row)
    for mode, means in geometric_means(results, peers, modes).items():
        cells = [f"{means[peer]:.2f}x" if peer in means else "" for peer in peers]
        if any(cells):
            rows.append(["geometric mean", mode, *cells, *("" for _ in timed_first)])
    return align([header, *rows])


def align(rows: list[list[str]]) -> str:
    """Columns of equal width, as a Markdown table."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def notes(results: Results) -> list[str]:
    """Why a cell is empty or failed, each reason once."""
    reasons: dict[str, list[str]] = {}
    for name, outcomes in results.items():
        for peer, outcome in outcomes.items():
            if outcome.failed:
                reasons.setdefault(f"FAILED {peer}: {outcome.failed}", []).append(name)
            elif outcome.absent:
                reasons.setdefault(f"skipped {peer}: {outcome.absent}", []).append(name)
            if outcome.disturbed_turns:
                what = f"{peer}: other programs used the CPUs in {outcome.disturbed_turns} turns"
                reasons.setdefault(what, []).append(name)
    return [f"{reason} [{', '.join(names)}]" for reason, names in reasons.items()]


def as_json(
    results: Results, first_calls: FirstCalls, floors: Floors, about: dict[str, Any], cases: dict[str, Case]
) -> str:
    def summary(outcome: Outcome) -> dict[str, Any]:
        return {
            "versions": outcome.versions,
            "import_seconds": outcome.import_seconds,
            "first_call_seconds": outcome.first_call,
            "relative_difference": outcome.error,
            "skipped": outcome.absent,
            "failed": outcome.failed,
            "disturbed_turns": outcome.disturbed_turns,
            "seconds": {mode: quantiles(times) for mode in outcome.samples if (times := outcome.times(mode))},
        }

    def one_case(name: str) -> dict[str, Any]:
        outcomes = results[name]
        return {
            "what": cases[name].what,
            "sizes": dict(cases[name].sizes),
            "rtol": cases[name].rtol,
            "value_and_grad_over_value": value_cost(outcomes),
            "floor_seconds": {"memory": floors[name].memory, "arithmetic": floors[name].arithmetic},
            "first_call_cold_warm": first_calls.get(name, {}),
            "peers": {peer: summary(outcome) for peer, outcome in outcomes.items()},
        }

    return json.dumps({**about, "cases": {name: one_case(name) for name in results}}, indent=2) + "\n"


def quantiles(samples: list[float]) -> dict[str, float]:
    lowest, quarter, median, three_quarters = (float(value) for value in np.quantile(samples, (0.0, 0.25, 0.5, 0.75)))
    return {
        "median": median,
        "lowest": lowest,
        "quarter": quarter,
        "three_quarters": three_quarters,
        "samples": len(samples),
    }


def plot(results: Results, peers: list[str], mode: str, path: Path) -> None:
    """Bars of each peer's time, relative to graphc's where graphc was measured, else to the fastest peer's."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    drawn = [peer for peer in peers if any(outcomes[peer].median(mode) for outcomes in results.values())]
    figure, axes = plt.subplots(figsize=(max(7.0, 1.4 * len(results)), 4.5), layout="constrained")
    width = 0.8 / max(1, len(drawn))
    for index, peer in enumerate(drawn):
        heights = [relative_time(outcomes, peer, mode) for outcomes in results.values()]
        axes.bar(np.arange(len(results)) + (index - (len(drawn) - 1) / 2) * width, heights, width, label=peer)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xticks(range(len(results)), list(results), rotation=30, ha="right")
    measured = any(SUBJECT in outcomes and outcomes[SUBJECT].median(mode) for outcomes in results.values())
    axes.set_ylabel(f"time relative to {SUBJECT if measured else 'the fastest'} (lower is faster)")
    axes.set_title(f"{mode}, median")
    axes.legend(ncols=4, fontsize="small")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def reference_time(outcomes: dict[str, Outcome], mode: str) -> float | None:
    if SUBJECT in outcomes and outcomes[SUBJECT].median(mode) is not None:
        return outcomes[SUBJECT].median(mode)
    return min((time for outcome in outcomes.values() if (time := outcome.median(mode)) is not None), default=None)


def relative_time(outcomes: dict[str, Outcome], peer: str, mode: str) -> float:
    time, reference = outcomes[peer].median(mode), reference_time(outcomes, mode)
    return time / reference if time is not None and reference is not None else math.nan
