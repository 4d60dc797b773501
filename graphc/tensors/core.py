"""The data of a tensor, and how what is done with tensors is recorded and run.

A tensor holds an array, or the position of a value in its thread's recording. ``record`` takes one step of it: where
the step was taken before, that is a lookup. ``flush`` runs the program of all that was recorded, for the values that
tensors still hold, and begins anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from graphc.errors import AutogradError, ProgramError, TraceTypeError
from graphc.tensors.functions.function import Function
from graphc.tensors.kinds import Kind, kind_of_array
from graphc.tensors.recording import LIMIT, Recording, State, now
from graphc.trace.location import user_location

if TYPE_CHECKING:
    from graphc.tensors.plans import Foresight


class Tensor:
    """An array, or a value that is recorded and not yet computed.

    ``_array``: a C-contiguous array, a NumPy scalar where there are no dimensions, on a device a ``DeviceArray``, which
    nobody writes into; None while it is not computed; any array while ``_shared`` says that memory of it was given to
    NumPy. ``_recording, _position``: the value that stands
    for it in a recording. ``_history``: the segment, and the position in it, that a tensor which is no leaf came from.
    ``_base``, ``_view``: of a view the tensor whose memory it shares, and the steps that make it of that; ``_seen`` the
    number of writes into that when it was made. ``_views``: the views of a tensor.
    ``_unseen``: how many of the writes were made through ``.data``, which a version does not count; ``_quiet``: a view
    whose writes are such.
    ``_special``: a view, or shared. ``_source``: draws the values anew, of one with random numbers.
    """

    _array: Any = None
    _recording: Recording | None = None
    _position = -1
    _history: tuple[Any, int] | None = None  # a Segment, or a call of a ``Function``
    _grad: Tensor | None = None
    _hooks: dict[int, Any] | None = None
    _after: dict[int, Any] | None = None  # hooks that are called when a gradient was added
    _retains = False
    _writes = 0
    _unseen = 0
    _quiet = False
    _base: Tensor | None = None
    _view: tuple[Any, ...] = ()
    _seen = 0
    _views: list[ref[Tensor]] | None = None
    _shared: Any = None
    _source: Any = None
    _special = False
    _kind: Kind

    if TYPE_CHECKING:  # methods are added from tables: see ``tensor``

        def __getattr__(self, name: str) -> Any: ...


NOWHERE = -1  # where a tensor stands in a recording that records nothing
_new = object.__new__


def from_array(array: Any, requires_grad: bool = False) -> Tensor:
    """A leaf of a C-contiguous array that belongs to it alone, of a NumPy scalar, or of an array on a device."""
    return of_kind(array, kind_of_array(array, requires_grad))


def of_kind(array: Any, kind: Kind) -> Tensor:
    """As ``from_array``, for an array of a known kind."""
    tensor = _new(Tensor)
    tensor._array, tensor._kind = array, kind
    return tensor


def fresh(recording: Recording, state: State, output: int = 0) -> Tensor:
    """The tensor of a value that the last step made."""
    tensor = _new(Tensor)
    tensor._recording = recording
    tensor._position = state.position + output
    tensor._kind = state.kinds[output]
    recording.refs.append(ref(tensor))
    return tensor


# --- recording --------------------------------------------------------------------------------------------------------


def enter(recording: Recording, tensor: Tensor) -> int:
    """The position of a tensor that was not in the recording yet."""
    if recording.traced:
        return NOWHERE
    array = tensor._array
    if array is None or tensor._special:
        if array is None and tensor._recording is not None and tensor._recording is not recording:
            compute(tensor)  # what another thread recorded
        from graphc.tensors.memory import snapshot
        from graphc.tensors.views import is_stale, renew

        if is_stale(tensor):
            renew(tensor)
            if tensor._recording is recording:
                return tensor._position
        array = snapshot(tensor)
    kind = tensor._kind
    state = recording.state.next.get(kind)
    if state is None:
        state = recording.state.grow(kind, (kind,))
    recording.state = state
    recording.refs.append(None)
    recording.tensors.append(tensor)
    recording.arrays.append(array)
    tensor._recording, tensor._position = recording, state.position
    return state.position


def position_of(recording: Recording, operand: Any) -> Any:
    """The operand of a step: a position, None, or a constant with its type."""
    if isinstance(operand, Tensor):
        return operand._position if operand._recording is recording else enter(recording, operand)
    return None if operand is None else constant(operand)


def constant(number: Any) -> tuple[Any, ...]:
    """A number as the operand of a step: with its type, since 1, 1.0 and True are equal, and with the sign of 0."""
    return (number, number.__class__) if number else (number, number.__class__, repr(number))


def take(function: Function, operands: tuple[Any, ...], statics: tuple[Any, ...] = ()) -> tuple[Recording, State]:
    """Record the function of tensors, numbers and None; where the recording stands then."""
    recording = now.recording
    found: list[Any] = []
    for x in operands:
        if isinstance(x, Tensor):
            found.append(x._position if x._recording is recording else enter(recording, x))
        elif isinstance(x, np.ndarray | list | tuple):
            return take(function, tuple([_as_tensor(function, operand) for operand in operands]), statics)
        else:
            found.append(None if x is None else constant(x))
    positions = tuple(found)
    state = recording.state.next.get((function, now.mode, positions, statics))
    if state is None:
        return learn(function, operands, statics)
    recording.state = state
    return recording, state


def _as_tensor(function: Function, operand: Any) -> Any:
    """An array of NumPy's as the tensor that shares its memory; lists are refused, as PyTorch does."""
    if isinstance(operand, np.ndarray):
        from graphc.tensors.creation import from_numpy

        return from_numpy(operand)
    if isinstance(operand, list | tuple):
        kind = type(operand).__name__
        message = f"{function.name}: a {kind} is no tensor: graphc.tensor(...) makes one of it"
        raise TraceTypeError(message, location=user_location())
    return operand


