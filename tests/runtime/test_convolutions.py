"""graphc's own convolutions: every width of vectors that this CPU has, blocks, phases, threads, and their memory."""

import ctypes

import numpy as np
import pytest

from graphc import abi, config
from graphc.ops.table import OPS
from graphc.runtime import convolutions, tiled
from graphc.runtime.convolution_layout import PARTS, POSITIONS, RESULTS, TAPS
from graphc.runtime.gemm_layout import State

WIDTHS = [bits for bits in (128, 256, 512) if bits <= tiled.vector_bits()]
DTYPES = {"f4": "f32", "f8": "f64"}
FORWARD, BY_SOURCE, BY_WEIGHT = (
    abi.CONVOLUTION_FORWARD, abi.CONVOLUTION_BY_SOURCE, abi.CONVOLUTION_BY_WEIGHT
)  # fmt: skip
NAMES = {FORWARD: "convolution", BY_SOURCE: "convolution_source", BY_WEIGHT: "convolution_weight"}


@pytest.fixture(scope="module", params=WIDTHS)
def services(request):
    """The services for vectors of each width in turn, by dtype."""
    return {dtype: convolutions.Convolution(real, request.param) for dtype, real in DTYPES.items()}


@pytest.fixture(scope="module")
def widest():
    return {dtype: convolutions.Convolution(real, WIDTHS[-1]) for dtype, real in DTYPES.items()}


class Arrays:
    """Source, weight and result of a convolution; kernel, stride, padding and dilation are pairs."""

    def __init__(  # noqa: PLR0917 - what a geometry is made of
        self, dtype, n, groups, channels, outputs, source, kernel, stride=(1, 1), padding=(0, 0), dilation=(1, 1)
    ):
        axes = zip(source, kernel, stride, padding, dilation, strict=True)
        places = [(s + 2 * p - d * (k - 1) - 1) // t + 1 for s, k, t, p, d in axes]
        rng = np.random.default_rng(n + channels + outputs)
        shapes = (n, groups * channels, *source), (groups * outputs, channels, *kernel), (n, groups * outputs, *places)
        self.arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
        self.bias = rng.standard_normal(groups * outputs).astype(dtype)
        self.attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}

    def run(self, service, what, flags=0, bias=False):
        """What the service makes of the two others."""
        arrays = list(self.arrays)
        made = {FORWARD: 2, BY_SOURCE: 0, BY_WEIGHT: 1}[what]
        arrays[made] = np.full_like(arrays[made], np.nan)
        x, w, _ = arrays
        groups = self.attrs["groups"]
        words = [what | flags, 1, len(x), groups, w.shape[1], len(w) // groups]
        for k in range(2):
            words += [a.shape[2 + k] for a in arrays] + [self.attrs[n][k] for n in ("stride", "padding", "dilation")]
        words += [a.ctypes.data for a in arrays] + [self.bias.ctypes.data if bias else 0]
        function = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * convolutions.ARGUMENTS)(service.address)
        self.status = function(*words)
        return arrays[made]

    def expected(self, what, bias=False):
        """The op's reference, in doubles."""
        x, w, y = (a.astype("f8") for a in self.arrays)
        given = {FORWARD: (x, w), BY_SOURCE: (y, w), BY_WEIGHT: (x, y)}[what]
        made = {FORWARD: y, BY_SOURCE: x, BY_WEIGHT: w}[what]
        with_bias = (self.bias.astype("f8"),) if bias else ()
        return OPS[NAMES[what]].ref(*given, *with_bias, sizes=made.shape[1:], **self.attrs)


def check(service, arrays):
    for what, name in NAMES.items():
        bias = what == FORWARD
        found, expected = arrays.run(service, what, bias=bias), arrays.expected(what, bias)
        assert arrays.status == 0
        scale = np.abs(expected).max(initial=1.0) * (1e-13 if found.dtype == "f8" else 3e-6)
        np.testing.assert_allclose(found, expected, rtol=0, atol=scale, err_msg=name)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sizes_around_a_tile(services, dtype):
    """Channels that no tile divides, rows shorter and longer than a vector."""
    for channels, outputs, width in ((1, 1, 3), (2, 3, 8), (3, 7, 17), (5, 13, 33), (4, 16, 60)):
        check(services[dtype], Arrays(dtype, 2, 1, channels, outputs, (5, width), (2, 3), padding=(1, 1)))


