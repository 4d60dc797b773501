"""gammaln, gamma, digamma, trigamma, tetragamma (the derivatives of order 0 to 2 of digamma), sine and cosine of pi x.

gammaln and gamma below 7 go to ``[1.5, 2.5]`` around the zero of gammaln at 2: with ``n = rint(x)`` and the exact
``d = x - n``, a polynomial gives Gamma(2+d) or its logarithm, and the recurrence a product of factors ``d + j``. Above,
Stirling's formula with a polynomial in ``1/x**2`` in place of its divergent series. The polygammas go *up* to 4 or more
by the recurrence, where such a polynomial is enough: only positive terms are summed.

Below -1/2 (polygammas: 0) the reflection formulas (DLMF 5.5.3, 5.5.4, 5.15.6) serve, in a branch (see ``routine``).
Near a zero or a pole other than those of gammaln at 1 and 2 the error is that of a rounded argument.
"""

from __future__ import annotations

import math

from .constants import INF, NAN
from .logarithm import log
from .power import exp_of_two, log_in_two
from .routine import if_any, routine
from .trigonometric import sin_and_cos

LGAMMA_F64 = (  # log Gamma(2+d) / d; 2**-58
    0.42278433509846713, 0.32246703342411326, -0.0673523010531956, 0.020580808427777205, -0.007385551028938803,
    0.002890510331212146, -0.001192753900889451, 0.0005096695109378872, -0.00022315497923636543,
    9.945773323060135e-05, -4.492371195375849e-05, 2.0505139228253974e-05, -9.456364369034286e-06,
    4.386650219246496e-06, -1.974119242097617e-06, 9.156035789127472e-07, -5.813237141472195e-07,
    2.829297003787557e-07,
)  # fmt: skip
LGAMMA_F32 = (  # 2**-30
    0.4227843348968741, 0.3224670178464559, -0.06735226823609898, 0.020581632385378138, -0.007386439186683314,
    0.0028788104535857717, -0.0011841622458993602, 0.0005703891325282468, -0.00025721501938964726,
)  # fmt: skip
GAMMA_F64 = (  # Gamma(2+d); 2**-56
    1.0, 0.4227843350984668, 0.41184033042644147, 0.0815769192471732, 0.07424901075329972,
    -0.00026698207483448754, 0.011154045728183312, -0.00285264562754661, 0.0021039330997884623,
    -0.0009195771659991427, 0.0004903917791035141, -0.00024090796014085788, 0.00012164577208299417,
    -6.099529658338037e-05, 3.059943859341395e-05, -1.4515877287121966e-05, 7.16695246414168e-06,
    -5.1694993942778145e-06, 2.6699018742898126e-06,
)  # fmt: skip
GAMMA_F32 = (  # 2**-27
    1.0000000022682838, 0.42278448389766343, 0.4118399613784702, 0.08156905971112881, 0.07425897332635448,
    -0.00015569240459557785, 0.011057980778772509, -0.0034264585085222172, 0.0024825417999044808,
)  # fmt: skip
STIRLING_F64 = (  # x (log Gamma(x) - (x - 1/2) log x + x - log(2 pi)/2) in 1/x**2, x >= 7; 2**-59
    0.08333333333333226, -0.002777777776285431, 0.0007936501999508308, -0.0005951363350401287,
    0.0008331752298547488, -0.00156028464766712,
)  # fmt: skip
STIRLING_F32 = (  # 2**-39
    0.08333333281173495, -0.0027775715268836044, 0.000773162597295164,
)  # fmt: skip
DIGAMMA_F64 = (  # x**2 (log x - 1/(2x) - psi(x)) in 1/x**2, x >= 4; 2**-58
    0.08333333333332417, -0.00833333332720309, 0.003968252548734296, -0.004166504090128763, 0.007565058944739602,
    -0.02065566145242614, 0.07174491542757337, -0.2373252899065913, 0.4654588918267564,
)  # fmt: skip
DIGAMMA_F32 = (  # 2**-36
    0.08333332796228411, -0.008332471500945623, 0.003924659498643772, -0.0032618518335424122,
)  # fmt: skip
TRIGAMMA_F64 = (  # x**3 (psi'(x) - 1/x - 1/(2x**2)) in 1/x**2, x >= 4; 2**-57
    0.16666666666664895, -0.03333333331891443, 0.02380951972514816, -0.03333275570406023, 0.0757099759264954,
    -0.2506297675516523, 1.0803536644826457, -5.019219074940407, 19.01852761318292, -38.68745376476304,
)  # fmt: skip
TRIGAMMA_F32 = (  # 2**-33
    0.16666661674979127, -0.03332527616886027, 0.02339851436156074, -0.024665248167915592,
)  # fmt: skip
TETRAGAMMA_F64 = (  # -x**4 (psi''(x) + 1/x**2 + 1/x**3) in 1/x**2, x >= 4; 2**-56
    0.4999999999999555, -0.1666666666232065, 0.16666665186573426, -0.29999746782628073, 0.8330784599876643,
    -3.274010681424572, 16.779058633424818, -98.30286073571526, 539.6553865425858, -2174.0096930810114,
    4430.715214811237,
)  # fmt: skip
TETRAGAMMA_F32 = (  # 2**-34
    0.4999999670904093, -0.16665886673473945, 0.16605782241143954, -0.27855898750831143, 0.45951993445225325,
)  # fmt: skip
PI = ((3.141592653589793, 1.2246467991473532e-16), (3.1415927410125732, -8.742277657347586e-08))
HALF_LOG_2PI = ((0.9189385332046728, -3.8782941580672414e-17), (0.9189385175704956, 1.563417661998301e-08))
STIRLING_FROM = 7.0
REFLECT_BELOW = -0.5


