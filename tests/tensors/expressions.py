"""Expressions over PyTorch's functions of tensors, written out for all inputs, and what they give in a library.

``python -m tests.tensors.expressions`` runs all of them in torch and in graphc, and prints where they differ, by kind
and function. ``test_expressions.py`` runs a part of them, all in the night.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from tests.tensors.expression_table import FORMS, FUNCTIONS, INPUTS, MODULES, VIEWS

ERRORS = (NotImplementedError, IndexError, TypeError, ValueError, AttributeError, RuntimeError)
MIXED = ("m", "i", "s")  # inputs of the forms that are only another spelling

Outcome = Any  # an exception, or (values, gradients)
Expression = tuple[str, str, str]  # of which function, its text, the name of the input


def expressions(torch: ModuleType) -> Iterator[Expression]:
    """All of them: as methods for every input, as functions and in place for some."""
    for name, variants in FUNCTIONS.items():
        for given in variants:
            forms = []
            if hasattr(torch.Tensor, name):
                forms.append((f"x.{name}({given})", tuple(INPUTS)))
            if hasattr(torch, name):
                forms.append((f"t.{name}(x{', ' * bool(given)}{given})", MIXED if forms else tuple(INPUTS)))
            if hasattr(torch.Tensor, name + "_"):
                forms.append((f"x.clone().{name}_({given})", MIXED))
            yield from ((name, text, kind) for text, kinds in forms for kind in kinds)
    for prefix, functions in MODULES.items():
        for name, variants in functions.items():
            for given in variants:
                text = f"{prefix}.{name}(x{', ' * bool(given)}{given})"
                yield from ((f"{prefix}.{name}", text, kind) for kind in INPUTS)
    for name, texts in FORMS.items():
        yield from ((name, text, kind) for text in texts for kind in INPUTS)


def outcome(t: ModuleType, expression: Expression) -> Outcome:
    """Values with dtypes, marks and gradients; or the error."""
    name, text, kind = expression
    arrays = {"x": INPUTS[kind], "y": np.roll(INPUTS[kind], 1)}
    inputs = {key: t.tensor(array) for key, array in arrays.items()}
    for x in inputs.values():
        x.requires_grad_(x.is_floating_point())
    spaces = {"t": t, "F": t.nn.functional, "nan": math.nan, "inf": math.inf, **inputs}
    try:
        for prefix in MODULES:
            spaces[prefix] = _module(t, prefix)
        found = tensors_of(eval(text, spaces), t)
        values = [described(p, name in VIEWS) for p in found]
        marked = [p for p in found if isinstance(p, t.Tensor) and p.requires_grad]
        if marked:
            total = sum((p * (1 + t.arange(p.numel()).reshape(tuple(p.shape)))).sum() for p in marked)
            if math.isfinite(total.item()):
                total.backward()
        return values, [None if x.grad is None else np.array(x.grad.tolist()) for x in inputs.values()]
    except (*ERRORS, LookupError, ArithmeticError, AssertionError) as error:
        return error


def _module(t: ModuleType, prefix: str) -> Any:
    found: Any = t
    for part in {"F": "nn.functional", "L": "linalg", "S": "special"}[prefix].split("."):
        found = getattr(found, part, None)
    return found


def tensors_of(found: Any, t: ModuleType) -> list[Any]:
    if isinstance(found, tuple | list):
        return [p for part in found for p in tensors_of(part, t)]
    return [found]


def described(part: Any, is_view: bool) -> tuple[Any, ...]:
    """A result as what both libraries must agree in, the numbers last."""
    if "dtype" in type(part).__name__.lower():
        return ("dtype", str(part).removeprefix("torch."))
    if not hasattr(part, "dtype"):
        return (type(part).__name__, part)
    kind = str(part.dtype).removeprefix("torch.")
    numbers = np.array(part.tolist(), float) if kind[:7] != "complex" else part
    strides = tuple(part.stride()) if is_view and part.numel() else ()
    return (kind, tuple(part.shape), part.requires_grad, part.is_leaf, strides, numbers)


def difference(ours: Outcome, theirs: Outcome) -> str | None:
    """What kind of difference there is; None where there is none."""
    if isinstance(theirs, Exception):
        if not isinstance(ours, Exception):
            return "graphc accepts"
        wanted = next(kind for kind in (*ERRORS, type(theirs)) if isinstance(theirs, kind))
        if isinstance(ours, AttributeError) and "no attribute" in str(ours):
            return "missing"
        return None if isinstance(ours, wanted) else f"error {type(ours).__name__} for {wanted.__name__}"
    if isinstance(ours, Exception):
        return "missing" if isinstance(ours, AttributeError) else f"graphc refuses: {type(ours).__name__}"
    if len(ours[0]) != len(theirs[0]):
        return "number of results"
    for mine, other in zip(ours[0], theirs[0], strict=True):
        for what, a, b in zip(
            ("dtype", "shape", "requires_grad", "is_leaf", "strides"), mine[:-1], other[:-1], strict=False
        ):
            if a != b:
                return f"{what} {a} for {b}"
        if mine[-1] is not other[-1] and not _same(mine[-1], other[-1], mine[0]):
            return "value"
    for mine, other in zip(ours[1], theirs[1], strict=True):
        if (mine is None) != (other is None):
            return "gradient None" if mine is None else "gradient for None"
        if mine is not None and not _same(mine, other, "float32" if any(v[0] == "float32" for v in theirs[0]) else ""):
            return "gradient"
    return None


def _same(mine: Any, other: Any, kind: str) -> bool:
    try:
        tolerance = 1e-5 if kind == "float32" else 1e-9
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance)
    except (AssertionError, TypeError):
        return bool(isinstance(mine, str) and mine == other)
    return True


def compare(torch: ModuleType, graphc: ModuleType, expression: Expression) -> tuple[str | None, Outcome, Outcome]:
    """The kind of difference, ours and theirs, with float64 as torch's default."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        theirs = outcome(torch, expression)
    finally:
        torch.set_default_dtype(before)
    if not isinstance(theirs, Exception) and any(v[0].startswith("complex") for v in theirs[0]):
        return None, None, theirs
    ours = outcome(graphc, expression)
    return difference(ours, theirs), ours, theirs


