"""Recurrent layers: ``LSTM``, ``GRU`` and ``RNN``, with PyTorch's options, states and names of weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphc.errors import ShapeError
from graphc.nn import functional as F
from graphc.nn import init
from graphc.nn.module import Module
from graphc.nn.parameter import Parameter
from graphc.tensors.core import Tensor
from graphc.tensors.creation import zeros
from graphc.tensors.declaring import several
from graphc.tensors.shaping import cat, stack
from graphc.trace.location import user_location


class _Recurrent(Module):
    """Layers and directions, each a loop over time of its own. All weights begin uniform, bound by ``1/sqrt(h)``."""

    function = ""
    gates = 1
    states = 1

    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        dtype: Any = None,
    ):
        super().__init__()
        if not 0 <= proj_size < hidden_size or (proj_size and self.function != "lstm"):
            raise ValueError(f"proj_size={proj_size}: it must be less than hidden_size, and only LSTM has it")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        width = proj_size or hidden_size
        for layer in range(num_layers):
            given = input_size if layer == 0 else width * (1 + bidirectional)
            for suffix in self._suffixes(layer):
                self._add("weight_ih", suffix, (self.gates * hidden_size, given), dtype)
                self._add("weight_hh", suffix, (self.gates * hidden_size, width), dtype)
                if bias:
                    self._add("bias_ih", suffix, (self.gates * hidden_size,), dtype)
                    self._add("bias_hh", suffix, (self.gates * hidden_size,), dtype)
                if proj_size:
                    self._add("weight_hr", suffix, (proj_size, hidden_size), dtype)
        self.reset_parameters()

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}{end}" for end in ("", "_reverse")[: 1 + self.bidirectional]]

    def _add(self, name: str, suffix: str, shape: tuple[int, ...], dtype: Any) -> None:
        setattr(self, name + suffix, Parameter(zeros(*shape, dtype=dtype)))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: PyTorch's name for what its GPU code needs."""

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """(l, n, input_size), with ``batch_first`` (n, l, input_size), without n for one sequence: outputs, states."""
        rank = len(input._kind.shape)
        if rank not in (2, 3) or input._kind.shape[-1] != self.input_size:
            message = f"{type(self).__name__} with input_size={self.input_size} got an input of {input._kind.shape}"
            raise ShapeError(message, location=user_location())
        is_batch, swapped = rank == 3, rank == 3 and self.batch_first
        x: Any = input.transpose(0, 1) if swapped else input if is_batch else input.unsqueeze(1)
        states = self._initial(x, hx, is_batch)
        lasts: list[Sequence[Tensor]] = []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                x = F.dropout(x, self.dropout)
            made = [self._run(x, states, layer, k) for k in range(1 + self.bidirectional)]
            x = made[0][0] if len(made) == 1 else cat([outputs for outputs, *_ in made], -1)
            lasts += [last for _, *last in made]
        final = [stack([last[k] for last in lasts]) for k in range(self.states)]
        final = final if is_batch else [state.squeeze(1) for state in final]
        result = x.transpose(0, 1) if swapped else x if is_batch else x.squeeze(1)
        return result, self._packed(final)

    def _initial(self, x: Any, hx: Any, is_batch: bool) -> list[Tensor]:
        """The states to begin with, (layers * directions, n, h) each; zeros where none are given."""
        count, n = self.num_layers * (1 + self.bidirectional), x._kind.shape[1]
        if hx is None:
            widths = (self.proj_size or self.hidden_size, self.hidden_size)[: self.states]
            return [zeros(count, n, width, dtype=x._kind.dtype, device=x.device) for width in widths]
        given = list(hx) if self.states > 1 else [hx]
        if len(given) != self.states or any(len(state._kind.shape) != 2 + is_batch for state in given):
            message = f"{type(self).__name__}: the states must be {self.states}, of {2 + is_batch} dimensions each"
            raise ShapeError(message, location=user_location())
        return given if is_batch else [state.unsqueeze(1) for state in given]

    def _run(self, x: Any, states: Sequence[Any], layer: int, direction: int) -> Sequence[Tensor]:
        """One layer in one direction: its outputs and its last states."""
        suffix = self._suffixes(layer)[direction]
        begin: list[Any] = [state[layer * (1 + self.bidirectional) + direction] for state in states]
        names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] + ["weight_hr"] * (self.function == "lstm")
        weights = [getattr(self, name + suffix, None) for name in names]
        operands = (x, *begin, *weights)
        return several(self.function, operands, (bool(direction), *self._options()))

    def _options(self) -> tuple[Any, ...]:
        return ()

    def _packed(self, states: list[Tensor]) -> Any:
        return states[0]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        return text


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997): ``outputs, (h, c) = module(input, (h0, c0))``.

    >>> layer = graphc.nn.LSTM(3, 5, batch_first=True)
    >>> outputs, (h, c) = layer(graphc.zeros(2, 7, 3))
    >>> outputs.shape, h.shape
    ((2, 7, 5), (1, 2, 5))

    The steps of time are a loop of the compiled program, whatever the length. ``proj_size``: outputs and hidden states
    of that size, by a further weight.
    """

    function, gates, states = "lstm", 4, 2

    def _packed(self, states: list[Tensor]) -> Any:
        return tuple(states)


class GRU(_Recurrent):
    """Gated recurrent units (Cho et al., 2014): ``outputs, h = module(input, h0)``."""

    function, gates = "gru", 3


class RNN(_Recurrent):
    """``h = tanh(W x + b + U h + c)``, or relu (``nonlinearity``): ``outputs, h = module(input, h0)``."""

    function = "rnn"

    def __init__(self, *args: Any, nonlinearity: str = "tanh", **options: Any):
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity={nonlinearity!r}: expected 'tanh' or 'relu'")
        if len(args) > 3:  # which stands there in PyTorch
            args, nonlinearity = (*args[:3], *args[4:]), args[3]
        super().__init__(*args, **options)
        self.nonlinearity = nonlinearity

    def _options(self) -> tuple[Any, ...]:
        return (self.nonlinearity,)


# --- one step ---------------------------------------------------------------------------------------------------------


class _Cell(Module):
    """One step of a recurrent layer: (n, input_size), or (input_size,), and the state before it."""

    function = ""
    gates = 1
    states = 1

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: Any = None):
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        width = self.gates * hidden_size
        self.weight_ih = Parameter(zeros(width, input_size, dtype=dtype))
        self.weight_hh = Parameter(zeros(width, hidden_size, dtype=dtype))
        self.bias_ih = Parameter(zeros(width, dtype=dtype)) if bias else None
        self.bias_hh = Parameter(zeros(width, dtype=dtype)) if bias else None
        bound = 1.0 / math.sqrt(hidden_size) if hidden_size else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """The state after the step."""
        is_batch = len(input._kind.shape) == 2
        x: Any = input if is_batch else input.unsqueeze(0)
        given = [] if hx is None else list(hx) if self.states > 1 else [hx]
        begin = [state if is_batch else state.unsqueeze(0) for state in given]
        begin = begin or [x.new_zeros(x._kind.shape[0], self.hidden_size) for _ in range(self.states)]
        weights = [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh] + [None] * (self.function == "lstm")
        _, *after = several(self.function, (x.unsqueeze(0), *begin, *weights), (False, *self._options()))
        states = after if is_batch else [state.squeeze(0) for state in after]
        return states[0] if self.states == 1 else tuple(states)

    def _options(self) -> tuple[Any, ...]:
        return ()

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class LSTMCell(_Cell):
    """One step of ``LSTM``: ``h, c = cell(input, (h, c))``."""

    function, gates, states = "lstm", 4, 2


class GRUCell(_Cell):
    """One step of ``GRU``: ``h = cell(input, h)``."""

    function, gates = "gru", 3


class RNNCell(_Cell):
    """One step of ``RNN``: ``h = cell(input, h)``."""

    function = "rnn"

    def __init__(self, *args: Any, nonlinearity: str = "tanh", **options: Any):
        super().__init__(*args, **options)
        self.nonlinearity = nonlinearity

    def _options(self) -> tuple[Any, ...]:
        return (self.nonlinearity,)
