"""The update of all parameters of a group as one program, which runs without recording anything again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.optim.rules import Rule
from graphc.tensors.core import Tensor, compute
from graphc.tensors.kinds import Kind
from graphc.tensors.memory import is_shared, settled
from graphc.tensors.programs import program_of
from graphc.tensors.recording import Recording

Member = tuple[Tensor, dict[str, Any]]  # a parameter and its states


def update(programs: dict[Any, Any], rule: Rule, options: Mapping[str, Any], members: Sequence[Member]) -> None:
    """Take one step for these parameters; those that have taken as many steps before share a program."""
    by_count: dict[int, list[Member]] = {}
    for member in members:
        by_count.setdefault(member[1]["step"] + 1, []).append(member)
    names = rule.states(options)
    for step, alike in by_count.items():
        statics = rule.statics(options, step)
        key = (statics, names, *[parameter._kind for parameter, _ in alike])
        numbers = rule.numbers(options, step)
        program = programs.get(key)
        if program is None:
            program = programs[key] = _program(rule, len(names), statics, numbers, [p._kind for p, _ in alike])
        inputs: list[Any] = list(numbers)
        targets: list[Tensor] = []
        for parameter, state in alike:
            states = [state[name] for name in names]
            targets += (parameter, *states)
            inputs += (as_input(parameter), as_input(parameter._grad), *[as_input(s) for s in states])
            state["step"] = step
        store(targets, program(inputs))


def as_input(tensor: Any) -> Any:
    """The tensor's values as a program takes them."""
    array = tensor._array
    if array is None or tensor._special:
        return settled(compute(tensor))
    return array


def store(targets: Sequence[Tensor], arrays: Sequence[Any]) -> None:
    """Give the tensors new values: into the memory that NumPy has, else in place of the old array."""
    for tensor, array in zip(targets, arrays, strict=True):
        assert array.dtype == tensor._kind.dtype
        if tensor._shared is not None and is_shared(tensor):
            tensor._array[...] = array
        else:
            tensor._array = array
        tensor._writes += 1
        tensor._recording = None


def _program(rule: Rule, count: int, statics: tuple[Any, ...], numbers: Sequence[float], kinds: Sequence[Kind]) -> Any:
    """The step of parameters of these kinds, with so many states each, recorded apart from the thread and compiled.

    It takes the numbers, then each parameter with its gradient and states, and makes each parameter and its states.
    """
    recording = Recording()
    places = [recording.number(number) for number in numbers]
    wanted: list[int] = []
    for kind in kinds:
        given = [recording.input(kind.frozen, None, None) for _ in range(2 + count)]
        wanted += record_update(recording, rule, (*given, *places), statics, kind, count)
    return program_of(recording.state, wanted)


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
