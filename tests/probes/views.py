"""Writes through what is made of an array, and what that and the array hold afterwards."""

from __future__ import annotations

import itertools

MADE = """
x + 0.0 ; x.copy() ; np.array(x) ; np.zeros((3, 4)) + x[0] ; (x * 2.0).T ; np.ones((3, 4)) ; x ; x.T.copy()
np.empty_like(x) * 0 ; np.zeros((2, 3, 4)) + x ; np.where(m, x, y)
"""
PARTS = """
b[1] ; b[1:] ; b[::-1] ; b[:, 1] ; b[..., 0] ; b[:, None] ; b[1:, ::2] ; b[-1:, ::-1] ; b.T ; b.ravel()
b.reshape(-1) ; b.reshape(2, -1) ; b.reshape(b.shape[::-1]) ; b.swapaxes(0, -1) ; np.moveaxis(b, 0, -1)
np.transpose(b) ; np.squeeze(b[None]) ; np.expand_dims(b, 0) ; np.atleast_3d(b) ; np.flip(b) ; np.flipud(b)
np.fliplr(b) ; np.rot90(b) ; np.diagonal(b) ; np.diag(b) ; b.real ; np.real(b) ; np.broadcast_to(b, (2, *b.shape))
b[...] ; b[:] ; b[()] ; b[[0, 1]] ; b[b > 0] ; b[0, 0] ; b[0, :2] ; b.copy() ; np.split(b, 1)[0]
np.array_split(b, 2)[1] ; np.hsplit(b, 1)[0] ; list(b)[0] ; b.view() ; np.asarray(b) ; np.array(b, copy=False)
np.array(b) ; b.astype(float) ; b.astype(float, copy=False) ; np.ascontiguousarray(b) ; np.asfortranarray(b)
b.flatten() ; np.ravel(b, 'F') ; b.T.ravel() ; b.T.reshape(-1) ; b.T[1:] ; b[1:].T ; b[::2][1:] ; b[1:][0] ; b.T.T
b[:, 1:].ravel() ; b[:1].ravel() ; b[:, :1].ravel() ; b[1].reshape(2, -1) ; np.ravel(b[::-1]) ; b[::-1][::-1]
np.swapaxes(b, 0, 1)[0] ; np.rollaxis(b, 1) ; np.matrix_transpose(b) ; b.mT ; np.permute_dims(b, None)
np.einsum('i...->i...', b) ; np.einsum('ij->ji', b) ; np.einsum('ii->i', b[:2, :2]) ; np.unstack(b)[0]
np.real_if_close(b) ; np.reshape(b, (-1, 2)) ; np.vsplit(b, [1])[1] ; np.dsplit(b[..., None], 1)[0]
np.atleast_1d(b) ; np.atleast_2d(b) ; np.broadcast_arrays(b, b)[0]
np.lib.stride_tricks.sliding_window_view(b, 2, axis=0) ; np.meshgrid(b[0], b[1], copy=False)[0] ; np.take(b, [0])
np.delete(b, 0, 0) ; np.trim_zeros(b[0]) ; np.resize(b, b.shape) ; np.tile(b, 1) ; np.repeat(b, 1, 0)
np.roll(b, 0) ; np.concatenate([b]) ; np.clip(b, None, None) ; np.positive(b) ; +b ; np.round(b, 3) ; np.triu(b)
b.conj() ; np.fix(b) ; b.squeeze() ; b.diagonal() ; b.swapaxes(0, 0) ; b.transpose() ; b.clip(-9, 9)
np.vstack([b]) ; np.copy(b) ; np.astype(b, float, copy=False) ; np.asanyarray(b) ; np.pad(b, 0) ; np.sort(b)
np.ix_(b[0])[0] ; np.fft.fftshift(b) ; np.full(b.shape, b) ; np.stack([b])[0] ; np.block([b]) ; np.hstack([b])
np.compress([True, True], b, 0) ; np.extract(b == b, b) ; np.choose(0, [b]) ; np.select([b == b], [b])
np.where(True, b, b) ; np.diff(b, 0) ; np.flip(b, ()) ; np.rot90(b, 0) ; np.rot90(b, 4) ; np.moveaxis(b, 0, 0)
np.rollaxis(b, 0) ; np.cumsum(b, 0)[-1:] ; np.squeeze(b) ; np.block(b) ; np.linalg.matrix_transpose(b)
np.linalg.diagonal(b) ; np.diagflat(b) ; np.sum(b, ()) ; np.max(b, axis=()) ; np.mean(b, axis=())
np.median(b, axis=()) ; np.polyadd(b[0], 0) ; np.trace(b[None]) ; np.dstack([b]) ; np.column_stack([b])
np.linalg.matrix_power(b[:2, :2], 1) ; np.linalg.multi_dot([b[:2, :2], np.eye(2)]) ; np.i0(b) ; np.abs(b)
np.apply_over_axes(np.sum, b, []) ; np.unwrap(b[0]) ; np.nansum(b, ()) ; np.interp(b, [-99, 99], [-99, 99])
np.average(b, axis=()) ; np.ptp(b, axis=()) ; b.sum(axis=()) ; b.repeat(1, 0) ; b.take([0, 1], 0)
np.trapezoid(b, dx=2.0) ; np.cross(b[:2, :3], b[1:3, :3]) ; b.min(axis=()) ; b.reshape(b.shape)
b.reshape(b.shape, copy=True) ; b.reshape(b.shape, copy=False) ; np.reshape(b, b.shape, copy=True)
"""
WRITES = """
w[...] = 7.0 ; w[0] = 7.0 ; w += 1.0 ; w *= y[0, 0] ; w[-1] -= 2.0 ; w[w > 0.1] = -1.0 ; w.fill(3.0) ; w[::2] *= 2.0
np.add(w, 1.0, out=w) ; np.copyto(w, 5.0) ; w.sort(axis=0) ; w[...] = w[::-1] ; b[0] = 9.0 ; b += 1.0
b[..., 0] *= 3.0 ; np.add.at(w, 0, 1.0) ; w.put([0], 4.0) ; np.put(w, [0], 4.0) ; w[[0, -1]] = 8.0 ; w **= 2
w /= 2 ; w //= 0.3 ; w %= 0.7 ; b.sort() ; w.partition(0) ; w[0], w[-1] = w[-1], w[0] ; w.flat[0] = 2.0
w.real = 2.0 ; w.T[0] = 4.0 ; np.sin(w, out=w) ; np.place(w, w > 0, [1.0, 2.0]) ; np.putmask(w, w > 0, 3.0)
np.fill_diagonal(w, 2.0) ; np.put_along_axis(w, np.zeros_like(w, int), 1.0, 0) ; np.cumsum(w, axis=0, out=w)
w.clip(-0.1, 0.1, out=w) ; w.round(1, out=w)
"""


def programs() -> list[str]:
    """An array, something made of it, a write into one of them; both are read then, and the argument."""
    entries = [" ; ".join(table.strip().split("\n")).split(" ; ") for table in (MADE, PARTS, WRITES)]
    return [
        f"b = {made}\nw = {part}\n{write}\n[x * 1.0, b * 1.0, np.asarray(w) * 1.0]"
        for made, part, write in itertools.product(*entries)
    ]
