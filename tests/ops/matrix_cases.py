"""Cases of the ops on rows and matrices: sorting, systems, decompositions."""

from __future__ import annotations

import numpy as np

from tests.ops.case import Case, distinct, normal


def regular(*shape: int) -> np.ndarray:
    """Matrices far from singular ones."""
    return normal(*shape) + 2.5 * np.eye(shape[-1])


def definite(*shape: int) -> np.ndarray:
    a = normal(*shape)
    return a @ np.swapaxes(a, -1, -2) + 2 * np.eye(shape[-1])


def spread(m: int, n: int, batch: tuple[int, ...] = ()) -> np.ndarray:
    """Matrices with singular values well apart."""
    u, _, vt = np.linalg.svd(normal(*batch, m, n), full_matrices=False)
    return (u * np.linspace(1.0, 3.0, min(m, n))) @ vt


def symmetric(n: int, batch: tuple[int, ...] = ()) -> np.ndarray:
    """Symmetric matrices with eigenvalues well apart, always the same: differences are blunt for a few of them."""
    q, _ = np.linalg.qr(np.random.default_rng(n).normal(size=(*batch, n, n)))
    return (q * np.linspace(-1.0, 2.0, n)) @ np.swapaxes(q, -1, -2)


def swapped(a: np.ndarray) -> np.ndarray:
    return np.swapaxes(a, -1, -2)


def substituted(t: np.ndarray, b: np.ndarray, lower: bool, transposed: bool, unit: bool) -> np.ndarray:
    """A triangular system row by row."""
    t = swapped(t) if transposed else t
    rows = range(t.shape[-1]) if lower != transposed else reversed(range(t.shape[-1]))
    x = np.zeros_like(b)
    known: list[int] = []
    for i in rows:
        rest = b[..., i, :] - sum(t[..., i, j, None] * x[..., j, :] for j in known)
        x[..., i, :] = rest / (1.0 if unit else t[..., i, i, None])
        known.append(i)
    return x


def triangular() -> list[Case]:
    cases = []
    for lower in (True, False):
        for transposed in (True, False):
            attrs = {"lower": lower, "transposed": transposed, "unit": lower == transposed}
            shapes = [((3, 3), (3, 2)), ((1, 1), (1, 1))] if transposed else [((2, 2, 2), (2, 2, 1)), ((0, 0), (0, 2))]
            cases += [
                Case((regular(*t), normal(*b)), lambda t, b, a=attrs: substituted(t, b, **a), attrs) for t, b in shapes
            ]
    return cases


def completed(a: np.ndarray) -> np.ndarray:
    """By reflections, each of which brings a column to an axis, with LAPACK's sign."""
    m, n = a.shape[-2:]
    if a.ndim > 2:
        return np.stack([completed(x) for x in a])
    basis, rest = np.eye(m, dtype=a.dtype), a.copy()
    for k in range(n):
        x = rest[k:, k].copy()
        length = -np.copysign(np.linalg.norm(x), x[0].real)
        v, factor = x.copy(), np.conj((length - x[0]) / length)
        v[0] -= length
        v = v / v[0]
        reflection = np.eye(m, dtype=a.dtype)
        reflection[k:, k:] -= np.conj(factor) * np.outer(v, np.conj(v))
        basis, rest = basis @ reflection, np.conj(reflection.T) @ rest
    return basis[:, n:]


def projected(a: np.ndarray, b: np.ndarray, c: np.ndarray, adjoint: bool = False) -> np.ndarray:
    """By normal equations, of full rank."""
    h = np.conj(swapped(a))
    inverse = np.linalg.inv(h @ a) @ h if a.shape[-2] > a.shape[-1] else h @ np.linalg.inv(a @ h)
    return (np.conj(swapped(inverse)) if adjoint else inverse) @ b


def size(a: np.ndarray) -> np.ndarray:
    """By what LAPACK compares pivots."""
    return np.abs(a.real) + np.abs(a.imag)


def lu_by_columns(a: np.ndarray) -> tuple[np.ndarray, ...]:
    """Crout's elimination with the largest element of a row as pivot."""
    packed, n = a.copy(), a.shape[1]
    columns, exchanges, sign = np.arange(n), [], 1
    for i in range(min(a.shape)):
        best = i + int(np.argmax(size(packed[i, i:])))
        exchanges.append(best)
        if best != i:
            packed[:, [i, best]], columns[[i, best]], sign = packed[:, [best, i]], columns[[best, i]], -sign
        packed[i, i + 1 :] /= packed[i, i]
        packed[i + 1 :, i + 1 :] -= np.outer(packed[i + 1 :, i], packed[i, i + 1 :])
    return packed, columns, np.argsort(columns), np.array(exchanges), np.int64(sign), np.int64(0)


