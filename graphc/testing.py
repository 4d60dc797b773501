"""``check_grads``: the derivatives of a function against finite differences, in both modes and to any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc import pytree
from graphc.api import jvp, vjp
from graphc.errors import TraceTypeError
from graphc.ir.types import is_floating, is_half
from graphc.trace.location import user_location

EPSILON = {"float64": 6e-6, "float32": 5e-3}  # about the cube root of the dtype's precision
TOLERANCE = {"float64": 1e-6, "float32": 2e-2}


def check_grads(
    function: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
    seed: int = 0,
) -> None:
    """Check the derivatives of ``function`` at ``args`` up to an order; raises ``AssertionError`` where one is wrong.

    Args:
        function: takes arrays, numbers and nested containers of them, real or complex; returns such.
        args: its arguments; leaves that are not floating are passed and not differentiated.
        order: 1 checks first derivatives, 2 also the derivatives of those, and so on.
        modes: ``"fwd"`` checks ``jvp`` against central differences along a random direction; ``"rev"`` checks that
            ``vjp`` is the transpose of the difference quotient. The next order differentiates by the same mode.
        atol, rtol: tolerances; by default 1e-6 in double and 2e-2 in single precision, on the scale of the derivative.
        eps: the step of the differences.
        seed: of the random directions.
    Raises: ``AssertionError``; ``TraceTypeError`` for arrays of float16 or bfloat16.
    """
    unknown = set(modes) - {"fwd", "rev"}
    if unknown or order < 1:
        raise ValueError(f"modes are 'fwd' and 'rev', order is at least 1; got {modes}, {order}")
    if any(is_half(leaf.dtype) for leaf in pytree.flatten(args)[0] if is_float(leaf) and hasattr(leaf, "dtype")):
        message = "check_grads: differences of numbers in 16 bits say little of a derivative: pass float32 or float64"
        raise TraceTypeError(message, location=user_location())
    rng = np.random.default_rng(seed)
    check = _Check(rng, atol, rtol, eps)
    for mode in modes:
        check.run(function, tuple(args), order, mode, f"{mode}, order 1")


class _Check:
    def __init__(self, rng: np.random.Generator, atol: float | None, rtol: float | None, eps: float | None):
        self.rng, self.atol, self.rtol, self.eps = rng, atol, rtol, eps

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], order: int, mode: str, what: str) -> None:
        direction = self.random_like(args)
        expected = self.difference(function, args, direction)
        derivative: Callable[..., Any]
        if mode == "fwd":
            _, tangent = jvp(function, args, direction)
            self.compare(tangent, expected, args, what)
            derivative = _forward_of(function, direction)
        else:
            out, pullback = vjp(function, *args)
            cotangent = self.random_like(out)
            gradients = pullback(cotangent)
            self.compare(inner(gradients, direction), inner(cotangent, expected), args, what)
            derivative = _reverse_of(function, cotangent)
        if order > 1:
            number = int(what.rpartition(" ")[2]) + 1
            self.run(derivative, args, order - 1, mode, f"{mode}, order {number}")

    def random_like(self, tree: Any) -> Any:
        """A random direction in the floating leaves; None elsewhere."""
        return pytree.tree_map(self._random_leaf, tree)

    def _random_leaf(self, leaf: Any) -> Any:
        if not is_float(leaf):
            return None
        array = np.asarray(leaf)
        numbers = self.rng.normal(size=array.shape)
        if array.dtype.kind == "c":
            numbers = numbers + 1j * self.rng.normal(size=array.shape)
        if not hasattr(leaf, "dtype"):
            return numbers.item() if array.dtype.kind == "c" else float(numbers)
        values = np.asarray(numbers, array.dtype)
        return values if isinstance(leaf, np.ndarray) else array.dtype.type(values)

    def difference(self, function: Callable[..., Any], args: tuple[Any, ...], direction: Any) -> Any:
        """The central difference quotient of the plain function along the direction."""
        eps = self.eps or EPSILON[precision(args)]
        plus, minus = (function(*moved(args, direction, step)) for step in (eps, -eps))
        leaves, spec = pytree.flatten(plus)
        others, _ = pytree.flatten(minus)
        quotients = [
            (in_double(a) - in_double(b)) / (2 * eps) if is_float(a) else None
            for a, b in zip(leaves, others, strict=True)
        ]
        return pytree.unflatten(spec, quotients)

    def compare(self, actual: Any, expected: Any, args: Any, what: str) -> None:
        tolerance = TOLERANCE[precision(args)]
        for a, b in zip(pytree.flatten(actual)[0], pytree.flatten(expected)[0], strict=True):
            if b is None:
                continue
            scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
            np.testing.assert_allclose(
                in_double(a),
                b,
                rtol=self.rtol if self.rtol is not None else tolerance,
                atol=self.atol if self.atol is not None else tolerance * scale,
                err_msg=f"the derivative ({what}) is not the limit of the differences",
            )


def _forward_of(function: Callable[..., Any], direction: Any) -> Callable[..., Any]:
    return lambda *args: jvp(function, args, direction)[1]


def _reverse_of(function: Callable[..., Any], cotangent: Any) -> Callable[..., Any]:
    return lambda *args: vjp(function, *args)[1](cotangent)


def is_float(leaf: Any) -> bool:
    return isinstance(leaf, float | complex) or (hasattr(leaf, "dtype") and is_floating(leaf.dtype))


def in_double(leaf: Any) -> np.ndarray:
    array = np.asarray(leaf)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def precision(tree: Any) -> str:
    """The coarsest floating dtype among the leaves."""
    names = [np.asarray(leaf).dtype.name for leaf in pytree.flatten(tree)[0] if is_float(leaf)]
    return "float32" if {"float32", "complex64"} & set(names) else "float64"


def moved(args: Any, direction: Any, step: float) -> Any:
    """The arguments, a step along the direction."""
    leaves, spec = pytree.flatten(args)
    steps = pytree.flatten(direction)[0]
    shifted = [leaf if d is None else _shift(leaf, d, step) for leaf, d in zip(leaves, steps, strict=True)]
    return pytree.unflatten(spec, shifted)


def _shift(leaf: Any, direction: Any, step: float) -> Any:
    result = leaf + direction * (leaf.dtype.type(step) if hasattr(leaf, "dtype") else step)
    return type(leaf)(result) if type(leaf) in (float, complex) else result


def inner(a: Any, b: Any) -> float:
    """The real part of the inner product of two trees, without a conjugate, over the leaves that both have."""
    pairs = zip(pytree.flatten(a)[0], pytree.flatten(b)[0], strict=True)
    return float(sum(np.sum(in_double(x) * y).real for x, y in pairs if x is not None and y is not None))
