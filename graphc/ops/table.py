"""The op table: every op by name, built by explicit import."""

from __future__ import annotations

from graphc.ir.opdef import Op
from graphc.ops.blocks import BLOCKS
from graphc.ops.completion import COMPLETION
from graphc.ops.complex_numbers import COMPLEX
from graphc.ops.control import CONTROL
from graphc.ops.convolution import CONVOLUTION
from graphc.ops.cotangent import COTANGENT
from graphc.ops.custom import CUSTOM
from graphc.ops.eigen import EIGEN
from graphc.ops.elementary import ELEMENTARY
from graphc.ops.elimination import ELIMINATION
from graphc.ops.factor_pairs import FACTOR_PAIRS
from graphc.ops.factors import FACTORS
from graphc.ops.foreign import FOREIGN
from graphc.ops.fourier import FOURIER
from graphc.ops.halves import HALVES
from graphc.ops.index import INDEX
from graphc.ops.linalg import LINALG
from graphc.ops.movement import MOVEMENT
from graphc.ops.ordering import ORDERING
from graphc.ops.orthogonal import ORTHOGONAL
from graphc.ops.pointwise import POINTWISE
from graphc.ops.reduce import REDUCTIONS
from graphc.ops.scan import SCANS
from graphc.ops.scattered import SCATTERED
from graphc.ops.scipy_functions import SCIPY_FUNCTIONS
from graphc.ops.sorting import SORTING
from graphc.ops.special import SPECIAL
from graphc.ops.spectra import SPECTRA
from graphc.ops.structural import STRUCTURAL
from graphc.ops.systems import SYSTEMS
from graphc.ops.threefry import THREEFRY


def build_table(*families: list[Op]) -> dict[str, Op]:
    """The ops by name; a name that stands twice is an error."""
    table: dict[str, Op] = {}
    for family in families:
        for op in family:
            if op.name in table:
                raise ValueError(f"op {op.name!r} stands twice in the table")
            table[op.name] = op
    return table


OPS = build_table(
    STRUCTURAL,
    POINTWISE,
    COMPLEX,
    ORDERING,
    ELEMENTARY,
    SPECIAL,
    COTANGENT,
    REDUCTIONS,
    SCANS,
    MOVEMENT,
    INDEX,
    LINALG,
    CONVOLUTION,
    HALVES,
    BLOCKS,
    SCATTERED,
    SCIPY_FUNCTIONS,
    SORTING,
    FACTORS,
    FACTOR_PAIRS,
    SYSTEMS,
    SPECTRA,
    ORTHOGONAL,
    COMPLETION,
    EIGEN,
    ELIMINATION,
    FOURIER,
    CONTROL,
    CUSTOM,
    FOREIGN,
    THREEFRY,
)
