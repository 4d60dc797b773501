"""``scipy.integrate.quad``: adaptive Gauss-Kronrod quadrature, as a loop of the program.

Source: R. Piessens et al., QUADPACK (1983): the rule of 10 and 21 points, its estimate of the error, the map of
infinite intervals to (0, 1], halving where the estimate is largest. The extrapolation of QAGS is left out: a
singularity at an end costs more halvings. The derivative is that of the sum with the pieces that the value took.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import refuse
from graphc.trace.values import infinite_sign, lifted

# The points of Kronrod's rule in [0, 1), from the outermost inwards, their weights, and Gauss' at every second one
_POINTS = np.array([
    0.995657163025808080735527280689003, 0.973906528517171720077964012084452, 0.930157491355708226001207180059508,
    0.865063366688984510732096688423493, 0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
    0.562757134668604683339000099272694, 0.433395394129247190799265943165784, 0.294392862701460198131126602310387,
    0.148874338981631210884826001129720,
])  # fmt: skip
_KRONROD = np.array([
    0.011694638867371874278064396062192, 0.032558162307964727478818972459390, 0.054755896574351996031381300244580,
    0.075039674810919952767043140916190, 0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109585166, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
    0.147739104901338491374841515972068,
])  # fmt: skip
_MIDDLE = 0.149445554002916905664936468389821
_GAUSS = np.array([
    0.066671344308688137593568809893332, 0.149451349150580593145863396957658, 0.219086362515982043995534934228163,
    0.269266719309996355091226921569469, 0.295524224714752870173814619188769,
])  # fmt: skip
NODES = np.concatenate([-_POINTS, [0.0], _POINTS[::-1]])
WEIGHTS = np.concatenate([_KRONROD, [_MIDDLE], _KRONROD[::-1]])
EMBEDDED = np.zeros(21)
EMBEDDED[1:10:2], EMBEDDED[11:20:2] = _GAUSS, _GAUSS[::-1]
_EPSILON = 2.0**-52


def quad(
    func: Any, a: Any, b: Any, args: Any = (), full_output: Any = 0, epsabs: Any = 1.49e-8, epsrel: Any = 1.49e-8,
    limit: int = 50, points: Any = None, weight: Any = None, wvar: Any = None, wopts: Any = None, maxp1: int = 50,
    limlst: int = 50, complex_func: bool = False,
) -> Any:  # fmt: skip
    """The integral and an estimate of its error, which has no derivative."""
    if full_output or points is not None or weight is not None or complex_func:
        refuse(
            "scipy.integrate.quad of traced values: full_output, points, weight and complex_func are not there; split "
            "the interval at points, and multiply by the weight in the function"
        )
    given = args if isinstance(args, tuple) else (args,)
    f, low, high, sign = _on_finite(lambda x: func(x, *given), a, b)
    most = 2 * limit  # halvings stand for the extrapolation
    lows, highs, areas, errors = np.zeros(most), np.zeros(most), np.zeros(most), np.zeros(most)
    lows[0], highs[0] = low, high
    at: Any
    at, waiting, count, more = 0, -1, 1, True
    while more:  # one piece each time, so that the function stands in the program once
        areas[at], errors[at] = _piece(f, lows[at], highs[at])
        if waiting >= 0:  # the second half
            at, waiting = waiting, -1
        else:
            more = (count < most) & (np.sum(errors) > np.maximum(epsabs, epsrel * np.abs(np.sum(areas))))
            if more:
                at, waiting = np.argmax(errors), count
                lows[count], highs[count] = 0.5 * (lows[at] + highs[at]), highs[at]
                highs[at] = lows[count]
                count += 1
    return sign * np.sum(areas), np.sum(errors)


def _on_finite(f: Any, a: Any, b: Any) -> tuple[Any, Any, Any, float]:
    """The integrand on a finite interval, and the sign: numbers that are infinite are known when it is traced."""
    below, above = infinite_sign(a), infinite_sign(b)
    if not below and not above:
        return f, a, b, 1.0
    if below and above:
        sign = 0.0 if below == above else float(above)
        return lambda t: (f((1.0 - t) / t) + f((t - 1.0) / t)) / t**2, 0.0, 1.0, sign
    if above:
        return lambda t: f(a + above * (1.0 - t) / t) / t**2, 0.0, 1.0, float(above)
    return lambda t: f(b + below * (1.0 - t) / t) / t**2, 0.0, 1.0, float(-below)


def _piece(f: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """The integral over one piece, and QUADPACK's estimate of its error."""
    half, center = 0.5 * (b - a), 0.5 * (a + b)
    points = center + half * lifted(NODES)
    heights = np.zeros(21)
    for k in range(21):
        heights[k] = f(points[k])
    mean = 0.5 * np.sum(WEIGHTS * heights)
    apart = np.abs(half * np.sum((WEIGHTS - EMBEDDED) * heights))
    spread = np.abs(half) * np.sum(WEIGHTS * np.abs(heights - mean))
    size = np.abs(half) * np.sum(WEIGHTS * np.abs(heights))
    ratio = 200.0 * apart / np.where(spread == 0.0, 1.0, spread)
    error = np.where(spread == 0.0, apart, spread * np.minimum(1.0, ratio * np.sqrt(ratio)))
    return half * np.sum(WEIGHTS * heights), np.maximum(50.0 * _EPSILON * size, error)


