"""Data sets and batches of them, under PyTorch's names: ``TensorDataset``, ``DataLoader``, ``random_split``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.tensors.core import Tensor, from_array
from graphc.tensors.creation import as_tensor
from graphc.tensors.random import default_generator
from graphc.tensors.shaping import stack
from graphc.tensors.tensor import Tensor as _complete  # the methods of tensors

__all__ = ["DataLoader", "Dataset", "Subset", "TensorDataset", "default_collate", "random_split"]


class Dataset:
    """A sequence of examples: subclass it, and write ``__len__`` and ``__getitem__``."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__ method: write one")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__ method: write one")


class TensorDataset(Dataset):
    """The rows of tensors of one length: ``dataset[i]`` is a tuple of the i-th of each."""

    def __init__(self, *tensors: Tensor):
        if any(len(tensor) != len(tensors[0]) for tensor in tensors):
            raise ValueError(f"the tensors have different lengths: {[len(tensor) for tensor in tensors]}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple([tensor[index] for tensor in self.tensors])  # type: ignore[index]

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset):
    """These examples of a data set."""

    def __init__(self, dataset: Any, indices: Sequence[int]):
        self.dataset, self.indices = dataset, list(indices)

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Any, lengths: Sequence[float], generator: np.random.Generator | None = None) -> list[Subset]:
    """The data set at random in parts of these lengths, or of these shares of it. Raises ``ValueError``."""
    total = len(dataset)
    sizes = [int(length) for length in lengths]
    if abs(sum(lengths) - 1.0) < 1e-9 and any(isinstance(length, float) for length in lengths):
        sizes = [int(total * share) for share in lengths]
        for k in range(total - sum(sizes)):
            sizes[k % len(sizes)] += 1
    if sum(sizes) != total:
        raise ValueError(f"the lengths {list(lengths)} do not add up to {total}, the length of the data set")
    order = (generator or default_generator()).permutation(total).tolist()
    ends = np.cumsum(sizes).tolist()
    return [Subset(dataset, order[end - size : end]) for end, size in zip(ends, sizes, strict=True)]


def default_collate(batch: Sequence[Any]) -> Any:
    """Examples as one batch: numbers and tensors along a new first dimension, in tuples and dicts part by part."""
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(batch)
    if isinstance(first, np.ndarray | np.generic | int | float):
        return as_tensor(np.stack([np.asarray(part) for part in batch]))
    if isinstance(first, Mapping):
        return {key: default_collate([part[key] for part in batch]) for key in first}
    if isinstance(first, tuple | list):
        return [default_collate(list(parts)) for parts in zip(*batch, strict=True)]
    return list(batch)


class DataLoader:
    """Batches of a data set, in order or shuffled anew at each iteration.

    >>> dataset = graphc.utils.data.TensorDataset(graphc.arange(5), graphc.zeros(5, 2))
    >>> [(x.tolist(), y.shape) for x, y in graphc.utils.data.DataLoader(dataset, batch_size=2)]
    [([0, 1], (2, 2)), ([2, 3], (2, 2)), ([4], (1, 2))]

    Args:
        dataset: anything with a length and items; batches of a ``TensorDataset`` are taken at once.
        batch_size: how many examples; the last batch may be smaller, unless ``drop_last``.
        shuffle: whether in random order, from ``generator`` or ``graphc.manual_seed``.
        collate_fn: makes a batch of a list of examples.
        num_workers, pin_memory: PyTorch's; examples are always taken in this process.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        num_workers: int = 0,
        collate_fn: Callable[[Sequence[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        generator: np.random.Generator | None = None,
    ):
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size}: it must be at least 1")
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle
        self.collate_fn, self.drop_last, self.generator = collate_fn, drop_last, generator

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        total = len(self.dataset)
        order = (self.generator or default_generator()).permutation(total) if self.shuffle else np.arange(total)
        for k in range(len(self)):
            yield self._batch(order[k * self.batch_size : (k + 1) * self.batch_size])

    def _batch(self, places: np.ndarray) -> Any:
        if isinstance(self.dataset, TensorDataset) and self.collate_fn is None:
            return list(self.dataset[from_array(np.ascontiguousarray(places))])
        return (self.collate_fn or default_collate)([self.dataset[int(k)] for k in places])


del _complete
