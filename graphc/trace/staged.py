"""A loop of the program while it is staged: which variables it carries, and what they are after it.

A loop that ``break`` or ``return`` ends by a traced value carries two values more: which way its last iteration ended,
and what it returns. It is a ``while`` that goes on as long as no iteration ended so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from graphc import pytree
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType
from graphc.trace.aliases import Carried, root
from graphc.trace.branches import VALUE, WAY
from graphc.trace.filling import FilledList, Filling
from graphc.trace.raising import attempted
from graphc.trace.regions import Body, begin_as, trace_region
from graphc.trace.session import Session
from graphc.trace.signals import BREAKS, FALLS, NOWHERE, RETURNS, Signal, Ways, raises, way_of, ways_of
from graphc.trace.trees import Places, Skeleton, ValueTree, changing_flags, value_of, zero_of
from graphc.trace.twins import for_a_try, retire
from graphc.trace.variables import State, Undefined, Variables, changed, is_defined, tree_of
from graphc.trace.writes import Writes

_STOPS = frozenset([BREAKS, RETURNS])


class _More(Exception):
    """What an iteration does that the first one did not: the loop is traced again, and carries that too."""


class StagedLoop:
    """``begun``: how an iteration ended that ran before the loop. ``stops``: the ways in which an iteration ends it.

    ``driven``: variables that each iteration is given by its index, so that none of them is carried. ``only_left``: for
    variables that have a value only where an iteration ends the loop, in which ways, and what they are elsewhere.
    ``lists``: those that an iteration appends to.
    """

    def __init__(
        self,
        session: Session,
        variables: Variables,
        targets: Sequence[str],
        begun: Signal | None = None,
        driven: Collection[str] = (),
        lists: Sequence[FilledList] = (),
    ):
        self.filling = Filling(lists) if lists else None
        self.session, self.variables, self.begun = session, variables.opened(lists), begun
        self.alive = self.variables.alive
        self.before = self.variables.read()
        self._drive(driven)
        self.targets = frozenset(targets)
        self.carried: list[str] = []
        self.only_left: dict[str, tuple[Ways, Undefined]] = {}
        self.flags: dict[str, Places] = {}
        self.stops = ways_of(begun) & _STOPS
        self.way_on: Skeleton | None = None
        self.aliases: Carried | None = None
        self.stale: list[Any] = []

    def _drive(self, names: Collection[str]) -> None:
        self.driven = frozenset(names)
        self.variables.alive = tuple(name for name in self.alive if name not in self.driven)
        alive = set(self.variables.alive)
        self.outside: State = {
            name: value if is_defined(value) and name in alive else self._unknown(name, name in alive)
            for name, value in self.before.items()
        }

    def _unknown(self, name: str, is_alive: bool) -> Undefined:
        if not is_alive:
            return Undefined(name, "is assigned in a loop, and its value does not leave an iteration")
        return Undefined(
            name,
            "is first assigned in a loop, so it has no value before that, nor where the loop does not run or is left "
            "earlier: assign it before the loop (a value of the same shape and dtype; what it is does not matter)",
            of_first_iteration=True,
        )

    # --- what it carries ----------------------------------------------------------------------------------------------

    def discover(
        self,
        types: Sequence[tuple[ArrayType, str]],
        body: Callable[[Session, list[Value]], Signal | None],
        runs: Callable[[], bool],
    ) -> None:
        """Find out what the body does with the variables, and how it may end; ``runs``: whether it runs at all."""

        def run(inside: Session, params: list[Value]) -> list[Value]:
            self.variables.write(self.outside)
            with self.variables.kept():
                signal = attempted(inside, lambda: body(inside, params))
            if self.filling is not None:
                self.filling.note(inside)
            if not raises(signal):
                self._note(inside, signal, self.variables.read())
            self.variables.require_one_change(self.before, self.kinds)
            return []

        while True:
            self.kinds: dict[str, Skeleton] = {}
            self.only_left.clear()
            self.seen = Writes()
            with for_a_try(self.session):
                self._undone(
                    lambda: trace_region(self.session, "discovery", types, run, self.seen, carry=False, is_try=True)
                )
            if not (self.stops and self.driven):
                break
            self._drive(())  # how often the loop runs is not known before it, nor what an index leaves behind
        self._begin_with_zeros([name for name in self.only_left if self.kinds[name].is_known(self.session)])
        self.only_left = {name: left for name, left in self.only_left.items() if is_defined(self.outside[name])}
        late = [n for n in self.kinds if not is_defined(self.outside[n]) or n in self.targets]
        if late and runs():
            self._begin_with_zeros([name for name in late if self.kinds[name].is_known(self.session)])
        self._carry([name for name in self.kinds if is_defined(self.outside[name])])

    def _begin_with_zeros(self, names: Sequence[str]) -> None:
        """What the first iteration assigns before anything reads it."""
        zeros = {name: self.kinds[name].zeros(self.session) for name in names}
        self.before = {**self.before, **zeros}
        self.outside = {**self.outside, **zeros}

    def _note(self, inside: Session, signal: Signal | None, after: State) -> None:
        """What an iteration did, of what is not known yet."""
        new = [n for n in changed(self.outside, after, self.variables.alive) if n not in self.kinds]
        self.kinds |= {name: Skeleton(inside, after[name]) for name in new if is_defined(after[name])}
        for name in new:
            if signal is not None and name in signal.known and not is_defined(after[name]):
                self._note_left(inside, name, signal)
        self.stops |= ways_of(signal) & _STOPS
        self.way_on = Skeleton(inside, way_of(signal))
        if signal is not None and RETURNS in signal.ways:
            self.returned = Skeleton(inside, signal.value)

    def _note_left(self, inside: Session, name: str, signal: Signal) -> None:
        """The variable has a value in some of the ways in which an iteration ends the loop; before it, it has none."""
        value, where = signal.known[name]
        begun = ways_of(self.begun) & _STOPS
        known = NOWHERE if self.begun is None else self.begun.known.get(name, (None, NOWHERE))[1]
        ways = (where & _STOPS) - (begun - known)
        if ways and not is_defined(self.outside[name]):
            self.kinds[name] = Skeleton(inside, value)
            self.only_left[name] = ways, self.outside[name]

    def _carry(self, names: list[str]) -> None:
        self.carried = names
        begun = self._begun()
        for name, value in begun.items():
            if name in self.kinds:
                own = changing_flags(Skeleton(self.session, value), self.kinds[name])
                self.flags[name] = self.flags.get(name, frozenset()) | own
        self.tree: ValueTree = tree_of(self.session, begun, self.flags)
        kinds = [leaf for name in begun for leaf in self._kinds_of(name, begun[name])]
        after = [kind for kind, is_traced in zip(kinds, self.tree.traced, strict=True) if is_traced]
        self.tree.values = [begin_as(self.session, v, kind) for v, kind in zip(self.tree.values, after, strict=True)]
        pairs = zip(self.tree.values, after, strict=True)
        self.is_settled = all(self._stays(value.type, kind) for value, kind in pairs)

    def _stays(self, begun: ArrayType, after: Any) -> bool:
        """Whether an iteration gives what it begins with, in a size that is known before the loop."""
        facts = self.session.F.facts
        return begun == after and not any(map(facts.is_bound, begun.dims))

    def _kinds_of(self, name: str, value: Any) -> list[Any]:
        """What the leaves of a variable were after an iteration, as far as that is known."""
        leaves, spec = pytree.flatten(value)
        kind = self.way_on if name == WAY else self.returned if name == VALUE else self.kinds.get(name)
        return [None] * len(leaves) if kind is None or kind.spec != spec else kind.leaves

    def _begun(self) -> State:
        """What is carried into the first iteration."""
        state = {name: self.before[name] for name in self.carried}
        if self.begun is not None:
            state |= {name: self.begun.known[name][0] for name in self.only_left if name in self.begun.known}
        if self.stops:
            state[WAY] = way_of(self.begun)
        if RETURNS in self.stops:
            begun = self.begun if self.begun is not None and RETURNS in self.begun.ways else None
            state[VALUE] = self.returned.zeros(self.session) if begun is None else begun.value
        return state

    def writes(self) -> Writes:
        """What the body wrote into when it was discovered, but for the arrays that are carried as variables."""
        carried = {id(root(leaf)) for leaf in pytree.flatten(self._begun())[0]}
        return self.seen.without([k for k, array in enumerate(self.seen.arrays) if id(array) in carried])

    # --- its regions --------------------------------------------------------------------------------------------------

    def enter(self, inside: Session, values: Sequence[Value]) -> State:
        seen: State = self.tree.seen(inside, values)
        self.variables.write({**self.outside, **{name: seen[name] for name in self.carried}})
        self.way = seen.get(WAY, FALLS)
        return seen

    def goes_on(self) -> Any:
        """Whether no iteration has ended the loop; in the region that was entered."""
        return self.way < BREAKS

    def asking(self, ask: Body, skipped: int) -> Body:
        """The region of a condition; ``skipped``: the number of its parameters that are none of the variables."""

        def run(inside: Session, params: list[Value]) -> list[Value]:
            self.enter(inside, params[skipped:])
            return ask(inside, params)

        return run

    def run(self, inside: Session, values: Sequence[Value], body: Callable[[], Signal | None]) -> list[Value]:
        """An iteration.

        Where the loop is thrown away, and what an iteration gives was seen when it was discovered, that is zeros of
        these kinds: traced once more, loops in loops would be traced twice for each that is around them.
        """
        if self.session.is_try and self.is_settled:
            return self._alike(inside, values)
        seen = self.enter(inside, values)
        signal = attempted(inside, body)
        stacked = [] if self.filling is None else self.filling.values(inside)
        after = self.variables.read() if not raises(signal) else {**self.outside, **seen}
        self._require_known(inside, signal, after)
        ends = {name: after[name] for name in self.carried}
        for name, (ways, undefined) in self.only_left.items():
            if not is_defined(after[name]):
                ends[name], where = signal.known.get(name, (seen[name], NOWHERE)) if signal else (seen[name], NOWHERE)
                self.only_left[name] = ways - (ways_of(signal) - where), undefined
        if WAY in seen:
            ends[WAY] = way_of(signal) if not raises(signal) else seen[WAY]
        if VALUE in seen:
            ends[VALUE] = seen[VALUE] if signal is None or RETURNS not in signal.ways else signal.value
        begun = self._begun()
        owners = [name for name, value in begun.items() for _ in pytree.flatten(value)[0]]
        self.aliases = Carried(inside, *(pytree.flatten(state)[0] for state in (begun, seen, ends)))
        self.stale = self.aliases.require_one_name()
        if self.filling is not None:
            self.filling.require_new((self.outside, ends), self.variables.holders)
            self.filling.require_kept(self.aliases, pytree.flatten(ends)[0], [n in self.variables.own for n in owners])
        return [*self.tree.values_of(inside, ends, "the body of the loop"), *stacked]

    def _alike(self, inside: Session, values: Sequence[Value]) -> list[Value]:
        """What an iteration gives, in zeros; it writes into what the body writes into."""
        for array in self.writes().arrays:
            array.assign(zero_of(inside, array.value.type).value)
        stacked = [] if self.filling is None else self.filling.alike(inside)
        return [*(value_of(inside, zero_of(inside, value.type)) for value in values), *stacked]

    def _require_known(self, inside: Session, signal: Signal | None, after: State) -> None:
        """Start again where the iteration does something that the ones before did not."""
        known = [n for n in self.variables.alive if is_defined(self.outside[n]) and n not in self.carried]
        late = changed(self.outside, after, known)
        stops = ways_of(signal) & _STOPS
        if late or not stops <= self.stops:
            self._note(inside, signal, after)
            self.late = late
            raise _More

    # --- staging ------------------------------------------------------------------------------------------------------

    def finish(self, stage: Callable[[], list[Value]]) -> Signal | None:
        """Stage the loop, and give the variables their values after it; the signal of its last iteration."""
        results = self._undone(lambda: self._with_all_carried(stage))
        after = self.tree.seen(self.session, results)
        ends = pytree.flatten(after)[0]
        if self.aliases is not None:
            self.aliases.link(self.session, ends)
        for array in self.stale:
            retire(array)
        way, value = after.pop(WAY, FALLS), after.pop(VALUE, None)
        known = {name: (after.pop(name), ways) for name, (ways, _) in self.only_left.items()}
        absent = {name: undefined for name, (_, undefined) in self.only_left.items()}
        self.variables.write({**self.outside, **after, **absent})
        if self.filling is not None:
            self.filling.extend(self.session, results[len(self.tree.values) :], ends)
        return Signal(self.stops | {FALLS}, way, value, known) if self.stops else None

    def _with_all_carried(self, stage: Callable[[], list[Value]]) -> list[Value]:
        """A variable may be found late: ``a, b = c, a`` leaves b the same number where both begin with 0."""
        while True:
            try:
                return stage()
            except _More:
                self._carry([*self.carried, *self.late])

    def _undone(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        finally:
            self.variables.write(self.before)
            if self.filling is not None:
                self.filling.bring_back()
