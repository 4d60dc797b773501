"""Reduction of huge arguments by pi/2 (Payne & Hanek): the rare path of the trigonometric functions.

``x = mantissa * 2**e`` with an integer mantissa. The bits of ``2/pi`` that make multiples of 4 in ``x * 2/pi`` are
skipped, the next 192 are multiplied by the mantissa modulo 2**192: the top two bits are the quadrant, the other 190 the
fraction. 137 of these are right, and no double comes closer to a multiple of pi/2 than about 2**-62, so more than 70
significant bits remain. Scalar code, in a function of its own that the vector forms call lane by lane; that of float32
has integers alone up to its result.
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
I128 = ir.IntType(128)
HALF_PI_WORD = 0xC90FDAA22168C234  # pi/2 * 2**63
NAME = "graphc_payne_hanek"


def funnel(m, high, low, shift):
    """The upper word of two, shifted left together by less than 64."""
    name = "llvm.fshl.i64"
    function = m.b.module.globals.get(name) or ir.Function(m.b.module, ir.FunctionType(I64, [I64] * 3), name)
    return m.b.call(function, [high, low, shift])


def double_product(b, x, y):
    return b.mul(b.zext(x, I128), b.zext(y, I128))


def product_modulo(m, i):
    """The mantissa of a double, of whose magnitude the bits are given, times the window of 2/pi that counts for it.

    Three words, the highest first.
    """
    b = m.b
    table_type = ir.ArrayType(I64, len(WORDS))
    table = b.module.globals.get(NAME + "_table")
    if table is None:
        table = ir.GlobalVariable(b.module, table_type, NAME + "_table")
        table.linkage = "internal"
        table.global_constant = True
        table.initializer = ir.Constant(table_type, [m.int(w).v.constant for w in WORDS])

    mantissa = (i & (2**52 - 1)) | 2**52
    skip = (i >> 52) - (1075 + 2 - 64)  # bits of the table before the window: e - 2, and one word of zeros
    words = [b.load(b.gep(table, [m.int(0).v, ((skip >> 6) + k).v], inbounds=True)) for k in range(4)]
    shift = (skip & 63).v
    window = [funnel(m, words[k], words[k + 1], shift) for k in range(3)]
    low = double_product(b, mantissa.v, window[2])
    middle = b.add(double_product(b, mantissa.v, window[1]), b.lshr(low, I128(64)))
    high = b.add(b.mul(mantissa.v, window[0]), b.trunc(b.lshr(middle, I128(64)), I64))
    return [high, b.trunc(middle, I64), b.trunc(low, I64)]


def lane_function(module):
    """``{r, r_lo, quadrant} f(double x)`` with ``|x| >= 2**-10`` finite."""
    if NAME in module.globals:
        return module.globals[NAME]
    double = ir.DoubleType()
    function = started(module, NAME, double, I64)
    b = ir.IRBuilder(function.append_basic_block("entry"))
    m = Machine(b, 64)
    x = m.value(function.args[0])
    top, rest, leading, negative, quadrant = quarter_turns(m, m.bits(x) & (2**63 - 1))
    rest = (top << 53) | (rest >> 11)
    unit = m.from_bits((m.int(1023 - 53) - m.value(leading)) << 52)
    f_hi = m.value(b.uitofp((top >> 11).v, double)) * unit
    f_lo = m.value(b.uitofp((rest >> 11).v, double)) * unit * 2.0**-53
    p_hi, p_lo, _ = PI_2[0]
    r = f_hi * p_hi
    r_lo = m.fma(f_hi, p_hi, -r) + m.fma(f_hi, p_lo, f_lo * p_hi)
    r, r_lo = m.fast_two_sum(r, r_lo)
    flip = (m.bits(x) ^ m.select(negative, m.int(-(2**63)), m.int(0))) & -(2**63)
    quadrant = m.select(m.bits(x) < 0, -quadrant, quadrant)
    finish(b, m.from_bits(m.bits(r) ^ flip), m.from_bits(m.bits(r_lo) ^ flip), quadrant)
    return function


def started(module, name, kind, integer):
    """The new function ``{r, r_lo, quadrant} name(kind x)``."""
    function = ir.Function(module, ir.FunctionType(ir.LiteralStructType([kind, kind, integer]), [kind]), name)
    function.linkage = "internal"
    add_attributes(function, (*ATTRIBUTES, "cold"))
    return function


def finish(b, *results):
    struct = ir.Constant(b.function.function_type.return_type, ir.Undefined)
    for k, result in enumerate(results):
        struct = b.insert_value(struct, result.v, k)
    b.ret(struct)


def quarter_turns(m, i):
    """Of a double's magnitude in quarter turns, beyond whole ones: two words of the fraction's size, from its highest
    bit on, the zeros before that, whether the fraction is negative, and the whole turns.
    """
    b = m.b
    product = product_modulo(m, i)
    quadrant = ((m.value(product[0]) >> 61) + 1) >> 1  # the top two bits, rounded
    # the signed fraction and its magnitude; a one's complement is as good as the two's, 2**-192 away
    fraction = [funnel(m, product[0], product[1], I64(2)), funnel(m, product[1], product[2], I64(2))]
    fraction.append(b.shl(product[2], I64(2)))
    negative = m.value(fraction[0]) < 0
    flipped = m.select(negative, m.int(-1), m.int(0)).v
    magnitude = [b.xor(f, flipped) for f in fraction]
    leading = b.ctlz(magnitude[0], ir.Constant(ir.IntType(1), 0))  # below 64: see above
    top = m.value(funnel(m, magnitude[0], magnitude[1], leading))
    rest = m.value(funnel(m, magnitude[1], magnitude[2], leading))
    return top, rest, leading, negative, quadrant


def single_function(module):
    """``{r, r_lo, quadrant} f(float x)``, without doubles, which a GPU has few units for."""
    name = NAME + "_f32"
    if name in module.globals:
        return module.globals[name]
    single, word = ir.FloatType(), ir.IntType(32)
    function = started(module, name, single, word)
    b = ir.IRBuilder(function.append_basic_block("entry"))
    m, s = Machine(b, 64), Machine(b, 32)
    bits = s.bits(s.value(function.args[0]))
    magnitude = m.value(b.zext((bits & (2**31 - 1)).v, I64))
    top, _, leading, negative, quadrant = quarter_turns(m, (magnitude << 29) + ((1023 - 127) << 52))
    angle = m.value(b.trunc(b.lshr(double_product(b, top.v, I64(HALF_PI_WORD)), I128(64)), I64))  # of 2**(63 + leading)
    exponent = s.int(127) - s.value(b.trunc(leading, word))
    parts = [s.value(b.uitofp(part.v, single)) for part in (angle >> 40, (angle >> 16) & (2**24 - 1))]
    r, r_lo = (part * s.from_bits((exponent - less) << 23) for part, less in zip(parts, (23, 47), strict=True))
    r, r_lo = s.fast_two_sum(r, r_lo)
    flip = (bits ^ s.select(negative, s.int(-(2**31)), s.int(0))) & -(2**31)
    turns = s.value(b.trunc(quadrant.v, word))
    finish(b, s.from_bits(s.bits(r) ^ flip), s.from_bits(s.bits(r_lo) ^ flip), s.select(bits < 0, -turns, turns))
    return function


def reduce_lane(m, function, x):
    """``(r, r_lo, quadrant)`` of a scalar of ``m``'s format, as LLVM values."""
    result = m.b.call(function, [x])
    return [m.b.extract_value(result, k) for k in range(3)]


