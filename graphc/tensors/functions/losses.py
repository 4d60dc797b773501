"""Losses: of predictions and targets, a number or one for each example."""

from __future__ import annotations

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.dims import product
from graphc.ir.graph import Value
from graphc.ir.types import I64
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.promotion import promoted
from graphc.tensors.functions.reductions import log_softmax
from graphc.tensors.functions.shaping import gather
from graphc.trace.functions.exponentials import logsumexp
from graphc.trace.functions.indexing import take


def reduced(F: Builder, losses: Value, reduction: str) -> Value:
    if reduction == "none":
        return losses
    total = F.reduce("sum", losses, range(losses.rank))
    return F.div(total, F.value(product(losses.dims))) if reduction == "mean" else total


def _pair(F: Builder, name: str, x: Value, y: Value) -> tuple[Value, Value]:
    """The prediction and the target in one dtype. Raises ``ShapeError`` where shapes differ but for broadcasting."""
    if F.facts.broadcast([x.dims, y.dims]) is None:
        raise ShapeError(f"{name}: prediction {x.type} and target {y.type} do not fit", location=F.location)
    a, b = promoted(F, (x, y))
    return a, b


def _equal_pair(F: Builder, name: str, x: Value, y: Value) -> tuple[Value, Value]:
    """As ``_pair``, of one shape."""
    if x.rank != y.rank or not all(map(F.facts.equal, x.dims, y.dims)):
        message = f"{name}: the target {y.type} must have the size of the prediction {x.type}"
        raise ShapeError(message, location=F.location)
    return _pair(F, name, x, y)


def _clamped_log(F: Builder, p: Value) -> Value:
    """``log(p)`` no lower than -100; its derivative, ``1 / p``, no higher than 1e12: so it finds the way from 0."""
    tiny = 1e-12
    low = F.le(p, tiny)
    value = F.maximum(F.log(F.stop_gradient(p)), -100.0)
    line = F.div(F.sub(p, F.stop_gradient(p)), tiny)
    return F.select(low, F.add(value, line), F.log(F.select(low, 1.0, p)))


def mse_loss(F: Builder, x: Value, y: Value, reduction: str) -> Value:
    a, b = _pair(F, "mse_loss", x, y)
    return reduced(F, F.square(F.sub(a, b)), reduction)


def l1_loss(F: Builder, x: Value, y: Value, reduction: str) -> Value:
    a, b = _pair(F, "l1_loss", x, y)
    return reduced(F, F.abs(F.sub(a, b)), reduction)


def smooth_l1_loss(F: Builder, x: Value, y: Value, reduction: str, beta: float) -> Value:
    """``d**2 / (2 beta)`` where d is below beta, ``d - beta/2`` elsewhere."""
    a, b = _pair(F, "smooth_l1_loss", x, y)
    distance = F.abs(F.sub(a, b))
    if beta == 0:
        return reduced(F, distance, reduction)
    losses = F.select(F.lt(distance, beta), F.mul(F.square(distance), 0.5 / beta), F.sub(distance, 0.5 * beta))
    return reduced(F, losses, reduction)


def huber_loss(F: Builder, x: Value, y: Value, reduction: str, delta: float) -> Value:
    a, b = _pair(F, "huber_loss", x, y)
    distance = F.abs(F.sub(a, b))
    losses = F.select(F.le(distance, delta), F.mul(F.square(distance), 0.5), F.mul(delta, F.sub(distance, 0.5 * delta)))
    return reduced(F, losses, reduction)


def bce_with_logits(
    F: Builder, x: Value, y: Value, weight: Value | None, pos_weight: Value | None, reduction: str
) -> Value:
    """``-(p y log s(x) + (1 - y) log(1 - s(x)))`` with s the sigmoid; nothing overflows."""
    a, b = _equal_pair(F, "binary_cross_entropy_with_logits", x, y)
    weight, pos_weight = (None if w is None else F.cast(w, a.type.dtype) for w in (weight, pos_weight))
    low = F.logaddexp(F.neg(a), 0.0)  # -log s(x)
    factor = low if pos_weight is None else F.mul(F.add(1.0, F.mul(F.sub(pos_weight, 1.0), b)), low)
    losses = F.add(F.mul(F.sub(1.0, b), a), factor)
    return reduced(F, losses if weight is None else F.mul(losses, weight), reduction)


def binary_cross_entropy(F: Builder, x: Value, y: Value, weight: Value | None, reduction: str) -> Value:
    """``-(y log x + (1 - y) log(1 - x))``, the logarithms no lower than -100."""
    a, b = _equal_pair(F, "binary_cross_entropy", x, y)
    positive, negative = (_clamped_log(F, p) for p in (a, F.sub(1.0, a)))
    losses = F.neg(F.add(F.mul(b, positive), F.mul(F.sub(1.0, b), negative)))
    return reduced(F, losses if weight is None else F.mul(losses, F.cast(weight, a.type.dtype)), reduction)


