"""Eigenvalues of Mathieu's and the spheroidal equation, as those of the matrices that the coefficients of their
series obey (DLMF 28.4, 30.8), symmetric ones with three diagonals.

The rows of such a matrix without x are eliminated from its first one down and from its last one up, until both ways
meet at one row: what stays there is 0 at an eigenvalue, its slope is less the sum of the squares of the vector over
that of its own part, and the signs of all pivots tell how many eigenvalues lie below x. So Newton's method knows the
interval that holds the one eigenvalue, and no row is kept: this is Dhillon and Parlett's twisted factorisation.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.language import epsilon, floor, integer, is_single, number, sqrt, tiny

NAN = float("nan")
ROOT_TWO = 1.4142135623730951
EVEN, ODD, SPHEROIDAL = 0, 1, 2  # families: Mathieu's ce and se, and spheroidal functions
LONGEST = 5000.0  # rows of a matrix
STEPS = 120


def diagonal(family: Any, m: Any, degree: Any, strength: Any) -> Any:
    """The row's element, of the degree of a cosine or sine, or that of Legendre's function less m.

    ``strength``: Mathieu's q, or the square of c, negative for oblate ones. Spheroidal values are less m (m + 1).
    """
    if family == SPHEROIDAL:
        whole = m + degree
        share = (2.0 * degree * (whole + m) + 2.0 * whole - 1.0) / ((2.0 * whole - 1.0) * (2.0 * whole + 3.0))
        return degree * (whole + m + 1.0) + strength * share
    if degree == 1.0:
        return 1.0 + strength if family == EVEN else 1.0 - strength
    return degree * degree


def beside(family: Any, m: Any, degree: Any, strength: Any) -> Any:
    """The element between the row of the degree and the next one."""
    if family == SPHEROIDAL:
        whole = m + degree
        top = (degree + 1.0) * (degree + 2.0) * (whole + m + 1.0) * (whole + m + 2.0)
        return strength * sqrt(top / ((2.0 * whole + 1.0) * (2.0 * whole + 5.0))) / (2.0 * whole + 3.0)
    return ROOT_TWO * strength if degree == 0.0 else strength


def away_from_zero(pivot: Any, element: Any) -> Any:
    """The pivot, moved by no more than the elements beside it are rounded."""
    least = epsilon(pivot) * abs(element) + tiny(pivot)
    if abs(pivot) >= least:
        return pivot
    return -least if pivot < 0.0 else least


def turning_row(family: Any, m: Any, first: Any, strength: Any, x: Any) -> Any:
    """The last row where the vector of an eigenvalue x does not decay yet, as a float."""
    if family == SPHEROIDAL:
        reached = sqrt(max(x + (m + 0.5) * (m + 0.5) - min(strength, number(0, x)), number(0, x))) - m - 0.5
    else:
        reached = sqrt(max(x + 2.0 * abs(strength), number(0, x)))
    return max(floor(0.5 * (reached - first)), number(0, x))


def rows_after(family: Any, strength: Any) -> Any:
    """How many rows after that one are seen at the precision, as a float."""
    q = abs(strength) if family != SPHEROIDAL else 0.25 * abs(strength)
    return floor((4.0 if is_single(strength) else 8.0) * sqrt(sqrt(q)) + (7.0 if is_single(strength) else 11.0))


def past(pivot: Any, element: Any, squares: Any) -> Any:
    """Past a row: how its neighbour's pivot changes, the vector's squares so far over that of the neighbour's part,
    and 1 where an eigenvalue is below."""
    pivot = away_from_zero(pivot, element)
    ratio = element / pivot
    return element * ratio, (squares + 1.0) * ratio * ratio, 1.0 if pivot < 0.0 else 0.0


def met(family: Any, m: Any, first: Any, strength: Any, x: Any, row: Any, last: Any) -> Any:
    """What is left of the row, the vector's other squares over that of its part, and the eigenvalues below x."""
    below, squares = number(0, x), number(0, x)
    pivot = diagonal(family, m, first, strength) - x
    for j in range(integer(row)):
        degree = first + 2.0 * j
        change, squares, negative = past(pivot, beside(family, m, degree, strength), squares)
        below = below + negative
        pivot = diagonal(family, m, degree + 2.0, strength) - x - change
    others = number(0, x)
    lower = diagonal(family, m, first + 2.0 * last, strength) - x
    for j in range(integer(last) - 1, integer(row) - 1, -1):
        degree = first + 2.0 * j
        change, others, negative = past(lower, beside(family, m, degree, strength), others)
        below = below + negative
        lower = diagonal(family, m, degree, strength) - x - change
        if j == integer(row):
            pivot = pivot - change
    return pivot, squares + others, below + (1.0 if pivot < 0.0 else 0.0)


def bounds(family: Any, m: Any, degree: Any, strength: Any) -> Any:
    """Between which numbers the eigenvalue of the degree lies: what disturbs the diagonal is bounded (Weyl)."""
    if family == SPHEROIDAL:
        plain = degree * (degree + 2.0 * m + 1.0)
        low, high = plain + min(strength, number(0, m)), plain + max(strength, number(0, m))
    else:
        low, high = degree * degree - 2.0 * abs(strength), degree * degree + 2.0 * abs(strength)
    room = 4.0 * epsilon(m) * (abs(low) + abs(high)) + tiny(m)
    return low - room, high + room


def eigenvalue(family: Any, m: Any, first: Any, strength: Any, degree: Any) -> Any:
    """The eigenvalue of the series whose first degree is ``first``, which is that of ``degree`` without strength."""
    low, high = bounds(family, m, degree, strength)
    last = turning_row(family, m, first, strength, high) + rows_after(family, strength)
    if not last <= LONGEST:
        return number(NAN, m)
    place = floor(0.5 * (degree - first))  # eigenvalues below it
    _, least = bounds(family, m, max(degree - 2.0, number(0, m)), strength)
    most, _ = bounds(family, m, degree + 2.0, strength)
    alone_below, alone_above = (place == 0.0) | (least < low), most > high
    x = 0.5 * (low + high)
    moved = high - low
    for _step in range(STEPS):
        row = min(turning_row(family, m, first, strength, x), last - 2.0)
        rest, squares, below = met(family, m, first, strength, x, row, last)
        if below > place:
            high = x
            alone_above = below == place + 1.0
        else:
            low = x
            alone_below = below == place
        step = rest / (1.0 + squares)
        newer = x + step
        if alone_below & alone_above & (abs(step) <= epsilon(x) * abs(x)):
            return newer
        if (alone_below & alone_above & (newer > low) & (newer < high)) & (abs(step) < 0.5 * moved):
            moved = abs(step)
        else:
            newer = 0.5 * (low + high)
            moved = high - low
            if (newer <= low) | (newer >= high):
                return newer
        x = newer
    return x
