"""Calls of every function of the Python array API standard 2024.12, with each of its arguments spelled as there.

A form is an expression over ``xp`` and some arrays, by letter, each of which stands for several dtypes.
"""

from __future__ import annotations

# letter of the forms -> kinds of dtype: f real floating, c complex, i signed, u unsigned, b bool
KINDS = {"x": "f", "n": "fcui", "r": "fui", "k": "iu", "a": "fcuib", "z": "fc", "b": "b", "c": "c"}

_UNARY = {
    "r": "abs negative positive sign square ceil floor round trunc isfinite isinf isnan",
    "z": "acos acosh asin asinh atan atanh conj cos cosh exp expm1 log log1p log2 log10 reciprocal sin sinh sqrt "
    "tan tanh real imag",
    "x": "signbit",
    "k": "bitwise_invert",
    "b": "logical_not",
}
_BINARY = {
    "r": "floor_divide remainder maximum minimum greater greater_equal less less_equal",
    "n": "add subtract multiply equal not_equal",
    "x": "atan2 copysign hypot logaddexp nextafter divide pow",
    "k": "bitwise_and bitwise_or bitwise_xor",
    "b": "logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor equal",
}
ELEMENTWISE = {
    **{f"{name}({letter})": f"xp.{name}({letter})" for letter, names in _UNARY.items() for name in names.split()},
    **{f"{name}({letter}, {letter})": f"xp.{name}({letter}, {letter}1)" for letter, names in _BINARY.items()
       for name in names.split()},
    "abs(c)": "xp.abs(c)", "sign(c)": "xp.sign(c)", "square(c)": "xp.square(c)", "isnan(c)": "xp.isnan(c)",
    "positive(c)": "xp.positive(c)", "isfinite(c)": "xp.isfinite(c)", "isinf(c)": "xp.isinf(c)",
    "negative(c)": "xp.negative(c)", "divide(c)": "xp.divide(c, c1)", "pow(c)": "xp.pow(c, c1)",
    "bitwise_left_shift(k)": "xp.bitwise_left_shift(k, 2)", "bitwise_right_shift(k)": "xp.bitwise_right_shift(k, 1)",
    "clip(r)": "xp.clip(r, min=1, max=2)", "clip(x, array)": "xp.clip(x, x1, None)", "pow(r, 2)": "xp.pow(r, 2)",
    "conj(x)": "xp.conj(x)", "real(c)": "xp.real(c)", "round(c)": "xp.round(c.real)", "round(k)": "xp.round(k)",
}  # fmt: skip

CREATION = [
    "xp.asarray(a)", "xp.asarray(r, dtype=xp.float64)", "xp.asarray(a, copy=True)", "xp.asarray([x[0, 0], x[1, 2]])",
    "xp.arange(x.shape[0])", "xp.arange(1, x.shape[1], 2, dtype=xp.float32)", "xp.empty(x.shape, dtype=xp.int32) * 0",
    "xp.empty_like(a).dtype == a.dtype", "xp.empty_like(a).shape", "xp.eye(x.shape[0], 5, k=1)",
    "xp.full(x.shape, x[0, 0])", "xp.full((2, x.shape[0]), 7, dtype=xp.int8)", "xp.full_like(n, 3)",
    "xp.full_like(n, 3, dtype=xp.float32)", "xp.linspace(x[0, 0], x[1, 1], num=7, endpoint=False)",
    "xp.linspace(0.0, 1.0, 5) + x[0, 0]", "xp.meshgrid(x[0], x[:, 0], indexing='ij')", "xp.meshgrid(x[0], x[:, 0])",
    "xp.ones(x.shape)", "xp.ones_like(a)", "xp.ones_like(a, dtype=xp.bool)", "xp.tril(a, k=-1)", "xp.triu(a, k=1)",
    "xp.zeros(x.shape[0])", "xp.zeros_like(a)", "xp.zeros((x.shape[0], 0))", "xp.zeros_like(x, device='cpu')",
]  # fmt: skip

