"""Lists that each iteration of a loop appends to: what it appends is stacked, and the list then gets the rows.

    xs = [x0]
    for i in range(200):
        xs.append(step(xs[-1]))      # the last item is carried like a variable

A list has a length, so the program is for this number of iterations. Integers stay with Python, which may need them as
sizes and positions: a loop that appends them is written out, and so is one that appends something else each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from graphc import pytree
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.trace.aliases import Carried, root
from graphc.trace.kept_arrays import KeptArrays, refuse
from graphc.trace.session import Session
from graphc.trace.symbolic import SymbolicInt, wrap_dim
from graphc.trace.tracer import View
from graphc.trace.trees import Skeleton, is_number, value_of
from graphc.trace.values import make_weak, wrap

Fills = Sequence[tuple[str, Callable[[], Any], bool]]  # a name, what reads it, and whether its last item is read


class FilledList:
    """One list while the loop is staged that appends to it. ``reads_last``: an iteration reads its last item."""

    def __init__(self, items: list[Any], reads_last: bool):
        self.items, self.reads_last = items, reads_last
        self.known = list(items)

    def taken(self) -> list[Any]:
        """What an iteration has appended; the list has its length of before again, and the newest item as its last."""
        new = self.items[len(self.known) :]
        del self.items[len(self.known) :]
        if new and self.reads_last:
            self.items[-1] = new[-1]
        return new

    def again(self) -> FilledList:
        """The same list as it is now."""
        return FilledList(self.items, self.reads_last)

    def refuse_second_name(self, label: str) -> NoReturn:
        """The error where the loop may read the list under another name, too."""
        refuse(f"{label!r} is another name of it")

    def bring_back(self) -> None:
        """Have the list hold what it held before the loop."""
        self.items[:] = self.known


def lists_of(session: Session, readers: Fills) -> list[FilledList] | None:
    """The lists that a loop appends to; None where it needs Python for one of them."""
    found = []
    for _, read, reads_last in readers:
        try:
            container = read()
        except NameError:  # it is assigned in the loop
            continue
        if not isinstance(container, list | tuple | dict | str):
            continue
        if type(container) is not list or session.captures.is_outside(container) or (reads_last and not container):
            return None
        found.append(FilledList(container, reads_last))
    return found


class Filling:
    """The lists of one loop, and what its iterations append to them."""

    def __init__(self, lists: Sequence[FilledList]):
        self.lists = lists
        self.kind: Skeleton | None = None
        self.new: list[list[Any]] = []
        self.leaves: list[Any] = []
        self.weak: list[bool] = []
        self.kept: KeptArrays | None = None
        self.same: list[int | None] = []
        self.count = 0

    def bring_back(self) -> None:
        for filled in self.lists:
            filled.bring_back()

    def begin(self, session: Session, count: Dim) -> int:
        """The number of iterations, for which alone the program is. Raises where no size of the call tells it."""
        size = wrap_dim(session, count)
        self.count = size.specialise("a loop fills a list") if isinstance(size, SymbolicInt) else size
        return self.count

    def note(self, inside: Session) -> None:
        """See what an iteration has appended. Raises ``UnsupportedError`` where it cannot be stacked."""
        new = [filled.taken() for filled in self.lists]
        for leaf in pytree.flatten(new)[0]:
            if not is_number(leaf) or _is_counted(inside, value_of(inside, leaf)):
                refuse("what is appended is no array or floating number")
        self.kind = Skeleton(inside, new)
        if not self.kind.is_known(inside):
            refuse("what is appended has another size in each iteration")

    def values(self, inside: Session) -> list[Value]:
        """What an iteration has appended, to be stacked."""
        assert self.kind is not None
        self.new = [filled.taken() for filled in self.lists]
        self.leaves, spec = pytree.flatten(self.new)
        leaves = [value_of(inside, leaf) for leaf in self.leaves]
        self.weak = [leaf.type.weak for leaf in leaves]
        if spec != self.kind.spec:
            refuse("what is appended differs between iterations")
        return leaves

    def alike(self, inside: Session) -> list[Value]:
        """Zeros of the kinds that were seen, for a loop that is thrown away."""
        assert self.kind is not None
        self.weak = [kind.weak for kind in self.kind.leaves]
        return [value_of(inside, leaf) for leaf in pytree.flatten(self.kind.zeros(inside))[0]]

    def refuse_stopping(self) -> NoReturn:
        """The error where a traced value ends the loop."""
        refuse("a traced value decides how often")

    def require_new(self, others: Any, holders: Sequence[Any]) -> None:
        """Raise where a later iteration may change a container that is appended: it is in the list again and again."""
        known = {id(node) for node in (*pytree.changeable_nodes(others), *holders)}
        appended = [id(node) for items in self.new for node in pytree.changeable_nodes(items)[1:]]
        if known & set(appended) or len(set(appended)) < len(appended):
            refuse("a list, dict or object that is appended is held by a variable, too")

    def require_kept(self, carried: Carried, ends: Sequence[Any], are_own: Sequence[bool]) -> None:
        """Raise where a later iteration may write into an array that is appended.

        ``ends``: what is carried, at the end of an iteration; ``are_own``: whether in a variable of the function.
        """
        self.kept = KeptArrays(carried, [root(leaf) for leaf in self.leaves])
        own = [k for k, is_own in enumerate(are_own) if is_own]
        self.same = [_place(ends, own, leaf) for leaf in self.leaves]

    def extend(self, session: Session, stacks: Sequence[Value], ends: Sequence[Any]) -> None:
        """Have the lists hold what they did before, and a row of each stack for each iteration.

        ``ends``: what is carried, after the loop. An array that is both is one object, as in Python.
        """
        assert self.kind is not None
        self.bring_back()
        arrays = [wrap(session, stack) for stack in stacks]
        are_alike = [False] * len(arrays)
        if self.kept is not None:
            self.kept.link(session, arrays, self.same)
            are_alike = self.kept.alike
        parts = list(zip(arrays, self.weak, are_alike, strict=True))
        for k in range(self.count):
            rows = [_row(array, k, is_weak, is_read_only) for array, is_weak, is_read_only in parts]
            if k == self.count - 1:
                rows = [_one(row, ends, same) for row, same in zip(rows, self.same or [None] * len(rows), strict=True)]
            for filled, new in zip(self.lists, pytree.unflatten(self.kind.spec, rows), strict=True):
                filled.items.extend(new)


def _row(stack: Any, k: int, is_weak: bool, is_read_only: bool) -> Any:
    row = stack[k]
    if is_weak:
        make_weak(row.value)
    if is_read_only and isinstance(row, View):
        row.kind = "read-only"
    return row


def _place(ends: Sequence[Any], own: Sequence[int], leaf: Any) -> int | None:
    """The variable that holds an appended array at the end of the iteration."""
    return next((k for k in own if ends[k] is leaf), None) if root(leaf) is leaf else None


def _one(row: Any, ends: Sequence[Any], same: int | None) -> Any:
    """The array of a variable, with the last row as its value; without a variable the row."""
    if same is None:
        return row
    ends[same].value = row.value
    return ends[same]


def _is_counted(inside: Session, value: Value) -> bool:
    """Whether it is one of Python's integers, or integers that the index of the loop and constants alone decide."""
    if value.type.dtype.kind not in "iub" or value.type.weak:
        return value.type.dtype.kind in "iub"
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if value.node is not None:
            waiting += value.node.inputs
        elif value not in inside.indices:
            return False
    return True
