"""What is known to be refused, or to differ from NumPy: what is not in these tables is a finding.

A line of ``REFUSED`` is the beginning of a refusal's text; one of the others is the beginning of ``input: call``, where
an input is the name of an array in ``keywords``. All are regular expressions.
"""

from __future__ import annotations

import re

REFUSED = r"""
.* axis -?\d is out of bounds for an array of 0 dimensions
(cumulative_(sum|prod): give axis=|argwhere: of a number there are rows)
index 5 is out of bounds for axis 1 with size 4
i?rfftn: an axis stands twice
(max over|norm: the array|reshape: an array) .*
.* of complex\d+ is not supported; docs/supported.md lists
(gt|lt|max|min|maximum) of complex\d+ is not supported; where its real and imaginary part
`(np.asarray\(x\)|round\(x\)|v in x)` needs the numbers of a traced array
a complex number where \w+ is due
a traced array has no '(base|byteswap|ctypes|data|flags|strides|tobytes)'
an empty list cannot stand for an array
assignment destination is read-only
bincount: the length of the result depends on traced numbers
convolve: mode=0 is none of
einsum: cannot cast \w+ to \w+ with casting rule 'safe'
flatten: order='[AK]' depends on the memory layout
histogram(_bin_edges)?: bins='\w+' makes the number of bins depend on data
how many elements a mask selects
intersect1d: return_indices=True is not supported
(median|nanmedian|nanquantile|nanpercentile): the array has no elements
nan_to_num: copy=False writes into its argument
numpy.clip: got an unexpected keyword argument '(casting|dtype)'
numpy.(may_share_memory|shares_memory) is not supported on traced arrays
(ndarray|numpy).\w+: a number cannot be written into
pad: mode='(linear_ramp|mean|median)' of integers
pad: reflect_type='odd' is not supported
poly: the number of zeros must be known
polydiv: the numbers of coefficients must be known
qr: mode='raw' is not supported
(ravel|reshape): order='[AK]' depends on the memory layout
round: integers to negative decimals
the Python number nan is out of bounds for uint8
too many indices: 2 for an array
trapezoid: axis 0 of .* has no elements
trim_zeros: .* must have one dimension
unique: axis= is not supported
(numpy.)?var: dtype=\w+ would cut off
view: the bytes of a traced array
x\[0\] for an array without elements
"""
# NumPy raises an error where graphc gives what the call means.
ACCEPTED = r"""
.*: np.(nan)?(quantile|percentile|median)\(.*
.*: np.isin\(.*kind='table'
.*: np.clip\(x(, None, None)?\)
.*: np.clip\(x.*a_(min|max)=
.*: (np.round|np.around|x.round|round)\(
.*: np.reshape\(x, -1, .*copy=False
.*: np.concatenate\(.*casting='no'
.*: np.(ediff1d|gradient|trapezoid)\(
.*: np.\w+\(x.*, casting='(no|safe)'\)
.*: np.linalg.pinv\(x, rcond=1e-3, rtol=1e-3
.*: np.linalg.matrix_rank\(x, tol=0.5, rtol=0.1
holes: np.histogram
bool: x.clip\(\)
u1: np.unwrap\(
.*: x.(std|var)\(.*correction=1
empty: .*where=m
empty: np.average\(
column: np.partition\(
1d: np.(matvec|correlate)\(
0d: np.fft.i?fftshift
f2: np.linalg
"""
# Where the result is not NumPy's, for the reason that is given.
DIFFERENT = (
    (r".*: np.linalg.lstsq\(x.T, v, rcond=0.1", "the residuals' shape would depend on the rank"),
    (r"empty: np.(cov|corrcoef|nanpercentile)", "NumPy's own shape for nothing, whatever it is to be compared with"),
    (r"empty: np.fft.(irfft|hfft)", "NumPy reads memory that nothing was written into"),
    (r"f2: np.(fft|var|nanvar|nanstd)", "halves are computed in float32, NumPy rounds on the way"),
    (r"u1: x.sum\(\).item", "uint64 holds what an integer of the program does not"),
    (r"holes: np.fft", "how NaN and infinities spread depends on the order of the additions"),
    (r"holes: np.(polyval|linspace)", "NumPy multiplies infinities by zeros that do not matter"),
    (r"holes: np.(nan)?(quantile|percentile)", "NumPy interpolates between infinities also where nothing is between"),
    (r"holes: .*prod\(.*dtype=complex", "an infinity times 1 + 0i has no imaginary part"),
    (r"f[24]: np.histogram.*density=True", "densities of bins as narrow as their edges are rounded"),
)


def is_known(table: str, text: str) -> bool:
    """Whether one of the table's expressions stands at the beginning of the text."""
    return any(re.match(line, text) for line in table.strip().split("\n"))
