"""NumPy's functions and an array's methods, with several values of each keyword: a line is a call.

The call stands without its closing parentheses, and each keyword with its values; a line that is indented goes on.
"""

from __future__ import annotations

FUNCTIONS = """\
np.sum(x | AXES | keepdims=True | dtype=np.float32; int; complex; bool; np.int8 | initial=2; 0.5 |
    where=m; True; False
np.prod(x | AXES | keepdims=True | dtype=np.float32; int; complex; bool; np.int8 | initial=2; 0.5 | where=m; False
np.max(x | AXES | keepdims=True | initial=0; 0.5; np.inf | where=m; False
np.min(x | AXES | keepdims=True | initial=0; 0.5; -np.inf | where=m; False
np.any(x | AXES | keepdims=True | where=m; False
np.all(x | AXES | keepdims=True | where=m; False
np.mean(x | AXES | keepdims=True | dtype=np.float32; int; complex | where=m; False
np.std(x | AXES | keepdims=True | dtype=np.float32; int; complex | where=m | ddof=1; 0.5 | correction=1
np.var(x | AXES | keepdims=True | dtype=np.float32; complex | where=m | ddof=1; 0.5 | mean=np.mean(x,keepdims=True)
np.ptp(x | AXES | keepdims=True
np.median(x | axis=0; -1; (0, 1); None | keepdims=True | overwrite_input=True
np.average(x | AXES | keepdims=True | weights=y | returned=True
np.count_nonzero(x | AXES | keepdims=True
np.argmax(x | axis=0; -1; None | keepdims=True
np.argmin(x | axis=0; -1; None | keepdims=True
np.nansum(x | AXES | keepdims=True | dtype=np.float32; int; complex | initial=2; 0.5 | where=m
np.nanprod(x | AXES | keepdims=True | dtype=np.float32; int | initial=2; 0.5 | where=m
np.nanmax(x | AXES | keepdims=True | initial=0; 0.5 | where=m
np.nanmin(x | AXES | keepdims=True | initial=0; 0.5 | where=m
np.nanmean(x | AXES | keepdims=True | dtype=np.float32; complex | where=m
np.nanstd(x | AXES | keepdims=True | dtype=np.float32 | where=m | ddof=1 | correction=1
np.nanvar(x | AXES | keepdims=True | dtype=np.float32 | where=m | ddof=1 | mean=np.mean(x,keepdims=True)
np.nanmedian(x | axis=0; -1; (0, 1); None | keepdims=True | overwrite_input=True
np.nanargmax(x | axis=0; -1; None | keepdims=True
np.nanargmin(x | axis=0; -1; None | keepdims=True
np.quantile(x, 0.3 | axis=0; -1; (0, 1); None | keepdims=True | overwrite_input=True |
    method='lower'; 'nearest'; 'weibull'; 'bad'
np.quantile(x, [0.0, 0.25, 1.0] | axis=0; -1; (0, 1); None | keepdims=True | method='inverted_cdf'; 'hazen'; 'midpoint'
np.quantile(x, 0.4, method='inverted_cdf' | axis=0; -1; (0, 1); None | keepdims=True | weights=abs(y)
np.percentile(x, (10, 50) | axis=0; -1; (0, 1); None | keepdims=True | method='higher'; 'normal_unbiased'
np.nanquantile(x, 0.3 | axis=0; -1; (0, 1); None | keepdims=True | method='lower'; 'hazen'
np.nanpercentile(x, [30] | axis=0; -1; (0, 1); None | keepdims=True | method='lower'; 'hazen'
np.cumsum(x | axis=0; -1; None | dtype=np.float32; int; complex; bool
np.cumprod(x | axis=0; -1; None | dtype=np.float32; int; complex; bool
np.nancumsum(x | axis=0; -1; None | dtype=np.float32; int; complex
np.nancumprod(x | axis=0; -1; None | dtype=np.float32; int; complex
np.cumulative_sum(x | axis=0; -1; None | dtype=np.float32; int | include_initial=True
np.cumulative_prod(x | axis=0; -1; None | dtype=np.float32; int | include_initial=True
np.sort(x | axis=0; -1; None | kind='stable'; 'mergesort'; 'heapsort'; 'bad' | stable=True; False
np.argsort(x, kind='stable' | axis=0; -1; None
np.argsort(x, stable=True | axis=0; -1; None
np.argsort(x, kind='m' | stable=True
np.partition(x, (0, 1, 2) | axis=0
np.partition(x, (0, 1, 2, 3) | axis=-1
np.searchsorted(np.sort(v), x | side='left'; 'right'; 'bad'
np.searchsorted(v, x, sorter=np.argsort(v) | side='left'; 'right'
np.digitize(x, np.sort(v) | right=True; False
np.digitize(x, np.sort(v)[::-1] | right=True; False
np.unique(x | return_index=True | return_inverse=True | return_counts=True | axis=0; -1; None | equal_nan=False
np.unique_all(x
np.unique_counts(x
np.unique_inverse(x
np.sort(np.unique_values(x
np.intersect1d(x, y | return_indices=True
np.union1d(x, y
np.setdiff1d(x, y | assume_unique=True
np.setxor1d(x, y
np.isin(x, y | assume_unique=True | invert=True | kind='sort'; 'table'; 'bad'
np.nonzero(x
np.flatnonzero(x
np.argwhere(x
np.where(x
np.where(m, x, y
np.where(m, x, 2
np.where(m, 0.5, x
np.extract(m, x
np.compress([True, False, True], x | axis=0; -1; None
np.take(x, [0, 2, -1] | axis=0; -1; None | mode='wrap'; 'clip'; 'raise'; 'bad'
np.take(x, [[0, 5], [-7, 1]] | axis=0; -1; None | mode='wrap'; 'clip'; 'raise'
np.take(x, 1 | axis=0; -1; None
np.take_along_axis(x, np.argsort(y, axis=0) | axis=0; -1
np.take_along_axis(x, np.array([3, 0]) | axis=None
np.choose(i % 3, [x, y, 2.0] | mode='raise'; 'wrap'; 'clip'
np.choose(i, [x, y] | mode='raise'; 'wrap'; 'clip'
np.select([m, x > y], [x, y] | default=0; 0.5; np.nan
np.piecewise(x, [m], [1.5, 2.0]
np.clip(x, -0.5, 0.5 | out=None | dtype=np.float32; complex | casting='unsafe'; 'same_kind'
np.clip(x, None, y
np.clip(x, y, None
np.clip(x, None, None
np.clip(x, 0, 1
np.clip(x | min=0; y | max=1; v | a_min=0 | a_max=1
np.round(x | decimals=0; 1; -1; 400
np.around(x | decimals=2
np.fix(x
np.nan_to_num(x | nan=1.5 | posinf=2.0 | neginf=-2 | copy=False
np.isclose(x, y | rtol=0.5 | atol=1 | equal_nan=True
np.allclose(x, x | rtol=0.5 | atol=1 | equal_nan=True
np.array_equal(x, x | equal_nan=True
np.array_equiv(x, v
np.real_if_close(x | tol=1
np.angle(x | deg=True
np.i0(x
np.sinc(x
np.reshape(x, -1 | order='C'; 'F'; 'A'; 'K' | copy=True; False; None
np.reshape(x, (4, 3) | order='C'; 'F'; 'A' | copy=True
np.reshape(x, (2, -1) | order='C'; 'F'
np.ravel(x | order='C'; 'F'; 'A'; 'K'
np.transpose(x | axes=None; (1, 0); (-1, 0); (0, 0)
np.permute_dims(x | axes=(1, 0)
np.matrix_transpose(x
np.swapaxes(x, 0, -1
np.moveaxis(x, 0, -1
np.moveaxis(x, (0, 1), (-1, 0)
np.rollaxis(x, 1 | start=0; 1; -1; 2
np.squeeze(x[None, :, None] | axis=0; 2; (0, 2); None; 1
np.expand_dims(x, (0, -1)
np.expand_dims(x, 1
np.flip(x | axis=0; -1; (0, 1); None; 5
np.fliplr(x
np.flipud(x
np.rot90(x | k=0; 1; 2; 3; -1; 5 | axes=(1, 0); (0, -1); (0, 0)
np.roll(x, 1 | axis=0; -1; None; (0, 1)
np.roll(x, (1, -2) | axis=(0, 1); (0, 0); 1
np.repeat(x, 2 | axis=0; -1; None
np.repeat(x, [1, 0, 2] | axis=0; 1; None
np.tile(x, 2
np.tile(x, (2, 1, 3)
np.tile(x, (0, 1)
np.resize(x, (2, 7)
np.resize(x, 3
np.concatenate([x, y] | axis=0; -1; None; 5 | dtype=np.float32; complex; int | casting='unsafe'; 'no'
np.concatenate([x, i] | axis=0 | dtype=np.float32 | casting='unsafe'
np.stack([x, y] | axis=0; -1; 1; -3; 4 | dtype=np.float32; complex | casting='unsafe'
np.hstack([x, y] | dtype=np.float32 | casting='unsafe'
np.vstack([x, y] | dtype=np.float32
np.dstack([x, y]
np.column_stack([x, y]
np.block([[x, y], [y, x]]
np.append(x, y | axis=0; -1; None
np.append(x, 1.5
np.split(x, 3 | axis=0; -1
np.split(x, [1, 2] | axis=0; -1
np.array_split(x, 3 | axis=0; -1
np.hsplit(x, 2
np.vsplit(x, 3
np.dsplit(x, 2
np.unstack(x | axis=0; -1
np.insert(x, 1, 2 | axis=0; -1; None
np.insert(x, [0, -1], 0.5 | axis=0; -1; None
np.insert(x, slice(0, 2), 7 | axis=0; None
np.insert(x, [1, 1], v | axis=0
np.delete(x, 1 | axis=0; -1; None
np.delete(x, [0, -1] | axis=0; -1; None
np.delete(x, slice(None, None, 2) | axis=0; None
np.pad(x, 1 |
    mode='constant'; 'edge'; 'linear_ramp'; 'maximum'; 'mean'; 'median'; 'minimum'; 'reflect'; 'symmetric'; 'wrap';
    'bad'
np.pad(x, ((1, 2), (0, 3)) | mode='edge'; 'linear_ramp'; 'maximum'; 'mean'; 'reflect'; 'symmetric'; 'wrap'
np.pad(x, (5, 0) | mode='reflect'; 'symmetric'; 'wrap'
np.pad(x, 2, 'constant' | constant_values=1.5; (1, 2); ((1, 2), (3, 4)); np.nan
np.pad(x, 2, 'reflect' | reflect_type='odd'; 'even'
np.pad(x, 2, 'symmetric' | reflect_type='odd'
np.pad(x, 2, 'mean' | stat_length=1; 2; ((1, 2), (2, 1))
np.pad(x, 2, 'maximum' | stat_length=2
np.pad(x, 2, 'linear_ramp' | end_values=1; (1, 2)
np.pad(x, {0: 1, -1: (0, 2)}
np.diff(x | n=0; 1; 2; 9 | axis=0; -1 | prepend=0; x[:1]; 1.5 | append=2; x[:, :1]
np.ediff1d(x | to_end=2; [1, 2] | to_begin=0; v
np.gradient(x | axis=0; -1; (0, 1); None | edge_order=1; 2
np.gradient(x, 0.5 | axis=0; None | edge_order=2
np.gradient(x, 0.5, 2
np.gradient(x, v.cumsum() | axis=1; 0
np.trapezoid(x | dx=0.5 | axis=0; -1 | x=y
np.trapezoid(x, v | axis=-1; 0
np.unwrap(x * 5 | discont=1; 4 | axis=0; -1 | period=2; 3.0
np.interp(x, np.sort(v), v | left=0 | right=-1 | period=1.5
np.diag(x | k=0; 1; -2; 7
np.diag(v | k=0; 1; -2
np.diagflat(x | k=0; -1
np.diagonal(x | offset=0; 1; -1 | axis1=1 | axis2=0
np.trace(x | offset=0; 1; -1; 9 | axis1=1 | axis2=0 | dtype=np.float32; int; complex
np.tril(x | k=0; 1; -1; 9
np.triu(x | k=0; 1; -1; -9
np.vander(v | N=3; 0 | increasing=True
np.tril_indices_from(x | k=1; -1
np.triu_indices_from(x | k=1
np.diag_indices_from(s
np.dot(x, v
np.dot(x, x.T
np.dot(x, 2
np.vdot(x, y
np.inner(x, y
np.outer(x, y
np.matmul(x, y.T | dtype=np.float32; complex | casting='unsafe'
np.matmul(x, v
np.matvec(x, v
np.vecmat(w, x
np.vecdot(x, y | axis=0; -1
np.tensordot(x, y | axes=2; 0; ([0, 1], [0, 1]); (0, 0); ((1,), (1,)); 1
np.kron(x, y
np.cross(x[:, :3], y[:, :3] | axis=0; -1 | axisc=0 | axisa=0
np.einsum('ij,ij->j', x, y | optimize=True; 'greedy' | dtype=np.float32; complex | order='F'; 'C' | casting='unsafe'
np.einsum('ij,kj', x, y
np.einsum('ii', s
np.einsum('ii->i', s
np.einsum('i...->...', x
np.einsum(x, [0, 1], y, [2, 1], [0, 2]
np.convolve(x[0], v | mode='full'; 'same'; 'valid'; 'bad'; 0
np.correlate(x[0], v[:2] | mode='full'; 'same'; 'valid'
np.cov(x | rowvar=False | bias=True | ddof=0; 1; 9 | fweights=[1, 2, 3, 1] | aweights=[.5, 1, 2, 1] | y=y
np.cov(x, dtype=np.float32 | rowvar=False | bias=True
np.corrcoef(x | rowvar=False | y=y | dtype=np.float32
np.bincount(abs(i).ravel() | minlength=0; 9 | weights=x.ravel()
np.histogram(x | bins=4; [-1, 0, .5, 3]; 'auto' | range=(-1, 1) | density=True | weights=abs(y)
np.histogram2d(x.ravel(), y.ravel() | bins=3; (2, 3) | range=[[-1, 1], [-2, 2]] | density=True
np.histogram_bin_edges(x | bins=3; 'fd' | range=(0, 1)
np.histogramdd(x[:, :2] | bins=2 | density=True
np.polyval(v, x
np.polyadd(v, x[0]
np.polysub(v, w
np.polymul(v, w
np.polyder(v | m=0; 1; 2; 9
np.polyint(v | m=0; 1; 2 | k=1; [1, 2]
np.polydiv(v, w
np.poly(w
np.roots(v
np.polyfit(np.arange(4.), v, 2 | w=[1, 2, 1, 1] | full=True | cov=True; 'unscaled' | rcond=1e-3
np.broadcast_to(x, (2, 3, 4) | subok=True
np.broadcast_arrays(x, v
np.atleast_1d(x
np.atleast_2d(v
np.atleast_3d(x
np.copy(x | order='C'; 'F'; 'A'; 'K'
np.zeros_like(x | dtype=np.float32; int | order='F' | shape=(2,); 3
np.ones_like(x | dtype=int; bool | shape=(2, 2)
np.full_like(x, 2.5 | dtype=int; complex | shape=(2, 1)
np.full(3, x[0, 0] | dtype=np.float32; int
np.full((2, 4), v
np.astype(x, np.float32 | copy=False
np.astype(x, int
np.astype(x, bool
np.astype(x, complex
np.linspace(x, y | num=3; 1; 0 | endpoint=False | retstep=True | dtype=np.float32; int | axis=-1; 1
np.linspace(x[0, 0], 2 | num=5 | endpoint=False
np.logspace(x[0, 0], 1 | num=3 | endpoint=False | base=2.0; 3 | dtype=np.float32
np.geomspace(abs(x[0, 0]) + 1, 9 | num=4 | endpoint=False | dtype=np.float32
np.meshgrid(v, w | indexing='ij'; 'xy'; 'bad' | sparse=True | copy=False
np.ix_(i[0], i[1]
np.lexsort((x, y) | axis=0; -1
np.unravel_index(abs(i), (5, 5) | order='F'; 'C'
np.ravel_multi_index((abs(i), abs(i)), (9, 9) | mode='wrap'; 'clip' | order='F'
np.packbits(m | axis=0; -1; None | bitorder='little'; 'big'
np.unpackbits(i.astype(np.uint8) | axis=0; -1; None | count=3; -2 | bitorder='little'
np.trim_zeros(np.trunc(v) | trim='f'; 'b'; 'fb'
np.apply_along_axis(np.sum, 0, x
np.apply_over_axes(np.sum, x, [0, 1]
np.sin(x | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.negative(x | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.sqrt(x | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.isnan(x | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.floor(x | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.absolute(x | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.sign(x | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.modf(x | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.add(x, y | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.less(x, y | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.maximum(x, y | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.power(x, y | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.logical_and(x, y | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.divmod(x, y | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.true_divide(x, y | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.arctan2(x, y | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.equal(x, y | dtype=np.float32; float; complex; int; bool | casting='unsafe'; 'safe'; 'no'
np.add(x, 2 | dtype=np.float32; int | casting='unsafe'
np.ndim(x
np.shape(x
np.size(x | axis=0; -1; None
np.iscomplex(x
np.isreal(x
np.iscomplexobj(x
np.isposinf(x
np.isneginf(x
np.real(x
np.imag(x
np.result_type(x, np.float32
np.linalg.norm(x | ord=None; 'fro'; 'nuc'; 1; -1; 2; -2; np.inf; -np.inf | axis=None; 0; (0, 1); (1, 0) |
    keepdims=True
np.linalg.norm(v | ord=0; 1; 2; 3; np.inf; -np.inf; 0.5; -1 | keepdims=True | axis=0
np.linalg.vector_norm(x | ord=0; 1; 2; 3; np.inf; -np.inf | axis=None; 0; (0, 1) | keepdims=True
np.linalg.matrix_norm(x | ord='fro'; 'nuc'; 1; 2; -2; np.inf | keepdims=True
np.linalg.det(s
np.linalg.slogdet(s
np.linalg.inv(s
np.linalg.pinv(x | rcond=1e-3 | rtol=1e-3 | hermitian=False
np.linalg.solve(s, x.T
np.linalg.solve(s, v
np.linalg.matrix_power(s, 3
np.linalg.matrix_power(s, -2
np.linalg.matrix_power(s, 0
np.linalg.cond(s | p=None; 1; 2; -2; np.inf; 'fro'; 'nuc'
np.linalg.cholesky(s @ s.T + 9 * np.eye(4) | upper=True
np.linalg.eigvalsh(s + s.T | UPLO='U'; 'L'; 'X'
np.linalg.svdvals(y
np.linalg.svdvals(x
np.linalg.matrix_rank(x | tol=0.5 | rtol=0.1
np.linalg.multi_dot([x, s, v]
np.linalg.trace(x | offset=1 | dtype=np.float32
np.linalg.diagonal(x | offset=1
np.linalg.cross(x[:, :3], y[:, :3] | axis=0
np.linalg.lstsq(x.T, v | rcond=0.1; -1
np.linalg.qr(x | mode='r'; 'reduced'; 'complete'; 'raw'; 'bad'
np.linalg.tensorsolve(s.reshape(2, 2, 4), x[:2, :2]
np.linalg.tensorinv(s.reshape(2, 2, 4) | ind=2
np.fft.fft(x | n=3; 5; 0 | axis=0; -1 | norm='ortho'; 'forward'; 'backward'; 'bad'
np.fft.ifft(x | n=3; 5; 0 | axis=0; -1 | norm='ortho'; 'forward'; 'backward'; 'bad'
np.fft.rfft(x | n=3; 5; 0 | axis=0; -1 | norm='ortho'; 'forward'; 'backward'; 'bad'
np.fft.irfft(x | n=3; 5; 0 | axis=0; -1 | norm='ortho'; 'forward'; 'backward'; 'bad'
np.fft.hfft(x | n=3; 5; 0 | axis=0; -1 | norm='ortho'; 'forward'; 'backward'; 'bad'
np.fft.ihfft(x | n=3; 5; 0 | axis=0; -1 | norm='ortho'; 'forward'; 'backward'; 'bad'
np.fft.fft2(x | s=(2, 5); (3,) | axes=(0, 1); (1,); (-1, 0) | norm='ortho'
np.fft.ifftn(x | s=(2, 5); (3,) | axes=(0, 1); (1,); (-1, 0) | norm='ortho'
np.fft.fftn(x | s=(2, 5); (3,) | axes=(0, 1); (1,); (-1, 0) | norm='ortho'
np.fft.rfft2(x | s=(2, 5); (3,) | axes=(0, 1); (1,); (-1, 0) | norm='ortho'
np.fft.rfftn(x | s=(2, 5); (3,) | axes=(0, 1); (1,); (-1, 0) | norm='ortho'
np.fft.irfftn(x | s=(2, 5); (3,) | axes=(0, 1); (1,); (-1, 0) | norm='ortho'
np.fft.irfft2(x | s=(2, 5); (3,) | axes=(0, 1); (1,); (-1, 0) | norm='ortho'
np.fft.ifft2(x | s=(2, 5); (3,) | axes=(0, 1); (1,); (-1, 0) | norm='ortho'
np.fft.fftshift(x | axes=0; (0, 1); None
np.fft.ifftshift(x | axes=-1
"""
METHODS = """\
x.sum( | AXES | keepdims=True | dtype=np.float32; int; complex | initial=2 | where=m
x.prod( | AXES | keepdims=True | dtype=np.float32; int; complex | initial=2 | where=m
x.max( | AXES | keepdims=True | initial=0 | where=m
x.min( | AXES | keepdims=True | initial=0 | where=m
x.any( | AXES | keepdims=True | where=m
x.all( | AXES | keepdims=True | where=m
x.mean( | AXES | keepdims=True | dtype=np.float32 | where=m
x.std( | axis=0; -1 | keepdims=True | ddof=1 | where=m | correction=1 | mean=x.mean()
x.var( | axis=0; -1 | keepdims=True | ddof=1 | where=m | correction=1 | mean=x.mean()
x.argmax( | axis=0; -1; None | keepdims=True
x.argmin( | axis=0; -1; None | keepdims=True
x.cumsum( | axis=0; -1; None | dtype=np.float32; int
x.cumprod( | axis=0; -1; None | dtype=np.float32; int
x.reshape(2, 6 | order='C'; 'F'; 'A' | copy=True
x.reshape((4, -1) | order='F'
x.reshape(-1
x.reshape(shape=(2, 6)
x.ravel( | order='C'; 'F'; 'K'; 'A'
x.flatten( | order='C'; 'F'; 'K'; 'A'
x.transpose( | axes=(1, 0)
x.transpose(1, 0
x.transpose((1, 0)
x.transpose(None
x.squeeze( | axis=0
x[None].squeeze( | axis=0; (0,); None
x.swapaxes(0, 1
x.swapaxes(-1, 0
x.diagonal( | offset=1; -1 | axis1=1 | axis2=0
x.trace( | offset=1 | dtype=np.float32 | axis1=1 | axis2=0
x.dot(v
x.dot(x.T
x.dot(2
x.clip(-0.5, 0.5
x.clip( | min=0 | max=0.5; v
x.clip(max=1, min=None
x.repeat(2 | axis=0; None
x.round( | decimals=1; -1
x.round(2
x.astype(np.float32 | order='F' | casting='unsafe'; 'safe'; 'same_kind' | copy=False | subok=False
x.astype('i4'
x.astype(complex
x.astype(bool
x.astype(float | casting='safe' | copy=False
x.copy( | order='C'; 'F'; 'K'
x.take([0, -1] | axis=0; None | mode='wrap'; 'clip'
x.compress([True, False, True] | axis=0; None
x.argsort(kind='stable' | axis=0; None
x.argsort(stable=True | axis=0; None
x.searchsorted(v
v.searchsorted(x | side='right' | sorter=np.argsort(v)
x.nonzero(
x.conj(
x.conjugate(
x.item(0
x.item((1, 2)
x.item(1, 2
x.tolist(
x[0, 0].item(
(i % 2).choose([x, y] | mode='wrap'
x.take(x.argpartition(0, axis=None)[0]
x.byteswap(
x.tobytes(
x.view(
x.view(np.int64
x.view('f8'
x.view(np.ndarray
x.sum().item(
x.__len__(
x.__abs__(
x.__neg__(
x.__pos__(
x.__add__(y
x.__radd__(2
x.__matmul__(v
x.__getitem__(0
x.__lt__(y
x.__divmod__(y
x.__pow__(2
x.__copy__(
x.__deepcopy__({}
x.__array__(
x.__contains__(x[0, 0]
abs(x
divmod(x, 0.3
pow(x, 2
round(x[0, 0]
round(x[0, 0], 2
len(x
sum(x
max(x[0]
min(x[0]
list(x[0]
bool(x.size
hash(x.shape
x[0, 0] in x
np.asarray(x
np.array(x | copy=True | dtype=np.float32 | ndmin=3 | order='F' | subok=True
np.asarray(x, dtype=complex
np.ascontiguousarray(x | dtype=np.float32
np.asfortranarray(x
np.asanyarray(x
np.require(x
np.array([x, y] | dtype=np.float32 | ndmin=4
np.array([x[0, 0], 2, True]
np.asarray([x[0], v]
np.iterable(x
np.isscalar(x[0, 0]
np.copyto(x, 2
np.may_share_memory(x, x
np.shares_memory(x, x.T
"""
ATTRIBUTES = """
T mT real imag shape ndim size dtype itemsize nbytes strides flags base data ctypes dtype.kind dtype.name dtype.itemsize
device flags.writeable flags.c_contiguous
"""
