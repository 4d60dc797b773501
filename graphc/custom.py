"""Derivatives that the user writes: ``custom_vjp``, ``custom_jvp``.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from graphc.errors import GradientError
from graphc.trace.session import current
from graphc.trace.target import make_target


class _WithRule:
    """A function with a derivative of its own: outside of a trace, the function itself."""

    graphc_static = True
    kind = ""

    def __init__(self, function: Callable[..., Any], nondiff_argnums: Sequence[int] = ()):
        self.function = function
        self.target = make_target(function)
        self.nondiff_argnums = tuple(nondiff_argnums)
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current() is None:
            return self.function(*args, **kwargs)
        from graphc.custom_trace import call_with_rule

        return call_with_rule(self, self._positional(args, kwargs))

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The arguments in order, defaults too, as the rules take them."""
        signature = self.target.signature
        if signature is None:
            if kwargs:
                raise TypeError(f"{self.target.name} takes no keyword arguments here: it has no signature")
            return args
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeError(f"{self.target.name}: a function with a {self.kind} has no keyword-only arguments")
        return bound.args

    def split(self, args: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The arguments that are not differentiated, and the others."""
        numbers = {n % len(args) for n in self.nondiff_argnums}
        return [a for k, a in enumerate(args) if k in numbers], [a for k, a in enumerate(args) if k not in numbers]

    def __repr__(self) -> str:
        return f"<graphc {self.kind} of {self.target.name}>"


class custom_vjp(_WithRule):
    """A function with a reverse-mode rule of its own; a decorator. Its rule is given by :meth:`defvjp`.

    >>> @graphc.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> def forward(x):
    ...     return x, None
    >>> def backward(residuals, g):
    ...     return (np.clip(g, -1.0, 1.0),)
    >>> clipped.defvjp(forward, backward)
    >>> graphc.grad(lambda x: np.sum(clipped(x) ** 2))(np.array([0.1, 5.0]))
    array([0.2, 1. ])

    Args:
        function: a plain NumPy function of positional arguments.
        nondiff_argnums: arguments that are not differentiated; ``backward`` takes them first.

    The function's own body is what a call outside of compiled functions runs; inside, the value is that of ``forward``.
    Forward mode raises ``GradientError``; a Hessian is forward over reverse, and works.
    """

    kind = "custom_vjp"

    def __init__(self, function: Callable[..., Any], nondiff_argnums: Sequence[int] = ()):
        super().__init__(function, nondiff_argnums)
        self.forward: Callable[..., Any] | None = None
        self.backward: Callable[..., Any] | None = None

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Give the rule.

        ``forward(*args)`` returns ``(out, residuals)``; ``backward(residuals, cotangent of out)`` returns a tuple with
        a cotangent for each argument, None for zeros. Where a compiled function differentiates with a rule that
        returns something else, that raises ``GradientError``, which names the function.
        """
        self.forward, self.backward = forward, backward

    def rules(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        if self.forward is None or self.backward is None:
            raise GradientError(f"{self.target.name} is a custom_vjp without a rule: call defvjp(forward, backward)")
        return self.forward, self.backward


class custom_jvp(_WithRule):
    """A function with a forward-mode rule of its own, which serves reverse mode too: it is transposed. A decorator.

    >>> @graphc.custom_jvp
    ... def log1pexp(x):
    ...     return np.logaddexp(0.0, x)
    >>> @log1pexp.defjvp
    ... def rule(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return log1pexp(x), t * (1.0 - 1.0 / (1.0 + np.exp(x)))
    >>> graphc.grad(lambda x: np.sum(log1pexp(x)))(np.array([0.0, 2.0]))
    array([0.5       , 0.88079708])

    Args:
        function: a plain NumPy function of positional arguments.
        nondiff_argnums: arguments that are not differentiated; the rule takes them first.
    """

    kind = "custom_jvp"

    def __init__(self, function: Callable[..., Any], nondiff_argnums: Sequence[int] = ()):
        super().__init__(function, nondiff_argnums)
        self.rule: Callable[..., Any] | None = None
        self.reverse: Callable[..., Any] | None = None  # with the value before the primals, as the rule then

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Give the rule; also a decorator.

        ``rule(primals, tangents)`` returns ``(out, tangent of out)``, the tangent linear in the tangents.
        """
        self.rule = rule
        return rule

    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Give a rule for each argument, ``rule(tangent, out, *primals)``, None for zero; their results are added."""

        def combined(*args: Any) -> Any:
            *fixed, primals, tangents = args
            out = self(*_merged(self, fixed, primals))
            total = 0.0
            for rule, tangent in zip(rules, tangents, strict=True):
                if rule is not None:
                    total = total + rule(tangent, out, *primals)
            return out, total

        self.rule = combined


def _merged(function: _WithRule, fixed: Sequence[Any], rest: Sequence[Any]) -> list[Any]:
    """All arguments in order, from those that are not differentiated and the others."""
    count = len(fixed) + len(rest)
    numbers = {n % count for n in function.nondiff_argnums}
    left, right = iter(fixed), iter(rest)
    return [next(left) if k in numbers else next(right) for k in range(count)]
