"""Random programs of what masks select, masks of that and slices of it, batched: against NumPy and one by one."""

from __future__ import annotations

import linecache
import random
import warnings

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import ConcretizationError, UnsupportedError
from tests.nightly import RANDOM_PROGRAMS

BATCH = np.random.default_rng(1).normal(size=(5, 7))
CHOICES = (
    "{x}[{x} > {low}]", "{x}[{x} < {high}]", "{x}[np.abs({x}) > {share}]", "{x}[({x} > {low}) & ({x} < {high})]",
    "{x}[np.flatnonzero({x} > {low})]", "np.extract({x} > {low}, {x})", "np.compress({x} < {high}, {x})",
)  # fmt: skip
PARTS = ("{x}[1:]", "{x}[:-1]", "{x}[:3]", "{x}[-2:]", "{x}[::2]", "{x}[1::2]", "{x}[::-1]", "np.diff({x})")
STEPS = (
    "np.sin({x})", "{x} ** 2", "np.exp(-({x} ** 2))", "np.sqrt(np.abs({x}) + 0.1)", "np.where({x} > 0.2, {x}, 2 * {x})",
    "np.maximum({x}, -0.3)", "{x} * r[0]", "{x} - {x}.sum() / 9", "{x} / (np.sum({x} ** 2) + 9.0)", "np.cumsum({x})",
    "np.cumprod(1 + 0.1 * {x})", "np.sort({x})", "{x} * np.arange({x}.size)", "np.clip({x}, -1, 1) * {x}.size",
)  # fmt: skip
RESULTS = (
    "np.sum({x})", "np.sum({x} ** 2)", "{x} @ {x}", "np.sum(np.cos({x}[:, None] - {x}))",
    "np.sum(np.outer({x}, {x}[:2]))",
    "np.linalg.norm(np.append({x}, 0.5))", "np.any({x} > 0.7) * r[1]", "np.count_nonzero({x} > 0) * r[2]",
    "np.sum(np.stack([{x}, {x} ** 2], 1) @ np.array([1.0, 2.0]))", "np.sum(np.outer({x}, r) @ r)",
    "np.sum(np.sort({x})[:2])", "np.sum(np.cumsum({x}) ** 2)", "np.prod(1 + 0.1 * {x})",
    "np.sum(np.concatenate([r, {x}]) ** 2)", "np.max(np.append({x}, 0.1))",
)  # fmt: skip


def program(seed: int) -> str:
    rng = random.Random(seed)
    lines, name = ["def f(r):"], "r"
    for number in range(rng.randint(2, 6)):
        kind = CHOICES if not number else rng.choice([CHOICES, PARTS, STEPS, STEPS])
        places = {"low": rng.uniform(-1, 0.3), "high": rng.uniform(0.2, 1.2), "share": rng.uniform(0.1, 0.6)}
        line = rng.choice(kind).format(x=name, **{key: round(place, 2) for key, place in places.items()})
        name = f"q{number}"
        lines.append(f"    {name} = {line}")
    used = [rng.choice([name, f"q{rng.randint(0, number)}"]) for _ in range(2)]
    lines.append("    return " + " + ".join(rng.choice(RESULTS).format(x=x) for x in used))
    return "\n".join(lines)


def made(text: str):
    place = f"<masks {hash(text)}>"
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    names = {"np": np}
    exec(compile(text, place, "exec"), names)
    return names["f"]


@pytest.mark.parametrize("seed", range(RANDOM_PROGRAMS // 5))
def test_batches_are_what_their_elements_are(seed):
    text = program(seed)
    f = made(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = [f(r) for r in BATCH]
    batched = graphc.vmap(f)
    with override(disable_jit=True):
        try:
            found = batched(BATCH)
        except (UnsupportedError, ConcretizationError) as error:
            pytest.skip(f"refused: {type(error).__name__}")
        slopes = np.stack([graphc.grad(f)(r) for r in BATCH])
        np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-10, err_msg=text)
        through = graphc.grad(lambda m: np.sum(batched(m)))(BATCH)
        np.testing.assert_allclose(through, slopes, rtol=1e-8, atol=1e-9, err_msg=text)
        try:
            each = graphc.vmap(graphc.grad(f))(BATCH)
        except UnsupportedError:  # the way back asks for more
            return
        np.testing.assert_allclose(each, slopes, rtol=1e-8, atol=1e-9, err_msg=text)
