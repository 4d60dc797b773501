"""The short way of a step that was captured: look the arrays up, note what moved, ask for the graph.

What a call does is known from one like it: the sizes, where things stand in the program's block, the graph. So a
function is printed that reads of each argument what can differ (type, dtype, sizes, address) in as few steps of Python
as there are, and finds in a table what is left to do (``cuda_ready``). Whatever is not as it was goes the long way
(``cuda_runner``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.runtime.cuda_arrays import DeviceView, Quick
from graphc.runtime.cuda_calls import Known
from graphc.runtime.cuda_program import LoadedProgram
from graphc.runtime.cuda_ready import MOST_READY, Done, Ready


class Replays:
    """Those of one program. ``fast(*objects)``: the results, or None where the call has to go the long way.

    ``known``: those that native code serves, which ``fast`` then does not.
    """

    def __init__(self, loaded: LoadedProgram):
        self.loaded = loaded
        self.types: tuple[type, ...] = ()
        self.table: dict[tuple, Ready] = {}
        self.moving: frozenset[int] = frozenset()
        self.fast: Callable[..., Any] = _never
        self.known = Known(loaded)

    def learn(self, objects: Sequence[Any], done: Done) -> None:
        """Serve calls like this one, with these arguments, from now on."""
        quick = done.like.kind.quick
        views = [given for given in done.given if isinstance(given, DeviceView)]
        if quick is None or len(objects) != len(done.given) or any(v.kind.quick is not quick for v in views):
            return
        if self.known.learn(objects, done, quick):
            return
        types, moving = tuple(map(type, objects)), frozenset(k for k, _ in done.moving)
        if types != self.types or moving != self.moving:
            self.table.clear()
            self.types, self.moving = types, moving
            self.fast = _printed(quick, done, objects, self)
        if len(self.table) >= MOST_READY:
            self.table.clear()
        key = _key_of(quick, done, objects, moving)
        ready = self.table.get(key)
        if ready is None or ready.version != self.loaded.version:
            ready = self.table[key] = Ready(self.loaded, quick, done)
        ready.add(done)


def _never(*objects: Any) -> None:
    return None


def _key_of(quick: Quick, done: Done, objects: Sequence[Any], moving: frozenset[int]) -> tuple:
    key: list[Any] = []
    for k, (given, obj) in enumerate(zip(done.given, objects, strict=True)):
        if isinstance(given, DeviceView):
            key += ([] if k in moving else [quick.address(obj)]) + [obj.shape]
        elif type(obj) is int:
            key.append(obj)
    return tuple(key)


def _printed(quick: Quick, done: Done, objects: Sequence[Any], replays: Replays) -> Callable[..., Any]:
    """The function: what can differ is checked, or is part of the key, or is handed on."""
    names = [f"o{k}" for k in range(len(objects))]
    space: dict[str, Any] = {"table": replays.table}
    checks, key, addresses, numbers = [], [], [], []
    packed = {k for k, *_ in done.numbers}
    for k, (given, obj) in enumerate(zip(done.given, objects, strict=True)):
        space[f"T{k}"] = type(obj)
        checks.append(f"type(o{k}) is not T{k}")
        if isinstance(given, DeviceView):
            space[f"D{k}"] = obj.dtype
            checks.append(f"o{k}.dtype is not D{k} and o{k}.dtype != D{k} or not {quick.plain.format(f'o{k}')}")
            checks += [f"o{k}.{method}()" for method in quick.asked(given.dtype)]
            if k in replays.moving:
                checks.append(f"not {quick.there.format(f'o{k}', given.device)}")
                addresses.append(quick.text.format(f"o{k}"))
            else:
                key.append(quick.text.format(f"o{k}"))
            key.append(f"o{k}.shape")
        elif k in packed:
            numbers.append(f"o{k}")
        elif type(obj) is int:
            key.append(f"o{k}")
    text = f"""def fast({", ".join(names)}):
    if {" or ".join(checks) or "False"}:
        return None
    ready = table.get(({"".join(part + ", " for part in key)}))
    if ready is None:
        return None
    return ready.run({", ".join([*addresses, *numbers])})
"""
    exec(compile(text, "<cuda replay>", "exec"), space)
    fast: Callable[..., Any] = space["fast"]
    return fast
