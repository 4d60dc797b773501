"""``scipy.linalg``'s algebraic Riccati equations, by doubling: a step goes twice as far as the one before it.

Source: E. K.-W. Chu, H.-Y. Fan, W.-W. Lin, "A structure-preserving doubling algorithm for continuous-time algebraic
Riccati equations" (2005), and with C.-S. Wang for discrete time (2004). The derivative is that of the steps, which
converge quadratically, and two more of them follow so that it converges as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_MOST = 60  # steps; what has no stabilising solution is found out


def solve_discrete_are(a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True) -> Any:
    """The stabilising X with ``a* X a - X - a* X b (r + b* X b)^-1 b* X a + q == 0``; NaN where there is none."""
    _require_plain("solve_discrete_are", e, s)
    a, b = np.asarray(a), np.asarray(b)
    return _doubled(a, b @ np.linalg.solve(np.asarray(r), np.conj(b.T)), np.asarray(q))


def solve_continuous_are(a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True) -> Any:
    """The stabilising X with ``a* X + X a - X b r^-1 b* X + q == 0``; NaN where there is none.

    A Cayley transform with a shift of the matrices' size makes an equation in discrete time of it.
    """
    _require_plain("solve_continuous_are", e, s)
    a, b, q = np.asarray(a), np.asarray(b), np.asarray(q)
    g = b @ np.linalg.solve(np.asarray(r), np.conj(b.T))
    one = np.eye(a.shape[0])
    size = np.sqrt(np.sum(np.abs(a) ** 2) + np.sqrt(np.sum(np.abs(g) ** 2) * np.sum(np.abs(q) ** 2)))
    shift = np.where(size > 0.0, size, 1.0)
    back = np.linalg.inv(a - shift * one)
    w = np.conj((a - shift * one).T) + q @ back @ g
    inverse = np.linalg.inv(w)
    return _doubled(
        one + 2 * shift * np.conj(inverse.T), 2 * shift * back @ g @ inverse, 2 * shift * inverse @ q @ back
    )


def _doubled(a: Any, g: Any, h: Any) -> Any:
    """The limit of h where ``(a, g, h)`` stands for ``x -> h + a* x (1 + g x)^-1 a`` and is put into itself."""
    one, distance, more, steps = np.eye(a.shape[0]), np.inf, 2, 0
    while more > 0 and steps < _MOST:
        by_left = np.linalg.solve(one + g @ h, a)
        by_right = np.linalg.solve(one + h @ g, np.conj(a.T))
        change = np.conj(a.T) @ h @ by_left
        g = g + a @ g @ by_right
        h = h + change
        a = a @ by_left
        distance = np.sum(np.abs(change)) / np.sum(np.abs(h))
        more = more - int(distance < 1e-9) if more == 2 else more - 1
        steps += 1
    h = (h + np.conj(h.T)) / 2
    return np.where(distance < 1e-7, h, np.nan)


def _require_plain(name: str, e: Any, s: Any) -> None:
    if e is not None or s is not None:
        raise ValueError(f"scipy.linalg.{name}: the equation with e or s is not supported; leave them out")


FUNCTIONS = {f"scipy.linalg.{function.__name__}": function for function in (solve_discrete_are, solve_continuous_are)}