def record(function: Function, operands: tuple[Any, ...], statics: tuple[Any, ...] = ()) -> Tensor:
    """As ``take``; the tensor that the function makes. Inside a compiled function it is a part of that."""
    if now.recording.traced:
        return traced_apply(function, operands, statics)[0]
    recording, state = take(function, operands, statics)
    return fresh(recording, state)


def traced_apply(function: Function, operands: tuple[Any, ...], statics: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """What the function makes, in the trace that is active."""
    from graphc.tensors.traced import apply

    return apply(function, operands, statics)


def learn(function: Function, operands: tuple[Any, ...], statics: tuple[Any, ...]) -> tuple[Recording, State]:
    """Record a step that was not taken from here before. Raises what does not fit together, at the user's line."""
    from graphc.tensors.inference import result_kinds

    if now.autocast is not None:
        return now.autocast.take(function, operands, statics)
    recording = now.recording
    if recording.state.position >= LIMIT and not recording.enclosed:
        flush(recording)
        return take(function, operands, statics)
    positions = [position_of(recording, x) for x in operands]
    before = recording.state
    pattern = (function, tuple([p[1] if isinstance(p, tuple) else p for p in positions]), statics)
    if pattern in before.numbers:
        positions = [recording.number(p[0]) if isinstance(p, tuple) and p[1] is not bool else p for p in positions]
    elif any(isinstance(p, tuple) for p in positions):
        before.numbers.add(pattern)
    step = (function, now.enabled, tuple(positions), statics)
    state = recording.state.next.get(step)
    if state is None:
        location = user_location()
        kinds = result_kinds(function, operands, statics, now.enabled, location)
        state = recording.state.grow(step, kinds, location)
    recording.state = state
    return recording, state


# --- running ----------------------------------------------------------------------------------------------------------


def compute(tensor: Tensor) -> Any:
    """The tensor's array or NumPy scalar, computed with all that its recording holds where it was not."""
    if tensor._special:
        from graphc.tensors.views import is_stale, renew

        if is_stale(tensor):
            renew(tensor)
    if tensor._array is None:
        assert tensor._recording is not None
        flush(tensor._recording)
    return tensor._array


def flush(recording: Recording, wanted: tuple[int, ...] = ()) -> list[Any]:
    """Compute every value that a tensor holds; the values at the positions ``wanted`` beside.

    The recording ends, and its thread begins another. What the values need for a backward pass is kept in a segment.
    """
    from graphc.tensors.programs import program_of
    from graphc.tensors.segments import segment_of

    if recording.enclosed:
        raise AutogradError(
            "checkpoint: the function asks for the value of a tensor (item(), print, numpy(), if x > 0, backward()), "
            "which is computed later, with what follows: take such parts out of the function",
            location=user_location(),
        )
    if now.recording is recording:
        now.recording = Recording()
    alive = list(recording.alive())
    key = (*[position for position, _ in alive], *wanted)
    arrays: list[Any] = []
    if key:
        foresight = None if wanted else foreseen(recording.state, key)
        state, ahead = (recording.state, ()) if foresight is None else gradients_of(recording.state, foresight)
        program = state.programs.get((*key, *ahead))
        if program is None:
            program = state.programs[*key, *ahead] = program_of(state, (*key, *ahead))
        computed: Any = program(recording.arrays)
        if computed is None:
            kinds = [f"{np.shape(a)} {getattr(a, 'dtype', type(a))}" for a in recording.arrays]
            raise ProgramError(f"the program of recorded tensors does not take {', '.join(kinds)}: a defect of graphc")
        arrays = computed
        segment = None
        for (position, tensor), array in zip(alive, arrays, strict=False):
            tensor._array = array
            if tensor._kind.requires_grad:
                if segment is None:
                    segment = segment_of(recording, alive)
                    segment.key = None if wanted else key
                    segment.ahead = (foresight, None if foresight is None else arrays[len(key) :])
                tensor._history = (segment, position)
    recording.tensors, recording.arrays, recording.refs = [], [], []
    return arrays[len(alive) :]


def foreseen(state: State, key: tuple[int, ...]) -> Foresight | None:
    """What followed when these values were computed; forgotten where it did not follow the last time."""
    found: Foresight | None = state.foresights.get(key)
    if found is None:
        return None
    if not found.used:
        del state.foresights[key]
        return None
    found.used = False
    return found


def gradients_of(state: State, foresight: Foresight) -> tuple[State, tuple[int, ...]]:
    """The state after the gradients that are foreseen, and their positions."""
    from graphc.tensors.plans import gradient_state

    after = gradient_state(state, (foresight.root,), (None,), foresight.sources, recorded=False)
    return after, tuple(range(after.position, after.end))
