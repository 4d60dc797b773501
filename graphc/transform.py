"""What is asked of a function: its value, its gradient, both; by which arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["jit", "grad", "value_and_grad", "vjp", "linearize", "vmap", "jacobian", "hessian", "hvp"]
Mode = Literal["auto", "fwd", "rev"]
Argnums = int | tuple[int, ...]


@dataclass(frozen=True)
class Transform:
    """``argnums`` counts the arguments after ``self``; ``argnames`` adds arguments by name.

    ``forward_mode``: the function itself differentiates, inside its trace (``jvp``): it cannot run without one.
    ``mode`` is of ``jacobian``; ``in_axes`` and ``out_axes`` are of ``vmap``. ``holomorphic``: complex results are
    differentiated, as complex numbers. ``atomics``: on a device, sums may be made in any order.
    """

    kind: Kind
    argnums: Argnums | None = 0
    argnames: str | tuple[str, ...] | None = None
    has_aux: bool = False
    target: str = "cpu"
    forward_mode: bool = False
    mode: Mode = "auto"
    in_axes: Any = 0
    out_axes: Any = 0
    holomorphic: bool = False
    atomics: bool = False

    @property
    def differentiates(self) -> bool:
        """The traced graph is differentiated as a whole, when the trace has ended."""
        return self.kind in ("grad", "value_and_grad", "vjp", "linearize")

    @property
    def is_split(self) -> bool:
        """The result holds a function, which runs a second program on what the first one saved."""
        return self.kind in ("vjp", "linearize")

    @property
    def staged(self) -> bool:
        """The function is traced and transformed inside a trace: the traced graph is what is wanted."""
        return self.kind in ("vmap", "jacobian", "hessian", "hvp")
