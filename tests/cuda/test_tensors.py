"""Tensors, modules and optimisers on a device, here the emulator: what they are on the CPU, in the right place."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import graphc
from graphc import nn, optim
from graphc.config import override, settings
from graphc.runtime.cuda_arrays import DeviceArray
from tests.cuda.test_residency import OnDevice

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
X = np.random.default_rng(3).normal(size=(6, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def emulated():
    with override(cuda_emulator=True):
        yield


def gradients_through(x, index):
    """Losses of what is recorded, viewed, written into and read in between."""
    y = x * 2
    y[1:3] = x[:2] ** 2
    z = y.reshape(4, -1)[index].exp().sum(1)
    if z.max().item() > 0:
        z = z - z.mean().detach()
    y.backward(x.detach() / 7, retain_graph=True)
    return (z * z.flip(0)).mean()


def test_a_script_gives_the_same_on_both():
    found = {}
    for device in ("cpu", "cuda"):
        x = graphc.tensor(X, device=device, requires_grad=True)
        with override(disable_jit=device == "cpu"):
            loss = gradients_through(x, graphc.tensor([2, 0, 2], device=device))
            loss.backward()
        assert loss.device == x.grad.device == x.device == graphc.device(device, None if device == "cpu" else 0)
        found[device] = loss.item(), x.grad.cpu().numpy()
    np.testing.assert_allclose(found["cuda"][0], found["cpu"][0], rtol=1e-6)
    np.testing.assert_allclose(found["cuda"][1], found["cpu"][1], rtol=1e-5, atol=1e-7)


def test_moving_is_differentiable_and_is_part_of_the_program():
    w = graphc.tensor([1.0, 2.0], requires_grad=True)
    there = w.to("cuda")
    assert (there.is_cuda, there.is_leaf, w.is_cuda) == (True, False, False)
    (there * there).sum().cpu().backward()
    assert w.grad.tolist() == [2.0, 4.0]
    assert w.grad.device.type == "cpu"
    (again,) = graphc.autograd.grad((w.cuda() ** 3).sum(), [w])
    assert again.tolist() == [3.0, 12.0]
    x = graphc.ones(3)
    assert x.to("cpu") is x
    assert x.cuda().cuda() is not x
    assert x.cuda().to(graphc.float32).dtype == np.float32
    assert x.to(graphc.ones(1, dtype=graphc.float32, device="cuda")).is_cuda


def test_tensors_of_two_devices_do_not_meet():
    x, y = graphc.ones(3), graphc.ones(3, device="cuda")
    with pytest.raises(graphc.CudaError, match=r"found cpu and cuda:0 in add: move one of them, x.to\(\"cuda:0\"\)"):
        x + y
    with pytest.raises(graphc.CudaError, match="cuda:0 and cpu in linear"):
        nn.Linear(3, 2)(y)
    with pytest.raises(graphc.CudaError, match="in copy"):
        y.copy_(x)
    with pytest.raises(graphc.CudaError, match=r"x\[0\] is on device 0 .* and y\[0\] is a NumPy array"):
        graphc.jit(lambda x, y: x + y)(x=y, y=x)
    assert (y + graphc.tensor(2.0)).tolist() == [3.0] * 3  # what has no dimensions may come from the CPU
    assert (y + graphc.tensor(2.0).exp() * 0).is_cuda
    assert y[graphc.tensor([0, 2])].tolist() == [1.0, 1.0]
    assert y[y > 2].shape == (0,)
    with pytest.raises(ValueError, match="the devices are 'cpu', 'cuda'"):
        x.to("mps")
    with pytest.raises(graphc.CudaError, match="no device 3"):
        x.to("cuda:3")
    with pytest.raises(TypeError, match=r"cuda:0 to a NumPy array: x.cpu\(\) first"):
        y.numpy()
    with pytest.raises(TypeError, match="cuda:0"):
        np.asarray(y)


def test_writing_without_gradients():
    w = graphc.tensor([1.0, 2.0, 3.0], device="cuda", requires_grad=True)
    (w * w).sum().backward()
    with graphc.no_grad():
        w -= 0.5 * w.grad
        w[1:] += 1.0
    assert w.tolist() == [0.0, 1.0, 1.0]
    assert w.requires_grad
    part, flat = w.detach()[:2], w.detach()
    flat.fill_(7.0)
    assert (part.tolist(), w.tolist()) == ([7.0, 7.0], [7.0, 7.0, 7.0])
    part.zero_()
    assert w.tolist() == [0.0, 0.0, 7.0]
    w.data = graphc.ones(3, device="cuda")
    (w * 2).sum().backward()
    assert w.grad.tolist() == [4.0, 6.0, 8.0]


def model():
    graphc.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Dropout(0.25), nn.Linear(5, 2))


def trained(device, how):
    """Losses and weights after a few steps, by ``backward`` and ``step`` or by ``compile_step``."""
    net = model().to(device).train()
    optimizer = how(net.parameters())
    x, y = graphc.tensor(X).to(device), graphc.zeros(6, dtype=graphc.int64, device=device)
    loss_of = nn.CrossEntropyLoss()
    step = optim.compile_step(net, loss_of, optimizer)
    losses = []
    for number in range(4):
        if number % 2:
            losses.append(step(x, y).item())
            continue
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    assert {p.device.type for p in net.parameters()} == {device}
    assert all(v.device.type == device for s in optimizer.state.values() for v in s.values() if graphc.is_tensor(v))
    return losses, [p.detach().cpu().numpy() for p in net.parameters()], optimizer


@pytest.mark.parametrize("how", [
    lambda p: optim.AdamW(p, lr=0.05), lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
], ids=["adamw", "sgd"])  # fmt: skip
def test_training_is_what_it_is_on_the_cpu(how):
    ours, weights, optimizer = trained("cuda", how)
    with override(disable_jit=True):
        theirs, expected, _ = trained("cpu", how)
    np.testing.assert_allclose(ours, theirs, rtol=2e-5)
    for found, right in zip(weights, expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=2e-3, atol=2e-5)
    optimizer.load_state_dict(optimizer.state_dict())
    assert all(v.is_cuda for s in optimizer.state.values() for v in s.values() if graphc.is_tensor(v))


def test_modules_move_with_buffers_and_gradients(tmp_path):
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    net(graphc.tensor(X)).sum().backward()
    weight = net[0].weight
    assert net.cuda() is net
    assert {t.device.type for t in (*net.parameters(), *net.buffers(), weight.grad)} == {"cuda"}
    assert net[0].weight is weight
    other = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    other.load_state_dict(net.state_dict())
    assert {t.device.type for t in other.parameters()} == {"cpu"}
    assert graphc.equal(other[0].weight, weight)
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net[0].weight.detach()))):
        first = again if graphc.is_tensor(again) else again[0].weight
        assert first.is_cuda
        assert graphc.equal(first, weight)
    graphc.save(net.state_dict(), tmp_path / "net")
    assert not graphc.load(tmp_path / "net")["0.weight"].is_cuda
    assert graphc.load(tmp_path / "net", map_location="cuda")["0.weight"].is_cuda
    assert not net.cpu()[1].running_mean.is_cuda
    assert repr(net.cuda()[1].running_mean).endswith("device='cuda:0')")


def test_tensors_in_compiled_functions():
    w = graphc.tensor(X, device="cuda", requires_grad=True)
    value, gradient = graphc.value_and_grad(lambda w, scale: (w * w).sum() * scale)(w, 3.0)
    assert (type(gradient), gradient.device, value.is_cuda) == (graphc.Tensor, w.device, True)
    np.testing.assert_allclose(gradient.cpu().numpy(), 6 * X, rtol=1e-6)
    net = nn.Linear(4, 3).cuda()
    slopes = graphc.grad(lambda net, x: net(x).sum())(net, w.detach())
    assert slopes.weight.is_cuda
    np.testing.assert_allclose(slopes.weight.detach().cpu().numpy(), np.tile(X.sum(0), (3, 1)), rtol=1e-5)


def test_memory_is_shared_with_other_libraries():
    x = graphc.tensor(X, device="cuda")
    said = x.__cuda_array_interface__
    assert (said["shape"], said["typestr"], x.__dlpack_device__()) == (X.shape, "<f4", (2, 0))
    assert not hasattr(x.cpu(), "__cuda_array_interface__")
    values = np.arange(8.0)[:4].copy()
    for made in (graphc.from_dlpack(OnDevice(values)), graphc.as_tensor(OnDevice(values))):
        assert made.is_cuda
        assert (made * 2).tolist() == [0.0, 2.0, 4.0, 6.0]
    with pytest.raises(graphc.CudaError, match="C order"):
        graphc.from_dlpack(OnDevice(X.T))
    half = graphc.tensor(X, device="cuda").half()
    assert (half.dtype, (half * 2).cpu().dtype) == (np.float16, np.float16)
    np.testing.assert_array_equal((half * 2).cpu().numpy(), X.astype(np.float16) * 2)


def test_what_is_known_without_asking_the_device():
    x = graphc.zeros(2, 3, device="cuda")
    assert (x.ndim, x.numel(), x.nbytes, x.get_device()) == (2, 6, 48, 0)
    assert type(x.current_values) is DeviceArray
    assert {t.device for t in (graphc.ones_like(x), x.new_zeros(2), graphc.rand_like(x), x.clone())} == {x.device}
    assert graphc.cuda.is_available()
    assert graphc.cuda.get_device_name() == "emulator"
    with override(cuda_emulator=False):
        if not graphc.cuda.is_available():
            with pytest.raises(graphc.CudaError, match="needs an NVIDIA GPU"):
                graphc.zeros(2, device="cuda")
