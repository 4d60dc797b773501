"""Printed routines that call NumPy's transforms: one call for all rows of a part."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.abi import Fourier
from graphc.schedule.program import Call


def _call(call: Call, word: str, read: str, written: str) -> str:
    """``read``, ``written``: how many real numbers a point of the operand and of the result has, 1 or 2."""
    points, results = (f"n{k} * {width}" for k, width in enumerate((read, written)))
    return f"""
    entry = {word}
    addresses = as_pointer_i64(library)
    source = at(b0, start * {points})
    target = at(b1, start * {results})
    one = cast_{call.dtype}(1.0)
    transform(addresses[entry], addresses[entry + 1], source, target, one, stop - start, n0, n1, {read}, {written})
"""


def _entry(call: Call, name: str) -> int:
    """Where the transform stands in the table: its loop, and behind that the loop's data."""
    return int(Fourier[f"{name}_{call.dtype.upper()}"])


def fft_pairs(call: Call) -> str:
    return _call(call, str(_entry(call, "IFFT" if "inverse" in call.flags else "FFT")), "2", "2")


def rfft_pairs(call: Call) -> str:
    even, odd = _entry(call, "RFFT_N_EVEN"), _entry(call, "RFFT_N_ODD")
    return _call(call, f"select(n0 // 2 * 2 == n0, {even}, {odd})", "1", "2")


def irfft_pairs(call: Call) -> str:
    return _call(call, str(_entry(call, "IRFFT")), "2", "1")


FOURIER_ROUTINES: Mapping[str, Callable[[Call], str]] = {
    "fft_pairs": fft_pairs,
    "rfft_pairs": rfft_pairs,
    "irfft_pairs": irfft_pairs,
}