DATA_TYPES = [
    "xp.astype(a, xp.bool)", "xp.astype(r, xp.float32, copy=False)", "xp.astype(r, xp.int32)",
    "xp.astype(a, xp.complex64)", "xp.broadcast_arrays(a, a[0])", "xp.broadcast_to(a, (2, *a.shape))",
    "xp.broadcast_arrays(x[0:1, :], x[:, 0:1])", "xp.can_cast(a.dtype, xp.float64)", "xp.isdtype(a.dtype, 'numeric')",
    "xp.isdtype(a.dtype, ('integral', xp.bool))", "xp.finfo(x.dtype).eps", "xp.iinfo(k.dtype).max",
    "str(xp.result_type(a, xp.float32))", "str(xp.result_type(a, 1))",
]  # fmt: skip

MANIPULATION = [
    "xp.concat([a, a], axis=1)", "xp.concat((a, a), axis=None)", "xp.expand_dims(a, axis=-1)", "xp.flip(a)",
    "xp.flip(a, axis=(0, -1))", "xp.moveaxis(a, 0, -1)", "xp.moveaxis(a, (0, 1), (1, 0))",
    "xp.permute_dims(a, (1, 0))", "xp.repeat(a, 2)", "xp.repeat(a, 3, axis=-1)", "xp.reshape(a, (-1, 2))",
    "xp.reshape(a, (4, 3), copy=True)", "xp.reshape(a, (-1,))", "xp.roll(a, 2)", "xp.roll(a, (1, -1), axis=(0, 1))",
    "xp.squeeze(a[:, :1], axis=1)", "xp.squeeze(a[None], axis=(0,))", "xp.stack([a, a], axis=-1)",
    "xp.tile(a, (2, 1, 2))", "xp.unstack(a, axis=1)", "xp.unstack(a)",
]  # fmt: skip

SEARCHING_SORTING_SETS = [
    "xp.argmax(r)", "xp.argmax(r, axis=1, keepdims=True)", "xp.argmin(r, axis=-2)", "xp.argmin(r, keepdims=True)",
    "xp.nonzero(a)", "xp.count_nonzero(a)", "xp.count_nonzero(a, axis=(0, 1), keepdims=True)", "xp.where(b, n, n1)",
    "xp.where(x > 0, x, 0.0)", "xp.searchsorted(xp.sort(x[0]), x[1], side='right')",
    "xp.searchsorted(x[0], x[1], sorter=xp.argsort(x[0]))", "xp.argsort(r, axis=0, stable=True)",
    "xp.sort(r, axis=-1, stable=True)", "xp.sort(r, axis=0, stable=False)", "xp.unique_all(r)", "xp.unique_counts(r)",
    "xp.unique_inverse(r)", "xp.unique_values(r)", "xp.take(a, xp.asarray([2, 0]), axis=1)",
    "xp.take(a[0], xp.asarray([1, 1, 0]))", "xp.take_along_axis(r, xp.argsort(r, axis=1), axis=1)", "xp.isin(r, r1)",
    "xp.isin(r, r1, invert=True)",
]  # fmt: skip

STATISTICS_AND_UTILITIES = [
    "xp.max(r)", "xp.max(r, axis=(0, 1), keepdims=True)", "xp.min(r, axis=-1)", "xp.mean(x, axis=0, keepdims=True)",
    "xp.mean(z)", "xp.prod(n)", "xp.prod(n, axis=1, dtype=n.dtype)", "xp.std(x, axis=1, correction=1.0)", "xp.std(x)",
    "xp.sum(n, axis=(0,), keepdims=True)", "xp.sum(r, dtype=xp.float32)", "xp.sum(n, axis=())",
    "xp.var(x, correction=1)", "xp.var(x, axis=-1, keepdims=True)", "xp.cumulative_sum(n, axis=1)",
    "xp.cumulative_sum(n[0], include_initial=True)", "xp.cumulative_prod(x, axis=0, include_initial=True)",
    "xp.cumulative_prod(n, axis=-1, dtype=n.dtype)", "xp.all(a)", "xp.all(a, axis=1, keepdims=True)",
    "xp.any(a, axis=(0, 1))", "xp.any(b)", "xp.diff(n)", "xp.diff(n, axis=0, n=2, prepend=n[:1], append=n[:1])",
    "xp.sum(n[:0])", "xp.prod(n[:0], axis=0)", "xp.any(b[:0])", "xp.all(b[:0])",
]  # fmt: skip

