"""The backward pass: gradients through what is recorded now, and through the segments before it.

``GRADIENT`` is a step like any other: its operands are roots, as many seeds (None: one), and the sources; its values
are the gradients by the sources. So the forward part and its gradient are one program where the roots are not yet
computed. A segment's steps are taken again first. Positions of hooks and kept gradients are cuts: the pass goes from
one to the next, the last one in the path first.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any
from weakref import ref

from graphc.errors import AutogradError
from graphc.tensors.core import Tensor, compute, enter, flush, fresh, from_array, of_kind, record
from graphc.tensors.creation import filled
from graphc.tensors.devices import device_of
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.hooks import hooked
from graphc.tensors.kinds import Kind
from graphc.tensors.plans import Foresight, Plan, gradient_state, plan_of
from graphc.tensors.recording import Recording, State, now
from graphc.tensors.segments import Applied, Segment, writes_of
from graphc.trace.location import user_location

Seeds = dict[int, "Tensor | None"]  # by position; None: one
ADD = FUNCTIONS["add"]
SECOND_TIME = (
    "trying to backward through the graph a second time: its saved values were freed by the first backward(); pass "
    "retain_graph=True to that one if you need another"
)


def check_root(tensor: Tensor, seed: Any) -> None:
    """Raise ``AutogradError`` for a tensor that has no gradient, or none without a vector that fits its shape."""
    kind = tensor._kind
    if not kind.requires_grad:
        raise AutogradError(
            "this tensor does not require grad and was made of none that does, so there is nothing to differentiate: "
            "make an input with requires_grad=True, and compute outside of no_grad()",
            location=user_location(),
        )
    if seed is None and kind.shape and _size(kind.shape) != 1:
        raise AutogradError(
            f"grad can be implicitly created only for scalar outputs, this tensor has shape {kind.shape}: reduce it "
            "(.sum(), .mean()), or give a vector of its shape: y.backward(v)",
            location=user_location(),
        )
    if seed is not None and tuple(seed.shape) != kind.shape:
        raise AutogradError(
            f"the vector given to backward has shape {tuple(seed.shape)}, the tensor {kind.shape}: they must be equal",
            location=user_location(),
        )


def _size(shape: Sequence[int]) -> int:
    size = 1
    for dim in shape:
        size *= dim
    return size


class BackwardPass:
    """One pass. ``accumulates``: gradients go to ``.grad`` of leaves, else they are kept for the ``captured`` tensors.

    ``create``: the gradients are recorded, to be differentiated again. ``retain``: another pass may follow.
    """

    def __init__(self, *, create: bool, retain: bool, captured: Sequence[Tensor] | None = None):
        self.create, self.retain = create, retain
        self.accumulates = captured is None
        self.captured = {id(tensor): tensor for tensor in captured or ()}
        self.found: dict[int, Tensor] = {}
        self.tasks: dict[int, tuple[Any, Seeds]] = {}  # by serial
        self.order: list[int] = []

    def run(self, roots: Sequence[Tensor], seeds: Sequence[Tensor | None]) -> None:
        """Everything. What was pending before is computed, too, but where the gradients are recorded."""
        before, now.enabled = now.enabled, self.create
        if self.accumulates:
            now.passed = []
        try:
            recording = now.recording
            if not (self.create or recording.cuts) and self._are_in(recording, roots) and self._ends_at_leaves():
                self._through_recording(recording, roots, seeds)
            else:
                flush(recording)
                for root, seed in zip(roots, seeds, strict=True):
                    compute(root)
                    self._arrived(root, root._history, seed)
            while self.order:
                segment, pending = self.tasks.pop(-heapq.heappop(self.order))
                self._through_segment(segment, pending)
            if not self.create and now.recording.refs:
                flush(now.recording)
        finally:
            now.enabled = before

    @staticmethod
    def _are_in(recording: Recording, roots: Sequence[Tensor]) -> bool:
        return all(root._array is None and root._recording is recording for root in roots)

    def _ends_at_leaves(self) -> bool:
        """Whether no gradient is asked for of a value that was computed of others."""
        return all(tensor._array is not None and tensor._history is None for tensor in self.captured.values())

    def _leads_on(self, tensor: Any, history: Any) -> bool:
        """Whether the gradient by what came into a path is asked for, or leads to what is."""
        return self.accumulates or history is not None or id(tensor) in self.captured

    # --- one recording ------------------------------------------------------------------------------------------------

    def _through_recording(self, recording: Recording, roots: Sequence[Tensor], seeds: Sequence[Tensor | None]) -> None:
        """The forward part, which is not computed yet, and its gradients, in one program."""
        positions = tuple([root._position for root in roots])
        given = tuple([None if s is None else _place(recording, s) for s in seeds])
        plan = plan_of(recording.state, positions)
        self._check(plan, recording.freed, bool(recording.overwritten & plan.saved))
        tensors = recording.tensors
        pairs = [(p, plan.inputs[p]) for p in plan.sources]
        pairs = [(p, k) for p, k in pairs if (t := tensors[k]) is not None and self._leads_on(t, t._history)]
        sources, numbers = tuple([p for p, _ in pairs]), [k for _, k in pairs]
        self._note_path(recording.state, positions, tensors)
        first = record_gradient(recording, positions, given, sources, recorded=False) if sources else 0
        if not self.retain:
            recording.freed |= plan.frees
        for number, array in zip(numbers, flush(recording, tuple(range(first, first + len(numbers)))), strict=True):
            tensor = tensors[number]
            assert tensor is not None
            is_leaf = self.accumulates and tensor._hooks is None and tensor._history is None
            if is_leaf and tensor._grad is None and tensor._after is None and tensor._kind.requires_grad:
                tensor._grad = of_kind(array, tensor._kind.frozen)
            else:
                self._arrived(tensor, tensor._history, array)

    def _note_path(self, state: State, roots: tuple[int, ...], tensors: Sequence[Tensor | None]) -> None:
        """Remember where ``backward()`` went: ``graphc.diagnose`` tells by it why a parameter has no gradient."""
        if self.accumulates:
            now.passed.append((state, roots, [None if tensor is None else ref(tensor) for tensor in tensors]))

    def _check(self, plan: Plan, freed: int, was_written: bool) -> None:
        if freed & plan.frees:
            raise AutogradError(
                SECOND_TIME,
                location=user_location(),
            )
        if was_written:
            raise AutogradError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: a "
                "value that the backward pass needs was overwritten after it was used; write into a clone() instead",
                location=user_location(),
            )

    # --- segments -----------------------------------------------------------------------------------------------------

    def _through_segment(self, segment: Segment | Applied, pending: Seeds) -> None:
        """From the roots pending in a segment to what came into it, by way of its cuts."""
        if isinstance(segment, Applied):
            self._through_applied(segment, pending)
            return
        self._note_path(segment.state, tuple(pending), segment.tensors)
        cuts = dict(segment.cuts)
        for tensor in self.captured.values():
            if tensor._history is not None and tensor._history[0] is segment:
                cuts[tensor._history[1]] = tensor
        while pending:
            below = [p for p in cuts if p < max(pending)]
            chosen = {p: pending.pop(p) for p in ([max(pending)] if below or max(pending) in cuts else list(pending))}
            for position in chosen.keys() & cuts.keys():
                chosen[position] = self._at_cut(cuts[position], chosen[position])
            for position, gradient in self._pulled(segment, chosen, tuple(below)):
                if position in cuts:
                    pending[position] = _sum(pending.get(position), gradient)
                else:
                    number = plan_number(segment, position)
                    self._arrived(segment.tensors[number], segment.histories[number], gradient)

    def _through_applied(self, call: Applied, pending: Seeds) -> None:
        """Through a function with a gradient of the user's own."""
        if call.freed:
            raise AutogradError(SECOND_TIME, location=user_location())
        call.freed = not self.retain
        gradients: list[Tensor | None] = []
        for position, kind in enumerate(call.kinds):
            gradient = pending.get(position)
            if gradient is None and kind is not None:
                gradient = filled(kind.shape, int(position in pending), kind.dtype, False, device_of(kind.place))
            tensor = call.outputs[position][0]() if position in call.outputs else None
            if tensor is not None and position in pending and (position in call.cuts or id(tensor) in self.captured):
                gradient = self._at_cut(tensor, gradient)
            gradients.append(gradient)
        found = call.cls.backward(call.ctx, *gradients)
        parts = found if isinstance(found, tuple) else (found,)
        if len(parts) != len(call.inputs):
            message = f"{call.cls.__name__}.backward gives {len(parts)} gradients for {len(call.inputs)} arguments"
            raise AutogradError(message, location=user_location())
        for tensor, history, part in zip(call.inputs, call.histories, parts, strict=True):
            if tensor is None or part is None:
                continue
            if part._kind.shape != tensor._kind.shape:
                message = f"{call.cls.__name__}.backward gives a gradient of shape {part._kind.shape} for an argument"
                raise AutogradError(f"{message} of shape {tensor._kind.shape}", location=user_location())
            self._arrived(tensor, history, part)

    def _pulled(self, segment: Segment, roots: Seeds, cuts: tuple[int, ...]) -> list[tuple[int, Tensor]]:
        """The gradients by the sources of these roots."""
        positions = tuple(sorted(roots))
        plan = plan_of(segment.state, positions, cuts)
        is_freed = bool(segment.freed & plan.frees)
        self._check(plan, segment.freed, not is_freed and segment.written_since(plan.saved, plan.inputs) is not None)
        if not self.retain:
            segment.freed |= plan.frees
        wanted = [p for p in plan.sources if p in cuts or self._is_wanted(segment, plan.inputs.get(p))]
        if not wanted:
            return []
        ahead = self._computed_ahead(segment, roots, tuple(wanted), cuts)
        if ahead is not None:
            return list(zip(wanted, map(from_array, ahead), strict=True))
        recording = now.recording
        here = self._retaken(recording, segment, plan)
        given = tuple([None if roots[p] is None else _place(recording, roots[p]) for p in positions])
        sources = tuple([here[p] for p in wanted])
        first = record_gradient(recording, tuple([here[p] for p in positions]), given, sources, recorded=self.create)
        found = [fresh(recording, recording.state, k) for k in range(len(sources))]
        assert found[0]._position == first
        return list(zip(wanted, found, strict=True))

    def _is_wanted(self, segment: Segment, number: int | None) -> bool:
        return number is None or self._leads_on(segment.tensors[number], segment.histories[number])

    def _computed_ahead(
        self, segment: Segment, roots: Seeds, sources: tuple[int, ...], cuts: tuple[int, ...]
    ) -> Sequence[Any] | None:
        """The gradients that were computed with the values, if they were; else they will be in the next round."""
        (root, seed), *others = roots.items()
        if self.create or cuts or others or seed is not None or segment.key is None:
            return None
        foresight, arrays = segment.ahead
        if arrays is None:
            segment.state.foresights[segment.key] = Foresight(root, sources)
            return None
        if (foresight.root, foresight.sources) != (root, sources):
            return None
        foresight.used = True
        return arrays

    def _retaken(self, recording: Recording, segment: Segment, plan: Plan) -> dict[int, int]:
        """The steps of the plan taken again in the recording; the new position of each old one."""
        here: dict[int, int] = {}
        for state in plan.states:
            if isinstance(state.step, Kind):
                here[state.position] = self._input_again(recording, segment, plan.inputs[state.position], state.step)
                continue
            function, enabled, operands, statics = state.step
            moved = tuple([here[x] if isinstance(x, int) else x for x in operands])
            first = _step(recording, (function, enabled, moved, statics), state)
            here.update((p, first + p - state.position) for p in range(state.position, state.end))
        return here

    def _input_again(self, recording: Recording, segment: Segment, number: int, kind: Kind) -> int:
        tensor, array = segment.tensors[number], segment.arrays[number]
        if self.create and tensor is not None and kind.requires_grad:
            if writes_of(tensor) != segment.writes[number]:
                raise AutogradError(
                    "create_graph=True through a value that was overwritten since it was used: write into a clone()",
                    location=user_location(),
                )
            return _place(recording, tensor)
        return recording.input(kind, None, array)

    # --- arrivals -----------------------------------------------------------------------------------------------------

    def _at_cut(self, tensor: Tensor, gradient: Tensor | None) -> Tensor:
        """What goes on from a tensor that has hooks, keeps its gradient, or is captured."""
        gradient = hooked(tensor, _one(tensor) if gradient is None else gradient)
        if id(tensor) in self.captured:
            self.found[id(tensor)] = gradient
        if tensor._retains and self.accumulates:
            accumulate(tensor, gradient, self.create)
        return gradient

    def _arrived(self, tensor: Any, history: Any, gradient: Any) -> None:
        """A gradient (a tensor, or the array of one; None: one) has reached a tensor from outside, or a root.

        ``history``: that of the tensor when it came in.
        """
        if history is not None:
            segment, position = history
            if segment.serial not in self.tasks:
                self.tasks[segment.serial] = (segment, {})
                heapq.heappush(self.order, -segment.serial)
            pending = self.tasks[segment.serial][1]
            pending[position] = (
                _sum(pending.get(position), _as_tensor(gradient))
                if position in pending
                else (None if gradient is None else _as_tensor(gradient))
            )
            return
        if gradient is None:
            gradient = _one(tensor)
        if tensor._hooks:
            gradient = hooked(tensor, _as_tensor(gradient))
        if self.accumulates:
            if tensor._kind.requires_grad:  # which may have been switched off since
                accumulate(tensor, gradient, self.create)
        elif id(tensor) in self.captured:
            before = self.found.get(id(tensor))
            self.found[id(tensor)] = _sum(before, _as_tensor(gradient)) if before is not None else _as_tensor(gradient)


