"""More of PyTorch's functions of tensors: repeating and dividing, joining, products."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.errors import NumberError, ShapeError
from graphc.tensors import methods, shaping
from graphc.tensors.core import Tensor, record
from graphc.tensors.creation import from_numpy, shape_of
from graphc.tensors.declaring import axis_of, common_shape, need_rank, several_of
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.ordering import known
from graphc.tensors.placing import near
from graphc.tensors.views import view
from graphc.trace.location import user_location

# --- repeating, joining, dividing -------------------------------------------------------------------------------------


def tile(input: Tensor, *dims: Any) -> Tensor:
    """The tensor so many times along each dimension, the last ones where there are fewer."""
    return record(FUNCTIONS["tile"], (input,), (shape_of(dims),))


def repeat(self: Tensor, *repeats: Any) -> Tensor:
    """The tensor so many times along each dimension, of which there may be more than the tensor has."""
    counts = shape_of(repeats)
    if len(counts) < self.ndim:
        message = f"repeat: {len(counts)} numbers of repeats for a tensor of {self.ndim} dimensions"
        raise ShapeError(message, location=user_location())
    return tile(self, counts)


def repeat_interleave(input: Tensor, repeats: Any, dim: int | None = None) -> Tensor:
    """Each element so many times in a row, along the dimension or of all in order."""
    if isinstance(repeats, Tensor):
        counts = known(repeats, "repeat_interleave with a tensor of repeats")
        repeats = tuple(counts.ravel().tolist()) if counts.ndim else int(counts)
    if isinstance(repeats, int) and repeats < 0:
        raise NumberError(f"repeat_interleave: {repeats} repeats", location=user_location())
    if isinstance(repeats, tuple):
        flat = input if dim is not None else shaping.reshape(input, -1)
        places = np.repeat(np.arange(flat.shape[dim or 0]), repeats)
        return shaping.index_select(flat, dim or 0, near(places, input))
    return record(FUNCTIONS["repeat_interleave"], (input,), (int(repeats), dim))


def _stacked(name: str, dim: int, rank: int) -> Callable[..., Tensor]:
    def call(tensors: Sequence[Tensor]) -> Tensor:
        parts = [_of_rank(x, rank, dim) for x in several_of(name, tensors)]
        return shaping.cat(parts, dim if parts[0].ndim > dim else 0)

    call.__name__ = name
    call.__doc__ = f"The tensors one after the other along dimension {dim}, with at least {rank} dimensions each."
    return call


def _of_rank(x: Tensor, rank: int, dim: int) -> Tensor:
    """With at least so many dimensions: in front, and for ``dstack`` one more behind."""
    if dim == 2 and x.ndim < 3:
        return shaping.unsqueeze(_of_rank(x, 2, 0), 2)
    while x.ndim < rank:
        x = shaping.unsqueeze(x, 0)
    return x


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Vectors as the columns of a matrix, matrices side by side."""
    tensors = several_of("column_stack", tensors)
    return shaping.cat([shaping.reshape(x, -1, 1) if x.ndim < 2 else x for x in tensors], 1)


def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of so many nearly equal pieces, or of the pieces between these positions."""
    need_rank("tensor_split", input, 1)
    size = input.shape[axis_of("tensor_split", input, dim)]
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = known(indices_or_sections, "tensor_split() at positions of a tensor").tolist()
    if isinstance(indices_or_sections, int):
        if indices_or_sections < 1:
            raise ShapeError(f"tensor_split into {indices_or_sections} pieces", location=user_location())
        whole, more = divmod(size, indices_or_sections)
        sizes = [whole + (k < more) for k in range(indices_or_sections)]
    else:
        ends = [0, *[min(int(i), size) for i in indices_or_sections], size]
        sizes = [max(b - a, 0) for a, b in itertools.pairwise(ends)]
    return shaping.split(input, sizes, dim)


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """A view with one dimension as several."""
    need_rank("unflatten", input, 1)
    axis = axis_of("unflatten", input, dim)
    sizes = tuple(sizes)
    if -1 in sizes:
        rest = math.prod(s for s in sizes if s != -1)
        sizes = tuple(input.shape[axis] // rest if s == -1 else s for s in sizes)
    return shaping.reshape(input, *input.shape[:axis], *sizes, *input.shape[axis + 1 :])


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of a dimension, along a new last one (a copy)."""
    return record(FUNCTIONS["unfold"], (input,), (int(dimension), int(size), int(step)))


