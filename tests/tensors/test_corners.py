"""Expressions at the corners of PyTorch's rules: in torch and in graphc, with equal results, gradients and errors."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.config import override
from tests.nightly import part

torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")

A = np.array([[1.0, 2.0, 1.0], [2.0, -0.5, 3.0]])
ERRORS = (NotImplementedError, IndexError, TypeError, ValueError, RuntimeError)

# each expression, of inputs named x, y, z
CASES: list[tuple[str, tuple[Any, ...]]] = [
    # what has no dimensions has one of length 1
    *((e, (np.array(1.5),)) for e in (
        "x.sum(0)", "x.mean(-1)", "x.max(0)", "x.argmin(-1, keepdim=True)", "x.softmax(0)", "x.logsumexp(-1)",
        "x.cumsum(0)", "x.sort(0)", "x.topk(1)", "x.kthvalue(1)", "x.median(-1)", "x.mode(0)", "x.norm(dim=0)",
        "x.all(0)", "x.sum(1)", "x.gather(0, t.tensor([0, 0]))", "x.index_select(0, t.tensor([0]))", "x.flip(0)",
        "x.squeeze(0)", "x.movedim(0, 0)", "x.nansum(0)", "x.count_nonzero(0)", "x[x > 0]", "x[x < 0]", "x.var()",
        "x.log_softmax(0)", "x.split(1)", "F.prelu(x, t.tensor([0.2]))", "F.normalize(x, dim=0)", "t.cat([x, x])",
    )),
    # what has no elements
    *((e, (np.zeros((0, 3)),)) for e in (
        "x.flatten(1)", "x.flatten()", "x.softmax(0)", "x.median()", "x.sum(0)", "x.prod()", "x.max(0)", "x.argmax()",
        "x.split(1)", "x.chunk(2)", "x[[]]", "x.std(0)", "F.log_softmax(x, 0)",
    )),
    # names that NumPy has, other spellings, errors
    *((e, (A,)) for e in (
        "x.sum(axis=0, keepdims=True)", "x.mean(dtype=t.float32)", "x.prod(0, dtype=t.float64)",
        "x.norm(dtype=t.float64)", "t.concatenate([x, x], axis=1)", "x.flip(dims=(0,))",
        "x.div(2, rounding_mode='bad')", "x.narrow(0, -1, 1)", "x.narrow(0, 1, 5)", "x.sum((0, 0))", "x.clamp()",
        "x.all(())", "x.clamp(nan, 1)", "x.clamp(t.tensor(nan), 1)", "t.norm(x, 'nuc')", "x.round(decimals=1)",
        "x.expand(-1, 5)", "t.rsub(x, 2)", "x.clone().copy_(t.ones(4))", "x.aminmax().max", "x.logit(eps=0.1)",
        "x.broadcast_to(2, 3)", "x.chunk(0)", "x.float_power(2)", "x @ x", "F.glu(x)", "x.kthvalue(9)",
        "x.t().flatten(1)", "x.transpose(0, 1).flatten(0, 0)", "x.view(5)",
    )),
    # masks and positions
    *((e, (A,)) for e in (
        "x[True]", "x[False]", "x[None, True]", "x[..., True]", "x[0, True]", "x[t.tensor(True)]",
        "x[t.tensor([1, 0], dtype=t.uint8)]", "x[range(1)]", "x.index_select(0, t.tensor(1))",
        "x.index_select(0, t.tensor([-1]))", "x.gather(1, t.tensor([[-1]]))", "x.gather(0, t.tensor([0]))",
        "x.scatter(0, t.tensor([[-1]]), 1.0)", "x.index_add(0, t.tensor([-1]), x[:1])",
        "x.index_fill(1, t.tensor(0), 5.0)", "F.embedding(t.tensor([-1]), x)",
        "F.cross_entropy(x, t.tensor([-1, 0]))", "F.nll_loss(x, t.tensor([0, 3]))",
        "F.cross_entropy(x, t.tensor([-100, 0]))", "F.cross_entropy(x, t.tensor([0, 1]), label_smoothing=1.5)",
        "F.cross_entropy(x, x.softmax(1), ignore_index=1)", "F.cross_entropy(x, t.tensor([0.0, 1.0]))",
    )),
    # integers keep their kind
    *((e, (np.array([[3, -2], [0, 5]]),)) for e in (
        "x.round()", "x.div(2, rounding_mode='trunc')", "x.div(-2, rounding_mode='floor')", "F.relu6(x)",
        "F.threshold(x, 1, 20)", "x.heaviside(x)", "x.float_power(2)", "x.square()", "(x > 0).square()", "x.median()",
        "x.mean()", "t.fmax(x, x + 1)",
    )),
    *((e, (np.array([3, 0, 250], np.uint8),)) for e in (
        "x.sum()", "x.prod()", "x.cumsum(0)", "x.all()", "x.any(0)", "x.nansum()", "x[0].add(2, alpha=3)",
        "x.bincount()",
    )),
    # equal elements, kinks, ends of the range
    *((e, (np.array([[1.0, 2.0, 1.0, 2.0], [2.0, 2.0, 1.0, 1.0]]),)) for e in (
        "x.max()", "x.amax(0)", "x.max(1)", "x.median()", "x.median(0)", "x.mode(1)", "F.elu(x - 1)", "F.selu(x - 1)",
        "F.hardtanh(x - 1)", "F.hardtanh(x, 1, 2)", "F.relu6(x - 1)", "F.hardswish(x - 4)", "t.fmax(x, t.ones(1))",
        "t.fmin(x, t.ones(1))", "t.maximum(x, t.ones(1))", "x.clamp(1, 2)", "(x - 1).prod(0)", "(x - 1).abs()",
        "(x - 1).norm(2, 1)", "F.threshold(x, 1, 0)",
    )),
    # losses of pairs
    *((e, (A, np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.5]]))) for e in (
        "F.cosine_similarity(x, y[0], dim=-1)", "F.cosine_similarity(x, y[:, :1] + 1, dim=0)",
        "F.cosine_similarity(x.long(), y)", "F.binary_cross_entropy_with_logits(x, y[:, :1])",
        "F.binary_cross_entropy(x.sigmoid(), y[0])", "F.binary_cross_entropy(x.sigmoid(), y)",
        "F.hinge_embedding_loss(x, y)", "F.mse_loss(x, y, reduction='bad')",
    )),
    ("F.binary_cross_entropy(x, y.detach())", (np.array([0.3, 1.0]), np.array([1.0, 0.0]))),
    ("F.binary_cross_entropy(x, y.detach(), reduction='none')", (np.array([0.0, 0.3]), np.array([1.0, 1.0]))),
]  # fmt: skip


def tensors_of(found: Any) -> list[Any]:
    return [p for part in found for p in tensors_of(part)] if isinstance(found, tuple | list) else [found]


def outcome(t: ModuleType, expression: str, arrays: tuple[np.ndarray, ...]) -> Any:
    """Values with dtypes, marks and gradients; or the error."""
    inputs = [t.tensor(a) for a in arrays]
    for x in inputs:
        x.requires_grad_(x.is_floating_point())
    names = {"t": t, "F": t.nn.functional, "nan": math.nan, **dict(zip("xyz", inputs, strict=False))}
    try:
        found = tensors_of(eval(expression, names))
        shown = [p.tolist() for p in found]
    except ERRORS as error:
        return error
    marked = [part for part in found if part.requires_grad]
    total = sum((part * (1 + t.arange(part.numel()).reshape(tuple(part.shape)))).sum() for part in marked)
    if marked and math.isfinite(total.detach()):
        total.backward()
    values = [
        (str(p.dtype).removeprefix("torch."), tuple(p.shape), p.requires_grad, v)
        for p, v in zip(found, shown, strict=True)
    ]
    return values, [None if x.grad is None else x.grad.tolist() for x in inputs]


CHOSEN = part(CASES, 0, 2)


@pytest.mark.parametrize(("expression", "arrays"), CHOSEN, ids=[f"{e} {a[0].dtype}{a[0].shape}" for e, a in CHOSEN])
def test_corners_are_torchs(expression: str, arrays: tuple[np.ndarray, ...]) -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        theirs = outcome(torch, expression, arrays)
    finally:
        torch.set_default_dtype(before)
    with override(disable_jit=True):
        ours = outcome(graphc, expression, arrays)
    if isinstance(theirs, Exception):
        wanted = next(kind for kind in ERRORS if isinstance(theirs, kind))
        assert isinstance(ours, wanted), (ours, theirs)
        return
    assert not isinstance(ours, Exception), ours
    for mine, other in zip(ours[0], theirs[0], strict=True):
        assert mine[:3] == other[:3]
        np.testing.assert_allclose(mine[3], other[3], rtol=1e-7 if mine[0] == "float32" else 1e-12)
    for mine, other in zip(ours[1], theirs[1], strict=True):
        assert (mine is None) == (other is None)
        if mine is not None:
            np.testing.assert_allclose(mine, other, rtol=1e-7, atol=1e-12)
