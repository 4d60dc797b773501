"""Reduction of huge arguments by pi/2 (Payne & Hanek): the rare path of the trigonometric functions.

``x = mantissa * 2**e`` with an integer mantissa. The bits of ``2/pi`` that make multiples of 4 in ``x * 2/pi`` are
skipped, the next 192 are multiplied by the mantissa modulo 2**192: the top two bits are the quadrant, the other 190 the
fraction. 137 of these are right, and no double comes closer to a multiple of pi/2 than about 2**-62, so more than 70
significant bits remain. Scalar code, in a function of its own that the vector forms call lane by lane.
"""

from __future__ import annotations

from llvmlite import ir

from .constants import PI_2
from .emit import Machine
from .routine import ATTRIBUTES, add_attributes

# the first 1280 bits of 2/pi after the binary point, behind one word of zeros for the smallest exponents
TWO_OVER_PI = int(
    "A2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561B7246E3A424DD2E006492EEA09D1921CFE1D"
    "EB1CB129A73EE88235F52EBB4484E99C7026B45F7E413991D639835339F49C845F8BBDF9283B1FF897FFDE05980FEF2F118B"
    "5A0A6D1F6D367ECF27CB09B74F463F669E5FEA2D7527BAC7EBE5F17B3D0739F78A5292EA6BFB5FB11F8D5D0856033046FC7B"
    "6BABF0CFBC209AF4361D",
    16,
)
WORDS = (0, *((TWO_OVER_PI >> (1280 - 64 * (k + 1))) & (2**64 - 1) for k in range(20)))
I64 = ir.IntType(64)
WIDE = ir.IntType(192)
WINDOW = ir.IntType(256)
NAME = "graphc_payne_hanek"


def lane_function(module):
    """``{r, r_lo, quadrant} f(double x)`` with ``|x| >= 2**-10`` finite."""
    if NAME in module.globals:
        return module.globals[NAME]
    double = ir.DoubleType()
    function = ir.Function(module, ir.FunctionType(ir.LiteralStructType([double, double, I64]), [double]), NAME)
    function.linkage = "internal"
    add_attributes(function, (*ATTRIBUTES, "cold"))
    b = ir.IRBuilder(function.append_basic_block("entry"))
    m = Machine(b, 64)
    x = m.value(function.args[0])

    table_type = ir.ArrayType(I64, len(WORDS))
    table = ir.GlobalVariable(module, table_type, NAME + "_table")
    table.linkage = "internal"
    table.global_constant = True
    table.initializer = ir.Constant(table_type, [m.int(w).v.constant for w in WORDS])

    i = m.bits(x) & (2**63 - 1)
    mantissa = (i & (2**52 - 1)) | 2**52
    skip = (i >> 52) - (1075 + 2 - 64)  # bits of the table before the window: e - 2, and one word of zeros
    index, shift = skip >> 6, skip & 63
    window = None
    for k in range(4):
        word = b.load(b.gep(table, [m.int(0).v, (index + k).v], inbounds=True))
        word = b.zext(word, WINDOW)
        window = word if window is None else b.or_(b.shl(window, ir.Constant(WINDOW, 64)), word)
    window = b.trunc(b.lshr(b.shl(window, b.zext(shift.v, WINDOW)), ir.Constant(WINDOW, 64)), WIDE)
    product = b.mul(window, b.zext(mantissa.v, WIDE))

    def wide(n):
        return ir.Constant(WIDE, n)

    quadrant = m.value(b.trunc(b.lshr(b.add(product, wide(1 << 189)), wide(190)), I64))
    fraction = b.shl(product, wide(2))  # signed, in units of 2**-192
    negative = b.icmp_signed("<", fraction, wide(0))
    magnitude = b.select(negative, b.neg(fraction), fraction)
    magnitude = b.or_(magnitude, wide(1))  # no double is a multiple of pi/2; this tells LLVM so
    leading = b.ctlz(magnitude, ir.Constant(ir.IntType(1), 1))
    magnitude = b.shl(magnitude, leading)
    top = m.value(b.trunc(b.lshr(magnitude, wide(128)), I64))
    rest = m.value(b.trunc(b.lshr(magnitude, wide(128 - 53)), I64))  # from the 54th bit on
    unit = m.from_bits((m.int(1023 - 53) - m.value(b.trunc(leading, I64))) << 52)
    f_hi = m.value(b.uitofp((top >> 11).v, double)) * unit
    f_lo = m.value(b.uitofp((rest >> 11).v, double)) * unit * 2.0**-53
    p_hi, p_lo, _ = PI_2[0]
    r = f_hi * p_hi
    r_lo = m.fma(f_hi, p_hi, -r) + m.fma(f_hi, p_lo, f_lo * p_hi)
    r, r_lo = m.fast_two_sum(r, r_lo)
    flip = (m.bits(x) ^ m.select(m.value(negative), m.int(-(2**63)), m.int(0))) & -(2**63)
    quadrant = m.select(m.bits(x) < 0, -quadrant, quadrant)
    results = (m.from_bits(m.bits(r) ^ flip), m.from_bits(m.bits(r_lo) ^ flip), quadrant)
    struct = ir.Constant(function.function_type.return_type, ir.Undefined)
    for k, result in enumerate(results):
        struct = b.insert_value(struct, result.v, k)
    b.ret(struct)
    return function


def reduce_lane(m, function, x):
    """``(r, r_lo, quadrant)`` of a scalar of ``m``'s format, as LLVM values."""
    b = m.b
    if m.is64:
        result = b.call(function, [x])
        return [b.extract_value(result, k) for k in range(3)]
    result = b.call(function, [b.fpext(x, ir.DoubleType())])
    r = b.extract_value(result, 0)
    r_hi = b.fptrunc(r, ir.FloatType())
    r_lo = b.fptrunc(b.fsub(r, b.fpext(r_hi, ir.DoubleType()), flags=("",)), ir.FloatType())
    return [r_hi, r_lo, b.trunc(b.extract_value(result, 2), ir.IntType(32))]


def huge_reduction(m, x, mask, r, r_lo, quadrant):
    """The given reduction with the lanes of ``mask`` done anew, in a loop: this path should be small, not quick."""
    b = m.b
    lane = lane_function(b.module)
    x = m.select(mask, x, m.const(1.0))  # the lane function wants a finite argument
    start = b.block
    loop = b.append_basic_block("lanes")
    b.branch(loop)
    b.position_at_end(loop)
    index_type = ir.IntType(32)
    k = b.phi(index_type)
    carried = [b.phi(v.v.type) for v in (r, r_lo, quadrant)]
    chosen = b.extract_element(mask.v, k)
    done = [
        b.insert_element(old, b.select(chosen, new, b.extract_element(old, k)), k)
        for old, new in zip(carried, reduce_lane(m, lane, b.extract_element(x.v, k)), strict=True)
    ]
    following = b.add(k, index_type(1))
    for phi, first, then in zip(
        (k, *carried), (index_type(0), r.v, r_lo.v, quadrant.v), (following, *done), strict=True
    ):
        phi.add_incoming(first, start)
        phi.add_incoming(then, loop)
    end = b.append_basic_block("end")
    b.cbranch(b.icmp_unsigned("<", following, index_type(m.lanes)), loop, end)
    b.position_at_end(end)
    return tuple(m.value(v) for v in done)