def by_definition(a: np.ndarray) -> np.ndarray:
    """A determinant by its first row."""
    if not len(a):
        return np.float64(1.0)
    rest = [np.delete(a[1:], j, 1) for j in range(len(a))]
    return np.float64(sum((-1) ** j * a[0, j] * by_definition(rest[j]) for j in range(len(a))))


def minors(a: np.ndarray) -> np.ndarray:
    """The cofactors one by one."""
    n = len(a)
    found = [[by_definition(np.delete(np.delete(a, i, 0), j, 1)) for j in range(n)] for i in range(n)]
    return np.array(found) * (-1.0) ** np.add.outer(np.arange(n), np.arange(n))


def adjoint_of_cholesky(factor: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Backwards through the factorisation, one element after the other."""
    if factor.ndim > 2:
        return np.stack([adjoint_of_cholesky(*pair) for pair in zip(factor, g, strict=True)])
    found = np.tril(g)
    for j in reversed(range(len(g))):
        for i in reversed(range(j, len(g))):
            if i == j:
                found[j, j] /= 2 * factor[j, j]
                found[j, :j] -= 2 * found[j, j] * factor[j, :j]
                continue
            found[i, j] /= factor[j, j]
            found[j, j] -= found[i, j] * factor[i, j]
            found[i, :j] -= found[i, j] * factor[j, :j]
            found[j, :j] -= found[i, j] * factor[i, :j]
    return found


def eigen_rows(values: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, ...]:
    return values, vectors.T, np.int64(0)


def sides(transposed: bool) -> list[Case]:
    attrs = {"transposed": transposed}
    shapes = [((3, 3), (3, 2)), ((1, 1), (1, 1))] if transposed else [((2, 2, 2), (2, 2, 1)), ((0, 0), (0, 2))]
    return [
        Case((regular(*a), normal(*b)), lambda a, b: np.linalg.inv(swapped(a) if transposed else a) @ b, attrs)
        for a, b in shapes
    ]


STACKS = ((3, 3), (1, 1), (2, 2, 2), (0, 0), (0, 2, 2))
TALL = ((3, 2), (2, 2), (1, 1), (3, 1))
KEYS = [distinct(5), distinct(2, 3), distinct(20), np.zeros((2, 0)), distinct(3, 1)]
TIES = [np.array([2.0, 1.0, np.nan, 1.0, -np.inf, 2.0]), np.array([3, 1, 3, 1]), np.array([True, False, True])]
SORTED = np.array([[-1.0, 0.5, 0.5, 2.0, np.nan], [0.0, 0.0, 1.0, 1.0, 1.0]])
SOUGHT = np.array([[0.5, np.nan, -3.0], [1.0, 0.0, 2.0]])


def sort_by_python(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = x.reshape(-1, x.shape[-1]) if x.size else x[:0]
    order = [sorted(range(len(row)), key=lambda i, row=row: (row[i] != row[i], row[i] if row[i] == row[i] else 0))
             for row in rows]  # fmt: skip
    places = np.array(order, np.int64).reshape(x.shape)
    return np.take_along_axis(x, places, -1), places


def places_by_count(right: bool) -> object:
    def count(a: np.ndarray, v: np.ndarray) -> np.ndarray:
        below = (lambda p, q: p < q) if not right else (lambda p, q: p <= q)
        last = [[sum(bool(below(e, x) or (np.isnan(x) and (right or not np.isnan(e)))) for e in row) for x in xs]
                for row, xs in zip(a, v, strict=True)]  # fmt: skip
        return np.array(last, np.int64)

    return count


def ranked_by_python(x: np.ndarray, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = [np.take_along_axis(part, ranks, -1) for part in sort_by_python(x)]
    return found[0], found[1]


# Rows long enough to be sorted by digits, and to be searched by them: with ties, NaN, zeros of both signs, infinities
MANY = np.random.default_rng(5)
LONG = np.concatenate([MANY.normal(size=900), MANY.integers(-2, 3, 300), [np.nan, np.inf, -np.inf, 0.0, -0.0, np.nan]])
LONG = np.stack([MANY.permutation(LONG), MANY.permutation(LONG) * 1e-300])
LONG_KEYS = [LONG, MANY.integers(-(2**62), 2**62, 1100), MANY.integers(0, 2**64, 1100, dtype=np.uint64)]
LONG_KEYS += [LONG.astype(np.float32), MANY.integers(-100, 100, 1100).astype(np.int8), MANY.random(1100) > 0.5]
RANKS = [np.array([0, 4]), np.array([[2], [0]])]

MATRIX_CASES: dict[str, list[Case]] = {
    "sort": [Case((x,), sort_by_python) for x in KEYS]
    + [Case((x,), sort_by_python, orders=0) for x in (*TIES, *LONG_KEYS)],
    "ranked": [Case((x, k), ranked_by_python) for x, k in zip((distinct(5), distinct(2, 3)), RANKS, strict=True)]
    + [Case((x, np.broadcast_to([0, 500, 1099], (*x.shape[:-1], 3))), ranked_by_python, orders=0) for x in LONG_KEYS]
    + [Case((TIES[0], np.arange(6)), ranked_by_python, orders=0)],
    "search": [Case((SORTED, SOUGHT), places_by_count(right), {"right": right}, 0) for right in (False, True)],
    "lu": [Case((regular(*shape),), lu_by_columns, orders=0) for shape in ((3, 3), (2, 2), (1, 1))]
    + [Case((normal(*shape),), lu_by_columns, orders=0) for shape in ((2, 3), (3, 2))],
    "cholesky_factor": [Case((definite(3, 3),), lambda a: (np.linalg.cholesky(a), np.int64(0)), orders=0)],
    "cholesky_reverse": [
        Case((np.linalg.cholesky(definite(*shape)), normal(*shape)), adjoint_of_cholesky)
        for shape in ((3, 3), (1, 1), (2, 2, 2))
    ]
    + [Case((np.linalg.cholesky(definite(75, 75)), normal(75, 75)), adjoint_of_cholesky, orders=0)],
    "symmetric_eigen": [Case((symmetric(3),), lambda a: eigen_rows(*np.linalg.eigh(a)), orders=0)],
    "singular": [
        Case((spread(m, n),), lambda a: (*(f.T for f in np.linalg.svd(a, full_matrices=False)), np.int64(0)), orders=0)
        for m, n in ((3, 2), (2, 3))
    ],
    "orthogonal": [Case((normal(*shape),), lambda a: (*np.linalg.qr(a), np.int64(0)), orders=0) for shape in TALL],
    "triangular_solve": triangular(),
    "solve": sides(False) + sides(True),
    "inverse": [
        Case((regular(*shape),), lambda a: np.linalg.solve(a, np.eye(a.shape[-1]) + 0 * a)) for shape in STACKS
    ],
    "det": [Case((regular(*shape),), by_definition) for shape in ((3, 3), (1, 1), (0, 0))]
    + [Case((regular(2, 2, 2),), lambda a: np.array([by_definition(m) for m in a]))],
    "slogdet": [
        Case((regular(*shape),), lambda a: (np.sign(by_definition(a)), np.log(abs(by_definition(a)))))
        for shape in ((3, 3), (1, 1))
    ],
    "cofactors": [Case((regular(*shape),), minors) for shape in ((3, 3), (2, 2), (1, 1))]
    + [Case((np.outer([1.0, 2.0, -1.0], [2.0, 0.5, 1.0]),), minors, orders=0)],
    "cholesky": [Case((definite(*shape),), np.linalg.cholesky) for shape in ((3, 3), (1, 1), (2, 2, 2))],
    "eigh": [Case((symmetric(3),), np.linalg.eigh), Case((symmetric(2, (2,)),), np.linalg.eigh)],
    "svd": [Case((spread(m, n, b),), lambda a: np.linalg.svd(a, full_matrices=False))
            for m, n, b in ((3, 2, ()), (2, 3, ()), (2, 2, (2,)), (3, 1, ()))],
    "completion": [Case((normal(*shape),), completed) for shape in ((4, 2), (2, 3, 2))],
    "qr": [Case((normal(*shape),), np.linalg.qr) for shape in (*TALL, (2, 3, 2))],
    "least_squares": [
        Case(
            (spread(m, n), normal(n if flag else m, 2), np.float64(1e-10)),
            lambda a, b, c, flag=flag: projected(a, b, c, flag),
            {"adjoint": flag},
        )
        for m, n, flag in ((3, 2, False), (2, 3, False), (3, 2, True))
    ],
    "pinv": [Case((spread(m, n), np.float64(1e-10)), lambda a, c: np.linalg.pinv(a)) for m, n in ((3, 2), (2, 3))],
}  # fmt: skip
