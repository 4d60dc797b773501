"""A trace in progress: what records the operations of one call of the user's function.

Sessions nest: a compiled function that is called while a trace is active gets a session of its own, below the active
one. A value of an outer session that the inner function reads becomes a parameter of the inner graph, unmarked; when
the inner graph has been transformed, it is inlined into the outer one. All nested sessions share one ``ShapeFacts`` and
one record of what was read from outside (``root.captures``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, evaluate
from graphc.ir.graph import Value
from graphc.ir.opdef import Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType

if TYPE_CHECKING:
    from graphc.trace.captures import Captures

Vectors = Literal["watched", "checked", "limits"]  # of equal values in derivatives: see ``autodiff.equal_values``


class Session:
    """``params`` of the graph so far; ``imports`` maps values of the outer session to the parameters they became.

    ``origins``: for each parameter of a nested session, arguments included, the value of the outer one.
    ``indices``: parameters that are a loop's index, with its number of iterations and the symbol that stands for it.
    ``derivatives``: how many derivatives of what is recorded are taken, one of another.
    ``written``: every traced array that was written into in this session, with its session and value before that.
    ``is_try``: it is traced to see what it does, and what it records is thrown away; so are those below it.
    ``keeps``: what is written into the tensors of a module is a result, and stands in them after the call.
    ``lasting``: the traced arrays of such tensors, by id.
    ``vectors``: how derivatives taken in the trace treat vectors of equal eigenvalues.
    """

    __slots__ = (
        "F",
        "_captures",
        "alive",
        "depth",
        "derivatives",
        "frozen",
        "handlers",
        "holds",
        "imports",
        "indices",
        "is_region",
        "is_try",
        "keeps",
        "lasting",
        "moved_views",
        "name",
        "notes",
        "origins",
        "params",
        "parent",
        "raised",
        "refusal",
        "retired",
        "symbols",
        "takes_exceptions",
        "thrown",
        "twins",
        "vectors",
        "whole_windows",
        "wrap",
        "written",
    )  # fmt: skip

    def __init__(
        self,
        ops: Mapping[str, Op],
        name: str,
        *,
        parent: Session | None,
        wrap: Callable[[Session, Value], Any],
        captures: Captures | None = None,
    ):
        """``wrap(session, value)`` makes what the user's function sees of a value."""
        self.name = name
        self.parent: Session | None = parent
        self.wrap = wrap
        facts = ShapeFacts(hints={}) if parent is None else parent.F.facts
        self.F: Builder = Builder(ops, facts)
        self.F.takes_real_parts = False
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.derivatives: int = 0 if parent is None else parent.derivatives
        self.vectors: Vectors = "watched" if parent is None else parent.vectors
        self.whole_windows: bool = parent is not None and parent.whole_windows  # see ``record.trace``
        self.alive = True
        self.frozen: dict[int, Any] = {} if parent is None else parent.frozen  # traced arrays, by id: see ``frozen``
        self.keeps = False
        self.lasting: dict[int, Any] = {} if parent is None else parent.lasting
        self.is_try: bool = parent is not None and parent.is_try
        self.holds = False  # no derivative flows through what is computed: under a ``no_grad`` of the function
        self.is_region = False  # of a loop or branch: what it computes it computes inside, of operands from anywhere
        self.params: list[Value] = []
        self.imports: dict[Value, Value] = {}
        self.origins: dict[Value, Value] = {}
        self.indices: dict[Value, tuple[Dim, str]] = {}
        self.written: dict[int, tuple[Any, Session, Value]] = {}  # by the id of the traced array
        self.moved_views: list[
            tuple[Any, tuple[Any, ...]]
        ] = []  # of outer sessions: read again here, and what they were
        self.twins: dict[int, tuple[Any, list[Any]]] = {}  # by an array's id: those that may share memory (``aliases``)
        self.retired: list[tuple[Any, Session, Value]] = []  # arrays that a write into a twin made unusable
        self.refusal = ""  # why values of this session cannot be used, if that is not that its trace has ended
        self.raised: Any = None  # the traced number that says that the function raised, if it may
        self.thrown: BaseException | None = None  # what a ``raise`` in a region raises, on its way to its end
        self.takes_exceptions = False  # a region in which ``raise`` may stand
        self.handlers = 0  # of exceptions, around what is traced
        self._captures = captures
        self.notes: list[str] = [] if parent is None else parent.notes
        self.symbols: dict[str, str] = {} if parent is None else parent.symbols  # what each symbol is, in words

    @property
    def root(self) -> Session:
        session = self
        while session.parent is not None:
            session = session.parent
        return session

    @property
    def captures(self) -> Captures:
        captures = self.root._captures
        assert captures is not None
        return captures

    def new_param(self, type_: ArrayType, name: str) -> Value:
        value = Value(type_, name=name)
        self.params.append(value)
        return value

    def note(self, text: str) -> None:
        """A line for ``explain()``."""
        if text not in self.notes:
            self.notes.append(text)

    def import_value(self, session: Session, value: Value) -> Value:
        """The value of this session that stands for ``value`` of ``session``, this one or one around it."""
        if session is self:
            return value
        assert self.parent is not None
        outer = self.parent.import_value(session, value)
        if outer not in self.imports:
            self.imports[outer] = self.new_param(outer.type, outer.name)
            self.origins[self.imports[outer]] = outer
        return self.imports[outer]

    def encloses(self, other: Session) -> bool:
        """True when ``other`` is this session or one nested in it."""
        session: Session | None = other
        while session is not None:
            if session is self:
                return True
            session = session.parent
        return False


class _Active(threading.local):
    session: Session | None = None


_active = _Active()
traces_running: list[int] = []  # one entry for each trace in progress, of any thread: empty in ordinary calls
when_a_trace_begins: list[Callable[[], None]] = []  # called when one is in ``traces_running``, before it records
when_a_trace_ends: list[Callable[[], None]] = []  # called when it has ended, on the same thread


def current() -> Session | None:
    """The innermost session that is recording on this thread."""
    return _active.session


@contextmanager
def recording(session: Session) -> Iterator[Session]:
    """Within the block the session is this thread's; afterwards its tracers are dead."""
    before, _active.session = _active.session, session
    traces_running.append(id(session))
    try:
        if session.parent is None:
            for listener in when_a_trace_begins:
                listener()
        yield session
    finally:
        _active.session = before
        session.alive = False
        traces_running.remove(id(session))
        if session.parent is None:
            for listener in when_a_trace_ends:
                listener()


@contextmanager
def resumed(session: Session) -> Iterator[None]:
    """Within the block the session, one around that of this thread, is this thread's."""
    before, _active.session = _active.session, session
    try:
        yield
    finally:
        _active.session = before


def hint_of(session: Session, dim: Dim) -> int:
    """The dim's size in the call being traced."""
    hints = session.F.facts.hints
    assert hints is not None
    return evaluate(dim, hints)
