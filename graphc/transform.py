"""What is asked of a function: its value, its gradient, both; by which arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["jit", "grad", "value_and_grad", "vjp"]
Argnums = int | tuple[int, ...]


@dataclass(frozen=True)
class Transform:
    """``argnums`` counts the arguments after ``self``; ``argnames`` adds arguments by name.

    ``forward_mode``: the function itself differentiates, inside its trace (``jvp``): it cannot run without one.
    """

    kind: Kind
    argnums: Argnums | None = 0
    argnames: str | tuple[str, ...] | None = None
    has_aux: bool = False
    target: str = "cpu"
    forward_mode: bool = False

    @property
    def differentiates(self) -> bool:
        return self.kind != "jit"
