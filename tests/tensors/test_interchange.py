"""Values in and out of tensors: NumPy, DLPack, Python numbers, pickling."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.config import override
from tests.tensors.conftest import values

Lib = Any


def test_numpy_shares_memory(lib: Lib) -> None:
    x = lib.zeros(3)
    a = x.numpy()
    a[0] = 1.0
    x[1] = 2.0
    x.add_(1.0)
    assert a.tolist() == values(x) == [2.0, 3.0, 1.0]
    part = (x * 2).numpy()
    assert part.tolist() == [4.0, 6.0, 2.0]
    assert np.asarray(x).tolist() == [2.0, 3.0, 1.0]


def test_numpy_of_a_view_shares_the_memory_of_its_base(lib: Lib) -> None:
    x = lib.zeros(2, 3)
    row = x[1].numpy()
    column = x.t()[0].numpy()
    x.fill_(7.0)
    assert row.tolist() == [7.0, 7.0, 7.0]
    row[0] = 1.0
    assert column.tolist() == [7.0, 1.0]
    assert values(x) == [[7.0, 7.0, 7.0], [1.0, 7.0, 7.0]]


def test_numpy_refuses_what_requires_grad(lib: Lib) -> None:
    x = lib.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"detach\(\).numpy\(\)"):
        x.numpy()
    assert x.detach().numpy().tolist() == [1.0, 1.0]


def test_from_numpy_does_not_copy(lib: Lib) -> None:
    a = np.arange(6.0).reshape(2, 3)
    x = lib.from_numpy(a)
    x[0, 0] = 9.0
    a[1, 1] = -1.0
    assert a[0, 0] == 9.0
    assert values(x) == [[9.0, 1.0, 2.0], [3.0, -1.0, 5.0]]
    transposed = lib.from_numpy(a.T)
    a[1, 0] = 4.0
    assert values(transposed + 0) == a.T.tolist()
    assert lib.tensor(a).numpy() is not a


def test_numbers(lib: Lib) -> None:
    x = lib.tensor([[1.0, 2.0]])
    assert lib.tensor(2.5).item() == float(lib.tensor(2.5)) == 2.5
    assert int(lib.tensor(3)) == 3
    assert [10, 20, 30][lib.tensor(1)] == 20
    assert bool(lib.tensor(0.0)) is False
    assert len(lib.zeros(4, 2)) == 4
    assert [values(row) for row in lib.tensor([[1.0], [2.0]])] == [[1.0], [2.0]]
    assert tuple(x.shape) == (1, 2)
    assert (x.ndim, x.dim(), x.numel(), x.size(1)) == (2, 2, 2, 2)
    with pytest.raises((RuntimeError, ValueError)):
        x.item()
    with pytest.raises(TypeError):
        len(lib.tensor(1.0))
    with pytest.raises(TypeError):
        iter(lib.tensor(1.0))


def test_pickling_and_copies(lib: Lib) -> None:
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    for made in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        assert values(made) == [1.0, 2.0]
        assert made.requires_grad
        assert made.is_leaf
        with lib.no_grad():
            made.add_(1.0)
    assert values(x) == [1.0, 2.0]
    with pytest.raises(RuntimeError, match=r"leaf|graph"):
        copy.deepcopy(x * 2)


def test_data_is_the_memory_without_history(lib: Lib) -> None:
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    x.data.mul_(2.0)
    assert values(x) == [2.0, 4.0]
    x.data = lib.tensor([5.0, 6.0, 7.0])
    (x * x).sum().backward()
    assert values(x.grad) == [10.0, 12.0, 14.0]


def test_a_write_through_data_is_counted_by_no_version(lib: Lib) -> None:
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1.0
    total = (y * y).sum()
    y.data[0] = 7.0
    y.data.view(2, 1).add_(1.0)
    x.data = lib.zeros(2)
    assert (x._version, y._version, values(y), values(x)) == (0, 0, [8.0, 3.0], [0.0, 0.0])
    total.backward()
    expected = [2.0, 4.0] if lib is graphc else [16.0, 6.0]  # PyTorch's is wrong: that of values written since
    assert values(x.grad) == expected


def test_a_torch_tensor_comes_in_and_goes_out_without_a_copy() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to exchange with")
    theirs = torch.arange(4, dtype=torch.float64)
    ours = graphc.from_dlpack(theirs)
    theirs[0] = 7.0
    with override(disable_jit=True):
        assert (ours + 0).tolist() == [7.0, 1.0, 2.0, 3.0]
        ours[1] = 8.0
        assert theirs[1].item() == 8.0
        back = torch.from_dlpack(graphc.ones(3) * 2)
        mine = graphc.zeros(2)
        shared = torch.from_dlpack(mine)
        shared[0] = 5.0
        assert mine.tolist() == [5.0, 0.0]
    assert back.tolist() == [2.0, 2.0, 2.0]


def test_what_numpy_holds_is_copied_only_while_it_does() -> None:
    x = graphc.ones(3)
    a = x.numpy()
    y = x * 2
    a[:] = 5.0
    with override(disable_jit=True):
        assert y.tolist() == [2.0, 2.0, 2.0]
    del a
    z = x * 2
    assert z._recording.arrays[-1] is x._array
    assert z.tolist() == [10.0, 10.0, 10.0]


def test_data_that_is_none() -> None:
    for data in ("text", [None], {}):
        with pytest.raises(TypeError, match=r"tensor"):
            graphc.tensor(data)
    with pytest.raises(ValueError, match="the devices are 'cpu', 'cuda'"):
        graphc.tensor([1.0], device="xpu")
