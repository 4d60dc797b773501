"""Solutions of ``(x**2 + sign) y'' + 2 mu x y' + (strength x**2 - level) y = 0``.

With mu = m + 1 that is the spheroidal equation (DLMF 30.2) less a power of ``x**2 + sign``; with mu = 1/2 Mathieu's,
where x is the sine of the angle, or its hyperbolic sine.

Power series about one point after another, each step a share of the way to the next singularity and of a wave. A
solution is right that way where others do not outgrow it: so it starts where it is small. Far out there is a series in
powers of 1/x (made from the equation; DLMF 30.11.6 is its first term).

A solution from afar is what the series says there; the other one, where that decays inwards, follows from both
solutions' Wronskian and from how one that begins inside goes on.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.half_turns import cos_pi, sin_pi
from graphc.scalar_special.language import (
    cbrt,
    cos,
    epsilon,
    floor,
    fma,
    integer,
    is_single,
    number,
    pow,
    sin,
    sqrt,
)  # fmt: skip

TERMS = 80  # of a power series
STEPS = 10000
LARGE, SMALL = 2.0**40, 2.0**-40  # a solution above that is scaled
NAN = float("nan")
NEAR, WAVE = 0.4, 2.4  # of the distance to a singularity, and of the radians of a wave, for a step


def leading(sign: Any, x: Any) -> Any:
    """``x**2 + sign``."""
    return 1.0 + x * x if sign > 0.0 else (x - 1.0) * (x + 1.0)


def step_length(sign: Any, mu: Any, strength: Any, level: Any, x: Any) -> Any:
    """How far the series about x is good."""
    size = abs(leading(sign, x))
    if size == 0.0:  # a regular solution there, whose next singularity is at -1
        distance, size = number(2, x), number(2, x)
    else:
        distance = sqrt(size) if sign > 0.0 else min(abs(x - 1.0), abs(x + 1.0))
    found = distance * min(number(NEAR, x), 2.0 / mu)
    push = abs(strength * x * x - level)
    found = min(found, WAVE * sqrt(size / push)) if push > 0.0 else found
    turn = abs(2.0 * strength * x)
    found = min(found, WAVE * cbrt(size / turn)) if turn > 0.0 else found
    return min(found, WAVE * sqrt(sqrt(size / abs(strength)))) if strength != 0.0 else found


def stepped(sign: Any, mu: Any, strength: Any, level: Any, x: Any, h: Any, y: Any, slope: Any) -> Any:
    """The solution and its slope at ``x + h``; from a singularity on that which is regular and y there."""
    lead = leading(sign, x)
    is_singular = lead == 0.0
    older, old = number(0, x), number(0, x)
    last, current = number(0, x), y
    if not is_singular:
        last, current = y, h * slope
    value, rise = last + current, (number(0, x) if is_singular else current)
    level_here = strength * x * x - level
    cross, square = 2.0 * strength * x * h, strength * h * h
    for k in range(TERMS):
        if is_singular:  # current is the term k
            top = (k * (k - 1.0 + 2.0 * mu) + level_here) * current + cross * last + square * old
            newer = -h * top / (2.0 * (k + 1.0) * (k + mu))
            degree = k + 1.0
        else:  # current is the term k + 1
            top = h * ((k * (k - 1.0 + 2.0 * mu) + level_here) * last + cross * old + square * older)
            newer = -h * (2.0 * x * (k + 1.0) * (k + mu) * current + top) / ((k + 2.0) * (k + 1.0) * lead)
            degree = k + 2.0
        older, old = old, last
        last, current = current, newer
        value, rise = value + newer, rise + degree * newer
        if degree * (abs(current) + abs(last)) <= 0.1 * epsilon(x) * (abs(value) + abs(rise)):
            break
    return value, rise / h


def continued(sign: Any, mu: Any, strength: Any, level: Any, x: Any, end: Any, y: Any, slope: Any) -> Any:
    """The solution and its slope at ``end``, both less so many factors of LARGE."""
    factors = number(0, x)
    for _step in range(STEPS):
        if x == end:
            return y, slope, factors
        target = end
        h = step_length(sign, mu, strength, level, x)
        if abs(end - x) > h:
            target = x + h if end > x else x - h
        y, slope = stepped(sign, mu, strength, level, x, target - x, y, slope)
        x = target
        if abs(y) + abs(slope) > LARGE:
            y, slope, factors = y * SMALL, slope * SMALL, factors + 1.0
    return number(NAN, x), number(NAN, x), factors


def scale_of(factors: Any, base: Any, power: Any) -> Any:
    """``LARGE**factors base**power``, the base below 1, where no part of the product need be a float."""
    found = number(1, base)
    share = floor(power / max(factors, number(1, base)))
    for _k in range(integer(abs(factors))):
        found = found * LARGE * pow(base, share) if factors > 0.0 else found * SMALL
    return found * pow(base, power - share * max(factors, number(0, base)))


def far_place(sign: Any, mu: Any, strength: Any, level: Any) -> Any:
    """From which x on the series in powers of 1/x is good."""
    c = sqrt(strength)
    first = (mu - 1.0) * mu + level + sign * strength
    waves = max((11.0 if is_single(mu) else 22.0) + mu, 0.2 * abs(first))
    return max(waves / c, 4.0 + sqrt(mu))


def far_value(sign: Any, mu: Any, strength: Any, level: Any, x: Any) -> Any:
    """Real and imaginary part of the solution that goes like ``exp(i c x) / x**mu``, and its slope, less that power."""
    c = sqrt(strength)
    last, old, older = number(1, x), number(0, x), number(0, x)
    a, b, a_loss, b_loss = last, number(0, x), mu * last, number(0, x)
    for k in range(1, TERMS):
        p = mu + k
        top = ((p - 1.0) * (p - 2.0 * mu) - sign * strength - level) * last / x
        top = top + 2.0 * c * sign * (p - 2.0) * old / (x * x)
        newer = (top - sign * (p - 3.0) * (p - 2.0) * older / (x * x * x)) / (2.0 * c * k)
        older, old = old, last
        last = newer
        turn = k % 4
        if turn == 1:
            b, b_loss = b - newer, b_loss - p * newer
        elif turn == 2:
            a, a_loss = a - newer, a_loss - p * newer
        elif turn == 3:
            b, b_loss = b + newer, b_loss + p * newer
        else:
            a, a_loss = a + newer, a_loss + p * newer
        is_least = (abs(last) >= abs(old)) & (k > c * x)  # from there on terms grow
        if is_least | (p * (abs(last) + abs(old)) <= 0.1 * epsilon(x)):
            break
    phase = c * x
    rest = fma(c, x, -phase)
    cosine, sine = cos(phase) - rest * sin(phase), sin(phase) + rest * cos(phase)
    a_rise, b_rise = -c * b - a_loss / x, c * a - b_loss / x
    return (
        cosine * a - sine * b,
        cosine * b + sine * a,
        cosine * a_rise - sine * b_rise,
        cosine * b_rise + sine * a_rise,
    )


def far_pair(sign: Any, mu: Any, strength: Any, level: Any, turns: Any, x: Any) -> Any:
    """Real and imaginary part of that solution turned back by ``turns`` eighths of a whole turn, and their slopes."""
    a, b, a_slope, b_slope = far_value(sign, mu, strength, level, x)
    cosine, sine = cos_pi(-0.25 * turns), sin_pi(-0.25 * turns)
    return (
        cosine * a - sine * b,
        cosine * b + sine * a,
        cosine * a_slope - sine * b_slope,
        cosine * b_slope + sine * a_slope,
    )


def both(
    sign: Any, mu: Any, strength: Any, level: Any, turning: Any, odd: Any, turns: Any, x: Any
) -> Any:  # fmt: skip
    """That pair at x, which for ``sign`` -1 is above 1, times ``(x**2 + sign)**(m/2)``, where m is mu - 1 or 0.

    The first one is also that which is regular at 1 or, for ``sign`` 1, even or odd. ``turning``: the square of the
    outermost x where the solutions cease to oscillate. Returns: the first one, its slope, the second one, its slope.
    """
    m, lead = max(mu - 1.0, number(0, x)), leading(sign, x)
    far = max(x, far_place(sign, mu, strength, level))
    a, b, a_slope, b_slope = far_pair(sign, mu, strength, level, turns, far)
    second, second_slope, factors = continued(sign, mu, strength, level, far, x, b, b_slope)
    base, whole = sqrt(lead) / far, pow(far, m - mu)
    second_scale = whole * scale_of(factors, base, m)
    if (x == far) | ((x > 0.0) & (x * x >= turning + 4.0 / strength)):  # before it the second one may be far larger
        first, first_slope, factors = continued(sign, mu, strength, level, far, x, a, a_slope)
        scale = whole * scale_of(factors, base, m)
    else:
        start = number(0, x) if sign > 0.0 else number(1, x)
        y = number(0, x) if odd != 0.0 else number(1, x)
        first, first_slope, _ = continued(sign, mu, strength, level, start, x, y, 1.0 - y)
        area = (first * second_slope - first_slope * second) / sqrt(strength) * pow(lead, mu - m)
        scale = 1.0 / area / second_scale
    return first * scale, first_slope * scale, second * second_scale, second_slope * second_scale