def backward_of(
    roots: Sequence[Tensor], seeds: Sequence[Tensor | None], retain: bool, create: bool, inputs: Any = None
) -> None:
    """Add gradients to ``.grad`` of the leaves, or of the ``inputs`` where these are given."""
    if inputs is None:
        BackwardPass(create=create, retain=retain).run(roots, seeds)
        return
    wanted = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if not wanted or not all(tensor.requires_grad for tensor in wanted):
        message = "backward: the inputs must be tensors that require grad, at least one"
        raise AutogradError(message, location=user_location())
    work = BackwardPass(create=create, retain=retain, captured=wanted)
    work.run(roots, seeds)
    for tensor in {id(tensor): tensor for tensor in wanted}.values():
        if id(tensor) in work.found:
            accumulate(tensor, work.found[id(tensor)], create)


def plan_number(segment: Segment, position: int) -> int:
    """The number of a value from outside among those of its segment."""
    return plan_of(segment.state, (position,)).inputs[position]


def _place(recording: Recording, tensor: Any) -> int:
    return tensor._position if tensor._recording is recording else enter(recording, tensor)


def _step(recording: Recording, step: Any, like: State) -> int:
    """Take a step whose values are of the kinds of another state's; the position of the first."""
    state = recording.state.next.get(step)
    if state is None:
        state = recording.state.grow(step, like.kinds, like.location)
    recording.state = state
    recording.refs += [None] * len(state.kinds)
    return state.position