LINEAR_ALGEBRA = [
    "xp.matmul(n, n.T)", "xp.matmul(n, n[0])", "xp.matrix_transpose(n)", "xp.tensordot(n, n1, axes=2)",
    "xp.tensordot(n, n, axes=((1,), (1,)))", "xp.tensordot(n[0], n[1], axes=0)", "xp.vecdot(n, n1, axis=0)",
    "xp.vecdot(z, z1)", "n @ n.mT", "xp.linalg.cholesky(s)", "xp.linalg.cholesky(s, upper=True)",
    "xp.linalg.cross(x[:, :3], x1[:, :3])", "xp.linalg.cross(x[:3], x1[:3], axis=0)", "xp.linalg.det(s)",
    "xp.linalg.diagonal(n, offset=-1)", "xp.abs(xp.linalg.eigh(s).eigenvectors)", "xp.linalg.eigh(s)[0]",
    "xp.linalg.eigvalsh(s)", "xp.linalg.inv(s)", "xp.linalg.matmul(n, n.T)", "xp.linalg.matrix_norm(z, keepdims=True)",
    "xp.linalg.matrix_norm(x, ord='nuc')", "xp.linalg.matrix_norm(x, ord=-1)", "xp.linalg.matrix_norm(x, ord=2)",
    "xp.linalg.matrix_power(s, 3)", "xp.linalg.matrix_power(s, -2)", "xp.linalg.matrix_rank(s)",
    "xp.linalg.matrix_rank(s, rtol=1e-3)", "xp.linalg.matrix_transpose(n)", "xp.linalg.outer(n[0], n1[1])",
    "xp.linalg.pinv(x)", "xp.linalg.pinv(x, rtol=1e-3)", "xp.abs(xp.linalg.qr(x).R)",
    "xp.abs(xp.linalg.qr(x, mode='complete').Q)", "xp.linalg.slogdet(s).logabsdet", "xp.linalg.solve(s, s[:, 0])",
    "xp.linalg.solve(s, s1)", "xp.linalg.svd(x, full_matrices=False).S", "xp.abs(xp.linalg.svd(x)[0])",
    "xp.linalg.svdvals(x)", "xp.linalg.tensordot(n, n1, axes=2)", "xp.linalg.trace(n, offset=1)",
    "xp.linalg.trace(n, dtype=n.dtype)", "xp.linalg.vecdot(z, z1, axis=-1)", "xp.linalg.vector_norm(z)",
    "xp.linalg.vector_norm(x, axis=(0, 1), ord=1, keepdims=True)", "xp.linalg.vector_norm(x, axis=1, ord=xp.inf)",
    "xp.linalg.vector_norm(x, axis=-1, ord=3.5)", "xp.linalg.vector_norm(x, ord=0)",
]  # fmt: skip

FOURIER = [
    "xp.fft.fft(z, n=5, axis=0, norm='ortho')", "xp.fft.ifft(z)", "xp.fft.fftn(z, s=(2, 4), axes=(0, 1))",
    "xp.fft.ifftn(z, norm='forward')", "xp.fft.rfft(x, n=3)", "xp.fft.irfft(c, n=6, axis=-1)", "xp.fft.rfftn(x)",
    "xp.fft.irfftn(c, s=(3, 4), axes=(0, 1))", "xp.fft.hfft(c, n=5)", "xp.fft.ihfft(x, norm='backward')",
    "xp.fft.fftfreq(x.shape[1], d=0.5)", "xp.fft.rfftfreq(4) + x[0, :3]", "xp.fft.fftshift(a)",
    "xp.fft.fftshift(a, axes=0)", "xp.fft.ifftshift(a, axes=(0, 1))",
]  # fmt: skip

