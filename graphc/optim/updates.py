"""The update of all parameters as one program, which writes over them and runs without recording anything again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from graphc.config import settings
from graphc.optim.rules import Rule
from graphc.tensors.core import Tensor, compute
from graphc.tensors.kinds import Kind
from graphc.tensors.lending import Targets, can_lend
from graphc.tensors.memory import settled
from graphc.tensors.programs import program_of
from graphc.tensors.recording import Recording

Member = tuple[Tensor, dict[str, Any]]  # a parameter and its states


class _Bucket(NamedTuple):
    """Members of one group that have taken as many steps, which the same numbers update."""

    step: int
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
    inputs: list[Any] = []
    tensors: list[Tensor] = []
    places: list[int] = []
    for bucket in buckets:
        inputs += bucket.numbers
        for parameter, state in bucket.members:
            for target in (parameter, *[state[name] for name in bucket.names]):
                tensors.append(target)
                places.append(len(inputs))
                inputs.append(None)
                if target is parameter:
                    inputs.append(as_input(parameter._grad))
    targets = Targets(tensors, places)
    program = programs.get(key)
    if program is None:
        program = programs[key] = _program(rule, buckets, targets.given)
    for tensor, place in zip(tensors, places, strict=True):
        if not can_lend(tensor._kind):
            inputs[place] = as_input(tensor)
    targets.run(program, inputs)
    for bucket in buckets:
        for _, state in bucket.members:
            state["step"] = bucket.step


def _buckets(rule: Rule, options: Mapping[str, Any], members: Sequence[Member]) -> Iterator[_Bucket]:
    by_count: dict[int, list[Member]] = {}
    for member in members:
        by_count.setdefault(member[1]["step"] + 1, []).append(member)
    for step, alike in by_count.items():
        yield _Bucket(step, rule.statics(options, step), rule.states(options), rule.numbers(options, step), alike)


def as_input(tensor: Any) -> Any:
    """The tensor's values as a program takes them."""
    array = tensor._array
    if array is None or tensor._special:
        return settled(compute(tensor))
    return array


def _program(rule: Rule, buckets: Sequence[_Bucket], given: Mapping[int, int]) -> Any:
    """The step of these buckets, recorded apart from the thread and compiled.

    It takes the numbers of each, then each parameter, its gradient and its states; it makes each parameter and its
    states.
    """
    recording = Recording()
    wanted: list[int] = []
    for bucket in buckets:
        places = [recording.number(number) for number in bucket.numbers]
        for parameter, _ in bucket.members:
            kind = parameter._kind
            own = [recording.input(kind.frozen, None, None) for _ in range(2 + len(bucket.names))]
            operands = (*own, *places)
            wanted += record_update(recording, rule, operands, bucket.statics, kind, len(bucket.names))
    return program_of(recording.state, wanted, given)


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
