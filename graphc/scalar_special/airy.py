"""Airy functions: their Maclaurin series up to 1, beyond that Bessel functions of orders 1/3 and 2/3.

DLMF 9.4 (series), 9.6 (Bessel functions); I and J of negative orders by 10.27.2 and 10.4.6.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.bessel_modified import upper_i, upper_k
from graphc.scalar_special.bessel_plain import plain_jy
from graphc.scalar_special.language import epsilon, exp, isinf, number, sqrt

INF, NAN = float("inf"), float("nan")
PI = 3.141592653589793
THIRD, TWO_THIRDS = 1.0 / 3.0, 2.0 / 3.0
ROOT_3, OF_ROOT_3 = 1.7320508075688772, 0.5773502691896257  # and its reciprocal
AI_0, MINUS_AI_1 = 0.355028053887817239, 0.258819403792806798  # Ai(0) and -Ai'(0)


def maclaurin(x: Any) -> Any:
    """Ai, Ai', Bi and Bi' near 0."""
    f = number(1, x)
    g, df, dg = x, 0.5 * x * x, number(1, x)
    total_f, total_g, total_df, total_dg = f, g, df, dg
    cube = x * x * x
    for k in range(1, 30):
        f, g = f * (cube / (3 * k * (3 * k - 1))), g * (cube / (3 * k * (3 * k + 1)))
        df, dg = df * (cube / (3 * k * (3 * k + 2))), dg * (cube / (3 * k * (3 * k - 2)))
        total_f, total_g, total_df, total_dg = total_f + f, total_g + g, total_df + df, total_dg + dg
        if abs(cube) < k * k * epsilon(x) or abs(dg) < 0.125 * epsilon(x):
            break
    a, b, da, db = AI_0 * total_f, MINUS_AI_1 * total_g, AI_0 * total_df, MINUS_AI_1 * total_dg
    return a - b, da - db, ROOT_3 * (a + b), ROOT_3 * (da + db)


def airy_above(x: Any, scaled: Any) -> Any:
    """Ai, Ai', Bi and Bi' from 1 on; ``scaled``: with exponentials taken off."""
    root = sqrt(x)
    z = TWO_THIRDS * x * root
    if isinf(z):
        nothing = number(0, x)
        return nothing, nothing, number(INF, x) * (1.0 - scaled), x * (1.0 - scaled)
    k, k_slope = upper_k(number(THIRD, x), z, scaled), upper_k(number(TWO_THIRDS, x), z, scaled)
    i, i_slope = upper_i(number(THIRD, x), z, scaled), upper_i(number(TWO_THIRDS, x), z, scaled)
    small = exp(-2.0 * z) if scaled > 0.0 else number(1, x)  # of K beside I
    share = ROOT_3 / PI * small  # 2 sin(pi/3) / pi
    return (
        OF_ROOT_3 / PI * root * k,
        -(OF_ROOT_3 / PI) * x * k_slope,
        OF_ROOT_3 * root * (2.0 * i + share * k),
        OF_ROOT_3 * x * (2.0 * i_slope + share * k_slope),
    )


def airy_below(x: Any) -> Any:
    """Ai, Ai', Bi and Bi' at -x, for x from 1 on."""
    root = sqrt(x)
    z = TWO_THIRDS * x * root
    if isinf(z):
        return number(NAN, x), number(NAN, x), number(NAN, x), number(NAN, x)
    j, y = plain_jy(number(THIRD, x), z)
    j_slope, y_slope = plain_jy(number(TWO_THIRDS, x), z)
    return (
        0.5 * root * (j - OF_ROOT_3 * y),
        0.5 * x * (j_slope + OF_ROOT_3 * y_slope),
        -0.5 * root * (OF_ROOT_3 * j + y),
        0.5 * x * (OF_ROOT_3 * j_slope - y_slope),
    )


def airy(x: Any) -> Any:
    if x > 1.0:
        a, da, b, db = airy_above(x, number(0, x))
    elif x < -1.0:
        a, da, b, db = airy_below(-x)
    else:
        a, da, b, db = maclaurin(x)
    return a, da, b, db


def airye(x: Any) -> Any:
    if x > 1.0:
        a, da, b, db = airy_above(x, number(1, x))
    elif x < -1.0:
        _a, _da, b, db = airy_below(-x)
        a, da = number(NAN, x), number(NAN, x)
    else:
        a, da, b, db = maclaurin(x)
        growth = exp(TWO_THIRDS * x * sqrt(x)) if x >= 0.0 else number(NAN, x)
        a, da = growth * a, growth * da
        if x > 0.0:
            b, db = b / growth, db / growth
    return a, da, b, db
