"""Optimisers: parameter groups, states, and one compiled program that updates all parameters."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.errors import AutogradError
from graphc.nn.module import clear_gradients
from graphc.optim.rules import Rule
from graphc.optim.updates import Member, update
from graphc.tensors.core import Tensor, compute, flush, from_array
from graphc.tensors.hooks import RemovableHandle, add_hook
from graphc.tensors.memory import own, settled
from graphc.tensors.modes import enable_grad
from graphc.tensors.placing import near, on_host
from graphc.tensors.recording import now
from graphc.trace.location import user_location

Group = dict[str, Any]


class Optimizer:
    """The base of all optimisers. ``param_groups``: dicts of ``params`` and options; ``state``: of each parameter."""

    rule: Rule

    def __init__(self, params: Iterable[Any], defaults: Group):
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.param_groups: list[Group] = []
        self._programs: dict[Any, Any] = {}
        self._before: dict[int, Callable[..., Any]] = {}
        self._after: dict[int, Callable[..., Any]] = {}
        given = [params] if isinstance(params, Tensor) else list(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(dict(group))

    def add_param_group(self, param_group: Group) -> None:
        """More parameters, with options of their own where the group has them. Raises ``TypeError``, ``ValueError``."""
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else [p[1] if isinstance(p, tuple) else p for p in params]
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"an optimizer takes tensors, one parameter is a {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError("can't optimize a tensor that was computed of others: only leaf tensors")
        known = {id(p) for group in self.param_groups for p in group["params"]}
        if len({id(p) for p in params}) < len(params) or any(id(p) in known for p in params):
            raise ValueError("some parameters appear in more than one parameter group, or twice in one")
        self.param_groups.append({**self.defaults, **param_group, "params": params})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of all parameters: to None, or to zeros in place."""
        for group in self.param_groups:
            clear_gradients(group["params"], set_to_none)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each ``step``. Returns a handle with ``remove()``."""
        return add_hook(self._before, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each ``step``. Returns a handle with ``remove()``."""
        return add_hook(self._after, hook)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; what is pending is computed first.

        ``closure``: computes the loss and the gradients, and is called first; its result is the result.
        """
        loss, args = None, () if closure is None else (closure,)
        for hook in list(self._before.values()):
            hook(self, args, {})
        if closure is not None:
            with enable_grad():
                loss = closure()
        if now.recording.refs:
            flush(now.recording)
        groups = [
            (group, [self.member(p, group) for p in group["params"] if p._grad is not None])
            for group in self.param_groups
        ]
        update(self._programs, self.rule, groups)
        for hook in list(self._after.values()):
            hook(self, args, {})
        return loss

    def member(self, parameter: Tensor, group: Group) -> Member:
        """The parameter with its states, which are made where it has none, ready for its next step."""
        state = self.state.get(parameter)
        if state is None:
            state = self.state[parameter] = self.rule.first(group)
            for name in self.rule.states(group):
                number = self.rule.initial(group, name)
                kind = parameter._kind
                state[name] = near(settled(np.full(kind.shape, number, kind.dtype)), parameter)
        return parameter, state

    def trial(self) -> list[tuple[Tensor, Any]]:
        """Each parameter that has a gradient, with the values that ``step()`` would give it now; nothing changes.

        By the program of ``step()``, on copies. Empty for an optimizer whose step depends on a closure.
        """
        found: list[tuple[Tensor, Any]] = []
        for group in self.param_groups if hasattr(self, "rule") else ():
            parameters = [p for p in group["params"] if p._grad is not None]
            known = [p in self.state for p in parameters]
            copies = [(_copy(p), {n: _copy(s) if isinstance(s, Tensor) else s for n, s in state.items()})
                      for p, state in (self.member(p, group) for p in parameters)]  # fmt: skip
            for p, was_known in zip(parameters, known, strict=True):
                if not was_known:
                    del self.state[p]
            update(self._programs, self.rule, [(group, copies)])
            found += [(p, compute(made)) for p, (made, _) in zip(parameters, copies, strict=True)]
        return found

    # --- saving -------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """States and options, parameters by number, as PyTorch's ``state_dict`` has them."""
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers[id(p)] = len(numbers)
            packed = {name: value for name, value in group.items() if name != "params"}
            groups.append({**packed, "params": [numbers[id(p)] for p in group["params"]]})
        states = {numbers[id(p)]: self.saved_state(state) for p, state in self.state.items()}
        return {"state": {number: state for number, state in states.items() if state}, "param_groups": groups}

    def saved_state(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """What is saved of the states of a parameter."""
        return {name: value for name, value in state.items() if name != "step" or self.rule.saves_steps}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take states and options. Raises ``AutogradError`` where the groups have other numbers of parameters."""
        groups = state_dict["param_groups"]
        sizes = [len(group["params"]) for group in groups]
        if sizes != [len(group["params"]) for group in self.param_groups]:
            message = f"the state has parameter groups of {sizes} parameters, and the optimizer others"
            raise AutogradError(message, location=user_location())
        params: dict[int, Tensor] = {}
        for mine, theirs in zip(self.param_groups, groups, strict=True):
            params.update(zip(theirs["params"], mine["params"], strict=True))
            mine.update({name: copy.deepcopy(value) for name, value in theirs.items() if name != "params"})
        self.state = {
            params[number]: self.own_state(state, params[number])
            for number, state in state_dict["state"].items()
            if any(value is not None for value in state.values())
        }

    def own_state(self, state: Mapping[str, Any], parameter: Tensor) -> dict[str, Any]:
        """The states of a parameter as tensors of their own, where it is; what counts as numbers; of any library's."""
        made: dict[str, Any] = {"step": 1}  # where it is not saved, all that matters is that there was one
        for name, value in state.items():
            if name == "step":
                made[name] = int(value)
            elif name in self.rule.counters:
                made[name] = float(value)
            else:
                array = on_host(value) if isinstance(value, Tensor) else np.asarray(value)
                made[name] = near(settled(np.array(array)), parameter)
        return made

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            options = [f"    {name}: {value}" for name, value in sorted(group.items()) if name != "params"]
            lines += [f"Parameter Group {number}", *options]
        return "\n".join([*lines, ")"])


def _copy(tensor: Tensor) -> Tensor:
    made = from_array(own(compute(tensor)), tensor._kind.requires_grad)
    made._grad = tensor._grad
    return made


def parameters_of(groups: Sequence[Group]) -> list[Tensor]:
    """All parameters of the groups."""
    return [p for group in groups for p in group["params"]]
