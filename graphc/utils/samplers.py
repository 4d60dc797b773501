"""In which order examples are taken, under the names of ``torch.utils.data``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from graphc.tensors.random import default_generator


class Sampler:
    """The positions of examples: subclass it, and write ``__iter__`` and ``__len__``."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__ method: write one")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__ method: write one")


class SequentialSampler(Sampler):
    """All positions in order."""

    def __init__(self, data_source: Any):
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """All positions in random order, over and over up to ``num_samples``; with ``replacement`` each drawn by itself.

    Raises ``ValueError`` where there is nothing to draw.
    """

    def __init__(
        self, data_source: Any, replacement: bool = False, num_samples: int | None = None,
        generator: np.random.Generator | None = None,
    ):  # fmt: skip
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self.num_samples = len(data_source) if num_samples is None else num_samples
        if self.num_samples < 1 or len(data_source) < 1:
            raise ValueError(f"num_samples={self.num_samples} of {len(data_source)}: both must be at least 1")

    def __iter__(self) -> Iterator[int]:
        rng, total = self.generator or default_generator(), len(self.data_source)
        if self.replacement:
            yield from rng.integers(0, total, self.num_samples).tolist()
            return
        left = self.num_samples
        while left > 0:
            yield from rng.permutation(total)[:left].tolist()
            left -= total

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """These positions in random order."""

    def __init__(self, indices: Sequence[int], generator: np.random.Generator | None = None):
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        order = (self.generator or default_generator()).permutation(len(self.indices))
        return (self.indices[k] for k in order.tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Positions drawn by weights, for classes of different size."""

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True,
        generator: np.random.Generator | None = None,
    ):  # fmt: skip
        self.weights = np.asarray(weights, np.float64)
        if num_samples < 1 or (not replacement and num_samples > self.weights.size):
            raise ValueError(f"num_samples={num_samples} of {self.weights.size} weights")
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator

    def __iter__(self) -> Iterator[int]:
        rng, shares = self.generator or default_generator(), self.weights / self.weights.sum()
        return iter(rng.choice(self.weights.size, self.num_samples, self.replacement, shares).tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """The positions of another sampler, several at a time."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool):
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size}: it must be at least 1")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for place in self.sampler:
            batch.append(int(place))
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole + (rest > 0 and not self.drop_last)
