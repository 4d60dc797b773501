"""The local variables that a staged piece of a function assigns: reached through closures, carried as traced values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from graphc import pytree
from graphc.errors import UnsupportedError
from graphc.trace.location import user_location
from graphc.trace.session import Session
from graphc.trace.trees import Places, ValueTree

State = dict[str, Any]
Readers = Sequence[Callable[[], Any]]


class Undefined:
    """A variable that has no value where it is used: every use is an error."""

    def __init__(self, name: str, why: str):
        self.__dict__.update(_name=name, _why=why)

    def refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise UnsupportedError(f"{self._name!r} {self._why}", location=user_location())

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

    ``alive``: the names that may be read afterwards. ``watched``: readers of every variable that the piece reads.
    """

    def __init__(
        self,
        get: Callable[[], Readers],
        set_: Callable[[Any], None],
        names: Sequence[str],
        alive: Sequence[str],
        watched: Readers,
    ):
        self.readers, self.set, self.names = get(), set_, tuple(names)
        self.alive, self.watched = tuple(alive), watched

    def read(self) -> State:
        return {name: _value(name, reader) for name, reader in zip(self.names, self.readers, strict=True)}

    def write(self, state: State) -> None:
        self.set(tuple(state[name] for name in self.names))


NO_VARIABLES = Variables(lambda: (), lambda new: None, (), (), ())


def _value(name: str, reader: Callable[[], Any]) -> Any:
    try:
        return reader()
    except NameError:
        return Undefined(name, "is used before it is assigned")


def is_defined(value: Any) -> bool:
    return not isinstance(value, Undefined)


def tree_of(session: Session, state: State, flags: Mapping[str, Places]) -> ValueTree:
    """The variables as one tree, its leaves named after them; ``flags``: of each, the places of bools that change."""
    labels = [(name, k) for name, value in state.items() for k in range(len(pytree.flatten(value)[0]))]
    places = frozenset(place for place, (name, k) in enumerate(labels) if k in flags.get(name, ()))
    tree = ValueTree(session, state, "", places)
    tree.names = [f"{name!r}" for (name, _), is_traced in zip(labels, tree.traced, strict=True) if is_traced]
    return tree


def changed(before: State, after: State, names: Iterable[str]) -> list[str]:
    """The variables that hold another object than before; an array that was only written into is the same one."""
    return [name for name in names if after[name] is not before[name] and not _same_number(before[name], after[name])]


def _same_number(a: Any, b: Any) -> bool:
    return type(a) is type(b) and type(a) in (int, float, str, bool) and a == b


# --- containers -------------------------------------------------------------------------------------------------------


@contextmanager
def containers_unchanged(watched: Readers) -> Iterator[None]:
    """Raise ``UnsupportedError`` where the block fills or changes a Python container: it runs more than once."""
    held = [value for value in (_value("", reader) for reader in watched) if isinstance(value, list | dict | set)]
    before = [_contents(value) for value in held]
    yield
    for value, contents in zip(held, before, strict=True):
        if _contents(value) != contents:
            kind = type(value).__name__
            raise UnsupportedError(
                f"a {kind} is changed in a loop or branch of the compiled program: fill an array instead "
                "(u = np.zeros(n) and then u[i] = ...), or write the loop out with graphc.unroll(range(n))",
                location=user_location(),
            )


def _contents(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_contents(part) for part in value]
    if isinstance(value, dict):
        return [(id(key), _contents(part)) for key, part in value.items()]
    return sorted(map(id, value)) if isinstance(value, set) else id(value)
