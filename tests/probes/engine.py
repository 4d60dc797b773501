"""One engine for all probes: an expression is run by NumPy and by graphc, and the two outcomes are compared.

A probe is a text, an expression or statements ending in one, of arrays by their names. What NumPy does with it is the
expectation: values, dtypes, shapes, or an error. graphc may refuse by one of its own errors; anything else that differs
is a finding.
"""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import scipy.special

import graphc
from graphc.config import override
from graphc.errors import InvalidGraphError, ProgramError

SCOPE = {"np": np, "special": scipy.special}
STEPS = (1e-5, 3e-6)
FLOATS = (np.float64, np.complex128, float, complex)


class Outcome(NamedTuple):
    """What a run gave: a value, or an error."""

    value: Any = None
    error: Exception | None = None


def is_refusal(error: Exception | None) -> bool:
    """Whether it is an error as graphc's users should see it: one of its own, that names their line."""
    own = isinstance(error, graphc.GraphcError) and not isinstance(error, InvalidGraphError | ProgramError)
    return own and error.location is not None  # type: ignore[union-attr]


def function_of(text: str, names: tuple[str, ...]) -> Callable[..., Any]:
    """The function of these arguments whose body the text is; its last line is what it returns."""
    *lines, last = text.split("\n")
    body = "".join(f"    {line}\n" for line in [*lines, f"return {last}"])
    source = f"def probe({', '.join(names)}):\n{body}"
    file = f"<probe {hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    scope: dict[str, Any] = dict(SCOPE)
    exec(compile(source, file, "exec"), scope)
    return scope["probe"]


def attempt(run: Callable[[], Any]) -> Outcome:
    """What a run gives, whatever it raises: an error is an outcome, which the caller judges."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return Outcome(run())
        except Exception as error:  # noqa: BLE001 - the outcome to look at
            return Outcome(error=error)


def copied(value: Any) -> Any:
    return np.copy(value, order="K") if isinstance(value, np.ndarray) else value


def by_numpy(function: Callable[..., Any], arrays: Mapping[str, Any]) -> Outcome:
    return attempt(lambda: function(*[copied(a) for a in arrays.values()]))


def interpreted(function: Callable[..., Any], arrays: Mapping[str, Any]) -> Outcome:
    """By graphc's interpreter. ``jit`` without a compiler is the plain function, so this is what a gradient leaves."""
    with override(disable_jit=True):
        program = graphc.grad(lambda seed, *given: (seed * 1.0, function(*given)), has_aux=True)
        return attempt(lambda: program(1.0, *arrays.values())[1])


def compiled(function: Callable[..., Any], arrays: Mapping[str, Any]) -> Outcome:
    return attempt(lambda: graphc.jit(function)(*arrays.values()))


def leaves(value: Any) -> Iterator[Any]:
    """The arrays, numbers and texts of a result, with the lengths of what holds them."""
    if isinstance(value, tuple | list):
        yield len(value)
        for item in value:
            yield from leaves(item)
    else:
        yield value


def problem(found: Any, expected: Any, ulps: float) -> str | None:
    """How two results differ; None where they do not."""
    ours, theirs = list(leaves(found)), list(leaves(expected))
    if len(ours) != len(theirs):
        return f"{len(ours)} parts, not {len(theirs)}"
    return next(filter(None, (_leaf_problem(*pair, ulps) for pair in zip(ours, theirs, strict=True))), None)


def _leaf_problem(found: Any, expected: Any, ulps: float) -> str | None:
    if not isinstance(expected, np.ndarray | np.generic | bool | int | float | complex):
        same = type(found) is type(expected) and (not isinstance(expected, str | bytes) or found == expected)
        return None if same else f"{found!r}, not {expected!r}"
    one, other = np.asarray(found), np.asarray(expected)
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return f"{one.dtype}{list(one.shape)}, not {other.dtype}{list(other.shape)}"
    if not close(one, other, ulps):
        return f"{one!r}, not {other!r}".replace("\n", "")
    return None


