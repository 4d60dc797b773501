"""The layouts that code generation and run time share: one place, plain data, no behaviour beyond encoding.

A *program* is one driver plus the kernels it launches. Native code calls it as

    driver(args, symbols, arena, table) -> status

``args``     int64*: the address of each input leaf's data, then of each output's data
``symbols``  int64*: the value of each dim symbol; those that no input binds are 0 and may be written by the driver
``arena``    int64: address of the workspace, 64-byte aligned, ``Program.arena_bytes`` long
``table``    int64*: addresses of the services below, then of the program's kernels

Drivers and kernels are Numba functions without wrappers. Their C signature is Numba's own calling convention,
``int32 f(T* result, void** exception, arguments...)``: the int32 is 0, the driver's status lands in ``*result``.
A kernel is ``kernel(buffer addresses..., dims..., start, stop)``: every argument passes as an int64 or a pointer, so
that one trampoline per argument count can call any of them; the result slot is unused.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

ALIGNMENT = 64
BFLOAT16 = "bfloat16"  # its dtype by name: NumPy's own string and number of it say nothing outside of this process


def dtype_named(name: str) -> np.dtype:
    """The dtype of a layout's name. Raises ``ImportError`` for bfloat16 without ``ml_dtypes``.

    >>> dtype_named("<f4")
    dtype('float32')
    """
    if name == BFLOAT16:
        try:
            import ml_dtypes  # noqa: F401 - from then on NumPy knows the name
        except ImportError:
            message = "bfloat16 needs the package ml_dtypes: pip install 'graphc[bfloat16]'"
            raise ImportError(message) from None
    return np.dtype(name)


class Service(IntEnum):
    """Index of each run-time service in a program's table (C calling convention, all arguments int64).

    ``LAUNCH(kernel, slots, nargs, count, grain)``: run ``kernel`` over ``[0, count)`` in parts of at least ``grain``
    on the thread pool, serially when ``count <= grain`` or the pool is taken; ``slots`` holds the ``nargs`` arguments
    before start and stop. Parts never split differently in a way that a kernel can see: they cover the range once.
    ``GEMM_F64/GEMM_F32(flags, m, n, k, a, lda, b, ldb, c, ldc)``: row-major ``C = op(A) op(B) (+ C)``.
    ``GEMM_BATCH_F64/GEMM_BATCH_F32(..., batch, inner, a_outer, a_inner, b_outer, b_inner, c_outer, c_inner)``: the same
    for ``batch`` matrices; the matrix number e of A is ``e // inner * a_outer + e % inner * a_inner`` elements after a.
    They return 0, or 1 where there is no memory for their work, and the result is not written.
    ``CONVOLUTION_F64/CONVOLUTION_F32(flags, batch, n, groups, c, o, height, width, x, weight, y, bias)``: the result y
    of a convolution, or with flag ``CONVOLUTION_BY_SOURCE`` its gradient by x, with ``CONVOLUTION_BY_WEIGHT`` that by
    the weight, from that of y; for each of ``batch``. ``c`` and ``o`` are channels of a group; ``height`` and ``width``
    stand for six numbers each: the sizes of x, the weight and y along the axis, stride, padding, dilation. ``bias`` is
    0 where there is none. They return what ``GEMM`` does, and are not there in programs without convolutions.
    ``GROW(address, bytes)``: memory of so many bytes instead of that at the address (0: none yet), or 0 where there is
    none to be had. ``RELEASE(address)`` gives it back.
    ``LAUNCH_LAPACK(kernel, slots, nargs, count, work, grain)``: ``LAUNCH`` for a kernel that calls LAPACK, whose
    library has one thread meanwhile; but few matrices of much ``work`` each are its own to share over its threads, as
    the user has set them. It is not there in programs that do not call LAPACK.
    ``LIBRARY`` is no function but a table of those of other libraries: int64*, see ``Lapack``, ``Fourier``, ``Sorter``.
    """

    LAUNCH = 0
    GEMM_F64 = 1
    GEMM_F32 = 2
    GEMM_BATCH_F64 = 3
    GEMM_BATCH_F32 = 4
    GROW = 5
    RELEASE = 6
    LIBRARY = 7
    CONVOLUTION_F64 = 8
    CONVOLUTION_F32 = 9
    LAUNCH_LAPACK = 10


class Lapack(IntEnum):
    """Index in the table of LAPACK's functions (Fortran calling convention); the name is that of the function.

    Word 0 is 1 where the library's integers have 64 bits, else 0. An address is 0 where there is no such function.
    """

    WIDE = 0
    DGETRF = 1
    SGETRF = 2
    ZGETRF = 3
    CGETRF = 4
    DPOTRF = 5
    SPOTRF = 6
    ZPOTRF = 7
    CPOTRF = 8
    DTRSM = 9
    STRSM = 10
    ZTRSM = 11
    CTRSM = 12
    DSYEVD = 13
    SSYEVD = 14
    ZHEEVD = 15
    CHEEVD = 16
    DGESDD = 17
    SGESDD = 18
    ZGESDD = 19
    CGESDD = 20
    DGEEV = 21
    SGEEV = 22
    ZGEEV = 23
    CGEEV = 24
    DGELQF = 25
    SGELQF = 26
    ZGELQF = 27
    CGELQF = 28
    DORGLQ = 29
    SORGLQ = 30
    ZUNGLQ = 31
    CUNGLQ = 32
    DGEMM = 33
    SGEMM = 34


class Fourier(IntEnum):
    """Index in the same table of the loops of NumPy's transforms; behind each stands the loop's data.

    ``loop(char **arrays, intp *sizes, intp *steps, void *data)``: arrays are the operand, a factor, the result; sizes
    those of the batch, a row of the operand and one of the result; steps, in bytes, those of the three arrays from row
    to row, and then within a row of the operand and of the result.
    """

    FFT_F64 = 128
    FFT_F32 = 130
    IFFT_F64 = 132
    IFFT_F32 = 134
    RFFT_N_EVEN_F64 = 136
    RFFT_N_EVEN_F32 = 138
    RFFT_N_ODD_F64 = 140
    RFFT_N_ODD_F32 = 142
    IRFFT_F64 = 144
    IRFFT_F32 = 146


class Sorter(IntEnum):
    """Index in the same table of NumPy's sorting functions, each of one dtype: ``sort(start, count, 0)``, in place.

    NaN comes last; what is equal stands in any order. 0 where there is none, as in exported programs.
    """

    BOOL = 160
    I8 = 161
    U8 = 162
    I16 = 163
    U16 = 164
    I32 = 165
    U32 = 166
    I64 = 167
    U64 = 168
    F32 = 169
    F64 = 170


def scipy_symbol(name: str) -> str:
    """The name under which object code calls a function of ``scipy.special``."""
    return f"graphc_scipy_{name}"


# Those of SciPy's C functions that are not float64 alone in and one float64 out: "arguments->results", a letter each.
# d: float64, n: an integer, z: a complex number, ~: the address of optional arguments. A single result is returned, and
# such a function takes an integer of Cython's own, 0, before those; several results are written to addresses. A name
# that ends in _z is the form over complex numbers of a function that also has one over float64.
SCIPY_SIGNATURES = {
    **dict.fromkeys(("sici", "shichi", "fresnel", "itj0y0", "it2j0y0", "iti0k0", "it2i0k0"), "d->dd"),
    **dict.fromkeys(("airy", "airye", "itairy"), "d->dddd"),
    **dict.fromkeys(("modfresnelp", "modfresnelm"), "d->zz"),
    **dict.fromkeys(("pbdv", "pbvv", "pbwa"), "dd->dd"),
    "ellipj": "dd->dddd",
    **{f"mathieu_{kind}": "ddd->dd" for kind in ("cem", "sem", "modcem1", "modcem2", "modsem1", "modsem2")},
    **{f"{shape}_{kind}": "dddd->dd" for shape in ("pro", "obl") for kind in ("ang1", "rad1", "rad2")},
    **{f"{shape}_{kind}_cv": "ddddd->dd" for shape in ("pro", "obl") for kind in ("ang1", "rad1", "rad2")},
    **dict.fromkeys(("eval_hermite", "eval_hermitenorm"), "nd->d"),
    **{f"spherical_{kind}": "nd~->d" for kind in ("jn", "yn", "in", "kn")},
    "wofz": "z->z",
    "wrightomega_z": "z->z",
    "exp1_z": "z->z",
}
SCIPY_PART = "__"  # between a function's name and the number of the result that is meant, complex ones being two


# Those whose values are wrong in SciPy where people use them, or that crash or never end there, as
# docs/special_functions.md tells: kernels of the CPU call graphc's own functions (``scalar_special``) in their place,
# with a signature like SciPy's, but over float64 alone, complex results as two.
OWN_SPECIAL = frozenset(
    (
        "besselpoly", "it2i0k0", "itairy", "itstruve0", "modfresnelm", "modfresnelp", "pbdv", "pbvv", "pbwa",
        "hyp1f1", "hyp2f1", "hyperu", "tklmbda",
        "fdtridfd", "ncfdtridfd", "ncfdtridfn", "ncfdtrinc", "nctdtr", "nctdtridf", "nctdtrinc",
        *(f"mathieu_{kind}" for kind in ("a", "b", "cem", "sem", "modcem1", "modcem2", "modsem1", "modsem2")),
        *(f"{shape}_{kind}" for shape in ("pro", "obl") for kind in ("cv", "ang1", "rad1", "rad2")),
        *(f"{shape}_{kind}_cv" for shape in ("pro", "obl") for kind in ("ang1", "rad1", "rad2")),
        *(f"eval_{kind}" for kind in ("gegenbauer", "genlaguerre", "jacobi", "laguerre", "sh_jacobi")),
        *(f"eval_{kind}" for kind in ("chebyc", "chebys", "chebyt", "chebyu", "legendre")),
        *(f"eval_sh_{kind}" for kind in ("chebyt", "chebyu", "legendre")),
    )
)  # fmt: skip


def scipy_signature(name: str, arity: int) -> str:
    """The signature of what kernels call for a function of ``scipy.special`` over so many numbers.

    >>> scipy_signature("sici", 1), scipy_signature("jv", 2), scipy_signature("modfresnelp", 1)
    ('d->dd', 'dd->d', 'd->dddd')
    """
    given = SCIPY_SIGNATURES.get(name, "d" * arity + "->d")
    if name not in OWN_SPECIAL:
        return given
    return "d" * arity + "->" + given.partition("->")[2].replace("z", "dd")


OUT_OF_MEMORY = -1  # the status of a driver that got no memory where it asked for some
FOREIGN_FAILED = -2  # the status of a driver that called a function by its address, which failed
MOST_ARGUMENTS = 96  # of a kernel, start and stop not counted

KERNELS_START = 16  # the first kernel's index in the table; the slots before it are services, present and future

GEMM_TRANSPOSE_A = 1
GEMM_TRANSPOSE_B = 2
GEMM_ACCUMULATE = 4

CONVOLUTION_FORWARD, CONVOLUTION_BY_SOURCE, CONVOLUTION_BY_WEIGHT = 0, 1, 2
CONVOLUTION_WHAT = 3  # the bits of the flags that say which of these
CONVOLUTION_RECTIFIED = 4  # what is negative in the result becomes zero


class Code(IntEnum):
    """Stack bytecode of a dim expression over the symbols: a flat tuple of ints, operands inline."""

    CONST = 0  # CONST c    push c
    SYMBOL = 1  # SYMBOL k   push symbols[k]
    ADD = 2
    MUL = 3
    FLOORDIV = 4  # rounds towards minus infinity, as Python does; x // 0 is 0, since no code may trap
    MOD = 5  # sign of the divisor, as in Python; x % 0 is x
    MAX = 6
    MIN = 7


class Relation(IntEnum):
    EQ = 0  # expression == 0
    NE = 1  # expression != 0
    GE = 2  # expression >= 0


class Step(IntEnum):
    """One step of an access plan: how to reach an object at each call. A step's index names its object."""

    ARG = 0  # (k,)            argument k of the call, keyword arguments counting on after the positional ones
    CONST = 1  # (obj,)         this very object
    DICT_ITEM = 2  # (parent, key)  parent is a dict; of a subclass too the stored item, as dict.get would find it
    SEQ_ITEM = 3  # (parent, i)    parent is a tuple or a list, or of a subclass (a named tuple); i >= 0
    CELL = 4  # (parent,)      contents of a closure cell
    ATTR = 5  # (parent, name)
    APPLY = 6  # (function, argument)  two steps: what the first one's object returns for the second one's


