"""Every function that can be recorded, by name."""

from __future__ import annotations

from graphc.tensors.functions.convolution import CONVOLUTION
from graphc.tensors.functions.exponential import EXPONENTIAL
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.library import LIBRARY
from graphc.tensors.functions.losses import LOSSES
from graphc.tensors.functions.normalization import NORMALIZATION
from graphc.tensors.functions.ordering import ORDERING
from graphc.tensors.functions.pointwise import POINTWISE
from graphc.tensors.functions.pooling import POOLING
from graphc.tensors.functions.recurrent import RECURRENT
from graphc.tensors.functions.reductions import REDUCTIONS
from graphc.tensors.functions.resizing import RESIZING
from graphc.tensors.functions.shaping import SHAPING
from graphc.tensors.functions.special import SPECIAL


def build_table(*families: list[Function]) -> dict[str, Function]:
    """The functions by name; a name that stands twice is an error."""
    table: dict[str, Function] = {}
    for family in families:
        for function in family:
            if function.name in table:
                raise ValueError(f"function {function.name!r} stands twice in the table")
            table[function.name] = function
    return table


FUNCTIONS = build_table(
    POINTWISE, REDUCTIONS, SHAPING, LOSSES, CONVOLUTION, NORMALIZATION, RECURRENT, ORDERING, LIBRARY,
    RESIZING, POOLING, SPECIAL, EXPONENTIAL,
)  # fmt: skip
GRADIENT = Function("gradient", lambda *_: None)  # a step of its own: ``replay`` differentiates what was recorded