def close(one: np.ndarray, other: np.ndarray, ulps: float) -> bool:
    """Equal, or floats within so many units in the last place of the largest that is finite."""
    if other.dtype.kind not in "fc" or not ulps:
        same = (one == other) | ((one != one) & (other != other))
        zeros = np.array_equal(np.signbit(one[one == 0].real), np.signbit(other[one == 0].real)) if not ulps else True
        return bool(np.all(same)) and zeros
    finite = np.isfinite(other)
    size = np.abs(other[finite]).max(initial=0)
    bound = ulps * np.finfo(other.dtype).eps * max(size, np.finfo(other.dtype).tiny)
    return bool(np.allclose(one, other, rtol=0, atol=bound, equal_nan=True))


def finding(
    text: str, arrays: Mapping[str, Any], *, run: Callable[..., Outcome] = interpreted, ulps: float = 64,
    slopes: bool = False,
) -> str | None:  # fmt: skip
    """What is wrong with the probe, or that it is refused; None where all is as in NumPy, errors included."""
    function = function_of(text, tuple(arrays))
    expected, found = by_numpy(function, arrays), run(function, arrays)
    if found.error is not None:
        kind, message = type(found.error).__name__, str(found.error)
        if expected.error is not None:
            numpys = type(found.error) is type(expected.error) and message == str(expected.error)  # of constants
            return None if numpys or is_refusal(found.error) else f"raw: {kind}: {message}"
        return f"refused: {found.error.message}" if is_refusal(found.error) else f"raw: {kind}: {message}"  # type: ignore[attr-defined]
    if expected.error is not None:
        return f"accepted: {type(expected.error).__name__}: {expected.error}"
    wrong = problem(found.value, expected.value, ulps)
    if wrong is None and slopes and all(np.isfinite(a).all() for a in arrays.values()):
        wrong = slope_problem(function, arrays)
    return None if wrong is None else f"wrong: {wrong}"


def slope_problem(function: Callable[..., Any], arrays: Mapping[str, Any]) -> str | None:
    """How the gradients by the float arrays differ from differences of NumPy's values; None where they do not."""
    numbers, values = np.random.default_rng(5), list(arrays.values())

    def total(*given: Any) -> Any:
        floats = [part for part in leaves(function(*given)) if getattr(part, "dtype", type(part)) in FLOATS]
        waves = [np.cos(np.arange(np.size(part))).reshape(np.shape(part)) for part in floats]
        return sum([np.real(np.sum(part * wave)) for part, wave in zip(floats, waves, strict=True)]) + 0.0

    for k, name in enumerate(arrays):
        if getattr(values[k], "dtype", None) != np.float64:
            continue
        direction = numbers.normal(size=values[k].shape)
        slope = steady(
            lambda x, k=k: total(*map(copied, values[:k]), x, *map(copied, values[k + 1 :])), values[k], direction
        )
        with override(disable_jit=True):
            found = attempt(lambda k=k: graphc.grad(total, argnums=k)(*values))
        if found.error is not None:
            return f"by {name}: {type(found.error).__name__}: {found.error}"
        if slope is not None and not abs(np.sum(found.value * direction) - slope) <= 1e-4 * max(1.0, abs(slope)):
            return f"by {name}: slope {np.sum(found.value * direction)}, not {slope}"
    return None


def steady(function: Callable[..., Any], x: np.ndarray, t: np.ndarray) -> float | None:
    """The slope along t by two steps; None where they differ: at a jump or a kink."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = x.copy()  # a probe may write into its argument
        first, second = ((function(x + h * t) - function(x - h * t)) / (2 * h) for h in STEPS)
        bend = abs(function(x + STEPS[0] * t) + function(x - STEPS[0] * t) - 2 * function(x.copy()))
    if not np.isfinite(first) or abs(first - second) > 1e-5 * max(1.0, abs(first)) or bend > 1e-6 * max(1, abs(first)):
        return None
    return float(first)