class Check(IntEnum):
    """A condition on a step's object that must hold at each call."""

    IS = 0  # (step, obj)          identity
    TYPE_LEN = 1  # (step, type, n)  exact type, and length of a tuple, list or dict; n = ANY_LENGTH: the type alone
    EQUAL = 2  # (step, obj)       same type and ==, of a float the same bits; what it holds may differ: (1,) == (True,)
    KEYS = 3  # (step, keys)       a dict or set of exactly these keys in this order (in which it iterates), equal
    # and of equal types at every depth. Native code may miss new objects that are not str, int or tuples of those.
    CODE = 4  # (step, code)       the step is CONST, a Python function; this is still its code


ANY_LENGTH = -1  # the n of a TYPE_LEN check


class LeafKind(IntEnum):
    ARRAY = 0  # exactly numpy.ndarray, native byte order, aligned and C-contiguous, or of no order: those are copied
    FLOAT = 1  # exactly a Python float: a weak f64 scalar; of a complex dtype exactly a Python complex
    INT = 2  # exactly a Python int that fits int64: binds its symbol; its value is also readable as an i64 scalar
    SCALAR = 3  # exactly the NumPy scalar type of its dtype


class DeviceLeaf:
    """An array on the device of a number, as far as a trace needs to know it: C-ordered, whatever its strides are."""

    __slots__ = ("device", "dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: Any, device: int):
        self.shape, self.dtype, self.device = shape, dtype, device

    def key(self) -> tuple[Any, ...]:
        """What a program must know of the array."""
        raise NotImplementedError


class OnDevice:
    """Of an array that graphc keeps on a device, to tell it from one of NumPy's. ``number``: of the device."""

    __slots__ = ()
    number: int


class InputLeaf(NamedTuple):
    """An input of the program: which object, what it must be, and how its dims bind or check symbols.

    ``binds``: pairs (axis, symbol) that define a symbol (axis -1: the value of an INT leaf).
    ``checks``: pairs (axis, code): ``shape[axis]`` must equal the expression.
    """

    step: int
    kind: LeafKind
    dtype: str  # numpy dtype.str, e.g. "<f8", or BFLOAT16
    rank: int
    binds: tuple[tuple[int, int], ...] = ()
    checks: tuple[tuple[int, tuple[int, ...]], ...] = ()


class OutputLeaf(NamedTuple):
    """``capacity`` is set where dims use symbols that the driver binds: a code for the number of elements to allocate
    before the driver runs. The driver fills the front of that memory, C-contiguous in the final dims, and the result is
    cut to size. Only ``run_program`` and the Python entry know such outputs.
    """

    dtype: str
    dims: tuple[tuple[int, ...], ...]  # one code an axis; () is a 0-d result, returned as a NumPy scalar
    capacity: tuple[int, ...] | None = None


class Build(IntEnum):
    """Postorder recipe for the result: a stack machine over Python objects."""

    LEAF = 0  # (k,)        output leaf k
    NONE = 1  # ()
    TUPLE = 2  # (n,)
    LIST = 3  # (n,)
    DICT = 4  # (keys,)    the values are the last len(keys) on the stack, in order
    CALL = 5  # (f, n)     f(*last n): named tuples, dataclasses, registered containers


class OutPlan(NamedTuple):
    """Where the arrays are that a call is given to write its outputs to: the object of the keyword argument ``out``.

    Its steps and checks are numbered on their own, and ``(Step.ARG, nargs)`` is that object. ``targets``: for each
    output the step of its array, which may also lead to None, or None where no array is given for it.
    """

    steps: tuple[tuple, ...]
    checks: tuple[tuple, ...]
    targets: tuple[int | None, ...]


class EntryPlan(NamedTuple):
    """All that a call needs from Python object to driver and back.

    ``nargs`` counts all arguments but ``out``; the last ``len(keywords)`` of them are given by name, in this order.
    ``out`` is None where the entry leaves calls with that argument to its fallback; it comes last.
    """

    nargs: int
    steps: tuple[tuple, ...]  # (Step, *operands)
    checks: tuple[tuple, ...]  # (Check, *operands)
    inputs: tuple[InputLeaf, ...]
    nsymbols: int
    guards: tuple[tuple[Relation, tuple[int, ...]], ...]
    outputs: tuple[OutputLeaf, ...]
    result: tuple[tuple, ...]  # (Build, *operands)
    arena_bytes: tuple[int, ...]  # a code
    work: tuple[int, ...]  # a code: rough operation count; above a threshold the GIL is released around the driver
    keywords: tuple[str, ...] = ()
    out: OutPlan | None = None