def main() -> None:
    """Print how many expressions differ, and one of each kind and function (``-v``: all); arguments name functions."""
    import torch

    import graphc
    from graphc.config import override

    warnings.simplefilter("ignore")
    names = [a for a in sys.argv[1:] if not a.startswith("-")]
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    count = 0
    with override(disable_jit=True), np.errstate(all="ignore"):
        for expression in expressions(torch):
            if names and not any(expression[0] == n or expression[0].startswith(n + ".") for n in names):
                continue
            count += 1
            if "-t" in sys.argv:
                print(expression, file=sys.stderr)
            kind, ours, theirs = compare(torch, graphc, expression)
            if kind is not None:
                found[kind, expression[0]].append((expression[1:], ours, theirs))
    for (kind, name), cases in sorted(found.items()):
        for (text, given), ours, theirs in cases if "-v" in sys.argv else cases[:1]:
            print(f"{kind} | {name} ({len(cases)}) | {text} of {given} | ours {_short(ours)} | torch {_short(theirs)}")
    totals = Counter[str]()
    for (kind, _), cases in found.items():
        totals[kind] += len(cases)
    print(count, "expressions,", sum(totals.values()), "differ:", dict(totals.most_common()))


def _short(found: Outcome) -> str:
    return (
        " ".join(f"{type(found).__name__}: {found}".split())[:200]
        if isinstance(found, Exception)
        else str([[*v[:3], *v[-1:]] for v in found[0]] if found else found).replace("\n", "")[:160]
        + ("" if not found else " grad " + str(found[1]).replace("\n", "")[:120])
    )


if __name__ == "__main__":
    main()
