"""``gradcheck``: gradients of a function of tensors against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.errors import AutogradError, GradientError
from graphc.tensors.backward import BackwardPass
from graphc.tensors.core import Tensor, from_array
from graphc.tensors.modes import no_grad
from graphc.tensors.placing import on_host
from graphc.trace.location import user_location


def gradcheck(
    func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:  # fmt: skip
    """Whether the gradients of a function, as ``backward()`` has them, are those of central differences.

    >>> x = graphc.tensor([0.3, 2.0], requires_grad=True)
    >>> graphc.autograd.gradcheck(lambda x: x.sin() * x, x)
    True

    Args:
        func: takes tensors, and gives a tensor or several.
        inputs: a tensor, or several; those that require grad are checked, and should be of double precision.
        eps: the step of the differences.
        atol, rtol: tolerances.
        raise_exception: whether a difference is an error; else False.
    Raises: ``AutogradError`` where no input requires grad; ``GradientError`` for a gradient that differs.
    """
    args = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    sources = [x for x in args if isinstance(x, Tensor) and x.requires_grad]
    if not sources:
        raise AutogradError("gradcheck: no input requires grad", location=user_location())
    for number, output in enumerate(_several(func(*args))):
        if not output.requires_grad:
            continue
        found = _rows(output, sources)
        for source, mine in zip(sources, found, strict=True):
            expected = _differences(func, args, source, number, eps)
            if not np.allclose(mine, expected, rtol, atol):
                if not raise_exception:
                    return False
                message = f"gradcheck: output {number}: backward gives\n{mine}\nand differences\n{expected}"
                raise GradientError(message, location=user_location())
    return True


def _several(found: Any) -> tuple[Any, ...]:
    return tuple(found) if isinstance(found, tuple | list) else (found,)


def _rows(output: Tensor, sources: Sequence[Tensor]) -> list[np.ndarray]:
    """The Jacobian by each source, one backward pass for each element of the output."""
    rows: list[list[np.ndarray]] = [[] for _ in sources]
    for place in range(output.numel()):
        seed = np.zeros(output.shape, output.dtype)
        seed.reshape(-1)[place] = 1
        work = BackwardPass(create=False, retain=True, captured=sources)
        work.run((output,), (from_array(seed if seed.ndim else seed[()]),))
        for row, source in zip(rows, sources, strict=True):
            gradient = work.found.get(id(source))
            row.append(np.zeros(source.numel()) if gradient is None else np.array(on_host(gradient)).reshape(-1))
    return [np.array(row).reshape(output.numel(), source.numel()) for row, source in zip(rows, sources, strict=True)]


def _differences(
    func: Callable[..., Any], args: tuple[Any, ...], source: Tensor, number: int, eps: float
) -> np.ndarray:
    """The Jacobian by central differences."""
    values = np.array(on_host(source))
    columns = []
    for place in range(values.size):
        ends = []
        for step in (eps, -eps):
            moved = values.copy()
            moved.reshape(-1)[place] += step
            given = [from_array(moved if moved.ndim else moved[()]) if x is source else x for x in args]
            with no_grad():
                ends.append(np.array(on_host(_several(func(*given))[number])).reshape(-1))
        columns.append((ends[0] - ends[1]) / (2 * eps))
    return np.array(columns).T
