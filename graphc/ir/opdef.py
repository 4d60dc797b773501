"""What an op is: one entry with its kind, its NumPy reference and its derivative.

The *kind* supplies the shape rule and tells the scheduler how to lower the op. The *derivative* is stated once, in a
form from which both modes follow. A missing derivative is an error when the entry is made, never a zero at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.errors import InvalidGraphError, ShapeError, TraceTypeError, UnsupportedError
from graphc.ir.graph import Attrs
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import F16, SHORT_NAMES, ArrayType, has_bfloat16, is_known, result_type

if TYPE_CHECKING:
    from graphc.ir.builder import Builder
    from graphc.ir.graph import Graph, Node, Value

TypeRule = Callable[..., tuple[ArrayType, ...]]  # (facts, input types, attrs), and the regions of a Control op


# --- kinds ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Pointwise:
    """Elementwise with NumPy broadcasting over ``arity`` inputs. ``dtypes`` gives (inputs..., output) loop dtypes."""

    arity: int


@dataclass(frozen=True, eq=False)
class Reduce:
    """Folds the axes in attr ``axes`` (sorted, non-negative) with ``step``; the axes leave the result.

    ``init(dtype)`` is the neutral element as Python source; ``step`` is the next accumulator, an expression over
    ``{acc}``, ``{0}`` and the short dtype ``{t}``. Two accumulators combine by the same step.

    ``index``: the result is the position of the best element along one axis, and ``step`` is a condition instead: that
    ``{0}`` replaces the best one so far, ``{acc}``. The walk starts with ``init`` at position 0, so the first of equals
    wins, and what never replaces it (an empty or constant walk) leaves 0. Of two parts, the later one's best replaces
    the earlier one's where the condition holds.
    """

    init: Callable[[np.dtype], str]
    step: str
    index: bool = False


@dataclass(frozen=True, eq=False)
class Scan:
    """A running fold along attr ``axis``; the shape stays.

    ``init`` and ``step`` are as for ``Reduce``; a step may read several inputs of one shape, ``{0}``, ``{1}``. Attrs:
    ``reverse`` runs from the end; ``exclusive`` gives the accumulator as it was before each element, ``init`` first.
    """

    init: Callable[[np.dtype], str]
    step: str


class Movement:
    """Rearranges elements without arithmetic; the scheduler knows each by its name."""


class Create:
    """Makes a value from attrs alone."""


class Gather:
    """Reads elements at positions given by integer inputs."""


class Compact:
    """Positions of the elements that are true. Binds the symbol in attr ``symbol``: their count, known at run time."""


class Scatter:
    """Adds or writes elements at positions given by integer inputs."""


class Read:
    """Reads a block at a position known at run time."""


class Write:
    """Its first input with a block of it, at a position known at run time, written or added to."""


class Contract:
    """A product summed over shared axes, by a library or by a loop nest."""


class Bind:
    """The integer itself; binds the symbol in attr ``symbol`` to it, a number known at run time."""


class Control:
    """Runs regions."""


class Foreign:
    """Calls a function by its address."""


class Custom:
    """Its first inputs, with a derivative that the user has written: see ``ops.custom``."""


class Routine:
    """Works on whole rows or matrices, the last axes of its inputs; all others are a batch, in every input the same.

    Rows are sorted, matrices factored: by a routine that codegen prints for the op's name, or calls in LAPACK.
    """


@dataclass(frozen=True, eq=False)
class CpuRoutine(Routine):
    """A routine that only the CPU has; elsewhere what ``expand`` builds, as for ``Composite``."""

    expand: Callable[[Builder, Node, tuple[Value, ...]], Sequence[Value]]


@dataclass(frozen=True, eq=False)
class Windows:
    """Sums over windows, a service of the run time on the CPU; elsewhere what ``expand`` builds, as for ``Composite``.

    ``work(node)``: its operations. All axes but the last of each input are a batch, as for ``Routine``.
    """

    expand: Callable[[Builder, Node, tuple[Value, ...]], Sequence[Value]]
    work: Callable[[Node], Any]


@dataclass(frozen=True, eq=False)
class Composite:
    """Stands for other nodes until the program is scheduled, so that its derivative is stated for the whole.

    ``expand(F, node, inputs) -> values``, one an output. Axes are as for ``Routine``.
    """

    expand: Callable[[Builder, Node, tuple[Value, ...]], Sequence[Value]]


Kind = (
    Pointwise
    | Reduce
    | Scan
    | Movement
    | Create
    | Gather
    | Compact
    | Scatter
    | Read
    | Write
    | Bind
    | Contract
    | Control
    | Custom
    | Routine
    | Windows
    | Composite
    | Foreign
)


# --- derivatives ------------------------------------------------------------------------------------------------------


PartialsRule = Callable[..., tuple[Any, ...]]  # (F, y, *inputs) -> one entry an input


@dataclass(frozen=True, eq=False)
class Partials:
    """dy/dx of a pointwise op for each input (None: no derivative by that input).

    A partial is a value or a Python number. ``finite``: every partial is finite wherever the op is evaluated, so that
    a zero cotangent times the partial is zero without a select.
    """

    rule: PartialsRule
    finite: bool = False


@dataclass(frozen=True, eq=False)
class Linear:
    """An op that is linear, jointly, in the inputs at ``wrt`` (None: in all of them).

    Its jvp is the op itself. ``transpose(F, g, node) -> tuple`` has one entry an input: its cotangent or None.
    ``onto(F, total, g, node)``, where it is given, adds the only cotangent, that of input 0, to what has reached the
    input before.
    """

    transpose: Callable[[Builder, Value, Node], tuple[Any, ...]]
    wrt: tuple[int, ...] | None = None
    onto: Callable[[Builder, Value, Value, Node], Value] | None = None


@dataclass(frozen=True, eq=False)
class General:
    """Both modes written out.

    ``vjp(F, node, cotangents) -> tuple`` (an entry an input) and ``jvp(F, node, tangents) -> tuple`` (an entry an
    output); a missing cotangent or tangent is None in and out.
    """

    vjp: Callable[[Builder, Node, tuple[Any, ...]], tuple[Any, ...]]
    jvp: Callable[[Builder, Node, tuple[Any, ...]], tuple[Any, ...]]


class OfRegions:
    """Made of the derivatives of the op's regions: see ``autodiff.loops``."""


