"""Functions of tensors beside torch's: values, dtypes and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.config import override
from tests.nightly import part

torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")

rng = np.random.default_rng(0)
A, B, S, v = (rng.standard_normal(shape) for shape in ((4, 5), (4, 5), (3, 3), (5,)))
A[0, 1] = A[0, 3]  # equal elements
P = S @ S.T + np.eye(3)
N = A.copy()
N[0, 0] = np.nan
whole, idx = rng.integers(0, 4, (2, 5)), np.array([0, 2, 2])


def composed_again(t: Any, a: Any) -> Any:
    """Eigenvalues, and what does not depend on the signs of the eigenvectors."""
    w, q = t.linalg.eigh(a + a.T)
    return w, (q * w) @ q.T


def singular_values_and_product(t: Any, a: Any) -> Any:
    u, s, vh = t.linalg.svd(a, full_matrices=False)
    return s, (u * s.tanh()) @ vh


CASES: dict[str, tuple[Callable[..., Any], list[np.ndarray]]] = {
    "sort": (lambda t, a: t.sort(a, descending=True, stable=True), [A]),
    "sort0": (lambda t, a: a.sort(0), [A]),
    "argsort": (lambda t, a: t.argsort(a, 1), [B]),
    "topk": (lambda t, a: t.topk(a, 2), [B]),
    "topk0": (lambda t, a: a.topk(2, 0, largest=False), [B]),
    "kth": (lambda t, a: a.kthvalue(2, 1), [B]),
    "median": (lambda t, a: a.median(), [A]),
    "mediand": (lambda t, a: a.median(1), [B]),
    "nonzero": (lambda t, a: t.nonzero(a > 0), [B]),
    "unique": (lambda t, a: t.unique(a, return_inverse=True, return_counts=True), [whole]),
    "searchsorted": (lambda t, a, b: t.searchsorted(t.sort(b).values, a), [A, v]),
    "scatter_v": (lambda t, a, i: a.scatter(0, i, 2.0), [A, np.array([[0, 1, 2, 3, 0], [1, 2, 3, 0, 1]])]),
    "index_add": (lambda t, a, b, i: a.index_add(0, i, b, alpha=2), [A, B[:3], idx]),
    "index_fill": (lambda t, a, i: a.index_fill(1, i, 3.0), [A, np.array([0, 2])]),
    "index_copy": (lambda t, a, b, i: a.index_copy(0, i, b), [A, B[:2], np.array([0, 2])]),
    "take_along": (lambda t, a, i: t.take_along_dim(a, i, 0), [A, whole]),
    "take": (lambda t, a, i: t.take(a, i), [A, whole]),
    "select": (lambda t, a: a.select(1, 2), [A]),
    "tile": (lambda t, a: a.tile(2, 3), [A]),
    "repeat": (lambda t, a: a.repeat(2, 1, 3), [A]),
    "ri": (lambda t, a: a.repeat_interleave(2, 1), [A]),
    "ri2": (lambda t, a: t.repeat_interleave(a, 3), [A]),
    "ri3": (lambda t, a, r: t.repeat_interleave(a, r, 0), [A, np.array([1, 0, 2, 3])]),
    "vstack": (lambda t, a, b: t.vstack((a, b)), [v, v]),
    "hstack": (lambda t, a, b: t.hstack((a, b)), [A, B]),
    "dstack": (lambda t, a, b: t.dstack((a, b)), [A, B]),
    "dstack1": (lambda t, a, b: t.dstack((a, b)), [v, v]),
    "column_stack": (lambda t, a, b: t.column_stack((a, b)), [v, v]),
    "tensor_split": (lambda t, a: t.tensor_split(a, 3, 1), [A]),
    "unflatten": (lambda t, a: a.unflatten(0, (2, -1)), [A]),
    "unfold": (lambda t, a: a.unfold(1, 3, 2), [A]),
    "fliplr": (lambda t, a: (a.fliplr(), t.flipud(a), t.rot90(a), a.ravel()), [A]),
    "meshgrid": (lambda t, a, b: t.meshgrid(a, b, indexing="xy"), [v, S[0]]),
    "meshij": (lambda t, a, b: t.meshgrid(a, b, indexing="ij"), [v, S[0]]),
    "cart": (lambda t, a, b: t.cartesian_prod(a, b), [v, S[0]]),
    "einsum": (lambda t, a, b: t.einsum("ij,kj->ik", a, b), [A, B]),
    "einsum3": (lambda t, a, b, c: t.einsum("ij, kj, j -> ik", a, b, c), [A, B, v]),
    "tensordot": (lambda t, a, b: t.tensordot(a, b, dims=([0], [0])), [A, B]),
    "addmm": (lambda t, a, b: t.addmm(a, a, b, beta=0.5, alpha=2), [S, P]),
    "outer": (lambda t, a, b: t.outer(a, b), [v, S[0]]),
    "inner": (lambda t, a, b: t.inner(a, b), [A, B]),
    "kron": (lambda t, a, b: t.kron(a, b), [S, P]),
    "cross": (lambda t, a, b: t.cross(a, b, dim=1), [S, P]),
    "cdist": (lambda t, a, b: t.cdist(a, b), [A, B + 3]),
    "dist": (lambda t, a, b: t.dist(a, b), [A, B]),
    "quantile": (lambda t, a: t.quantile(a, 0.3, 1), [A]),
    "quantile2": (lambda t, a, q: t.quantile(a, q, 0), [A, np.array([0.1, 0.5])]),
    "nansum": (lambda t, a: (a.nansum(0), a.nanmean(1)), [N]),
    "nan_to_num": (lambda t, a: a.nan_to_num(), [N]),
    "var_mean": (lambda t, a: (*t.var_mean(a, 1), *t.std_mean(a)), [A]),
    "aminmax": (lambda t, a: t.aminmax(a, dim=0), [A]),
    "count_nonzero": (lambda t, a: (a > 0).count_nonzero(1), [A]),
    "bincount": (lambda t, a: t.bincount(a.ravel(), minlength=7), [whole]),
    "bincountw": (lambda t, a, w: t.bincount(a[0], w), [whole, v]),
    "histc": (lambda t, a: t.histc(a, 5, -1, 1), [A]),
    "diff": (lambda t, a: a.diff(), [A]),
    "isclose": (lambda t, a, b: t.isclose(a, b), [A, A + 1e-09]),
    "clamp_min": (lambda t, a: (a.clamp_min(0.1), t.clamp_max(a, 0.1), a.frac()), [A]),
    "isin": (lambda t, a: t.isin(a, t.tensor([1, 2])), [whole]),
    "trapz": (lambda t, a, x: t.trapezoid(a, x), [A, v]),
    "tril_indices": (lambda t, a: (t.tril_indices(3, 4), t.triu_indices(3, 3, 1)), [A]),
    "erfinv": (
        lambda t, a: (t.erfinv(a * 0.2), t.sinc(a), t.deg2rad(a), t.copysign(a, a - 0.5), t.fmax(a, a * 2)),
        [A],
    ),
    "inplace": (lambda t, a: a.clone().rsqrt_() + a.clone().tril_(), [P]),
    "onehot": (lambda t, i: t.zeros(3, 5).scatter_(1, i.unsqueeze(1), 1), [np.array([1, 4, 0])]),
    "diag": (lambda t, a: (t.diag(a), t.diag(a[0], 1), a.diagonal(), t.diag_embed(a), a.trace()), [S]),
    "scatter": (lambda t, a, b: a.scatter(0, t.tensor([[0, 1, 2, 3, 0]]), b), [A, B[:1]]),
    "scatter_add": (lambda t, a, b: a.scatter_add(0, t.tensor([[0, 1, 2, 3, 0], [0, 0, 2, 1, 0]]), b), [A, B[:2]]),
    "where": (lambda t, a: t.where(a > 0), [A]),
    "solve": (lambda t, a, b: t.linalg.solve(a, b), [P, S]),
    "inv": (lambda t, a: (t.linalg.inv(a), t.linalg.det(a), *t.linalg.slogdet(a), t.linalg.matrix_power(a, 3)), [P]),
    "cholesky": (lambda t, a: t.linalg.cholesky(a @ a.T), [P]),
    "norms": (lambda t, a: (t.linalg.norm(a), t.linalg.norm(a, dim=1), t.linalg.matrix_norm(a, 1)), [A]),
    "eigvalsh": (lambda t, a: (t.linalg.eigvalsh(a + a.T), t.linalg.svdvals(a), t.linalg.pinv(a)), [S]),
    "eigh": (composed_again, [S]),
    "svd": (singular_values_and_product, [A]),
    "triangular": (lambda t, a, b: t.linalg.solve_triangular(a.tril(), b, upper=False), [P, S]),
}
NOT_DIFFERENTIATED = {"bincountw", "histc", "quantile"}  # quantile: of equal elements torch chooses one


def parts(found: Any) -> list[Any]:
    return [p for part in found for p in parts(part)] if isinstance(found, tuple | list) else [found]


def run(lib: Any, name: str) -> tuple[list[Any], list[Any]]:
    """The values, and the gradients of a function of them."""
    function, arrays = CASES[name]
    tensors = [lib.tensor(a) for a in arrays]
    for tensor in tensors:
        tensor.requires_grad_(tensor.is_floating_point() and name not in NOT_DIFFERENTIATED)
    found = parts(function(lib, *tensors))
    marked = [part for part in found if part.requires_grad]
    if marked:
        sum((part * (part + 1.3)).sum() for part in marked).backward()
    return [part.detach().numpy() for part in found], [None if t.grad is None else t.grad.numpy() for t in tensors]


@pytest.mark.parametrize("name", part(CASES, 0, 2))
def test_functions_are_torchs(name: str) -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        wanted, by_theirs = run(torch, name)
    finally:
        torch.set_default_dtype(before)
    with override(disable_jit=True):
        found, by_ours = run(graphc, name)
    for ours, theirs in zip(found, wanted, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    for ours, theirs in zip(by_ours, by_theirs, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    "call",
    [
        lambda t, a: t.combinations(a[0], 0),
        lambda t, a: t.trapezoid(a, t.tensor([0.0, 1.0, 3.0], dtype=t.float64), dim=0),
        lambda t, a: t.svd(a, compute_uv=False)[0] + 1.0,
        lambda t, a: t.svd(a, compute_uv=False)[2] + 1.0,
        lambda t, a: t.isin(2, t.tensor([1, 2])),
    ],
)
def test_edges_are_torchs(call: Any) -> None:
    array = np.arange(12.0).reshape(3, 4) ** 2
    with override(disable_jit=True):
        found = call(graphc, graphc.tensor(array)).numpy()
    np.testing.assert_allclose(found, call(torch, torch.tensor(array)).numpy(), rtol=1e-12, strict=True)


@pytest.mark.parametrize("ends", [(0, 2.7), (5, 1, -1.5), (1, 4, 0.5), (2, 2)])
def test_a_range_reaches_its_end_and_no_further(ends: tuple[float, ...]) -> None:
    with pytest.warns(UserWarning, match="deprecated"):
        wanted = torch.range(*ends)
    np.testing.assert_array_equal(graphc.range(*ends).numpy(), wanted.numpy())


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda a: graphc.renorm(a, 2, 5, 1.0), graphc.AxisRangeError, "renorm: dimension 5"),
        (lambda a: graphc.slice_scatter(a, a[:, :1], -3), graphc.AxisRangeError, "slice_scatter: dimension -3"),
        (lambda a: graphc.slice_scatter(a, a[:1, :1], 0, 0, 2), graphc.ShapeError, r"\(1, 1\).*\(2, 4\); expand"),
        (lambda a: graphc.select_scatter(a, a[0, :1], 0, 0), graphc.ShapeError, r"\(1,\).*\(4,\); expand"),
        (lambda a: graphc.diagonal_scatter(a, a[0, :1]), graphc.ShapeError, r"\(1,\).*\(3,\); expand"),
        (lambda a: graphc.histc(a, 5, 2, 1), graphc.NumberError, "min=2 must not be above max=1"),
        (lambda a: graphc.quantile(a, 1.3), graphc.NumberError, "q=1.3 must lie between 0 and 1"),
    ],
)
def test_what_does_not_fit_is_an_error(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(graphc.ones(3, 4))


def test_names_that_are_not_there_name_the_nearest() -> None:
    for owner, name, nearest in (
        (graphc, "einsumm", "einsum"), (graphc.tensor([1.0]), "sofmax", "softmax"), (graphc.nn, "Liner", "Linear"),
        (graphc.nn.functional, "rellu", "relu"),
    ):  # fmt: skip
        with pytest.raises(AttributeError, match=f"did you mean '{nearest}'"):
            getattr(owner, name)


def test_random_tensors_have_the_distribution_that_their_name_says() -> None:
    graphc.manual_seed(0)
    weights = graphc.tensor([[0.0, 1.0, 3.0], [1.0, 0.0, 0.0]])
    drawn = graphc.multinomial(weights, 4000, replacement=True)
    assert drawn.shape == (2, 4000)
    np.testing.assert_allclose(np.bincount(drawn[0].numpy(), minlength=3) / 4000, [0, 0.25, 0.75], atol=0.03)
    assert graphc.bernoulli(graphc.full((4000,), 0.3)).mean().item() == pytest.approx(0.3, abs=0.03)
    x = graphc.empty(4000).normal_(2.0, 3.0)
    assert (x.mean().item(), x.std().item()) == (pytest.approx(2.0, abs=0.2), pytest.approx(3.0, abs=0.2))
    x.uniform_(-1.0, 3.0)
    assert -1.0 <= x.min().item() < -0.9
    assert graphc.randn_like(x).shape == graphc.rand_like(x).shape == (4000,)


def test_devices_are_the_cpu() -> None:
    device = graphc.device("cpu")
    x = graphc.zeros(3, device=device).to(device)
    assert x.device == device
    assert (x.device.type, repr(device)) == ("cpu", "device(type='cpu')")
    if not graphc.cuda.is_available():  # what is there with a GPU: tests/cuda
        for refused in (lambda: x.to("cuda"), lambda: graphc.ones(2, device="cuda:0"), x.cuda):
            with pytest.raises(graphc.CudaError, match="needs an NVIDIA GPU"):
                refused()


def test_data_loaders_give_every_example_once() -> None:
    data = graphc.utils.data
    dataset = data.TensorDataset(graphc.arange(10), graphc.arange(10) * 2.0)
    graphc.manual_seed(0)
    loader = data.DataLoader(dataset, batch_size=4, shuffle=True)
    batches = list(loader)
    assert len(loader) == len(batches) == 3
    seen = [int(x) for batch, _ in batches for x in batch]
    assert sorted(seen) == list(range(10))
    assert seen != list(range(10))
    assert all((y == x * 2).all() for x, y in batches)
    parts = data.random_split(dataset, [0.7, 0.3])
    assert [len(part) for part in parts] == [7, 3]
    (x, _y), *_ = data.DataLoader(parts[0], batch_size=7)
    assert x.shape == (7,)
    pairs = data.DataLoader([({"a": k}, float(k)) for k in range(3)], batch_size=3)
    ((first, second),) = pairs
    assert (first["a"].tolist(), second.tolist()) == ([0, 1, 2], [0.0, 1.0, 2.0])
