"""``compile_step``: forward, backward and update of a model as one program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.config import settings
from graphc.errors import AutogradError
from graphc.nn.module import Module
from graphc.optim.optimizer import Optimizer
from graphc.optim.rules import Coming
from graphc.optim.updates import Member, record_update
from graphc.tensors.backward import check_root, record_gradient
from graphc.tensors.core import Tensor, enter, flush, from_array
from graphc.tensors.creation import as_tensor
from graphc.tensors.lending import Targets, as_input
from graphc.tensors.plans import plan_of
from graphc.tensors.programs import program_of
from graphc.tensors.recording import Recording, Repeated, now
from graphc.trace.location import user_location

Loss = Callable[..., Tensor]


def compile_step(model: Module, loss: Loss, optimizer: Optimizer) -> CompiledStep:
    """A function that takes one training step: ``step(*inputs, target)`` gives the loss, and updates the parameters.

    >>> model = graphc.nn.Linear(2, 1)
    >>> optimizer = graphc.optim.SGD(model.parameters(), lr=0.1)
    >>> step = graphc.optim.compile_step(model, graphc.nn.MSELoss(), optimizer)
    >>> losses = [step(graphc.ones(4, 2), graphc.zeros(4, 1)).item() for _ in range(20)]
    >>> losses[-1] < losses[0] * 0.01 + 1e-6
    True

    It does what ``loss(model(*inputs), target).backward()`` and ``optimizer.step()`` do, in one compiled program, and
    sets no ``.grad``. The model runs in Python when it meets inputs of new shapes or dtypes, when parameters are
    frozen or unfrozen and modules change between training and evaluation; other numbers that its Python code reads are
    then part of the program. Learning rates and other options of the optimizer are read at every step.

    Args:
        model: a module, or any function of tensors.
        loss: a function of the model's result and the target, which gives a scalar.
        optimizer: what updates the parameters; those without ``requires_grad`` stay as they are.
    Raises: ``AutogradError`` for ``LBFGS``, which evaluates the loss more than once in a step. When called: the loss
        is no scalar or depends on no parameter; the model or the loss reads values of tensors (``item()``, ``print``,
        ``if x > 0``), or depends on tensors that were computed before.
    """
    return CompiledStep(model, loss, optimizer)


class CompiledStep:
    """What ``compile_step`` gives."""

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer):
        if not hasattr(optimizer, "rule"):
            raise AutogradError(
                f"compile_step: {type(optimizer).__name__} evaluates the loss more than once in a step, and its "
                "values decide how often: call optimizer.step(closure), which is compiled, too",
                location=user_location(),
            )
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self._modules = list(model.modules()) if isinstance(model, Module) else []
        self._plans: dict[Any, _Plan] = {}

    def __call__(self, *batch: Any) -> Tensor:
        if now.recording.refs:
            flush(now.recording)
        given = [part if isinstance(part, Tensor) else as_tensor(part) for part in batch]
        groups = self.optimizer.param_groups
        kinds = [p._kind for group in groups for p in group["params"]]
        key = (*[part._kind for part in given], *kinds, *[module.training for module in self._modules],
               now.autocast, settings.disable_jit, settings.nan, settings.code_key())  # fmt: skip
        plan = self._plans.get(key)
        if plan is None or not plan.fits():
            plan = self._plans[key] = _Plan(self, given)
        return plan.run(given)


class _Bucket:
    """Parameters of one group that have taken as many steps, which the same numbers update."""

    def __init__(self, group: dict[str, Any], members: Sequence[Member], first: int, statics: tuple[Any, ...]):
        self.group, self.states, self.first, self.statics = group, [state for _, state in members], first, statics


class _Plan:
    """The program for inputs of these kinds, and where each of its inputs comes from."""

    def __init__(self, step: CompiledStep, batch: Sequence[Tensor]):
        self.rule, self.optimizer = step.optimizer.rule, step.optimizer
        self.is_new = True
        self.buckets: list[_Bucket] = []
        self.targets: list[Tensor] = []
        before, now.recording = now.recording, Repeated()
        enabled, now.enabled = now.enabled, True
        try:
            self._record(step, batch, now.recording)
        finally:
            now.recording, now.enabled = before, enabled

    def _record(self, step: CompiledStep, batch: Sequence[Tensor], recording: Recording) -> None:
        *inputs, target = batch
        loss = step.loss(step.model(*inputs), target)
        self._check(loss, recording)
        written = [t for t in recording.tensors if t is not None and t._array is None]  # running means and their kin
        wanted = [loss._position, *[t._position for t in written]]
        self.targets += written
        wanted += self._updates(step.optimizer, loss._position, recording)
        numbers = {id(tensor): number for number, tensor in enumerate(recording.tensors)}
        self.updated = Targets(self.targets, [numbers[id(tensor)] for tensor in self.targets], results=1)
        self._sort_inputs(batch, recording)
        self.program = program_of(recording.state, wanted, self.updated.given)
        for tensor, array in zip(recording.tensors, recording.arrays, strict=True):
            if tensor is not None and tensor._array is None:
                tensor._array, tensor._recording = array, None
        recording.arrays.clear()  # what is lent is held by its tensor alone

    def _check(self, loss: Tensor, recording: Recording) -> None:
        check_root(loss, None)
        if now.recording is not recording or recording.cuts or loss._array is not None:
            raise AutogradError(
                "compile_step: the model or the loss reads the value of a tensor (item(), print, if x > 0), which one "
                "program cannot: take such parts out, or use loss.backward() and optimizer.step()",
                location=user_location(),
            )

    def _updates(self, optimizer: Optimizer, root: int, recording: Recording) -> list[int]:
        """Record the gradients and the updates of what the optimizer has; the positions of the new values."""
        plan = plan_of(recording.state, (root,))
        numbers = {id(recording.tensors[plan.inputs[p]]): p for p in plan.sources}
        came = [recording.tensors[plan.inputs[p]] for p in plan.sources]
        if any(tensor is not None and tensor._history is not None for tensor in came):
            message = (
                "compile_step: the loss depends on a tensor that was computed before, with a gradient: detach() it"
            )
            raise AutogradError(message, location=user_location())
        groups = optimizer.param_groups
        chosen = [[p for p in group["params"] if id(p) in numbers] for group in groups]
        sources = tuple([numbers[id(p)] for params in chosen for p in params])
        if not sources:
            message = "compile_step: the loss depends on no parameter of the optimizer that requires grad"
            raise AutogradError(message, location=user_location())
        first = record_gradient(recording, (root,), (None,), sources, recorded=False)
        recording.refs += [None] * len(sources)
        gradients = {id(p): first + k for k, p in enumerate(p for params in chosen for p in params)}
        wanted: list[int] = []
        for group, params in zip(groups, chosen, strict=True):
            members = [optimizer.member(p, group) for p in params]
            for coming in sorted({self.rule.coming(state) for _, state in members}):
                alike = [member for member in members if self.rule.coming(member[1]) == coming]
                wanted += self._bucket(group, alike, coming, numbers, gradients, recording)
        return wanted

    def _bucket(
        self,
        group: dict[str, Any],
        members: Sequence[Member],
        coming: Coming,
        places: dict[int, int],
        gradients: dict[int, int],
        recording: Recording,
    ) -> list[int]:
        statics = self.rule.statics(group, *coming)
        self.buckets.append(_Bucket(group, members, len(recording.arrays), statics))
        numbers = [recording.number(number) for number in self.rule.numbers(group, *coming)]
        names = self.rule.states(group)
        wanted: list[int] = []
        for p, state in members:
            states = [enter(recording, state[name]) for name in names]
            operands = (places[id(p)], gradients[id(p)], *states, *numbers)
            wanted += record_update(recording, self.rule, operands, statics, p._kind, len(names))
            self.targets += (p, *[state[name] for name in names])
        return wanted

    def _sort_inputs(self, batch: Sequence[Tensor], recording: Recording) -> None:
        """Tell what is given with each call, what is drawn at random, and what is kept from call to call."""
        places = {id(tensor): number for number, tensor in enumerate(batch)}
        self.inputs = list(recording.arrays)
        for number in self.updated.given.values():
            self.inputs[number] = None
        self.given: list[tuple[int, int]] = []
        self.drawn: list[tuple[int, Callable[[], Any]]] = []
        self.kept: list[tuple[int, Tensor]] = []
        updated = {number for _, number in (*self.updated.lent, *self.updated.rest)}
        for number, tensor in enumerate(recording.tensors):
            if tensor is None:
                continue
            if id(tensor) in places:
                self.given.append((number, places[id(tensor)]))
            elif tensor._source is not None:
                self.drawn.append((number, tensor._source))
            elif number not in updated:
                self.kept.append((number, tensor))

    def fits(self) -> bool:
        """Whether the optimizer would still do the same: as many steps for all of a bucket, no other options."""
        for bucket in self.buckets:
            coming = self.rule.coming(bucket.states[0])
            if self.rule.statics(bucket.group, *coming) != bucket.statics:
                return False
            if any(self.rule.coming(state) != coming for state in bucket.states):
                return False
        return True

    def run(self, batch: Sequence[Tensor]) -> Tensor:
        """One step."""
        inputs = list(self.inputs)  # what is lent is held by nobody afterwards
        for number, place in self.given:
            inputs[number] = as_input(batch[place])
        for number, draw in self.drawn:
            if not self.is_new:  # what was drawn when it was recorded is for the first step
                inputs[number] = draw()
        self.is_new = False
        for number, tensor in self.kept:
            inputs[number] = as_input(tensor)
        for bucket in self.buckets:
            numbers = self.rule.numbers(bucket.group, *self.rule.coming(bucket.states[0]))
            inputs[bucket.first : bucket.first + len(numbers)] = numbers
        (loss,) = self.updated.run(self.program, inputs)
        for bucket in self.buckets:
            counted = self.rule.counted(bucket.group, self.rule.coming(bucket.states[0]))
            for state in bucket.states:
                state.update(counted)
        return from_array(loss)
