"""``GRAPHC_NAN=1``: the operation that made the first NaN is named, with the user's line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.nn
import graphc.optim
from graphc.config import override
from graphc.errors import NanError


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with override(disable_jit=True, nan=True):
        yield


def line_of(function: Callable[..., Any], text: str) -> str:
    """The place of the line of a function that holds the text, as errors name it."""
    lines, first = inspect.getsourcelines(function)
    (number,) = [first + k for k, line in enumerate(lines) if text in line]
    return rf"test_nan_search\.py:{number}: "


def masked(x: Any) -> Any:
    harmless = np.where(x > 0, np.log(x), 0.0)  # NaN that nobody sees
    root = np.sqrt(x - 0.5)
    return np.sum(harmless + root)


def looped(x: Any) -> Any:
    total = 0.0
    for i in range(x.shape[0]):
        total = total + np.log(x[i])
    return total


def cancelling(x: Any) -> Any:
    roots = np.sqrt(x) - np.cbrt(x)
    return np.sum(roots)


def test_the_forward_operation_with_its_operands() -> None:
    assert graphc.jit(masked)(np.array([1.0, 0.75])) == masked(np.array([1.0, 0.75]))
    place = line_of(masked, "np.sqrt")
    for transform in (graphc.jit, graphc.grad, graphc.value_and_grad):
        with pytest.raises(NanError, match=rf"{place}sqrt made the first NaN, in the forward part, at \[2\] "
                                           r"\(1 of 3 elements\): sqrt\(-0.25\)"):  # fmt: skip
            transform(masked)(np.array([1.0, 2.0, 0.25]))
    with pytest.raises(FloatingPointError, match=rf"{line_of(looped, 'np.log')}log made .*forward part: log\(-2\)"):
        graphc.value_and_grad(looped)(np.array([1.0, -2.0, 3.0]))


def test_the_backward_operation() -> None:
    assert graphc.jit(cancelling)(np.zeros(2)) == 0.0
    with pytest.raises(NanError, match=f"{line_of(cancelling, 'roots =')}.*backward part.*derivative of this line"):
        graphc.grad(cancelling)(np.zeros(2))
    value, pullback = graphc.vjp(cancelling, np.zeros(2))
    assert value == 0.0
    with pytest.raises(NanError, match="backward part"):
        pullback(1.0)


def test_what_no_operation_made() -> None:
    with pytest.raises(NanError, match=r"the input x holds NaN, at \[1\]"):
        graphc.grad(cancelling)(np.array([1.0, np.nan]))
    with pytest.raises(NanError, match="this number is NaN itself"):
        graphc.jit(lambda x: x + float("nan"))(1.0)


def test_tensors() -> None:
    def forward(w: Any) -> Any:
        return (w.log() * 2).sum()

    def backward(w: Any) -> Any:
        return (w.sqrt() - (w * 2).sqrt()).sum()

    w = graphc.tensor([1.0, -1.0], requires_grad=True)
    with pytest.raises(NanError, match=rf"{line_of(forward, 'w.log')}log made .* forward part, at \[1\] .*log\(-1\)"):
        forward(w).backward()
    with pytest.raises(NanError, match=rf"{line_of(forward, 'w.log')}"):
        forward(w).item()
    zero = graphc.zeros(2, requires_grad=True)
    assert backward(zero).item() == 0.0
    with pytest.raises(NanError, match=f"{line_of(backward, 'sqrt()')}.*backward part"):
        backward(zero).backward()


def test_a_compiled_step_and_compiled_code() -> None:
    model = graphc.nn.Linear(2, 1)

    def loss(a: Any, b: Any) -> Any:
        return (a - b).log().mean()

    optimizer = graphc.optim.SGD(model.parameters())
    with pytest.raises(NanError, match=rf"{line_of(loss, '.log')}log made the first NaN, in the forward part"):
        graphc.optim.compile_step(model, loss, optimizer)(graphc.ones(3, 2), graphc.full((3, 1), 100.0))
    with override(disable_jit=False):
        f = graphc.grad(cancelling)
        with override(nan=False):
            assert np.isnan(f(np.zeros(2))).all()
        with pytest.raises(NanError, match=f"{line_of(cancelling, 'roots =')}.*backward part"):
            f(np.zeros(2))
        with override(nan=False):
            assert np.isnan(f(np.zeros(2))).all()
