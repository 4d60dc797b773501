"""The base of all modules: parameters, buffers and submodules, found among the attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from graphc.abi import BFLOAT16
from graphc.errors import AutogradError, nearest
from graphc.ir.types import is_real_float
from graphc.nn.parameter import Parameter
from graphc.tensors.core import Tensor, compute
from graphc.tensors.devices import is_device, place_of
from graphc.tensors.hooks import RemovableHandle, add_hook
from graphc.tensors.interchange import replace
from graphc.tensors.kinds import known_dtype
from graphc.tensors.memory import own as own_values
from graphc.tensors.memory import settled
from graphc.tensors.placing import moved_in_place, near, on_host, placed
from graphc.tensors.recording import now
from graphc.tensors.traced import TracedTensor, lifted
from graphc.tensors.writing import copy_
from graphc.trace.callees import traced_callee
from graphc.trace.location import user_location

M = TypeVar("M", bound="Module")
Hook = Callable[..., Any]


class LoadResult(NamedTuple):
    """What ``load_state_dict`` did not find, and what it had no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """A part of a model: subclass it, keep parameters and modules as attributes, and write ``forward``.

    >>> class Model(graphc.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = graphc.nn.Linear(3, 2)
    ...     def forward(self, x):
    ...         return self.layer(x).relu()
    >>> [name for name, _ in Model().named_parameters()]
    ['layer.weight', 'layer.bias']

    Attributes are all there is: a ``Parameter`` is a parameter, a ``Module`` a submodule, and what ``register_buffer``
    was given a buffer. ``training`` tells dropout and batch normalisation what to do.
    """

    training: bool = True
    _forward_hooks: dict[int, tuple[Hook, bool]] = {}  # noqa: RUF012 - of the instance where there are some
    _forward_pre_hooks: dict[int, tuple[Hook, bool]] = {}  # noqa: RUF012
    _buffers: dict[str, bool] = {}  # noqa: RUF012 - the names of buffers and whether they are saved; never changed here

    def __init__(self) -> None:
        self.training = True

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name)
        for kind in (Parameter, Module):
            if isinstance(before, kind) and not (value is None or isinstance(value, kind)):
                message = (
                    f"{type(self).__name__}.{name} is a {kind.__name__}, which a {type(value).__name__} cannot replace"
                )
                raise TypeError(f"{message}: give a {kind.__name__}, None, or write into {name}.data")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in self._buffers:
            del self._buffers[name]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        from graphc.nn.containers import register

        register(cls)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if now.recording.traced or self._forward_hooks or self._forward_pre_hooks:
            return self._called(args, kwargs)
        for arg in args:
            if type(arg) is np.ndarray:
                return self._called(args, kwargs)
        return self.forward(*args, **kwargs)

    def _called(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The call with hooks, of arrays, or inside a compiled function."""
        forward: Any = self.forward
        if now.recording.traced:
            forward = traced_callee(forward)
        given, named = tuple(map(lifted, args)), {name: lifted(value) for name, value in kwargs.items()}
        for hook, takes_named in list(self._forward_pre_hooks.values()):
            changed = hook(self, given, named) if takes_named else hook(self, given)
            if changed is not None and takes_named:
                given, named = changed
            elif changed is not None:
                given = changed if isinstance(changed, tuple) else (changed,)
        result = forward(*given, **named)
        for hook, takes_named in list(self._forward_hooks.values()):
            changed = hook(self, given, named, result) if takes_named else hook(self, given, result)
            result = result if changed is None else changed
        return result

    def register_forward_hook(self, hook: Hook, *, with_kwargs: bool = False) -> RemovableHandle:
        """Call ``hook(module, inputs, result)`` after each call; what it returns, unless None, is the result.

        ``with_kwargs``: it is called as ``hook(module, args, kwargs, result)``. Returns a handle with ``remove()``.
        """
        return self._hooked("_forward_hooks", hook, with_kwargs)

    def register_forward_pre_hook(self, hook: Hook, *, with_kwargs: bool = False) -> RemovableHandle:
        """Call ``hook(module, inputs)`` before each call; what it returns, unless None, are the inputs.

        ``with_kwargs``: it is called as ``hook(module, args, kwargs)``, and returns both.
        """
        return self._hooked("_forward_pre_hooks", hook, with_kwargs)

    def _hooked(self, where: str, hook: Hook, with_kwargs: bool) -> RemovableHandle:
        return add_hook(self.__dict__.setdefault(where, {}), (hook, with_kwargs))

    def forward(self, *args: Any) -> Any:
        """What the module computes; to be written by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} has no forward method: write one")

    # --- what it has --------------------------------------------------------------------------------------------------

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Keep a tensor that is part of the state but not trained; a ``persistent`` one is in the ``state_dict``."""
        if "_buffers" not in self.__dict__:
            self._buffers = {}
        self._buffers[name] = persistent
        setattr(self, name, tensor)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Keep a parameter under this name."""
        setattr(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """Keep a submodule under this name."""
        setattr(self, name, module)

    register_module = add_module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The submodules, by attribute."""
        for name, value in self.__dict__.items():
            if isinstance(value, Module):
                yield name, value

    def children(self) -> Iterator[Module]:
        """The submodules."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, each once unless ``remove_duplicate`` is false, by path."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self.named_children():
            yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all below it."""
        return (module for _, module in self.named_modules())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters, each once unless ``remove_duplicate`` is false, by path."""
        seen: set[int] = set()
        places = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in places:
            for name, value in module.__dict__.items():
                if is_parameter(value) and not (remove_duplicate and id(value) in seen):
                    seen.add(id(value))
                    yield (f"{path}.{name}" if path else name), value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """The buffers, by path."""
        for path, module in self.named_modules(prefix=prefix) if recurse else [(prefix, self)]:
            for name in module._buffers:
                if module.__dict__[name] is not None:
                    yield (f"{path}.{name}" if path else name), module.__dict__[name]

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module at this path, ``"layers.0"``; this one for ``""``. Raises ``AttributeError``."""
        found: Any = self
        for name in target.split(".") if target else []:
            found = getattr(found, name, None)
            if not isinstance(found, Module):
                raise AttributeError(
                    f"{type(self).__name__} has no submodule {target!r}{nearest(target, self._paths())}"
                )
        return found

    def set_submodule(self, target: str, module: Module) -> None:
        """Put a module in place of the one at this path. Raises ``AttributeError``."""
        self.get_submodule(target)
        path, _, name = target.rpartition(".")
        setattr(self.get_submodule(path), name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at this path. Raises ``AttributeError``."""
        return self._at(target, "parameter", dict(self.named_parameters()))

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at this path. Raises ``AttributeError``."""
        return self._at(target, "buffer", dict(self.named_buffers()))

    def _at(self, target: str, what: str, known: Mapping[str, Any]) -> Any:
        if target not in known:
            raise AttributeError(f"{type(self).__name__} has no {what} {target!r}{nearest(target, known)}")
        return known[target]

    def _paths(self) -> list[str]:
        return [name for name, _ in self.named_modules() if name]

    # --- state --------------------------------------------------------------------------------------------------------

    def _state(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        """Parameters, persistent buffers and those of the submodules, in PyTorch's order."""
        for name, value in self.__dict__.items():
            if is_parameter(value):
                yield prefix + name, value
        for name, persistent in self._buffers.items():
            if persistent and self.__dict__[name] is not None:
                yield prefix + name, self.__dict__[name]
        for name, module in self.named_children():
            yield from module._state(f"{prefix}{name}.")

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """Parameters and buffers by path, as PyTorch names them; they share memory with the module's.

        ``keep_vars``: the very parameters and buffers.
        """
        return {name: tensor if keep_vars else tensor.detach() for name, tensor in self._state(prefix)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> LoadResult:
        """Take values from tensors or arrays (PyTorch's too) by path.

        ``strict``: every path must be there, and none beside. ``assign``: also their dtypes and where they are.
        Raises ``AutogradError`` where names or shapes differ.
        """
        own = dict(self._state())
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        wrong = [
            f"{name} has shape {tuple(state_dict[name].shape)}, the module's {own[name]._kind.shape}"
            for name in own
            if name in state_dict and tuple(np.shape(state_dict[name])) != own[name]._kind.shape
        ]
        problems = [f"missing: {', '.join(missing)}"] * bool(missing and strict)
        problems += [f"unexpected: {', '.join(unexpected)}"] * bool(unexpected and strict)
        if problems or wrong:
            message = f"load_state_dict of {type(self).__name__}: {'; '.join([*problems, *wrong])}"
            raise AutogradError(message, location=user_location())
        for name, tensor in own.items():
            if name in state_dict:
                given = state_dict[name]
                if assign:
                    replace(
                        tensor, own_values(compute(given)) if isinstance(given, Tensor) else settled(np.array(given))
                    )
                    continue
                copy_detached(tensor, on_host(given) if isinstance(given, Tensor) else np.asarray(given))
        return LoadResult(missing, unexpected)

    # --- what it does -------------------------------------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Set ``training`` here and below; the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """``train(False)``."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Freeze (False) or unfreeze all parameters here and below; the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of all parameters: to None, or to zeros in place."""
        clear_gradients(self.parameters(), set_to_none)

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call the function with every module, those below first; the module."""
        for module in self.children():
            module.apply(function)
        function(self)
        return self

    def to(self: M, *args: Any, dtype: Any = None, device: Any = None) -> M:
        """Convert all floating parameters and buffers to a dtype, and bring all to a device; the module.

        Raises ``CudaError`` for a device that is not there.
        """
        for arg in args:
            if isinstance(arg, Tensor):
                device, dtype = arg.device, arg.dtype
            elif is_device(arg) or type(arg) is int:
                device = arg
            else:
                dtype = arg
        place = place_of(device)
        for tensor in [*self.parameters(), *self.buffers()]:
            if dtype is not None and is_real_float(tensor._kind.dtype) and tensor._kind.dtype != known_dtype(dtype):
                values = settled(np.array(on_host(tensor)).astype(known_dtype(dtype)))
                replace(tensor, placed(values, tensor._kind.place))
            if device is not None:
                moved_in_place(tensor, place)
        return self

    def cpu(self: M) -> M:
        """All parameters and buffers on the CPU; the module."""
        return self.to("cpu")

    def cuda(self: M, device: Any = None) -> M:
        """All parameters and buffers on a CUDA device, the first one by default; the module. Raises ``CudaError``."""
        return self.to("cuda" if device is None else device)

    def double(self: M) -> M:
        """All floating parameters and buffers in float64; the module."""
        return self.to(np.float64)

    def float(self: M) -> M:
        """All floating parameters and buffers in float32; the module."""
        return self.to(np.float32)

    def bfloat16(self: M) -> M:
        """All floating parameters and buffers in bfloat16: stored in 16 bits, computed in float32."""
        return self.to(BFLOAT16)

    def half(self: M) -> M:
        """All floating parameters and buffers in float16: stored in 16 bits, computed in float32."""
        return self.to(np.float16)

    def extra_repr(self) -> str:
        """What stands in the parentheses of ``repr``."""
        return ""

    def __repr__(self) -> str:
        lines = [f"  ({name}): {module!r}".replace("\n", "\n  ") for name, module in self.named_children()]
        body = self.extra_repr()
        return f"{type(self).__name__}({body})" if not lines else "\n".join([f"{type(self).__name__}(", *lines, ")"])


def is_parameter(obj: Any) -> bool:
    """Whether the object is a parameter, also while a compiled function is traced."""
    return isinstance(obj, Parameter) or (isinstance(obj, TracedTensor) and issubclass(obj.origin.cls, Parameter))


def copy_detached(tensor: Tensor, values: np.ndarray) -> None:
    """Write values into a tensor without recording it."""
    copy_(tensor.detach(), near(settled(np.array(values)), tensor))


def clear_gradients(tensors: Any, set_to_none: bool) -> None:
    """Clear the gradients of the tensors: to None, or to zeros in place."""
    for tensor in tensors:
        if set_to_none:
            tensor._grad = None
        elif tensor._grad is not None:
            tensor._grad = tensor._grad.detach()
            tensor._grad.zero_()