def sin_cos_pi(m, x):
    """``sin(pi x), cos(pi x)``; the reduction is exact, so no argument is too large. Infinities pass for integers."""
    pi, pi_lo = m.pick(*PI)
    n = m.rint(x)
    r = m.select(m.abs(x) == INF, m.const(0.0), x - n)
    a = m.abs(r)
    beyond = a > 0.25
    a = m.select(beyond, 0.5 - a, a)
    t = a * pi
    (s, s_lo), (c, c_lo) = sin_and_cos(m, t, m.fma(a, pi, -t) + a * pi_lo)
    s, c = s + s_lo, c + c_lo
    sin, cos = m.copysign(m.select(beyond, c, s), r), m.select(beyond, s, c)
    odd = m.trunc(0.5 * n) != 0.5 * n
    return m.select(odd, -sin, sin), m.select(odd, -cos, cos)


def _recurrence(m, x):
    """``(d, p, divides)``: Gamma(x) is Gamma(2+d) times p, or over p, for ``-1/2 <= x < 7``."""
    n = m.rint(x)
    d = x - n
    one = m.const(1.0)
    p = m.select(n == 0.0, x * (x + 1.0), m.select(n == 1.0, x, one))
    for j in range(2, 7):
        p = m.select(n > float(j), p * (d + float(j)), p)
    return d, p, n < 2.0


def _stirling_correction(m, x):
    inverse = 1.0 / x
    return inverse * m.poly(inverse * inverse, m.pick(STIRLING_F64, STIRLING_F32))


def _gammaln(m, x):
    reflected = x < REFLECT_BELOW
    a = m.select(reflected, -x, x)
    small = a < STIRLING_FROM
    d, p, divides = _recurrence(m, m.select(small, a, m.const(1.0)))
    logarithm = log(m, m.select(small, m.abs(p), a))
    base = d * m.poly(d, m.pick(LGAMMA_F64, LGAMMA_F32))
    near = base + m.select(divides, -logarithm, logarithm)
    half_log, half_log_lo = m.pick(*HALF_LOG_2PI)
    far = m.fma(a - 0.5, logarithm, -a) + (half_log + (half_log_lo + _stirling_correction(m, a)))
    y = m.select(small, near, m.select(a == INF, a, far))

    def reflect():
        sin, _ = sin_cos_pi(m, a)
        mirrored = -log(m, m.abs(sin) * a * (1.0 / math.pi)) - y
        mirrored = m.select(sin == 0.0, m.const(INF), mirrored)  # a pole, also where y has overflowed
        return (m.select(reflected, mirrored, y),)

    (y,) = if_any(m, reflected, (y,), reflect)
    return m.select(m.abs(x) == INF, x, y)  # -inf at -inf is SciPy's


def gammaln(m, x):
    return routine(m, "gammaln", _gammaln, x)


