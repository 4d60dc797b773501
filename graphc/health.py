"""Are the gradients of a model all right? ``graphc.diagnose`` looks, and says in plain words what to do.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc import pytree
from graphc.errors import TraceTypeError
from graphc.tensors.core import Tensor
from graphc.tensors.paths import cuts_of, was_used
from graphc.tensors.placing import on_host

if TYPE_CHECKING:
    from graphc.optim.optimizer import Optimizer

VANISHING = 1e-5  # of the typical size of an element of the gradients: below, a parameter hardly moves
EXPLODING = 1e3  # of the typical size, or of the parameter's own norm
FASTEST, SLOWEST = 0.1, 1e-7  # share of a parameter's norm that one step may change, or should
MOSTLY_ZERO = 0.9
BAD = ("nan", "exploding", "vanishing", "zero", "unused")


@dataclass(frozen=True)
class ParameterHealth:
    """What is found of one parameter. Numbers are None where there is no gradient, or no parameter was given.

    ``norm``: of the gradient; ``weight_norm``: of the parameter; ``update_ratio``: how much of that norm the next step
    of the optimizer changes. ``zeros``: the share of elements that are zero; ``nans``, ``infs``: how many are not
    finite. ``status``: healthy, frozen, unused, nan, exploding, vanishing, zero. ``cut_at``: where the way to the loss
    was lost.
    """

    name: str
    shape: tuple[int, ...]
    status: str
    advice: str
    norm: float | None = None
    weight_norm: float | None = None
    update_ratio: float | None = None
    zeros: float | None = None
    nans: int = 0
    infs: int = 0
    cut_at: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """What ``diagnose`` found: ``parameters`` one by one, in order. Prints as a table."""

    parameters: tuple[ParameterHealth, ...]

    @property
    def problems(self) -> tuple[ParameterHealth, ...]:
        """The parameters that something is wrong with."""
        return tuple(p for p in self.parameters if p.status in BAD)

    def __getitem__(self, name: str) -> ParameterHealth:
        return next(p for p in self.parameters if p.name == name)

    def to_json(self) -> str:
        """All of it as JSON, one object for each parameter; numbers that are not finite as strings."""
        return json.dumps([{k: _jsonable(v) for k, v in asdict(p).items()} for p in self.parameters], indent=1)

    def __str__(self) -> str:
        rows = [_HEAD, *(_cells(p) for p in self.parameters)]
        widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *(f"{p.name}: {p.advice}" for p in self.problems)])

    __repr__ = __str__

    def __rich__(self) -> Any:
        """The table with colours, and the advice below it, for ``rich.print``."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table("parameter", *_HEAD[1:], title="gradients", title_justify="left")
        for p in self.parameters:
            style = "red" if p.status in BAD else "dim" if p.status == "frozen" else None
            table.add_row(*_cells(p), style=style)
        return Group(table, *(Text(f"{p.name}: {p.advice}") for p in self.problems))


_HEAD = ("", "status", "shape", "norm", "zeros", "not finite", "update/weight")


def _cells(p: ParameterHealth) -> tuple[str, ...]:
    number = lambda x: "" if x is None else f"{x:.2e}"  # noqa: E731
    bad = "" if p.norm is None else str(p.nans + p.infs)
    zeros = "" if p.zeros is None else f"{100 * p.zeros:.0f}%"
    return p.name, p.status, "x".join(map(str, p.shape)), number(p.norm), zeros, bad, number(p.update_ratio)


