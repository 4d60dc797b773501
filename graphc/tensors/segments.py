"""What is left of a recording that was computed: enough to take its steps again, in a backward pass."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any
from weakref import ref

from graphc.tensors.kinds import Kind
from graphc.tensors.plans import plan_of

if TYPE_CHECKING:
    from graphc.tensors.core import Tensor
    from graphc.tensors.recording import Recording, State

_serial = itertools.count()


class Segment:
    """The path of a recording, and what came into it from outside, in order; ``histories`` are those that it had then.

    A later segment may depend on an earlier one, never the other way round: ``serial`` is their order. ``freed``: a bit
    for each value whose step a backward pass has used up. ``overwritten``: a bit for each value whose tensor was
    written into before the recording ended; ``versions`` tell it of later writes, for what came in and for ``outputs``;
    ``writes`` count those through ``.data``, too, which leave the old values to a backward pass.
    ``cuts``: the tensors at which a backward pass has something to do, a hook or a gradient to keep, by position.
    ``key``: the positions of the values that were held; ``ahead``: gradients that were computed with them.
    """

    __slots__ = (
        "ahead", "arrays", "cuts", "freed", "histories", "key", "outputs", "overwritten", "serial", "state", "tensors",
        "versions", "writes",
    )  # fmt: skip

    def __init__(self, recording: Recording, alive: list[tuple[int, Tensor]]) -> None:
        self.serial = next(_serial)
        self.state: State = recording.state
        self.tensors, self.arrays = recording.tensors, recording.arrays
        self.histories = [None if tensor is None else tensor._history for tensor in self.tensors]
        self.versions = [0 if tensor is None else version_of(tensor) for tensor in self.tensors]
        self.writes = [0 if tensor is None else writes_of(tensor) for tensor in self.tensors]
        self.freed, self.overwritten, self.cuts = recording.freed, recording.overwritten, recording.cuts
        self.key: tuple[int, ...] | None = None
        self.ahead: tuple[Any, Any] = (None, None)
        self.outputs: dict[int, tuple[ref[Tensor], int]] = {
            position: (ref(tensor), version_of(tensor)) for position, tensor in alive if tensor._kind.requires_grad
        }

    def written_since(self, saved: int, inputs: dict[int, int]) -> int | None:
        """A position among the saved ones whose tensor was written into since; ``inputs``: numbers of what came in."""
        hit = saved & self.overwritten
        if hit:
            return (hit & -hit).bit_length() - 1
        position = 0
        while saved:
            if saved & 1 and self._changed(position, inputs):
                return position
            saved >>= 1
            position += 1
        return None

    def _changed(self, position: int, inputs: dict[int, int]) -> bool:
        if position in inputs:
            number = inputs[position]
            tensor: Any = self.tensors[number]
            return tensor is not None and version_of(tensor) != self.versions[number]
        if position in self.outputs:
            reference, version = self.outputs[position]
            tensor = reference()
            return tensor is not None and version_of(tensor) != version
        return False


class Used(Segment):
    """What is left where no value that is still held can be differentiated: that this is so."""

    __slots__ = ()

    def __init__(self, recording: Recording) -> None:
        self.serial = next(_serial)
        self.state, self.freed = recording.state, recording.freed
        self.tensors, self.arrays, self.histories, self.versions, self.writes = [], [], [], [], []
        self.overwritten, self.cuts, self.outputs = 0, {}, {}
        self.key, self.ahead = None, (None, None)


class Applied:
    """A call of a ``Function``, whose gradient is the user's.

    ``inputs``: the arguments that require grad, else None. ``kinds``: of its results, None where no gradient flows.
    """

    __slots__ = ("cls", "ctx", "cuts", "freed", "histories", "inputs", "kinds", "outputs", "serial")

    def __init__(self, cls: Any, ctx: Any, inputs: list[Tensor | None]) -> None:
        self.serial = next(_serial)
        self.cls, self.ctx, self.inputs = cls, ctx, inputs
        self.histories = [None if tensor is None else tensor._history for tensor in inputs]
        self.kinds: list[Kind | None] = []
        self.outputs: dict[int, tuple[ref[Tensor], int]] = {}
        self.cuts: dict[int, Tensor] = {}
        self.freed = False


def segment_of(recording: Recording, alive: list[tuple[int, Tensor]]) -> Segment:
    """The segment for a recording that was just computed, and the values of it that tensors hold."""
    if not recording.freed or recording.cuts:
        return Segment(recording, alive)
    roots = tuple([position for position, tensor in alive if tensor._kind.requires_grad])
    plans = recording.state.plans
    is_used = plans.get(("used", roots, recording.freed))
    if is_used is None:
        is_used = all(plan_of(recording.state, (root,)).frees & recording.freed for root in roots)
        plans["used", roots, recording.freed] = is_used
    return Used(recording) if is_used else Segment(recording, alive)


def version_of(tensor: Tensor) -> int:
    """How often the tensor was written into, but through ``.data``: a view counts with what it is a view of."""
    root = tensor if tensor._base is None else tensor._base
    return root._writes - root._unseen


def writes_of(tensor: Tensor) -> int:
    """How often the memory of the tensor was written into, ``.data`` included."""
    return (tensor if tensor._base is None else tensor._base)._writes