# --- several variables ------------------------------------------------------------------------------------------------


def nquad(func: Any, ranges: Any, args: Any = None, opts: Any = None, full_output: bool = False) -> tuple[Any, Any]:
    """The integral of ``func(x0, ..., xn, *args)``, adaptive along each variable; the last one's is the outermost.

    ``ranges``: (low, high), or a function of the variables after it that gives both; ``opts``: those of ``quad``, for
    all or one for each. The error is that of the outermost integral, of inner ones that are taken for exact.
    """
    if full_output:
        refuse("scipy.integrate.nquad of traced values: full_output is not there; leave it out")
    more = () if args is None else args if isinstance(args, tuple) else (args,)
    count = len(ranges)
    options: list[Any] = [opts] * count if opts is None or not isinstance(opts, list | tuple) else list(opts)

    def integral(depth: int, outer: tuple[Any, ...]) -> tuple[Any, Any]:
        """Over the first variables, up to this one, where those after it are known."""
        own = ranges[depth](*outer, *more) if callable(ranges[depth]) else ranges[depth]
        given = options[depth](*outer, *more) if callable(options[depth]) else options[depth]
        keywords = {} if given is None else given
        if depth == 0:
            return quad(lambda x: func(x, *outer, *more), own[0], own[1], **keywords)
        return quad(lambda x: integral(depth - 1, (x, *outer))[0], own[0], own[1], **keywords)

    return integral(count - 1, ())


def dblquad(func: Any, a: Any, b: Any, gfun: Any, hfun: Any, args: Any = (), epsabs: Any = 1.49e-8,
            epsrel: Any = 1.49e-8) -> tuple[Any, Any]:  # fmt: skip
    """The integral of ``func(y, x)`` over x from a to b and y from ``gfun(x)`` to ``hfun(x)``, functions or numbers."""

    def inner(x: Any, *more: Any) -> tuple[Any, Any]:
        return _bound(gfun, x), _bound(hfun, x)

    return nquad(func, [inner, (a, b)], args, {"epsabs": epsabs, "epsrel": epsrel})


def tplquad(func: Any, a: Any, b: Any, gfun: Any, hfun: Any, qfun: Any, rfun: Any, args: Any = (),
            epsabs: Any = 1.49e-8, epsrel: Any = 1.49e-8) -> tuple[Any, Any]:  # fmt: skip
    """The integral of ``func(z, y, x)``; z from ``qfun(x, y)`` to ``rfun(x, y)``, all else as for ``dblquad``."""

    def middle(x: Any, *more: Any) -> tuple[Any, Any]:
        return _bound(gfun, x), _bound(hfun, x)

    def inner(y: Any, x: Any, *more: Any) -> tuple[Any, Any]:
        return _bound(qfun, x, y), _bound(rfun, x, y)

    return nquad(func, [inner, middle, (a, b)], args, {"epsabs": epsabs, "epsrel": epsrel})


def _bound(bound: Any, *at: Any) -> Any:
    return bound(*at) if callable(bound) else bound


FUNCTIONS = {f"scipy.integrate.{function.__name__}": function for function in (quad, nquad, dblquad, tplquad)}
