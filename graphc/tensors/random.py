"""Random tensors, from one NumPy generator: ``manual_seed`` begins it anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.tensors.core import Tensor, from_array
from graphc.tensors.creation import shape_of
from graphc.tensors.devices import place_of
from graphc.tensors.functions.promotion import Default
from graphc.tensors.kinds import known_dtype
from graphc.tensors.memory import settled
from graphc.tensors.placing import near, on_host, placed
from graphc.tensors.recording import now
from graphc.tensors.writing import copy_


class Generator(np.random.Generator):
    """NumPy's generator with PyTorch's methods; wherever one is taken, any of NumPy's is.

    >>> generator = graphc.Generator().manual_seed(3)
    >>> graphc.randperm(4, generator=generator).shape
    (4,)
    """

    def __init__(self, bit_generator: Any = "cpu"):
        given = bit_generator if isinstance(bit_generator, np.random.BitGenerator) else np.random.PCG64()
        super().__init__(given)
        self._seed: int | None = None

    def manual_seed(self, seed: int) -> Generator:
        """Begin anew from the seed; the generator."""
        self.bit_generator.state = type(self.bit_generator)(abs(int(seed))).state
        self._seed = int(seed)
        return self

    def seed(self) -> int:
        """Begin anew from a seed of the system's; the seed."""
        chosen = int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1)
        self.manual_seed(chosen)
        return chosen

    def initial_seed(self) -> int:
        """The seed that the generator began from last."""
        return self.seed() if self._seed is None else self._seed

    def get_state(self) -> Any:
        """The state, to go on from later."""
        return self.bit_generator.state

    def set_state(self, state: Any) -> Generator:
        """Go on from a state; the generator."""
        self.bit_generator.state = state
        return self


class _Default:
    """The generator that is used where none is given; made when it is first needed."""

    current: Generator | None = None


def manual_seed(seed: int) -> Generator:
    """Begin the default generator anew from the seed; the generator.

    The numbers are those of ``numpy.random.default_rng(seed)``, not PyTorch's.
    """
    _Default.current = Generator().manual_seed(seed)
    return _Default.current


def default_generator() -> Generator:
    """The generator that functions without ``generator=`` draw from."""
    if _Default.current is None:
        _Default.current = Generator()
    return _Default.current


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator().initial_seed()


def seed() -> int:
    """Begin the default generator anew from a seed of the system's; the seed."""
    return default_generator().seed()


def get_rng_state() -> dict[str, Any]:
    """The state of the default generator, as ``Generator.bit_generator.state`` has it: to go on from later."""
    return default_generator().bit_generator.state  # type: ignore[return-value]


def set_rng_state(state: dict[str, Any]) -> None:
    """Go on from a state of the default generator. Raises ``ValueError`` for that of another kind of generator."""
    default_generator().bit_generator.state = state


def drawn(draw: Callable[[], Any], dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor of what ``draw`` gives; inside a compiled function it is drawn anew at each call.

    Numbers are drawn on the CPU, so that they are the same on every device.
    """
    wanted = known_dtype(dtype or Default.dtype)
    if now.recording.traced:
        from graphc.tensors.traced import drawn as traced_drawn

        return traced_drawn(lambda: settled(np.asarray(draw(), wanted)))
    place = place_of(device)

    def source() -> Any:
        return placed(settled(np.asarray(draw(), wanted)), place)

    made = from_array(source())
    if now.recording.redraws and not requires_grad:
        made._source = source
    return made.requires_grad_() if requires_grad else made


def known(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape in numbers."""
    return tuple([int(size) for size in sizes])


def rand(
    *size: Any, generator: np.random.Generator | None = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Uniform numbers in [0, 1)."""
    shape = known(shape_of(size))
    return drawn(lambda: (generator or default_generator()).random(shape), dtype, requires_grad, device)


def randn(
    *size: Any, generator: np.random.Generator | None = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Standard normal numbers."""
    shape = known(shape_of(size))
    return drawn(lambda: (generator or default_generator()).standard_normal(shape), dtype, requires_grad, device)


def randint(low: int, high: Any = None, size: Any = (), *, generator: np.random.Generator | None = None,
            dtype: Any = None, device: Any = None) -> Tensor:  # fmt: skip
    """Whole numbers from ``low`` (0 where only one bound is given) below ``high``, as int64."""
    if isinstance(high, tuple | list):
        high, size = None, high
    low, high = (0, low) if high is None else (low, high)
    shape = known(shape_of((size,)))
    draw = lambda: (generator or default_generator()).integers(low, high, shape)  # noqa: E731
    return drawn(draw, dtype or np.int64, device=device)


def randperm(n: int, *, generator: np.random.Generator | None = None) -> Tensor:
    """The numbers below n in random order, as int64."""
    return drawn(lambda: (generator or default_generator()).permutation(int(n)), np.int64)


def rand_like(input: Tensor, *, dtype: Any = None) -> Tensor:
    """Uniform numbers in [0, 1), of the tensor's shape and dtype."""
    return rand(*input._kind.shape, dtype=dtype or input._kind.dtype, device=input.device)


def randn_like(input: Tensor, *, dtype: Any = None) -> Tensor:
    """Standard normal numbers, of the tensor's shape and dtype."""
    return randn(*input._kind.shape, dtype=dtype or input._kind.dtype, device=input.device)


def randint_like(input: Tensor, low: int, high: int | None = None) -> Tensor:
    """Whole numbers from ``low`` below ``high``, of the tensor's shape and dtype."""
    return randint(low, high, input._kind.shape, dtype=input._kind.dtype, device=input.device)


def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: np.random.Generator | None = None,
    dtype: Any = None,
) -> Tensor:  # fmt: skip
    """Normal numbers of this mean and standard deviation, numbers or tensors."""
    shapes = [part._kind.shape for part in (mean, std) if isinstance(part, Tensor)]
    shape = np.broadcast_shapes(*shapes) if size is None else shape_of((size,))
    device = next((part.device for part in (mean, std) if isinstance(part, Tensor)), None)
    made: Any = randn(*shape, generator=generator, dtype=dtype, device=device)
    return made * std + mean


def bernoulli(input: Tensor, *, generator: np.random.Generator | None = None) -> Tensor:
    """For each probability 1 or 0, in its dtype."""
    drawn_: Any = rand(*input._kind.shape, generator=generator, dtype=input._kind.dtype, device=input.device)
    return (drawn_ < input.detach()).to(input._kind.dtype)


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: np.random.Generator | None = None
) -> Tensor:
    """Positions drawn by their weights, from a vector or from each row of a matrix."""
    rng = generator or default_generator()
    weights = np.asarray(on_host(input), np.float64)
    rows = [
        rng.choice(row.size, num_samples, replacement, row / row.sum())
        for row in weights.reshape(-1, weights.shape[-1])
    ]
    return near(np.array(rows, np.int64).reshape(*weights.shape[:-1], num_samples), input)


