"""What a step of each GPU benchmark asks of the driver, at small sizes: launches, grids, streams, memory, graphs."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from benchmarks.gpu.cases import gpu_cases
from graphc.config import override, settings
from graphc.runtime import cuda_device
from tests.cuda.fake_cuda import FakeCuda, FakeDevice, Launch

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")

# In order: the kind of each launch with its blocks and threads, or a product of cuBLAS; then the bytes allocated.
EXPECTED = {
    "black_scholes": (
        "pack:1x1 kernel:1x256",
        960,
    ),
    "xent": (
        "kernel:1x256 combine:1x32 note:1x256",
        576,
    ),
    "norm_gelu": (
        "pack:1x1 kernel:1x64 combine:2x256 combine:2x256",
        4608,
    ),
    "nbody": (
        "pack:1x1 fill:6x256 kernel:1x256 kernel:7x128 combine:7x256 kernel:1x256 kernel:1x256",
        17856,
    ),
    "adam": (
        "pack:1x1 kernel:4x256",
        28352,
    ),
    "mlp_small": (
        "product:1x1 kernel:4x256 product:1x1 kernel:1x32 combine:1x32 combine:1x256 combine:1x256 "
        "product:1x1 product:1x1 kernel:1x32 combine:1x256 product:1x1",
        33580160,
    ),
    "mlp_large": (
        "product:1x1 kernel:1x256 product:1x1 kernel:1x256 product:1x1 kernel:1x128 combine:1x256 product:1x1 "
        "product:1x1 kernel:1x128 combine:1x256 product:1x1 product:1x1 kernel:1x128 combine:1x256 "
        "product:1x1",
        33567168,
    ),
    "attention": (
        "pack:1x1 kernel:1x256 product:1x1 kernel:2x256 product:16x1 kernel:1x256 product:16x1 product:1x1 "
        "kernel:1x256 product:1x1 kernel:3x256 product:1x1 kernel:1x128 combine:1x256 product:1x1 product:1x1 "
        "kernel:1x64 combine:2x256 product:1x1 product:1x1 kernel:1x128 combine:1x256 combine:1x256 "
        "combine:1x256 product:1x1 product:1x1 product:16x1 kernel:1x256 product:16x1 product:16x1 "
        "product:16x1 kernel:1x64 combine:2x256 product:1x1 product:1x1 kernel:1x128 combine:1x256 "
        "combine:1x256",
        33601280,
    ),
}
CASES = {case.name: case for case in gpu_cases()}


class Products:
    """A vendor's library that notes when it is asked."""

    def __init__(self, launches):
        self.launches = launches

    def multiply(self, product, workspace, stream):
        assert workspace > 0
        self.launches.append(Launch("cuda_product_", product.batch, 1, stream, ()))


def shown(launches) -> str:
    return " ".join(f"{launch.kernel.split('_')[1]}:{launch.grid}x{launch.threads}" for launch in launches)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_step(name, monkeypatch):
    library, case = FakeCuda(runs=False), CASES[name]
    device = FakeDevice(library, blas=lambda: Products(library.launches))
    monkeypatch.setattr(cuda_device, "numbered_device", lambda number: device)
    monkeypatch.setattr(cuda_device, "image_of", lambda *kernel: b"not assembled here")
    arguments = case.inputs(np.random.default_rng(0), **case.small)
    if case.argnums is None:
        step = graphc.jit(case.function, target="cuda")
    else:
        step = graphc.grad(case.function, argnums=case.argnums, target="cuda")
    with override(cuda_emulator=False):
        step(*arguments)
        found = shown(library.launches), library.bytes - 256  # by which the stand-in aligns
        assert found == EXPECTED[name]
        assert {launch.stream for launch in library.launches} == {device.stream}
        packs = [launch for launch in library.launches if launch.kernel.startswith("cuda_pack")]
        for _ in range(2):
            library.launches.clear()
            step(*arguments)
        assert shown(library.launches) == shown(packs)  # the rest is one graph
    assert len(library.graphs) == library.calls["cuGraphInstantiateWithFlags"] == 1
    assert library.calls["cuGraphLaunch"] == 2
    assert library.calls["cuMemAllocAsync"] == 1
    assert library.calls["cuStreamSynchronize"] == 3  # the results of three calls