def record_gradient(
    recording: Recording,
    roots: tuple[int, ...],
    seeds: tuple[int | None, ...],
    sources: tuple[int, ...],
    *,
    recorded: bool,
) -> int:
    """Take the step of the gradients by the sources; the position of the first. The caller makes tensors of them."""
    recording.state = gradient_state(recording.state, roots, seeds, sources, recorded=recorded)
    return recording.state.position


def _one(tensor: Tensor) -> Tensor:
    from graphc.tensors.creation import ones_like

    return ones_like(tensor)


def _as_tensor(gradient: Any) -> Any:
    return gradient if gradient is None or isinstance(gradient, Tensor) else from_array(gradient)


def _sum(before: Tensor | None, gradient: Any) -> Any:
    return gradient if before is None else record(ADD, (before, gradient))


def accumulate(tensor: Tensor, gradient: Any, create: bool) -> None:
    """Add a gradient (a tensor, or an array that belongs to nobody) to ``.grad``, in place where it is not recorded."""
    before = tensor._grad
    if before is None:
        tensor._grad = gradient if isinstance(gradient, Tensor) else from_array(gradient)
    elif create:
        tensor._grad = record(ADD, (before, _as_tensor(gradient)))
    else:
        from graphc.tensors.memory import add_into

        add_into(before, gradient)
    for hook in list((tensor._after or {}).values()):
        hook(tensor)