def test_strides_paddings_dilations_groups(services):
    """Random geometries: paddings wider than the kernel, strides longer than it, source positions that none reads."""
    rng = np.random.default_rng(1)
    tried = 0
    while tried < 40:
        kernel, stride, dilation, padding = (
            tuple(map(int, rng.integers(*r, 2))) for r in ((1, 5), (1, 4), (1, 3), (0, 5))
        )
        source = tuple(map(int, rng.integers(1, 24, 2)))
        spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
        if all(s + 2 * p >= span for s, p, span in zip(source, padding, spans, strict=True)):
            n, groups, channels, outputs = map(int, rng.integers(1, (3, 4, 6, 10)))
            check(services["f8"], Arrays("f8", n, groups, channels, outputs, source, kernel, stride, padding, dilation))
            tried += 1


def test_blocks(widest):
    """Several blocks of channels that are summed, of channels that are made, of rows; parts of a weight's gradient."""
    deep = Arrays("f8", 1, 1, TAPS // 9 + 3, RESULTS + 5, (6, 7), (3, 3), padding=(1, 1))
    large = Arrays("f8", 2, 1, 2, 3, (70, POSITIONS // 16), (3, 3), (1, 2))
    many = Arrays("f4", PARTS + 21, 1, 20, 9, (9, 8), (2, 2))
    for arrays in (deep, large, many):
        check(widest[arrays.arrays[0].dtype.str[1:]], arrays)


def test_a_rectified_result(widest):
    arrays = Arrays("f4", 2, 1, 3, 5, (6, 20), (3, 3))
    plain = arrays.run(widest["f4"], FORWARD, bias=True)
    cut = arrays.run(widest["f4"], FORWARD, abi.CONVOLUTION_RECTIFIED, bias=True)
    np.testing.assert_array_equal(cut, np.maximum(plain, 0))
    assert (cut == 0).any()


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_what_is_not_finite_stays_where_it_is_read(services, stride):
    """Between the rows of a result tiles compute with what they have at hand: none of it may come into a sum."""
    arrays = Arrays("f8", 2, 1, 2, 3, (9, 11), (3, 3), stride)
    x, _, y = arrays.arrays
    x[0, 1, 3, 0], y[1, 2, 0, -1] = np.inf, np.nan
    for what in NAMES:
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(arrays.run(services["f8"], what), arrays.expected(what), rtol=1e-10, atol=1e-12)


def test_bits_do_not_depend_on_threads(widest):
    arrays = Arrays("f4", 5, 1, 17, 30, (20, 21), (3, 3))
    for what in NAMES:
        results = []
        for count in (1, 2, 5):
            with config.override(num_threads=count):
                results.append(arrays.run(widest["f4"], what))
        for result in results[1:]:
            np.testing.assert_array_equal(result, results[0])


def test_a_lack_of_memory_is_told(widest):
    state = widest["f8"].state
    real, kept = state[State.ALLOCATE // 8], [state[k] for k in range(State.SCRATCH // 8, State.SIZE // 8)]
    none = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t)(lambda size: 0)
    arrays = Arrays("f8", 1, 1, 2, 2, (5, 5), (3, 3))
    state[State.ALLOCATE // 8] = ctypes.cast(none, ctypes.c_void_p).value
    for k in range(State.SCRATCH // 8, State.SIZE // 8):
        state[k] = 0
    try:
        for what in NAMES:
            assert np.isnan(arrays.run(widest["f8"], what)).all()
            assert arrays.status == 1
    finally:
        state[State.ALLOCATE // 8] = real
        for k, block in zip(range(State.SCRATCH // 8, State.SIZE // 8), kept, strict=True):
            state[k] = block
