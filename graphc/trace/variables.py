"""The local variables that a staged piece of a function assigns: reached through closures, carried as traced values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

from graphc import pytree
from graphc.errors import UnsupportedError
from graphc.trace.containers import Containers
from graphc.trace.loads import HOOKS
from graphc.trace.location import user_location
from graphc.trace.session import Session
from graphc.trace.slots import Slot, cells
from graphc.trace.trees import Places, ValueTree

if TYPE_CHECKING:
    from graphc.trace.filling import FilledList

State = dict[str, Any]
_GONE = object()
Readers = Sequence[Callable[[], Any]]


class Undefined:
    """A variable that has no value where it is used: every use is an error."""

    def __init__(self, name: str, why: str, of_first_iteration: bool = False):
        self.__dict__.update(_name=name, _why=why, _place=user_location(), _of_first=of_first_iteration)

    def refuse_returned(self) -> NoReturn:
        """The error of a function that returns it: at the statement that leaves it without a value."""
        raise UnsupportedError(f"{self._name!r} {self._why}", location=self._place)

    def refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        error = UnsupportedError(f"{self._name!r} {self._why}", location=user_location())
        error.of_first_iteration = self._of_first
        raise error

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__array_interface__", "__array_struct__", "__array__"):
            raise AttributeError(name)
        return self.refuse()

    __bool__ = __call__ = __getitem__ = __setitem__ = __iter__ = __len__ = __float__ = __int__ = __index__ = refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __abs__ = __invert__ = __contains__ = refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = refuse
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = refuse
    __array_ufunc__ = __array_function__ = __setattr__ = refuse
    __hash__ = object.__hash__


class Variables:
    """``get()`` gives a reader for each of ``names``, which fails while it has no value; ``set_`` assigns them all.

    ``alive``: the names that may be read afterwards. ``watched``: readers of every variable that the piece may read.
    ``shared``: the names that are variables of a function around this one.
    """

    def __init__(
        self,
        get: Callable[[], Readers],
        set_: Callable[[Any], None],
        names: Sequence[str],
        alive: Sequence[str],
        seen: Sequence[str],
        watched: Readers,
        shared: Sequence[str] = (),
    ):
        self.readers, self.set, self.own = get(), set_, tuple(names)
        self.alive: tuple[str, ...] = tuple(alive)
        self.seen, self.watched, self.shared = tuple(seen), watched, tuple(shared)
        self.containers: Containers | None = None

    @property
    def slots(self) -> dict[str, Slot]:
        return {} if self.containers is None else {slot.label: slot for slot in self.containers.slots}

    @property
    def holders(self) -> list[Any]:
        """The containers that were there when these were opened."""
        return [] if self.containers is None else [held.container for held in self.containers.held]

    @property
    def outliving(self) -> tuple[str, ...]:
        """What may be read when the function has returned."""
        return (*self.shared, *self.slots)

    def opened(self, filled: Sequence[FilledList] = ()) -> Variables:
        """These variables and the items and attributes of what they hold now, the lists that are ``filled`` but for
        what is appended."""
        made = Variables(lambda: self.readers, self.set, self.own, self.alive, self.seen, self.watched, self.shared)
        values = {name: _value(name, reader) for name, reader in zip(self.seen, self.watched, strict=True)}
        known = [cell for reader in self.readers for cell in reader.__closure__ or ()]
        made.containers = Containers(values, known, filled)
        made.alive = (*self.alive, *made.slots)
        return made

    def read(self) -> State:
        state = {name: _value(name, reader) for name, reader in zip(self.own, self.readers, strict=True)}
        return state | {label: _of_slot(label, slot) for label, slot in self.slots.items()}

    def write(self, state: State) -> None:
        self.set(tuple(state[name] for name in self.own))
        for label, slot in self.slots.items():
            if is_defined(state[label]):
                slot.write(state[label])

    def update(self, some: State) -> None:
        """Give these of the variables other values."""
        if some:
            self.write({**self.read(), **some})

    def kept(self) -> AbstractContextManager[None]:
        """Raise ``UnsupportedError`` where the block changes the form of a container: it runs more than once."""
        return nullcontext() if self.containers is None else self.containers.kept()

    def bring_back(self, state: State) -> None:
        """Have everything as it was in the state that was read when these were opened."""
        if self.containers is not None:
            self.containers.bring_back()
        self.write(state)

    def have_same_form(self) -> bool:
        """Whether no container has changed its form since these were opened."""
        return self.containers is None or self.containers.have_same_form()

    def require_one_change(self, before: State, moved: Collection[str]) -> None:
        """Raise where a container is written into, and a variable that held it then holds another one."""
        if self.containers is not None:
            replaced = [before[name] for name in moved]
            self.containers.require_one_change(replaced, [name for name in moved if name in self.slots])


def seen_by(*pieces: Any) -> Variables:
    """What expressions may change that are made functions: none of the variables, but what these hold."""
    found: dict[str, CellType] = {}
    for piece in pieces:
        parts = (piece.func, *piece.args) if isinstance(piece, partial) else (piece,)
        for part in parts:
            if isinstance(part, FunctionType):
                found |= cells(part)
    found.pop(HOOKS, None)
    readers = [partial(_content, cell) for cell in found.values()]
    return Variables(lambda: (), lambda new: None, (), (), tuple(found), readers)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        raise NameError from None


def _value(name: str, reader: Callable[[], Any]) -> Any:
    try:
        return reader()
    except NameError:
        return Undefined(name, "is used before it is assigned")


def _of_slot(label: str, slot: Slot) -> Any:
    value = slot.read(_GONE)
    return Undefined(label, "is gone") if value is _GONE else value


def is_defined(value: Any) -> bool:
    return not isinstance(value, Undefined)


def tree_of(session: Session, state: State, flags: Mapping[str, Places]) -> ValueTree:
    """The variables as one tree, its leaves named after them; ``flags``: of each, the places of bools that change."""
    labels = [(name, k) for name, value in state.items() for k in range(len(pytree.flatten(value)[0]))]
    places = frozenset(place for place, (name, k) in enumerate(labels) if k in flags.get(name, ()))
    tree = ValueTree(session, state, "", places)
    tree.labels = [f"{name!r}" if name.isidentifier() else name for name, _ in labels]
    return tree


def changed(before: State, after: State, names: Iterable[str]) -> list[str]:
    """The variables that hold another object than before; an array that was only written into is the same one."""
    return [name for name in names if after[name] is not before[name] and not _same_number(before[name], after[name])]


def _same_number(a: Any, b: Any) -> bool:
    return type(a) is type(b) and type(a) in (int, float, str, bool) and a == b
