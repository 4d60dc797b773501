"""The exponential of matrices.

Source: N. J. Higham, Functions of Matrices: Theory and Computation (SIAM 2008), algorithm 10.20: scaling, the [13/13]
Pade approximant, squaring. Each matrix is scaled by what it needs; how often is a constant of the derivative.
"""

from __future__ import annotations

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.promotion import floating
from graphc.trace.functions import NUMPY_FUNCTIONS as NUMPY

_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
_REACH = 5.371920351148152  # the norm up to which the approximant is exact to rounding
_MOST = 16  # squarings: up to a norm of 350,000; NaN beyond


def matrix_exp(F: Builder, x: Value) -> Value:
    """``exp(A)`` for each matrix of the last two dimensions."""
    x = floating(F, x)
    if x.rank < 2 or not F.facts.equal(x.dims[-1], x.dims[-2]):
        raise ShapeError(f"matrix_exp needs square matrices, got {x.type}", location=F.location)
    if 0 in x.dims:
        return F.positive(x)
    sums = F.reduce("sum", F.abs(F.stop_gradient(x)), (x.rank - 2,), keepdims=True)
    size = F.reduce("max", sums, (x.rank - 1,), keepdims=True)
    squarings = F.ceil(F.log2(F.maximum(F.div(size, _REACH), 1.0)))
    power = _approximant(F, F.mul(x, F.exp2(F.neg(F.minimum(squarings, float(_MOST))))))
    for k in range(_MOST):
        power = F.select(F.lt(float(k), squarings), F.matmul(power, power), power)
    return F.select(F.le(squarings, float(_MOST)), power, float("nan"))


def _approximant(F: Builder, x: Value) -> Value:
    """The [13/13] Pade approximant."""
    n = x.dims[-1]
    diagonal = F.eq(F.iota(dims=(n, 1), axis=0), F.iota(dims=(1, n), axis=1))
    one = F.cast(diagonal, x.type.dtype)
    squares = [one, F.matmul(x, x)]
    squares.append(F.matmul(squares[1], squares[1]))
    squares.append(F.matmul(squares[2], squares[1]))

    def weighted(first: int, powers: range) -> Value:
        total = F.mul(squares[powers[0]], _PADE[first])
        for k, power in enumerate(powers[1:], 1):
            total = F.add(total, F.mul(squares[power], _PADE[first + 2 * k]))
        return total

    odd = F.matmul(x, F.add(F.matmul(squares[3], weighted(9, range(1, 4))), weighted(1, range(4))))
    even = F.add(F.matmul(squares[3], weighted(8, range(1, 4))), weighted(0, range(4)))
    result: Value = NUMPY["numpy.linalg.solve"](F, F.sub(even, odd), F.add(even, odd))
    return result


EXPONENTIAL = [Function("matrix_exp", matrix_exp)]