def huge_reduction(m, x, mask, *reduction):
    """The given reduction ``(r, r_lo, quadrant)`` with the lanes of ``mask`` done anew, one by one, on the stack."""
    b = m.b
    lane = lane_function(b.module) if m.is64 else single_function(b.module)
    word = ir.IntType(max(m.lanes, 8))
    lanes = b.bitcast(mask.v, ir.IntType(m.lanes))
    lanes = b.zext(lanes, word) if word.width > m.lanes else lanes
    slots = []
    for value in (x, *reduction):
        with b.goto_entry_block():
            slot = b.alloca(value.v.type)
        b.store(value.v, slot)
        slots.append((slot, b.bitcast(slot, value.v.type.element.as_pointer())))
    start = b.block
    loop, end = b.append_basic_block("lanes"), b.append_basic_block("done")
    b.branch(loop)
    b.position_at_end(loop)
    left = b.phi(word)  # a bit for each lane to do: its trips are not known, so LLVM does not unroll the loop
    position = [b.cttz(left, ir.Constant(ir.IntType(1), 1))]
    argument, *results = [b.gep(elements, position) for _, elements in slots]
    for target, result in zip(results, reduce_lane(m, lane, b.load(argument)), strict=True):
        b.store(result, target)
    rest = b.and_(left, b.sub(left, word(1)))
    left.add_incoming(lanes, start)
    left.add_incoming(rest, loop)
    b.cbranch(b.icmp_unsigned("!=", rest, word(0)), loop, end)
    b.position_at_end(end)
    return tuple(m.value(b.load(slot)) for slot, _ in slots[1:])