class ZeroDerivative:
    """Piecewise constant: the derivative is zero wherever it exists (floor, sign, round)."""


@dataclass(frozen=True, eq=False)
class NotDifferentiable:
    """No derivative, and why; a differentiable path ends here (comparisons, integer results)."""

    reason: str


@dataclass(frozen=True, eq=False)
class Unknown:
    """A derivative exists, and there is no rule for it: an error where one is asked for."""

    reason: str


Derivative = Partials | Linear | General | OfRegions | ZeroDerivative | NotDifferentiable | Unknown


# --- the entry --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Op:
    """One entry of the table.

    ``ref(*arrays, **attrs)`` is the NumPy reference. ``type`` gives the output types where the kind does not.
    ``expr`` prints a pointwise op: source over ``{0}``, ``{1}``, ... and ``{t}``, the first input's short dtype; or a
    function from that dtype to such source. ``dtypes(input types) -> loop dtypes`` for pointwise ops whose reference is
    no ufunc. ``cost``: rough arithmetic operations an element. ``complex``: it takes complex numbers, its derivative
    holds for them, and ``passes.complex_parts`` knows its real and imaginary part; None: as its kind does.
    """

    name: str
    kind: Kind
    ref: Callable[..., Any]
    derivative: Derivative
    type: TypeRule | None = None
    expr: str | Callable[[str], str] = ""
    dtypes: Callable[[Sequence[ArrayType]], tuple[np.dtype, ...]] | None = None
    cost: int = 1
    complex: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.derivative, Derivative):
            raise TypeError(
                f"op {self.name!r}: the derivative is missing; state it, or NotDifferentiable with a reason"
            )
        if isinstance(self.kind, Pointwise) and not self.expr:
            raise TypeError(f"op {self.name!r}: a pointwise op needs the expression that prints it")
        if self.type is None and not isinstance(self.kind, Pointwise | Reduce | Scan):
            raise TypeError(f"op {self.name!r}: a {type(self.kind).__name__} op needs a type rule")

    @property
    def takes_complex(self) -> bool:
        if self.complex is not None:
            return self.complex
        return isinstance(self.kind, Movement | Create | Gather | Scatter | Read | Write | Control)

    @property
    def differentiable(self) -> bool:
        return isinstance(self.derivative, Partials | Linear | General | OfRegions | Unknown)

    def result_types(
        self, facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs, regions: Sequence[Graph] = ()
    ) -> tuple[ArrayType, ...]:
        """The output types; raises ``ShapeError`` where the shapes do not fit."""
        if isinstance(self.kind, Control):
            assert self.type is not None
            return self.type(facts, types, attrs, regions)
        if self.type is not None:
            return self.type(facts, types, attrs)
        if isinstance(self.kind, Pointwise):
            return (pointwise_type(self, facts, types),)
        return (folded_type(self, types, attrs),)

    def print_expr(self, short_dtype: str, arguments: Sequence[str]) -> str:
        template = self.expr if isinstance(self.expr, str) else self.expr(short_dtype)
        return template.format(*arguments, t=short_dtype)


