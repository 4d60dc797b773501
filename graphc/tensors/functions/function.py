"""What a function that can be recorded is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.types import F32, HALVES

Saves = Literal[
    "nothing", "inputs", "result", "both", "places", "others", "divisor", "first", "after first", "after second"
]  # fmt: skip


class Function:
    """``build(F, *operands, *statics)`` composes the function of ops, operands being values, numbers or None.

    ``saves``: what PyTorch keeps of it for the backward pass, on which depends what may be written into in between,
    and whether a second backward pass is possible: nothing, the inputs, the result; ``others``: each operand where
    another one requires grad; ``divisor``: as that, and the second one in any case; ``both``: inputs and result;
    ``places``: positions that it has found, which nobody writes into; or only these of the operands.
    ``differentiable``: False where no gradient flows, whatever the dtype of the result.
    """

    __slots__ = ("_in_place", "build", "differentiable", "keeps_first", "name", "saves")

    def __init__(
        self, name: str, build: Callable[..., Any], saves: Saves = "inputs", differentiable: bool = True
    ) -> None:
        self.name, self.build, self.saves, self.differentiable = name, build, saves, differentiable
        self.keeps_first = True  # whether writing into the first operand matters to what is saved
        self._in_place: Function | None = None

    def __repr__(self) -> str:
        return f"<function {self.name}>"

    @property
    def title(self) -> str:
        """How ``repr`` names what made a tensor."""
        return "".join(part.capitalize() for part in self.name.split("_")) + "Backward0"

    @property
    def in_place(self) -> Function:
        """The function as it writes its result into its first operand, of which a copy is saved if any."""
        if self.saves not in ("inputs", "both", "others", "divisor", "first"):
            return self
        if self._in_place is None:
            self._in_place = Function(self.name, self.build, self.saves, self.differentiable)
            self._in_place.keeps_first = False
        return self._in_place

    def saved(self, marks: list[bool]) -> tuple[list[int], bool]:
        """Which operands are saved where these of them require grad, and whether the result is."""
        operands, result = self._saved(marks)
        return operands if self.keeps_first else [k for k in operands if k], result

    def _saved(self, marks: list[bool]) -> tuple[list[int], bool]:
        every = range(len(marks))
        match self.saves:
            case "inputs":
                return list(every), False
            case "both":
                return list(every), True
            case "result":
                return [], True
            case "others":
                return [k for k in every if any(marks[:k] + marks[k + 1 :])], False
            case "divisor":
                return ([0, 1] if marks[1] else [1]), False
            case "first":
                return [0], False
            case "after first":
                return list(every)[1:], False
            case "after second":
                return list(every)[2:], False
        return [], False


def computed(statics: tuple[Any, ...]) -> tuple[Any, ...]:
    """The statics with float32 in place of halves, which are computed in that."""
    return tuple([F32 if isinstance(s, np.dtype) and s in HALVES else s for s in statics])


def built(F: Builder, function: Function, operands: list[Any], statics: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values that the function makes of these."""
    made = function.build(F, *operands, *computed(statics))
    return made if isinstance(made, tuple) else (made,)