ARRAY_OBJECT = [
    "abs(n)", "n + n1", "n - n1", "n * n1", "x / x1", "r // r1", "r % r1", "x ** 2", "x ** x1", "-r", "+n", "n == n1",
    "n != n1", "r < r1", "r <= r1", "r > r1", "r >= r1", "k & k1", "k | k1", "k ^ k1", "~k", "k << 1", "k >> 1",
    "b & b1", "b | ~b1", "b ^ b1", "2 - n", "2 + n", "3 * n", "2.0 / x", "7 // k", "2.5 % x", "2.0 ** x", "1 & k",
    "1 | k", "3 ^ k", "n[1, ::2]", "n[..., None, -1]", "a[:, ::-1]", "a[a.shape[0] - 1]", "x[x > 0]", "x[b]", "a.T",
    "a.mT", "a.shape", "a.ndim", "a.size", "str(a.dtype)", "a.device", "a.to_device('cpu')", "n @ n1.T",
    "a.__array_namespace__(api_version='2024.12') is xp", "a[xp.asarray([2, 0]), xp.asarray([1, 1])]",
]  # fmt: skip

CONSTANTS = ["xp.e * x", "xp.pi * x", "xp.inf * x", "x[xp.newaxis]", "xp.nan * x"]

GROUPS: dict[str, list[str]] = {
    "array object": ARRAY_OBJECT,
    "constants": CONSTANTS,
    "creation": CREATION,
    "data types": DATA_TYPES,
    "elementwise": list(ELEMENTWISE.values()),
    "fft": FOURIER,
    "linalg and linear algebra": LINEAR_ALGEBRA,
    "manipulation": MANIPULATION,
    "searching, sorting, sets, indexing": SEARCHING_SORTING_SETS,
    "statistics and utilities": STATISTICS_AND_UTILITIES,
}

# The functions of the standard, by its chapters.
FUNCTIONS = {
    "creation": "arange asarray empty empty_like eye from_dlpack full full_like linspace meshgrid ones ones_like tril "
    "triu zeros zeros_like",
    "data types": "astype broadcast_arrays broadcast_to can_cast finfo iinfo isdtype result_type",
    "elementwise": "abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_invert bitwise_left_shift "
    "bitwise_or bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide equal exp expm1 floor "
    "floor_divide greater greater_equal hypot imag isfinite isinf isnan less less_equal log log1p log2 log10 "
    "logaddexp logical_and logical_not logical_or logical_xor maximum minimum multiply negative nextafter "
    "not_equal positive pow real reciprocal remainder round sign signbit sin sinh sqrt square subtract tan "
    "tanh trunc",
    "fft": "fft.fft fft.ifft fft.fftn fft.ifftn fft.rfft fft.irfft fft.rfftn fft.irfftn fft.hfft fft.ihfft "
    "fft.fftfreq fft.rfftfreq fft.fftshift fft.ifftshift",
    "linear algebra": "matmul matrix_transpose tensordot vecdot linalg.cholesky linalg.cross linalg.det "
    "linalg.diagonal linalg.eigh linalg.eigvalsh linalg.inv linalg.matmul linalg.matrix_norm linalg.matrix_power "
    "linalg.matrix_rank linalg.matrix_transpose linalg.outer linalg.pinv linalg.qr linalg.slogdet "
    "linalg.solve linalg.svd linalg.svdvals linalg.tensordot linalg.trace linalg.vecdot linalg.vector_norm",
    "manipulation": "concat expand_dims flip moveaxis permute_dims repeat reshape roll squeeze stack tile unstack",
    "searching, sorting, sets, indexing": "argmax argmin argsort count_nonzero isin nonzero searchsorted "
    "sort take take_along_axis unique_all unique_counts unique_inverse unique_values where",
    "statistics and utilities": "all any cumulative_prod cumulative_sum diff max mean min prod std sum var",
}
ELSEWHERE = {
    "from_dlpack": "makes an array of another library's: NumPy's own, on what is not traced",
}