def nll_loss(F: Builder, logs: Value, target: Value, weight: Value | None, ignored: int, reduction: str) -> Value:
    """``-logs[i, target[i]]``; classes stand along dimension 1 (0 where there is no batch)."""
    axis = 0 if logs.rank == 1 else 1
    if logs.rank == 1 and target.rank == 1 and F.facts.equal(target.dims[0], 1):
        target = F.reshape(target, ())
    fits = target.rank == logs.rank - 1 and target.type.dtype.kind in "iu"
    if not fits:
        message = f"the target must be class numbers (integers) of {logs.rank - 1} dimensions, it is {target.type}"
        raise ShapeError(f"{message} for a prediction {logs.type}", location=F.location)
    examples = tuple(d for a, d in enumerate(logs.dims) if a != axis)
    if not all(map(F.facts.equal, examples, target.dims)):
        message = f"the target {target.type} must have one class number for each example of the prediction {logs.type}"
        raise ShapeError(message, location=F.location)
    index = F.cast(target, I64)
    counts = F.ne(index, ignored)
    place = F.select(counts, index, 0)
    picked = F.squeeze(gather(F, logs, F.expand_dims(place, (axis,)), axis), (axis,))
    factor = F.cast(counts, logs.type.dtype)
    if weight is not None:
        factor = F.mul(factor, take(F, weight, place, 0))
    losses = F.neg(F.mul(factor, picked))
    if reduction != "mean":
        return reduced(F, losses, reduction)
    return F.div(F.reduce("sum", losses, range(losses.rank)), F.reduce("sum", factor, range(factor.rank)))


def cross_entropy(
    F: Builder, logits: Value, target: Value, weight: Value | None, ignored: int, reduction: str, smoothing: float
) -> Value:
    """``nll_loss`` of ``log_softmax`` over the classes; the target: class numbers, or probabilities of all classes."""
    axis = 0 if logits.rank == 1 else 1
    if target.type.is_float:
        return _of_probabilities(F, logits, target, weight, reduction, smoothing, axis)
    logs = log_softmax(F, logits, axis)
    loss = nll_loss(F, logs, target, weight, ignored, reduction)
    if smoothing == 0.0:
        return loss
    even = F.cast(F.div(1.0, F.value(logits.dims[axis])), logits.type.dtype)
    kept = F.cast(F.expand_dims(F.ne(target, ignored), (axis,)), logits.type.dtype)
    weighted = logs if weight is None else F.mul(logs, _along(F, weight, logits, axis))
    losses = F.neg(F.reduce("sum", F.mul(F.mul(kept, even), weighted), (axis,)))
    if reduction == "mean":
        factor = F.squeeze(kept, (axis,))
        if weight is not None:
            place = F.select(F.ne(target, ignored), F.cast(target, I64), 0)
            factor = F.mul(factor, take(F, weight, place, 0))
        smooth = F.div(F.reduce("sum", losses, range(losses.rank)), F.reduce("sum", factor, range(factor.rank)))
    else:
        smooth = reduced(F, losses, reduction)
    return F.add(F.mul(1.0 - smoothing, loss), F.mul(smoothing, smooth))


def _along(F: Builder, weight: Value, logits: Value, axis: int) -> Value:
    """The weight of each class, along its dimension."""
    return F.reshape(weight, tuple(d if a == axis else 1 for a, d in enumerate(logits.dims)))


def _of_probabilities(
    F: Builder, logits: Value, target: Value, weight: Value | None, reduction: str, smoothing: float, axis: int
) -> Value:
    logits, target = _pair(F, "cross_entropy", logits, target)
    if smoothing:
        even = F.div(smoothing, F.value(logits.dims[axis]))
        target = F.add(F.mul(target, 1.0 - smoothing), F.cast(even, target.type.dtype))
    total = logsumexp(F, logits, axis, keepdims=True)
    assert isinstance(total, Value)
    terms = F.mul(target, F.sub(logits, total))
    if weight is not None:
        terms = F.mul(terms, _along(F, weight, logits, axis))
    losses = F.neg(F.reduce("sum", terms, (axis,)))
    return reduced(F, losses, reduction)


LOSSES = [
    Function("mse_loss", mse_loss),
    Function("l1_loss", l1_loss),
    Function("smooth_l1_loss", smooth_l1_loss),
    Function("huber_loss", huber_loss),
    Function("binary_cross_entropy_with_logits", bce_with_logits),
    Function("binary_cross_entropy", binary_cross_entropy),
    Function("nll_loss", nll_loss, "after first"),
    Function("cross_entropy", cross_entropy, "after first"),
]