def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension."""
    return shaping.reshape(input, -1)


def fliplr(input: Tensor) -> Tensor:
    """The second dimension reversed."""
    return shaping.flip(input, 1)


def flipud(input: Tensor) -> Tensor:
    """The first dimension reversed."""
    return shaping.flip(input, 0)


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turned by 90 degrees in the plane of two dimensions, k times."""
    return record(FUNCTIONS["rot90"], (input,), (int(k), tuple(dims)))


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Vectors broadcast against each other: each along a dimension of its own."""
    vectors = list(tensors[0]) if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else list(tensors)
    if indexing not in ("ij", "xy"):
        raise ValueError(f"indexing={indexing!r}: expected 'ij' or 'xy'")
    swaps = indexing == "xy" and len(vectors) > 1
    for vector in vectors:
        need_rank("meshgrid", vector, 0, 1)
    order = [1, 0, *range(2, len(vectors))] if swaps else list(range(len(vectors)))
    sizes = [vectors[k].shape[0] if vectors[k].ndim else 1 for k in order]
    made = []
    for k, vector in enumerate(vectors):
        shape = [1] * len(vectors)
        shape[order.index(k)] = -1
        made.append(shaping.expand(shaping.reshape(vector, *shape), *sizes))
    return tuple(made)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Views of the tensors broadcast against each other."""
    shape = common_shape("broadcast_tensors", *(x.shape for x in tensors))
    return tuple([x if x.shape == shape else shaping.expand(x, *shape) for x in tensors])


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of an element of each vector, one row each."""
    if len(tensors) == 1:
        return tensors[0]
    return shaping.stack([ravel(x) for x in meshgrid(*tensors)], 1)


# --- products ---------------------------------------------------------------------------------------------------------


def einsum(equation: str, *operands: Any) -> Tensor:
    """The sum of products that the equation says, such as ``"bij,bjk->bik"``."""
    tensors = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], list | tuple) else operands
    return record(FUNCTIONS["einsum"], tuple(tensors), (equation.replace(" ", ""),))


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """The sum of products over the last dimensions of a and the first of b, or over these of both."""
    axes = dims if isinstance(dims, int) else tuple(tuple(d) if isinstance(d, list | tuple) else (d,) for d in dims)
    return record(FUNCTIONS["tensordot"], (a, b), (axes,))


def addmm(input: Any, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * input + alpha * mat1 @ mat2``; also of a matrix and a vector, and of batches."""
    product = methods.BOTH["matmul"](mat1, mat2)
    scaled = product if alpha == 1 else methods.BOTH["mul"](product, alpha)
    return scaled if beta == 0 else methods.add(scaled, input if beta == 1 else methods.BOTH["mul"](input, beta))


def _pair(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    def call(input: Tensor, other: Tensor) -> Tensor:
        return record(FUNCTIONS[name], several_of(name, (input, other)))

    call.__name__ = name
    return call


outer, inner, kron = _pair("outer"), _pair("inner"), _pair("kron")


def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The vector product along a dimension of length 3, the first one by default."""
    three = [k for k, size in enumerate(input.shape) if size == 3] if dim is None else []
    axis = three[0] if three else -1 if dim is None else axis_of("cross", input, dim)
    if not input.ndim or input.shape[axis] != 3:
        message = f"cross needs a dimension of length 3, the tensor has shape {input.shape}"
        raise ShapeError(message, location=user_location())
    return record(FUNCTIONS["cross"], (input, other), (axis,))


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A vector as the diagonal of a matrix, or the diagonal of a matrix."""
    return record(FUNCTIONS["diag"], (input,), (int(diagonal),))


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the diagonal of two dimensions, as the last one."""
    first, second = axis_of("diagonal", input, dim1), axis_of("diagonal", input, dim2)
    if first == second:
        message = f"diagonal: dimensions {dim1} and {dim2} of a tensor of {input.ndim} dimensions are the same"
        raise ShapeError(message, location=user_location())
    return view(FUNCTIONS["diagonal"], input, (int(offset), first, second))


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The last dimension as a diagonal of matrices, in the plane of these two dimensions of the result."""
    return record(FUNCTIONS["diag_embed"], (input,), (int(offset), int(dim1), int(dim2)))


def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix."""
    need_rank("trace", input, 2, 2)
    return record(FUNCTIONS["trace"], (input,))


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0) -> Tensor:
    """The p-norms of the differences of all rows of the one and all rows of the other."""
    return record(FUNCTIONS["cdist"], (x1, x2), (float(p),))


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of the difference."""
    return methods.norm(methods.sub(input, other), p)


# --- places of triangles ----------------------------------------------------------------------------------------------


def tril_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """The positions on and below the diagonal of a matrix, (2, n)."""
    return from_numpy(np.stack(np.tril_indices(row, offset, col))).clone()


def triu_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """The positions on and above the diagonal of a matrix, (2, n)."""
    return from_numpy(np.stack(np.triu_indices(row, offset, col))).clone()


BOTH: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        tile, repeat_interleave, tensor_split, unflatten, ravel, fliplr, flipud, rot90, addmm, outer, inner, kron,
        cross, diag, diagonal, diag_embed, trace, dist,
    )
}  # fmt: skip
BOTH |= {"addmv": addmm, "baddbmm": addmm, "ger": outer, "vdot": methods.BOTH["dot"], "arctan2": methods.BOTH["atan2"],
         "not_equal": methods.BOTH["ne"], "less": methods.BOTH["lt"], "less_equal": methods.BOTH["le"],
         "greater": methods.BOTH["gt"], "greater_equal": methods.BOTH["ge"], "fix": methods.BOTH["trunc"],
         **{f"arc{k}": methods.BOTH[f"a{k}"] for k in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}}  # fmt: skip
ONLY_METHODS: dict[str, Callable[..., Any]] = {"repeat": repeat, "unfold": unfold}
ONLY_FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        column_stack, meshgrid, broadcast_tensors, cartesian_prod, einsum, tensordot, cdist,
        tril_indices, triu_indices,
    )
}  # fmt: skip
ONLY_FUNCTIONS |= {"vstack": _stacked("vstack", 0, 2), "hstack": _stacked("hstack", 1, 1),
                   "dstack": _stacked("dstack", 2, 3)}  # fmt: skip
IN_PLACE = (
    "arctan2", "not_equal", "less", "less_equal", "greater",
    "greater_equal", "fix", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "addmm", "addmv", "baddbmm",
)  # fmt: skip