def loop_dtypes(op: Op, types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    """The dtypes that a pointwise op computes in: one an input, and the output's last (NumPy 2 rules).

    Raises ``TraceTypeError`` where NumPy has no loop for the inputs, and ``UnsupportedError`` where NumPy would compute
    in a dtype that graphc lacks.
    """
    if op.dtypes is not None:
        return op.dtypes(types)
    given = ", ".join(SHORT_NAMES[t.dtype] for t in types)
    resolved = resolved_dtypes(op.name, op.ref, types)  # type: ignore[arg-type]
    foreign = next((dtype for dtype in resolved if not is_known(dtype)), None)
    if foreign is not None:
        raise UnsupportedError(
            f"{op.name}({given}): NumPy computes this in {foreign}, which graphc does not have; "
            "convert first, for example with .astype(np.float32)"
        )
    return resolved


def resolved_dtypes(name: str, ufunc: np.ufunc, types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    """The dtypes of the loop that a ufunc takes for such inputs, then of its results. Raises: TraceTypeError: none."""
    signature = signature_of(types)
    if all(isinstance(entry, type) for entry in signature):  # nothing but Python scalars: their own dtypes
        signature = tuple(t.dtype for t in types)
    try:
        return _resolved(ufunc, signature)
    except TypeError as error:
        given = ", ".join(SHORT_NAMES[t.dtype] for t in types)
        raise TraceTypeError(f"{name}({given}): {error}") from None


def _resolved(ufunc: np.ufunc, signature: tuple[type | np.dtype, ...]) -> tuple[np.dtype, ...]:
    """The dtypes of the ufunc's loop; where ml_dtypes has none for bfloat16 as for float16. Raises ``TypeError``."""
    try:
        return ufunc.resolve_dtypes((*signature, *(None,) * ufunc.nout))
    except TypeError:
        brains = [x for x in signature if isinstance(x, np.dtype) and has_bfloat16((x,))]
        if not brains:
            raise
        like_half = tuple(F16 if x in brains else x for x in signature)
        return tuple(brains[0] if x == F16 else x for x in _resolved(ufunc, like_half))


def signature_of(types: Sequence[ArrayType]) -> tuple[type | np.dtype, ...]:
    """The types as NumPy's ufuncs are asked about them: of a Python number the Python type.

    NumPy does not let Python's numbers give way to bfloat16, as it does to its own dtypes: here they do.
    """
    strong = [t.dtype for t in types if not t.weak]
    common = result_type(*strong) if has_bfloat16(strong) else None
    if common is not None and has_bfloat16((common,)):
        return tuple(common if t.weak and t.dtype.kind == "f" else _python_type(t.dtype) if t.weak else t.dtype
                     for t in types)  # fmt: skip
    return tuple(_python_type(t.dtype) if t.weak else t.dtype for t in types)


def _python_type(dtype: np.dtype) -> type | np.dtype:
    if dtype.kind in "fc":
        return float if dtype.kind == "f" else complex
    return int if dtype.kind == "i" else dtype


def pointwise_type(op: Op, facts: ShapeFacts, types: Sequence[ArrayType]) -> ArrayType:
    *wanted, result = loop_dtypes(op, types)
    for position, (type_, dtype) in enumerate(zip(types, wanted, strict=True)):
        if type_.dtype != dtype:
            raise InvalidGraphError(f"{op.name}: input {position} is {type_}, the op computes in {dtype}")
    dims = facts.broadcast([t.dims for t in types])
    if dims is None:
        shapes = " and ".join(f"({', '.join(map(str, t.dims))})" for t in types)
        raise ShapeError(f"{op.name}: shapes {shapes} do not broadcast together")
    return ArrayType(result, dims)


def folded_type(op: Op, types: Sequence[ArrayType], attrs: Attrs) -> ArrayType:
    (type_,) = types
    if isinstance(op.kind, Scan):
        return ArrayType(type_.dtype, type_.dims)
    axes = attrs["axes"]
    dims = tuple(dim for axis, dim in enumerate(type_.dims) if axis not in axes)
    return ArrayType(np.dtype(np.int64) if op.kind.index else type_.dtype, dims)  # type: ignore[union-attr]
