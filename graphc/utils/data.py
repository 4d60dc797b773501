"""Data sets and batches of them, under PyTorch's names: ``TensorDataset``, ``DataLoader``, ``random_split``, ..."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.tensors.core import Tensor, from_array
from graphc.tensors.creation import as_tensor
from graphc.tensors.random import default_generator
from graphc.tensors.shaping import stack
from graphc.tensors.tensor import Tensor as _complete  # the methods of tensors
from graphc.utils.samplers import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler", "ConcatDataset", "DataLoader", "Dataset", "IterableDataset", "RandomSampler", "Sampler",
    "SequentialSampler", "Subset", "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "default_collate",
    "default_convert", "get_worker_info", "random_split",
]  # fmt: skip


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


class IterableDataset:
    """A stream of examples: subclass it, and write ``__iter__``."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__ method: write one")


class ConcatDataset(Dataset):
    """Data sets one after the other. Raises ``ValueError`` where there is none."""

    def __init__(self, datasets: Sequence[Any]):
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset needs at least one data set")
        self.cumulative_sizes = np.cumsum([len(dataset) for dataset in self.datasets]).tolist()

    def __getitem__(self, index: int) -> Any:
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"example {index} of {len(self)}")
        which = bisect.bisect_right(self.cumulative_sizes, place)
        return self.datasets[which][place - (self.cumulative_sizes[which - 1] if which else 0)]

    def __len__(self) -> int:
        return int(self.cumulative_sizes[-1])


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


def default_convert(data: Any) -> Any:
    """Arrays and numbers of NumPy as tensors, in tuples and dicts part by part; anything else as it is."""
    if isinstance(data, np.ndarray | np.generic):
        return as_tensor(np.asarray(data))
    if isinstance(data, Mapping):
        return {key: default_convert(part) for key, part in data.items()}
    return [default_convert(part) for part in data] if isinstance(data, tuple | list) else data


def get_worker_info() -> None:
    """None: examples are taken in this process."""
    return


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
    """Batches of a data set, in order, shuffled anew at each iteration, or as a sampler says.

    >>> dataset = graphc.utils.data.TensorDataset(graphc.arange(5), graphc.zeros(5, 2))
    >>> [(x.tolist(), y.shape) for x, y in graphc.utils.data.DataLoader(dataset, batch_size=2)]
    [([0, 1], (2, 2)), ([2, 3], (2, 2)), ([4], (1, 2))]

    Args:
        dataset: anything with a length and items, or an ``IterableDataset``; batches of a ``TensorDataset`` are taken
            at once.
        batch_size: how many examples; the last batch may be smaller, unless ``drop_last``. None: one by one.
        shuffle: whether in random order, from ``generator`` or ``graphc.manual_seed``.
        sampler, batch_sampler: gives positions, or lists of them, in place of ``shuffle`` and ``batch_size``.
        collate_fn: makes a batch of a list of examples.
        num_workers, pin_memory, timeout, worker_init_fn, multiprocessing_context, prefetch_factor, persistent_workers,
            pin_memory_device, in_order: PyTorch's; examples are always taken in this process.
    Raises: ``ValueError`` for options that exclude each other.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's parameters
        self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None, sampler: Any = None,
        batch_sampler: Any = None, num_workers: int = 0, collate_fn: Callable[[Sequence[Any]], Any] | None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0, worker_init_fn: Any = None,
        multiprocessing_context: Any = None, generator: np.random.Generator | None = None, *,
        prefetch_factor: int | None = None, persistent_workers: bool = False, pin_memory_device: str = "",
        in_order: bool = True,
    ):  # fmt: skip
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size={batch_size}: it must be at least 1")
        if sampler is not None and shuffle:
            raise ValueError("sampler excludes shuffle: the sampler says the order")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("batch_sampler excludes batch_size, shuffle, sampler and drop_last")
        self.dataset, self.shuffle, self.generator = dataset, bool(shuffle), generator
        self.batch_size = None if batch_sampler is not None else batch_size
        self.drop_last, self.collate_fn = drop_last, collate_fn
        self.is_stream = isinstance(dataset, IterableDataset)
        if self.is_stream and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("an IterableDataset says its order itself: no shuffle, sampler or batch_sampler")
        self.sampler, self.batch_sampler = sampler, batch_sampler
        if self.is_stream or batch_sampler is not None:
            return
        if sampler is None:
            self.sampler = RandomSampler(dataset, generator=generator) if shuffle and len(dataset) else None
            self.sampler = self.sampler or SequentialSampler(dataset)
        if batch_size is not None:
            self.batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)

    def __len__(self) -> int:
        if self.is_stream:
            whole, rest = divmod(len(self.dataset), self.batch_size or 1)
            return whole + (rest > 0 and not self.drop_last)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def __iter__(self) -> Iterator[Any]:
        if self.is_stream:
            return self._of_stream()
        if self.batch_sampler is None:
            return (self._example(self.dataset[place]) for place in self.sampler)
        return (self._batch(places) for places in self.batch_sampler)

    def _of_stream(self) -> Iterator[Any]:
        examples = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self._example, examples)
            return
        while batch := list(itertools.islice(examples, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield (self.collate_fn or default_collate)(batch)

    def _example(self, example: Any) -> Any:
        return (self.collate_fn or default_convert)(example)

    def _batch(self, places: Sequence[int]) -> Any:
        if isinstance(self.dataset, TensorDataset) and self.collate_fn is None:
            return list(self.dataset[from_array(np.asarray(places, np.int64))])
        return (self.collate_fn or default_collate)([self.dataset[int(k)] for k in places])


del _complete