def gamma_body(m, x):
    reflected = x < REFLECT_BELOW
    a = m.select(reflected, -x, x)
    small = a < STIRLING_FROM
    d, p, divides = _recurrence(m, m.select(small, a, m.const(1.0)))
    base = m.poly(d, m.pick(GAMMA_F64, GAMMA_F32))
    near = m.select(divides, base / p, base * p)

    limit = m.pick(200.0, 60.0)  # overflow is at 171.6 and 35.04; reflected, underflow at 184 and 42
    b = m.select(small, m.const(10.0), m.min(a, limit))
    log_hi, log_lo = log_in_two(m, b)
    half_log, half_log_lo = m.pick(*HALF_LOG_2PI)
    hi, lo = m.two_product(b - 0.5, log_hi)
    lo = m.fma(b - 0.5, log_lo, lo)
    hi, error = m.fast_two_sum(hi, -b)
    lo = lo + error
    hi, error = m.fast_two_sum(hi, m.const(half_log))
    lo = lo + (error + (half_log_lo + _stirling_correction(m, b)))
    hi = m.select(reflected, -hi, hi)
    lo = m.select(reflected, -lo, lo)
    low, high = m.pick(-746.0, -105.0), m.pick(710.0, 89.0)
    inside = (hi > low) & (hi < high)
    far = exp_of_two(m, m.min(m.max(hi, low), high), m.select(inside, lo, m.const(0.0)))
    y = m.select(small, near, far)

    def reflect():
        sin, _ = sin_cos_pi(m, a)
        factor = math.pi / (a * sin)
        z = m.select(small, -factor / near, -factor * far)
        z = m.select(sin == 0.0, m.const(NAN), z)
        return (m.select(reflected, z, y),)

    (y,) = if_any(m, reflected, (y,), reflect)
    return m.select(x == INF, x, m.select(x == -INF, m.const(NAN), m.select(x != x, x, y)))


def gamma(m, x):
    return routine(m, "gamma", gamma_body, x)


def _climb(m, x, power):
    """``(y, sum)``: ``x >= 0`` raised by whole steps to 4 or more, and ``sum 1 / t**power`` of the values before.

    The sum is one fraction until its end, so that it costs one division. Its greatest term, the one of x, is added
    last: rounding in the denominator of the others then stands in numerator and denominator alike.
    """
    steps = [x + float(k) if k else x for k in range(5)]
    y, num, den = steps[4], m.const(0.0), m.const(1.0)
    for t in reversed(steps[:4]):
        low = t < 4.0
        y = m.select(low, y, t)
        factor = t
        for _ in range(power - 1):
            factor = factor * t
        num = m.select(low, m.fma(num, factor, den), num)
        den = m.select(low, den * factor, den)
    return y, num / den


def _polygamma(m, x, core, reflection):
    reflected = x < 0.0
    y = core(m, m.select(reflected, 1.0 - x, x))

    def reflect():
        sin, cos = sin_cos_pi(m, x)
        return (m.select(reflected, reflection(m, y, sin, cos), y),)

    (y,) = if_any(m, reflected, (y,), reflect)
    return y


def _digamma_core(m, x):
    y, total = _climb(m, x, 1)
    inverse = 1.0 / y
    w = inverse * inverse
    series = m.fma(w, m.poly(w, m.pick(DIGAMMA_F64, DIGAMMA_F32)), 0.5 * inverse)
    return log(m, y) - (total + series)


def _trigamma_core(m, x):
    y, total = _climb(m, x, 2)
    inverse = 1.0 / y
    w = inverse * inverse
    series = m.fma(w, m.fma(inverse, m.poly(w, m.pick(TRIGAMMA_F64, TRIGAMMA_F32)), 0.5), inverse)
    return total + series


def _tetragamma_core(m, x):
    y, total = _climb(m, x, 3)
    inverse = 1.0 / y
    w = inverse * inverse
    series = w * (m.fma(w, m.poly(w, m.pick(TETRAGAMMA_F64, TETRAGAMMA_F32)), inverse) + 1.0)
    return -m.fma(total, 2.0, series)


def digamma_body(m, x):
    def reflection(m, y, sin, cos):
        return m.select(sin == 0.0, m.const(NAN), y - math.pi * cos / sin)

    return _polygamma(m, x, _digamma_core, reflection)


def _trigamma(m, x):
    def reflection(m, y, sin, cos):
        return math.pi**2 / (sin * sin) - y

    return _polygamma(m, x, _trigamma_core, reflection)


def _tetragamma(m, x):
    def reflection(m, y, sin, cos):
        pole = m.const(-INF)  # the sign of the limit from above, as in SciPy; so at -0
        return m.select(sin == 0.0, pole, y - (2.0 * math.pi**3) * cos / (sin * sin * sin))

    return _polygamma(m, x + 0.0, _tetragamma_core, reflection)


def digamma(m, x):
    return routine(m, "digamma", digamma_body, x)


def trigamma(m, x):
    return routine(m, "trigamma", _trigamma, x)


def tetragamma(m, x):
    return routine(m, "tetragamma", _tetragamma, x)