def _jsonable(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def diagnose(model: Any, weights: Any = None, *, optimizer: Optimizer | None = None) -> Diagnosis:
    """Look at the gradients of a model, or at gradients that a compiled function gave: which ones are all right?

    >>> model = graphc.nn.Sequential(graphc.nn.Linear(2, 3), graphc.nn.Linear(3, 1))
    >>> model[0].bias.requires_grad_(False)
    Parameter containing:
    ...
    >>> model(graphc.ones(4, 2)).sum().backward()
    >>> for parameter in graphc.diagnose(model).parameters:
    ...     print(parameter.name, parameter.status)
    0.weight healthy
    0.bias frozen
    1.weight healthy
    1.bias healthy

    Args:
        model: a module after ``backward()``; tensors with ``.grad``, or pairs ``(name, tensor)``; or gradients of a
            compiled function, in any nested container, None for what is frozen.
        weights: for such gradients the parameters, in the same container.
        optimizer: whose next step is tried on copies, for ``update_ratio``.
    Returns: a ``Diagnosis``: a table to print (by ``rich.print`` in colours), ``problems``, ``to_json()``. Each
        parameter is *frozen*; *unused* (no gradient: ``cut_at`` names the line where the way to the loss was cut);
        *nan*; *zero* everywhere; *vanishing* or *exploding*, beside the other gradients (by the mean size of their
        elements: the median, or the largest that is no larger than its parameter) or beside the parameter itself; or
        *healthy*.
    Raises: ``TraceTypeError`` for what holds neither tensors nor arrays.
    """
    entries = _entries(model, weights)
    updated = {} if optimizer is None else {id(p): values for p, values in optimizer.trial()}
    sizes = [(_size(entry.gradient), entry) for entry in entries if entry.gradient is not None]
    sizes = [(size, entry) for size, entry in sizes if math.isfinite(size) and size > 0.0]
    typical = median([size for size, _ in sizes]) if sizes else 0.0
    sound = max([typical, *(size for size, entry in sizes if _is_sound(entry))])
    return Diagnosis(tuple([_judged(entry, typical, sound, updated.get(id(entry.tensor))) for entry in entries]))


def _is_sound(entry: _Entry) -> bool:
    """Whether the gradient is known to be no larger than its parameter: it is not exploding, whatever others are."""
    return entry.weight is not None and _norm(entry.gradient) <= _norm(entry.weight)


@dataclass
class _Entry:
    """``tensor``: of a model; then ``frozen`` tells whether it requires no gradient."""

    name: str
    tensor: Tensor | None
    gradient: Any
    weight: Any
    frozen: bool


def _entries(model: Any, weights: Any) -> list[_Entry]:
    if hasattr(model, "named_parameters"):
        return [_of_tensor(name, p) for name, p in model.named_parameters()]
    given = [model] if isinstance(model, Tensor) else model
    if isinstance(given, Iterable) and not isinstance(given, dict | str | np.ndarray):
        given = list(given)
        named = [x if isinstance(x, tuple) and len(x) == 2 and isinstance(x[0], str) else (str(k), x)
                 for k, x in enumerate(given)]  # fmt: skip
        if named and weights is None and all(isinstance(x, Tensor) for _, x in named):
            return [_of_tensor(name, x) for name, x in named]
    return _of_gradients(given, weights)


def _of_tensor(name: str, tensor: Tensor) -> _Entry:
    gradient = None if tensor.grad is None else on_host(tensor.grad)
    return _Entry(name, tensor, gradient, on_host(tensor), not tensor.requires_grad)


def _of_gradients(tree: Any, weights: Any) -> list[_Entry]:
    leaves, spec = pytree.flatten(tree)
    values = [None] * len(leaves) if weights is None else pytree.flatten(weights)[0]
    if len(values) != len(leaves):
        raise TraceTypeError(
            f"diagnose: {len(leaves)} gradients and {len(values)} weights: give containers of one form"
        )
    found = []
    for path, leaf, weight in zip(spec.paths(), leaves, values, strict=True):
        if leaf is not None and not isinstance(leaf, np.ndarray | np.generic | float):
            message = f"diagnose takes a module, tensors or gradients (arrays), not {type(leaf).__name__}"
            raise TraceTypeError(message)
        found.append(_Entry(".".join(map(str, path)) or "gradient", None, leaf, weight, leaf is None))
    return found


# --- the verdict ------------------------------------------------------------------------------------------------------


def _norm(array: Any) -> float:
    return float(np.linalg.norm(np.ravel(np.asarray(array, np.float64))))


def _size(array: Any) -> float:
    """The root mean square of the elements."""
    return _norm(array) / math.sqrt(max(np.size(array), 1))


def _judged(entry: _Entry, typical: float, sound: float, updated: Any) -> ParameterHealth:
    shape = np.shape(entry.weight if entry.weight is not None else entry.gradient)
    weight_norm = None if entry.weight is None else _norm(entry.weight)
    if entry.frozen:
        return ParameterHealth(
            entry.name, shape, "frozen", "It is frozen, and stays as it is.", weight_norm=weight_norm
        )
    if entry.gradient is None:
        return _unused(entry, shape, weight_norm)
    gradient = np.asarray(entry.gradient)
    zeros = float(np.mean(gradient == 0)) if gradient.size else 0.0
    ratio = None
    if updated is not None and weight_norm:
        ratio = _norm(np.asarray(updated, np.float64) - entry.weight) / weight_norm
    nans, infs = int(np.isnan(gradient).sum()), int(np.isinf(gradient).sum())
    norm = _norm(gradient)
    cuts = cuts_of(entry.tensor) if entry.tensor is not None and norm == 0.0 else []
    flat = next((cut for cut in cuts if cut.kind == "flat"), None)
    status, advice = _verdict(norm, gradient.size, nans + infs, zeros, weight_norm, ratio, typical, sound)
    if status == "zero" and flat is not None:
        advice = f"It goes through {flat.what}{_at(flat.location)}: use a smooth function in its place."
    cut_at = None if flat is None else str(flat.location)
    return ParameterHealth(entry.name, shape, status, advice, norm, weight_norm, ratio, zeros, nans, infs, cut_at)


def _verdict(
    norm: float,
    size: int,
    not_finite: int,
    zeros: float,
    weight_norm: float | None,
    ratio: float | None,
    typical: float,
    sound: float,
) -> tuple[str, str]:
    if not_finite:
        return "nan", ("Some of its gradient is not finite: GRAPHC_NAN=1 names the operation that made a NaN; with a "
                       "GradScaler such steps are skipped.")  # fmt: skip
    if norm == 0.0:
        return "zero", ("Its gradient is zero everywhere: a ReLU that is never positive, a saturated function, or a "
                        "mask in its way? Look at the activations after it, and at its initial values.")  # fmt: skip
    mean = norm / math.sqrt(size)
    is_beside_others = mean > EXPLODING * typical and not (weight_norm and norm <= weight_norm)
    if is_beside_others or (weight_norm and norm > EXPLODING * weight_norm) or (ratio or 0.0) > FASTEST:
        return "exploding", ("Its steps are large: clip the gradients (graphc.nn.utils.clip_grad_norm_), lower the "
                             "learning rate or warm it up, or normalise what comes in.")  # fmt: skip
    if mean < VANISHING * sound:
        return "vanishing", ("Hardly anything of the loss reaches it: shorten the way (residual connections), use "
                             "activations that do not saturate, normalise, or raise its learning rate.")  # fmt: skip
    if ratio is not None and 0.0 < ratio < SLOWEST:
        return "vanishing", "Steps hardly change it: raise the learning rate, or scale what comes in."
    if zeros > MOSTLY_ZERO:
        return (
            "healthy",
            f"{100 * zeros:.0f}% of its gradient is zero: as it should be for rows that were not looked up.",
        )
    return "healthy", "Nothing to do."


def _unused(entry: _Entry, shape: Sequence[int], weight_norm: float | None) -> ParameterHealth:
    cuts = cuts_of(entry.tensor) if entry.tensor is not None else []
    places = [cut for cut in cuts if cut.location is not None and cut.kind != "flat"]
    cut_at = None
    if places:
        cut_at = str(places[0].location)
        advice = f"No gradient reaches it: its way to the loss was cut by {places[0].what}{_at(places[0].location)}."
    elif entry.tensor is not None and was_used(entry.tensor):
        advice = "It is used, but nothing that is computed of it reaches the loss: is the result of its layer used?"
    else:
        advice = ("It is not in what backward() went through: is its layer called, was backward() called (compile_step "
                  "sets no .grad), or was its value read as a number (item(), numpy()) on the way?")  # fmt: skip
    return ParameterHealth(entry.name, tuple(shape), "unused", advice, weight_norm=weight_norm, cut_at=cut_at)


def _at(location: Any) -> str:
    return "" if location is None else f" at {location}"
