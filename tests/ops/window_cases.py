"""Cases of convolutions and their gradients, beside their definition as a sum over all indices."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.ops.case import Case, normal

Index = tuple[int, ...]


def terms(x: Index, w: Index, y: Index, attrs: dict[str, Any]) -> Iterator[tuple[Index, Index, Index]]:
    """The places of each product that the form sums, in arrays of these shapes without a batch."""
    groups, spatial = attrs["groups"], len(attrs["stride"])
    outputs, channels = y[1] // groups, x[1] // groups
    for g, n, o, c in itertools.product(range(groups), range(x[0]), range(outputs), range(channels)):
        for k, p in itertools.product(np.ndindex(w[2:]), np.ndindex(y[2:])):
            numbers = [attrs[name] for name in ("stride", "dilation", "padding")]
            source = tuple(p[a] * numbers[0][a] + k[a] * numbers[1][a] - numbers[2][a] for a in range(spatial))
            if all(0 <= s < size for s, size in zip(source, x[2:], strict=True)):
                yield (n, g * channels + c, *source), (g * outputs + o, c, *k), (n, g * outputs + o, *p)


def shapes_of(case: tuple[Any, ...]) -> tuple[Index, Index, Index, dict[str, Any]]:
    """The shapes of x, the weight and y, and the attrs without the result's sizes."""
    n, groups, channels, outputs, source, kernel, stride, padding, dilation = case
    axes = zip(source, kernel, stride, padding, dilation, strict=True)
    places = tuple((s + 2 * p - d * (k - 1) - 1) // t + 1 for s, k, t, p, d in axes)
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return (n, groups * channels, *source), (groups * outputs, channels, *kernel), (n, groups * outputs, *places), attrs


GEOMETRIES = [
    (2, 1, 2, 3, (4, 3), (2, 3), (1, 1), (0, 1), (1, 1)),
    (1, 2, 1, 2, (5, 4), (2, 2), (2, 1), (1, 0), (1, 2)),
    (2, 1, 2, 1, (5,), (3,), (2,), (1,), (1,)),
    (1, 1, 1, 1, (4,), (1,), (3,), (0,), (1,)),
]


def by_definition(made: int) -> Callable[..., np.ndarray]:
    """The value as the sum; ``made``: which of x, the weight and y (0, 1, 2) is made of the two others."""

    def value(*arrays: np.ndarray, shapes: tuple[Index, Index, Index], attrs: dict[str, Any]) -> np.ndarray:
        given = list(arrays[:2])
        given.insert(made, np.zeros(shapes[made]))
        others = [k for k in range(3) if k != made]
        for places in terms(*shapes, attrs):
            given[made][places[made]] += given[others[0]][places[others[0]]] * given[others[1]][places[others[1]]]
        bias = arrays[2].reshape(1, -1, *(1,) * (given[made].ndim - 2)) if len(arrays) > 2 else 0.0
        return given[made] + bias

    return value


def window_cases(made: int, order: tuple[int, int], bias: bool = False) -> list[Case]:
    """``order``: which arrays the op takes."""
    cases = []
    for geometry in GEOMETRIES:
        *shapes, attrs = shapes_of(geometry)
        arrays = [normal(*shapes[k]) for k in order] + ([normal(shapes[1][0])] if bias else [])
        rule = by_definition(made)

        def expected(*given: np.ndarray, shapes: Any = tuple(shapes), attrs: Any = attrs, rule: Any = rule) -> Any:
            ordered = given if order[0] < order[1] else (given[1], given[0], *given[2:])
            return rule(*ordered, shapes=shapes, attrs=attrs)

        cases.append(Case(tuple(arrays), expected, {**attrs, "sizes": shapes[made][1:]}))
    return cases


def stacked_case() -> Case:
    """Two convolutions at once: what is before the last axes is a batch in every operand."""
    *shapes, attrs = shapes_of(GEOMETRIES[0])
    x, w, b = normal(2, *shapes[0]), normal(2, *shapes[1]), normal(2, shapes[1][0])

    def expected(*given: np.ndarray) -> np.ndarray:
        each = zip(*given, strict=True)
        return np.stack([by_definition(2)(*arrays, shapes=tuple(shapes), attrs=attrs) for arrays in each])

    return Case((x, w, b), expected, {**attrs, "sizes": shapes[2][1:]})


WINDOW_CASES = {
    "convolution": [*window_cases(2, (0, 1)), window_cases(2, (0, 1), bias=True)[1], stacked_case()],
    "convolution_source": window_cases(0, (2, 1)),
    "convolution_weight": window_cases(1, (0, 2)),
}