# --- in place ---------------------------------------------------------------------------------------------------------


def uniform_(self: Tensor, a: float = 0.0, b: float = 1.0, *, generator: np.random.Generator | None = None) -> Tensor:
    """Write uniform numbers between a and b; the tensor."""
    made: Any = rand(*self._kind.shape, generator=generator, dtype=self._kind.dtype, device=self.device)
    return copy_(self, made * (b - a) + a)


def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: np.random.Generator | None = None
) -> Tensor:
    """Write normal numbers; the tensor."""
    made: Any = randn(*self._kind.shape, generator=generator, dtype=self._kind.dtype, device=self.device)
    return copy_(self, made * std + mean)


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: np.random.Generator | None = None) -> Tensor:
    """Write 1 with probability p, else 0; the tensor."""
    made: Any = rand(*self._kind.shape, generator=generator, device=self.device)
    return copy_(self, made < p)


def random_(self: Tensor, low: int = 0, high: int | None = None) -> Tensor:
    """Write whole numbers from ``low`` below ``high`` (by default as many as the dtype holds); the tensor."""
    most = 2**24 if self._kind.dtype.itemsize == 4 else 2**53
    low, high = (low, most) if high is None and low == 0 else (0, low) if high is None else (low, high)
    return copy_(self, randint(low, high, self._kind.shape, device=self.device))


def _law_(name: str, draw: Callable[..., Any]) -> Callable[..., Tensor]:
    def call(self: Tensor, *parameters: float, generator: np.random.Generator | None = None, **named: float) -> Tensor:
        rng, shape = generator or default_generator(), self._kind.shape
        return copy_(self, drawn(lambda: draw(rng, shape, *parameters, **named), device=self.device))

    call.__name__ = name
    call.__doc__ = f"Write numbers of the {name[:-1].replace('_', '-')} law; the tensor."
    return call


exponential_ = _law_("exponential_", lambda rng, shape, lambd=1.0: rng.exponential(1 / lambd, shape))
log_normal_ = _law_("log_normal_", lambda rng, shape, mean=1.0, std=2.0: rng.lognormal(mean, std, shape))
geometric_ = _law_("geometric_", lambda rng, shape, p: rng.geometric(p, shape))
cauchy_ = _law_("cauchy_", lambda rng, shape, median=0.0, sigma=1.0: median + sigma * rng.standard_cauchy(shape))


def poisson(input: Tensor, *, generator: np.random.Generator | None = None) -> Tensor:
    """For each rate a number of Poisson's law, in its dtype."""
    rates, rng = on_host(input), generator or default_generator()
    return drawn(lambda: rng.poisson(rates), input._kind.dtype, device=input.device)


def binomial(count: Tensor, prob: Tensor, *, generator: np.random.Generator | None = None) -> Tensor:
    """For each number of trials and probability how many succeed, in the dtype of the counts."""
    counts, shares, rng = on_host(count), on_host(prob), generator or default_generator()
    return drawn(lambda: rng.binomial(counts.astype(np.int64), shares), count._kind.dtype, device=count.device)


METHODS = {
    "exponential_": exponential_, "log_normal_": log_normal_, "geometric_": geometric_, "cauchy_": cauchy_,
    "uniform_": uniform_, "normal_": normal_, "bernoulli_": bernoulli_, "random_": random_, "bernoulli": bernoulli,
    "multinomial": multinomial,
}  # fmt: skip
