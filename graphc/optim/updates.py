"""The update of all parameters as one program, which writes over them and runs without recording anything again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import is_
from typing import Any, NamedTuple

from graphc.config import settings
from graphc.optim.rules import Coming, Rule
from graphc.tensors.core import Tensor
from graphc.tensors.kinds import Kind
from graphc.tensors.lending import Targets, as_input
from graphc.tensors.programs import program_of
from graphc.tensors.recording import Recording

Member = tuple[Tensor, dict[str, Any]]  # a parameter and its states


class _Bucket(NamedTuple):
    """Members of one group that have taken as many steps, which the same numbers update; ``counted``: see ``Rule``."""

    counted: dict[str, Any]
    statics: tuple[Any, ...]
    names: tuple[str, ...]
    numbers: tuple[float, ...]
    members: list[Member]


def update(programs: dict[Any, Any], rule: Rule, groups: Iterable[tuple[Mapping[str, Any], Sequence[Member]]]) -> None:
    """Take one step for the members of all groups, each with its options, by one program, in their memory."""
    buckets = [bucket for options, members in groups for bucket in _buckets(rule, options, members)]
    if not buckets:
        return
    key = (settings.nan, *[(b.statics, b.names, *[p._kind for p, _ in b.members]) for b in buckets])
    found = programs.get(key)
    if found is None:
        found = programs[key] = _Update(rule, buckets)
    found.run(buckets)


class _Update:
    """The program for buckets of these kinds.

    It takes of each bucket the numbers, the parameters, the states by name, and the gradients; it makes the parameters
    and the states in the same order.
    """

    def __init__(self, rule: Rule, buckets: Sequence[_Bucket]):
        recording = Recording()
        wanted: list[int] = []
        self.places: list[int] = []  # of the parameters and states among the inputs
        for bucket in buckets:
            numbers = [recording.number(number) for number in bucket.numbers]
            kinds, count = [p._kind for p, _ in bucket.members], 1 + len(bucket.names)
            first = len(recording.arrays)
            self.places += range(first, first + count * len(kinds))
            given = [[recording.input(kind.frozen, None, None) for kind in kinds] for _ in range(count + 1)]
            made = [
                record_update(recording, rule, (p, g, *states, *numbers), bucket.statics, kind, count - 1)
                for kind, p, *states, g in zip(kinds, *given, strict=True)
            ]
            wanted += [positions[k] for k in range(count) for positions in made]
        self.targets = Targets(_tensors(buckets), self.places)
        self.program = program_of(recording.state, wanted, self.targets.given)

    def run(self, buckets: Sequence[_Bucket]) -> None:
        tensors = _tensors(buckets)
        if not all(map(is_, tensors, self.targets.tensors)):
            self.targets = Targets(tensors, self.places)
        inputs: list[Any] = []
        for bucket in buckets:
            inputs += bucket.numbers
            inputs += [None] * ((1 + len(bucket.names)) * len(bucket.members))  # what is lent
            inputs += [as_input(parameter._grad) for parameter, _ in bucket.members]
        self.targets.run(self.program, inputs)
        for bucket in buckets:
            for _, state in bucket.members:
                state.update(bucket.counted)


def _tensors(buckets: Sequence[_Bucket]) -> list[Tensor]:
    """Of each bucket the parameters, and the states by name."""
    found: list[Tensor] = []
    for bucket in buckets:
        found += [parameter for parameter, _ in bucket.members]
        for name in bucket.names:
            found += [state[name] for _, state in bucket.members]
    return found


def _buckets(rule: Rule, options: Mapping[str, Any], members: Sequence[Member]) -> Iterator[_Bucket]:
    by_count: dict[Coming, list[Member]] = {}
    for member in members:
        by_count.setdefault(rule.coming(member[1]), []).append(member)
    for coming, alike in by_count.items():
        statics, numbers = rule.statics(options, *coming), rule.numbers(options, *coming)
        yield _Bucket(rule.counted(options, coming), statics, rule.states(options), numbers, alike)


def record_update(
    recording: Recording, rule: Rule, operands: tuple[int, ...], statics: tuple[Any, ...], kind: Kind, count: int
) -> range:
    """Record the step of one parameter; the positions of the new parameter and of its new states."""
    step = (rule.function, True, operands, statics)
    state = recording.state.next.get(step)
    if state is None:
        state = recording.state.grow(step, (kind.frozen,) * (1 + count), None)
    recording.state = state
    recording.refs += [None] * len(state.kinds)
    return range(state.position, state.end)
