"""The inverse of the error function, and what else kernels need of scipy.special beside ``vecmath``.

``erfinv(x) = x P(w)`` with ``w = -log(1 - x**2)`` (Giles, "Approximating the erfinv function", GPU Computing Gems 2,
2011); from w = 5 on, P is a polynomial in ``sqrt(w)``. The coefficients are chosen by selects, so that loops vectorise.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.codegen.vecmath import logarithm
from graphc.codegen.vecmath.emit import Machine

CENTRAL_F64 = (  # erfinv(x)/x in w - 2.5, 0 <= w <= 5; 2**-58
    1.501409351110792, 0.246640276744167, -0.004177317724383624, -0.0012527079078110321, 0.00021825026434406123,
    -4.996079598850206e-06, -3.416619596565087e-06, 4.787252185239e-07, 1.3416803755242823e-08,
    -1.0861168938287872e-08, 9.073036495405582e-10, 1.1960698817209524e-10, -3.110278672226475e-11,
    9.115660381671943e-13, 5.356343166393055e-13, -7.612669130138496e-14, -2.8811110175240593e-15,
    1.896729354143592e-15, -1.3661917890666732e-16, -2.6828646429085144e-17, 4.909393921888345e-18,
    1.700908089393591e-19, -6.890747263782666e-20,
)  # fmt: skip
NEAR_F64 = (  # in sqrt(w) - 3.125, 5 <= w <= 16; 2**-56
    2.958320150240462, 1.003718691797925, 0.007047884417791013, -0.005301010608496376, 0.0037944200159772865,
    -0.002519882691291076, 0.0012606698678610953, -0.0003286621803038826, -8.955311424248756e-05,
    0.0001361049555911196, -5.885361316988099e-05, 2.1840484877441244e-06, 1.1405595100705402e-05,
    -6.270875415278478e-06, 8.884356693576981e-07, 7.479377533036858e-07, -5.336187734756311e-07,
    1.355096148036813e-07, 3.118934893171773e-08, -4.635755133004955e-08, 1.4733336559230875e-08,
    3.8945154986784554e-09, -2.6906911452811934e-09,
)  # fmt: skip
FAR_F64 = (  # in sqrt(w) - 5, 16 <= w <= 37; 2**-64
    4.849906401408584, 1.0103004648645448, -0.00013871931837973898, -0.00021503011979878258, 7.599527808398579e-05,
    -1.968177120461397e-05, 4.526052683054866e-06, -9.93025412675398e-07, 2.2905183023819352e-07,
    -6.757315729088686e-08, 2.902226415064299e-08, -1.5212380719469272e-08, 7.813239801731908e-09,
    -3.536616353233167e-09, 1.3277453095579235e-09, -3.7773024270522495e-10, 5.908028495571207e-11,
    1.24034637782448e-11, -1.493035404432846e-11, 6.884662317855366e-12, -1.4106771836896517e-12,
    -1.8656942324275213e-13, 1.0899367069388294e-13,
)  # fmt: skip
CENTRAL_F32 = (  # in w - 2.5, 0 <= w <= 5; 2**-27
    1.5014092922210693, 0.24664029479026794, -0.0041773198172450066, -0.0012527485378086567, 0.00021825773001182824,
    -4.959691978001501e-06, -3.4234142276545754e-06, 4.6541740061911696e-07, 1.5984305434812995e-08,
    -8.739010404212877e-09, 4.671932285482683e-10,
)  # fmt: skip
TAIL_F32 = (  # in sqrt(w) - 3.125, 5 <= w <= 16.8; 2**-27
    2.958320140838623, 1.003718614578247, 0.007047861814498901, -0.005300359334796667, 0.003794025629758835,
    -0.0025244371499866247, 0.001265689730644226, -0.0003166580281686038, -0.00010715833195718005,
    0.0001251775393029675, -3.444782487349585e-05,
)  # fmt: skip
MIDDLE, TAIL_MIDDLE, FAR_MIDDLE = 2.5, 3.125, 5.0
CENTRAL_END, NEAR_END = 5.0, 16.0


def erfinv(m: Machine, x: Any) -> Any:
    """Infinite at -1 and 1, NaN beyond. 3 ulp."""
    ax = m.abs(x)
    w = -logarithm.log(m, (1.0 - ax) * (1.0 + ax))
    central = w < CENTRAL_END
    root = m.sqrt(w)
    if m.is64:
        near = w < NEAR_END
        t = m.select(central, w - MIDDLE, root - m.select(near, m.const(TAIL_MIDDLE), m.const(FAR_MIDDLE)))
        rows = [
            m.select(central, m.const(c), m.select(near, m.const(n), m.const(f)))
            for c, n, f in zip(CENTRAL_F64, NEAR_F64, FAR_F64, strict=True)
        ]
    else:
        t = m.select(central, w - MIDDLE, root - TAIL_MIDDLE)
        rows = [m.select(central, m.const(c), m.const(f)) for c, f in zip(CENTRAL_F32, TAIL_F32, strict=True)]
    p = rows[-1]
    for row in reversed(rows[:-1]):
        p = m.fma(p, t, row)
    return m.select(ax == 1.0, m.copysign(math.inf, x), x * p)


def entr(m: Machine, x: Any) -> Any:
    """``-x log(x)``; 0 at 0, -inf below."""
    zero = m.const(0.0)
    positive = -(x * logarithm.log(m, x))
    at_zero = m.select(x == 0.0, zero, positive)
    return m.select(x < 0.0, m.const(-math.inf), at_zero)
