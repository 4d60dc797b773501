"""Jacobians and Hessians with few entries: the structure, a colouring, and as many sweeps as there are colours.

Columns of a Jacobian that meet in no row have one colour, and one forward sweep finds them all: Curtis, Powell and
Reid, On the estimation of sparse Jacobian matrices, J. Inst. Maths Applics 13 (1974). Rows and reverse sweeps likewise.
The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from graphc import pytree
from graphc.abi import EntryPlan
from graphc.api import grad, jvp, vjp
from graphc.autodiff.sparsity import structure
from graphc.errors import GradientError
from graphc.function import CompiledFunction
from graphc.higher import vmap
from graphc.ops.custom import only_mode
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.runtime import pycall
from graphc.trace.leaves import as_input
from graphc.trace.paths import reach_plan
from graphc.trace.record import Output, Traced, trace
from graphc.trace.rewrite import prepare
from graphc.trace.target import make_target
from graphc.transform import Transform


@dataclass(frozen=True, eq=False)
class Pattern:
    """The structure of a matrix, and how it is found in few sweeps.

    ``matrix``: csr_array, 1 where there may be an entry. ``colours``: the colour of each column (``mode`` "fwd") or row
    ("rev"); ``sweeps`` is how many there are.
    """

    matrix: sparse.csr_array
    mode: str
    colours: np.ndarray

    @property
    def sweeps(self) -> int:
        return int(self.colours.max(initial=-1)) + 1

    @functools.cached_property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """For each entry in turn its sweep, and its place in what the sweep gives."""
        counts = np.diff(self.matrix.indptr)
        rows = np.repeat(np.arange(counts.size), counts)
        columns = self.matrix.indices
        return (self.colours[columns], rows) if self.mode == "fwd" else (self.colours[rows], columns)

    @functools.cache  # noqa: B019  a pattern lives as long as its function
    def seeds(self, dtype: np.dtype) -> np.ndarray:
        """A direction for each sweep: 1 at what has its colour."""
        used = np.flatnonzero(self.colours >= 0)
        seeds = np.zeros((self.sweeps, self.colours.size), dtype)
        seeds[self.colours[used], used] = 1
        return seeds


@dataclass(frozen=True)
class _Found:
    """A pattern, and what it was found with: how to reach what the function reads from outside, and what was there."""

    pattern: Pattern
    outside: EntryPlan | None
    seen: tuple[Any, ...]

    def holds(self, args: Sequence[Any]) -> bool:
        """Whether what is read from outside has the sizes and integers that it had."""
        if self.outside is None:
            return True
        found = pycall.reach(self.outside, args)
        return found is not None and tuple(map(_key, found)) == self.seen


class SparseJacobian:
    """See :func:`sparse_jacobian`."""

    def __init__(self, function: Callable[..., Any], argnums: int, pattern: Any, mode: str, symmetric: bool = False):
        self.function, self.argnums, self.mode, self.symmetric = function, argnums, mode, symmetric
        self.target = make_target(function)
        self.given = pattern
        self._patterns: dict[Any, _Found] = {}
        traced = Transform("jit", None, forward_mode=True)  # what is to be traced also where nothing is compiled
        self._sweeps = {"fwd": CompiledFunction(self._forward, traced), "rev": CompiledFunction(self._reverse, traced)}
        functools.update_wrapper(self, function, updated=())

    def _at(self, args: tuple[Any, ...]) -> Callable[[Any], Any]:
        k, function = self.argnums, prepare(self.function)
        return lambda x: np.ravel(function(*args[:k], x, *args[k + 1 :]))

    def _forward(self, seeds: Any, *args: Any) -> Any:
        f, x = self._at(args), args[self.argnums]
        return vmap(lambda seed: jvp(f, (x,), (np.reshape(seed, np.shape(x)),))[1])(seeds)

    def _reverse(self, seeds: Any, *args: Any) -> Any:
        _, pullback = vjp(self._at(args), args[self.argnums])
        return vmap(lambda seed: np.ravel(pullback(seed)[0]))(seeds)

    def pattern(self, *args: Any) -> Pattern:
        """The structure for arguments like these, found once for their shapes and integers."""
        args = pytree.tree_map(lambda leaf: np.ascontiguousarray(leaf) if isinstance(leaf, np.ndarray) else leaf, args)
        leaves, spec = pytree.flatten(args)
        key = spec, tuple(map(_key, leaves))
        found = self._patterns.get(key)
        if found is None or not found.holds(args):
            found = self._patterns[key] = self._find(args)
        return found.pattern

    def _find(self, args: tuple[Any, ...]) -> _Found:
        if self.given is not None:
            return _Found(self._coloured(sparse.csr_array(self.given, dtype=np.int8), self.mode), None, ())
        traced = trace(self.target, args, {}, OPS, derivatives=1)
        if len(traced.outputs) != 1 or not isinstance(traced.outputs[0], Output):
            raise GradientError(f"sparse: {self.target.name} must return one array", location=self.target.location)
        places = [k for k, i in enumerate(traced.inputs) if i.leaf >= 0 and self._is_ours(traced, i.leaf)]
        if len(places) != 1 or not isinstance(args[self.argnums], np.ndarray):
            message = f"sparse: argument {self.argnums} of {self.target.name} must be an array; "
            raise GradientError(message + "graphc.flatten_args makes one of a container", location=self.target.location)
        hidden = [h.current for h in traced.captures.hidden.values()]
        objects = [*(traced.arguments[i.leaf].leaf for i in traced.inputs if i.leaf >= 0), *hidden]
        inputs = [np.asarray(as_input(i.spec, obj)) for i, obj in zip(traced.inputs, objects, strict=True)]
        ints = [traced.arguments[k].leaf for k in traced.int_leaves]
        rows = structure(optimize(traced.graph, OPS), inputs, ints, places[0])[traced.outputs[0].index]
        paths = [i.path for i in traced.inputs if i.leaf < 0 and i.path is not None]
        access = traced.captures.paths.access(paths, traced.walk.key_checks())
        mode = self.mode if self.mode != "auto" else only_mode(traced.graph) or "auto"
        return _Found(
            self._coloured(rows, mode), reach_plan(access) if access.steps else None, tuple(map(_key, hidden))
        )

    def _is_ours(self, traced: Traced, leaf: int) -> bool:
        """Whether the leaf is of the differentiated argument."""
        return traced.arguments[leaf].argument == self.argnums

    def _coloured(self, matrix: sparse.csr_array, mode: str) -> Pattern:
        matrix.sum_duplicates()  # sorts, too
        return coloured(matrix, "fwd" if self.symmetric else mode)

    def __call__(self, *args: Any) -> sparse.csr_array | None:
        if self.argnums < len(args) and isinstance(args[self.argnums], pytree.Frozen):
            return None
        pattern = self.pattern(*args)
        matrix, dtype = pattern.matrix, args[self.argnums].dtype
        data = np.zeros(matrix.nnz, dtype)
        if pattern.sweeps:
            data = self._sweeps[pattern.mode](pattern.seeds(dtype), *args)[pattern.places]
        return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def sparse_jacobian(
    function: Callable[..., Any], argnums: int = 0, *, pattern: Any = None, mode: str = "auto"
) -> SparseJacobian:
    """The Jacobian of a function of an array, as a ``scipy.sparse.csr_array``, in a few sweeps.

    >>> jacobian = graphc.sparse_jacobian(lambda x: x[1:] - x[:-1] ** 2)
    >>> jacobian(np.arange(4.0)).toarray()
    array([[ 0.,  1.,  0.,  0.],
           [ 0., -2.,  1.,  0.],
           [ 0.,  0., -4.,  1.]])
    >>> jacobian.pattern(np.arange(4.0)).sweeps
    2

    Args:
        function: a plain NumPy function that returns one array.
        argnums: the argument to differentiate by, an array.
        pattern: where entries may be, as anything that ``csr_array`` takes; by default it is found from the function:
            by structure, through loops, for the sizes and integer arguments of the call.
        mode: ``"fwd"`` colours columns, ``"rev"`` rows, ``"auto"`` takes what needs fewer sweeps.
    Returns: a function of the function's arguments. Rows of its result are elements of the function's result in C
        order, columns those of the argument; it is None for an argument that is frozen. ``.pattern(*args)`` is the
        structure, kept for arguments of equal shapes and integers.
    Raises: when called: ``GradientError`` (another result, another argument), ``UnsupportedError`` (the structure
        depends on floating values, or there is none to speak of), and the errors of tracing.
    """
    if mode not in ("auto", "fwd", "rev"):
        raise ValueError(f"mode={mode!r}: it is 'auto', 'fwd' or 'rev'")
    return SparseJacobian(function, argnums, pattern, mode)


def sparse_hessian(function: Callable[..., Any], argnums: int = 0, *, pattern: Any = None) -> SparseJacobian:
    """The Hessian of a scalar function of an array, as a ``scipy.sparse.csr_array``.

    >>> graphc.sparse_hessian(lambda x: np.sum(np.diff(x) ** 2))(np.zeros(4)).toarray()
    array([[ 2., -2.,  0.,  0.],
           [-2.,  4., -2.,  0.],
           [ 0., -2.,  4., -2.],
           [ 0.,  0., -2.,  2.]])

    It is the :func:`sparse_jacobian` of the gradient, forward over reverse; see there.
    """
    return SparseJacobian(grad(function, argnums=argnums), argnums, pattern, "fwd", symmetric=True)


def _key(leaf: Any) -> Any:
    """What the structure may depend on: sizes, and integers, but no floating numbers."""
    if isinstance(leaf, np.ndarray | np.generic):
        return leaf.shape, leaf.dtype, leaf.tobytes() if leaf.dtype.kind in "biu" else None
    return float if isinstance(leaf, float) else leaf


# --- colouring --------------------------------------------------------------------------------------------------------


def coloured(matrix: sparse.csr_array, mode: str) -> Pattern:
    """The mode with fewer sweeps, where it is open."""
    found = []
    if mode in ("auto", "fwd"):
        found.append(Pattern(matrix, "fwd", _colour(sparse.csc_array(matrix), matrix)))
    if mode in ("auto", "rev"):
        turned = sparse.csr_array(matrix.T)
        found.append(Pattern(matrix, "rev", _colour(sparse.csc_array(turned), turned)))
    return min(found, key=lambda pattern: pattern.sweeps)


def _colour(by_column: sparse.csc_array, by_row: sparse.csr_array) -> np.ndarray:
    """The smallest colour that no column with a common row has yet, column by column; -1 for an empty column."""
    colour = _greedy()
    arrays = (by_column.indptr, by_column.indices, by_row.indptr, by_row.indices)
    return colour(*(np.asarray(a, np.int64) for a in arrays))


@functools.lru_cache(maxsize=1)
def _greedy() -> Callable[..., np.ndarray]:
    import numba

    @numba.njit
    def greedy(column_starts: np.ndarray, rows: np.ndarray, row_starts: np.ndarray, columns: np.ndarray) -> np.ndarray:
        count = column_starts.size - 1
        colours = np.full(count, -1)
        taken = np.full(count + 1, -1)  # the column that a colour was last seen beside
        for column in range(count):
            if column_starts[column] == column_starts[column + 1]:
                continue
            for at in range(column_starts[column], column_starts[column + 1]):
                row = rows[at]
                for k in range(row_starts[row], row_starts[row + 1]):
                    beside = colours[columns[k]]
                    if beside >= 0:
                        taken[beside] = column
            colour = 0
            while taken[colour] == column:
                colour += 1
            colours[column] = colour
        return colours

    return greedy
