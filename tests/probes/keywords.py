"""The calls of ``calls`` written out, and the arrays that they are of."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

random = np.random.default_rng(71)
AXES = "axis=0; -1; (0, -1); (); None"

X = random.normal(size=(3, 4))
FIXED = {
    "y": random.normal(size=(3, 4)), "v": random.normal(size=4), "w": random.normal(size=3),
    "s": random.normal(size=(4, 4)), "m": X > -0.3, "i": np.array([[0, 3, 1, -2], [2, 2, -1, 0], [1, 4, 0, 1]]),
}  # fmt: skip
HOLES = X.copy()
HOLES[0, 1], HOLES[1, :] = np.nan, [np.inf, 0.5, -np.inf, -0.0]
INPUTS = {
    "f8": X, "i8": FIXED["i"], "holes": HOLES, "f4": X.astype("f4"), "bool": X > 0, "c16": X + 1j * X[::-1, ::-1],
    "u1": FIXED["i"].astype("u1"), "i4": FIXED["i"].astype("i4"), "f2": X.astype("f2"), "1d": X[0], "0d": np.array(0.7),
    "empty": np.zeros((0, 4)), "column": X[:, :1], "F": np.asfortranarray(X), "c8": (X + 1j * X[::-1]).astype("c8"),
}  # fmt: skip


def lines(table: str) -> list[str]:
    """The table's lines, those that go on put together."""
    return re.sub(r"\n    ", " ", table).strip().split("\n")


def expanded(line: str) -> Iterator[str]:
    """The call with no keyword, with each value of one, and with values of two."""
    head, *keywords = line.replace("AXES", AXES).split(" | ")
    closing = ")" * (head.count("(") - head.count(")"))
    named = [keyword.partition("=") for keyword in keywords]
    choices = [[f"{name}={value}" for value in values.split("; ")] for name, _, values in named]
    singles = [(value,) for values in choices for value in values]
    pairs = [pair for one, other in itertools.combinations(choices, 2) for pair in itertools.product(one, other)]
    for given in [(), *singles, *pairs]:
        yield head + ("" if head.endswith("(") or not given else ", ") + ", ".join(given) + closing


def arrays_of(call: str, x: Any) -> dict[str, Any]:
    """The arrays that the call names."""
    return {name: x if name == "x" else FIXED[name] for name in ("x", *FIXED) if re.search(rf"\b{name}\b", call)}
