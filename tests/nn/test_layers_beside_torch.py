"""Layers with torch's weights: the same results and gradients, in training and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.nn
from graphc.config import override

torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")
_RNG = np.random.default_rng(3)
IMAGES, WAVES, ROWS = (_RNG.standard_normal(shape) for shape in ((2, 4, 7, 6), (2, 4, 9), (5, 4)))
TOKENS = _RNG.standard_normal((3, 2, 8))

CASES: dict[str, tuple[Callable[[Any], Any], np.ndarray]] = {
    "linear": (lambda nn: nn.Linear(4, 3), ROWS),
    "conv2d": (lambda nn: nn.Conv2d(4, 3, 3), IMAGES),
    "conv2d padded": (lambda nn: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=1, bias=False), IMAGES),
    "conv2d in groups": (lambda nn: nn.Conv2d(4, 6, 3, dilation=2, groups=2, padding=(2, 1)), IMAGES),
    "conv2d same": (lambda nn: nn.Conv2d(4, 2, 3, padding="same"), IMAGES),
    "conv2d pointwise": (lambda nn: nn.Conv2d(4, 2, 1), IMAGES),
    "conv2d of one image": (lambda nn: nn.Conv2d(4, 2, 2), IMAGES[0]),
    "conv1d": (lambda nn: nn.Conv1d(4, 3, 3, stride=2, padding=1), WAVES),
    "max pool": (lambda nn: nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), IMAGES),
    "max pool padded": (lambda nn: nn.MaxPool2d(3, stride=2, padding=1), IMAGES),
    "avg pool": (lambda nn: nn.AvgPool2d(2, stride=1, padding=1), IMAGES),
    "avg pool inside": (lambda nn: nn.AvgPool2d((2, 3), padding=1, count_include_pad=False), IMAGES),
    "adaptive": (lambda nn: nn.AdaptiveAvgPool2d((1, 3)), IMAGES),
    "batch norm": (lambda nn: nn.BatchNorm2d(4), IMAGES),
    "batch norm of rows": (lambda nn: nn.BatchNorm1d(4, momentum=0.3, eps=1e-3), ROWS),
    "batch norm averaged": (lambda nn: nn.BatchNorm1d(4, momentum=None), WAVES),
    "layer norm": (lambda nn: nn.LayerNorm((7, 6)), IMAGES),
    "layer norm of rows": (lambda nn: nn.LayerNorm(4, elementwise_affine=False), ROWS),
    "group norm": (lambda nn: nn.GroupNorm(2, 4), IMAGES),
    "a small network": (
        lambda nn: nn.Sequential(nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3), nn.GELU(), nn.Flatten(), nn.Linear(60, 2)),
        IMAGES,
    ),
}


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with override(disable_jit=True):
        yield


def run(lib: Any, model: Any, array: np.ndarray, call: Any = None) -> list[np.ndarray]:
    """Results and gradients of two steps in training and one in evaluation, then the buffers."""
    found = []
    for training in (True, True, False):
        model.train(training)
        x = lib.tensor(array, requires_grad=True)
        y = model(x) if call is None else call(model, x)
        weights = lib.tensor(np.cos(np.arange(y.numel())).reshape(tuple(y.shape)))
        model.zero_grad()
        (y * weights).sum().backward()
        found += [y.detach().numpy(), x.grad.numpy(), *[p.grad.detach().numpy() for p in model.parameters()]]
    return [*found, *[np.asarray(b) for b in model.buffers()]]


def compare(make: Callable[[Any], Any], array: np.ndarray, call: Any = None) -> None:
    theirs = make(torch.nn).double()
    ours = make(graphc.nn)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    for mine, wanted in zip(run(graphc, ours, array, call), run(torch, theirs, array, call), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", CASES)
def test_results_gradients_and_buffers(name: str) -> None:
    compare(*CASES[name])


HIDDEN, ADDED = np.triu(np.ones((3, 3), bool), 1), np.cos(np.arange(9.0)).reshape(3, 3)
EACH = np.cos(np.arange(36.0)).reshape(4, 3, 3)
ENDED = np.array([[False, False, True], [False, False, False]])
BOTH = {"add_bias_kv": True, "add_zero_attn": True}
ATTENTION: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[Any, ...]]] = {
    # options of the module and of the call; by what key and value are made of the tokens
    "plain": ({}, {"need_weights": False}, (1.0, 0.5)),
    "hidden": ({"batch_first": False}, {"attn_mask": HIDDEN}, (1.0, 1.0)),
    "causal": ({"bias": False}, {"attn_mask": HIDDEN, "is_causal": True, "need_weights": False}, (1.0, 1.0)),
    "added": ({}, {"attn_mask": ADDED, "key_padding_mask": np.where(ENDED, -2.0, 0.5)}, (0.5, 1.0)),
    "of each head": (
        {},
        {"attn_mask": np.cos(np.arange(36.0)).reshape(4, 3, 3), "average_attn_weights": False},
        (1.0, 1.0),
    ),
    "padded": (
        {"add_bias_kv": True, "add_zero_attn": True},
        {"key_padding_mask": ENDED, "attn_mask": HIDDEN},
        (1.0, 2.0),
    ),
    "zero": ({"add_zero_attn": True}, {"need_weights": False}, (1.0, 1.0)),
    "other features": ({"kdim": 5, "vdim": 3, "add_bias_kv": True}, {}, (slice(5), slice(2, 5))),
    "other values": ({"vdim": 3, "bias": False}, {"average_attn_weights": False}, (1.0, slice(3))),
}


@pytest.mark.parametrize("case", ATTENTION)
@pytest.mark.parametrize("is_batch", [True, False])
def test_attention(case: str, is_batch: bool) -> None:
    options, masks, others = ATTENTION[case]
    if not is_batch and case == "of each head":
        masks = {**masks, "attn_mask": masks["attn_mask"][:2]}
    if not is_batch and "key_padding_mask" in masks:
        masks = {**masks, "key_padding_mask": masks["key_padding_mask"][0]}

    def call(model: Any, x: Any) -> Any:
        lib = graphc if isinstance(x, graphc.Tensor) else torch
        given = {name: lib.tensor(m) if isinstance(m, np.ndarray) else m for name, m in masks.items()}
        key, value = (x[..., o] if isinstance(o, slice) else x * o for o in others)
        found, weights = model(x, key, value, **given)
        return found if weights is None else lib.cat([found.reshape(-1), weights.reshape(-1)])

    options = {"batch_first": True, **options}
    tokens = (TOKENS.transpose(1, 0, 2) if options["batch_first"] else TOKENS) if is_batch else TOKENS[:, 0]
    compare(lambda nn: nn.MultiheadAttention(8, 2, **options), np.ascontiguousarray(tokens), call)


def test_attention_without_a_mask_that_sees_nothing_later() -> None:
    model, x = graphc.nn.MultiheadAttention(8, 2, add_zero_attn=True), graphc.tensor(TOKENS)
    found = model(x, x, x, is_causal=True)[0].tolist()
    np.testing.assert_allclose(found, model(x, x, x, attn_mask=graphc.tensor(HIDDEN))[0].tolist())
    for wrong in ({"attn_mask": graphc.ones(2, 3)}, {"key_padding_mask": graphc.ones(2, 2)}):
        with pytest.raises(graphc.ShapeError, match="expected"):
            model(x, x, x, **wrong)
    with pytest.raises(graphc.ShapeError, match="3 dimensions"):
        model(x, x[0], x)


WORDS = np.array([[0, 2, 2, 5], [2, 1, 5, 0]])
EMBEDDINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "padded": {"padding_idx": -1, "scale_grad_by_freq": True},
    "short": {"max_norm": 1.0, "norm_type": 1.5, "padding_idx": 2},
    "by how often": {"scale_grad_by_freq": True, "max_norm": 0.7},
}


@pytest.mark.parametrize("case", EMBEDDINGS)
def test_embeddings(case: str) -> None:
    def call(model: Any, x: Any) -> Any:
        return model((graphc if isinstance(x, graphc.Tensor) else torch).tensor(WORDS)) * x.sum()

    compare(lambda nn: nn.Embedding(6, 3, **EMBEDDINGS[case]), ROWS, call)


def test_embeddings_of_given_rows() -> None:
    rows = graphc.tensor(ROWS)
    model = graphc.nn.Embedding.from_pretrained(rows, padding_idx=1)
    assert not model.weight.requires_grad
    assert model(graphc.tensor([1, 4])).tolist() == ROWS[[1, 4]].tolist()
    for wrong, error in (({"sparse": True}, graphc.UnsupportedError), ({"padding_idx": 7}, ValueError)):
        with pytest.raises(error):
            graphc.nn.Embedding(6, 3, **wrong)
    with pytest.raises(graphc.ShapeError):
        graphc.nn.Embedding(6, 3, _weight=rows)


@pytest.mark.parametrize("norm_first", [False, True])
def test_transformers(norm_first: bool) -> None:
    def call(model: Any, x: Any) -> Any:
        lib = graphc if isinstance(x, graphc.Tensor) else torch
        later = lib.nn.Transformer.generate_square_subsequent_mask(3).to(x.dtype)
        masks = {"memory_mask": np.eye(3, 5, k=2) > 0,
                 "src_key_padding_mask": np.arange(10).reshape(2, 5) == 4}  # fmt: skip
        return model(x, x[:, :3] * 0.5, tgt_mask=later, **{name: lib.tensor(mask) for name, mask in masks.items()})

    sizes = {"dim_feedforward": 5, "dropout": 0.0, "batch_first": True, "norm_first": norm_first, "bias": norm_first,
             "activation": "gelu" if norm_first else "relu"}  # fmt: skip
    array = np.concatenate([TOKENS, TOKENS[:2] + 1]).transpose(1, 0, 2).copy()
    compare(lambda nn: nn.Transformer(8, 2, 1, 1, **sizes), array, call)


def test_sizes_that_do_not_fit() -> None:
    nn = graphc.nn
    with pytest.raises(ValueError, match="channels do not fit"):
        nn.Conv2d(3, 2, 3)(graphc.ones(1, 4, 5, 5))
    with pytest.raises(ValueError, match="does not fit into"):
        nn.Conv2d(3, 2, 6)(graphc.ones(1, 3, 5, 5))
    with pytest.raises(ValueError, match="groups"):
        nn.Conv2d(3, 2, 3, groups=2)
    with pytest.raises(ValueError, match="heads"):
        nn.MultiheadAttention(5, 2)
    with pytest.raises(ValueError, match="dimensions"):
        nn.BatchNorm2d(3)(graphc.ones(2, 3))


POOLED = [
    ("MaxPool2d(2, ceil_mode=True)", (2, 2, 5, 7)), ("MaxPool2d(3, 2, 1, 2, ceil_mode=True)", (1, 2, 7, 8)),
    ("MaxPool2d((2, 3), return_indices=True)", (2, 2, 6, 7)), ("MaxPool2d(3, 2, 1, return_indices=True)", (2, 5, 5)),
    ("MaxPool2d(3, 2, 1, 2, True, True)", (1, 1, 7, 7)), ("MaxPool1d(3, 2, 1, return_indices=True)", (2, 2, 7)),
    ("AvgPool2d(2, ceil_mode=True)", (1, 2, 5, 7)), ("AvgPool2d(3, 2, 1, True, False)", (1, 2, 5, 6)),
    ("AvgPool2d(3, 2, 1, True, True)", (1, 2, 5, 6)), ("AvgPool2d((2, 3), divisor_override=2)", (1, 1, 4, 6)),
    ("AvgPool1d(3, 2, 1, True, False)", (2, 2, 6)), ("AdaptiveAvgPool2d((3, 2))", (1, 2, 7, 5)),
    ("AdaptiveAvgPool2d((None, 2))", (1, 2, 4, 6)), ("AdaptiveMaxPool2d(3)", (1, 2, 7, 5)),
    ("AdaptiveAvgPool1d(3)", (2, 2, 7)), ("MaxPool2d(2, padding=2)", (1, 1, 5, 5)),
    *((f"Conv1d(2, 4, 3, padding=1, padding_mode='{m}')", (2, 2, 8)) for m in ("reflect", "circular", "replicate")),
    ("Conv2d(2, 4, 3, padding=(1, 2), padding_mode='circular')", (1, 2, 5, 6)),
    ("Conv2d(2, 4, (4, 3), padding='same')", (1, 2, 5, 6)),
    ("Conv2d(2, 2, 2, padding='same', padding_mode='reflect')", (1, 2, 5, 6)),
    ("Conv2d(2, 2, 3, padding_mode='bad')", (1, 2, 5, 6)), ("BatchNorm1d(3)", (1, 3)), ("BatchNorm1d(3)", (4, 2)),
    ("BatchNorm1d(3, track_running_stats=False).eval()", (4, 3)),
    ("ConvTranspose2d(2, 4, 3, 2, 1, output_padding=1, bias=False)", (1, 2, 4, 3)),
    ("ConvTranspose1d(2, 4, 3, groups=2, dilation=2)", (1, 2, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shape"), POOLED)
def test_windows_and_what_lies_outside(text: str, shape: tuple[int, ...]) -> None:
    results = []
    array = np.random.default_rng(0).standard_normal(shape)
    for nn, tensor in ((torch.nn, torch.tensor), (graphc.nn, graphc.tensor)):
        x = tensor(array, requires_grad=True)
        try:
            layer = eval(f"nn.{text}", {"nn": nn}).double()
            for parameter in layer.parameters():
                parameter.data = tensor(np.linspace(-1.0, 1.0, parameter.numel()).reshape(tuple(parameter.shape)))
            with override(disable_jit=True):
                found = layer(x)
                parts = found if isinstance(found, tuple) else (found,)
                (parts[0] * parts[0].detach().cos()).sum().backward()
                results.append([*(part.detach().numpy() for part in parts), x.grad.numpy(), repr(layer)])
        except (ValueError, RuntimeError) as error:
            results.append(error)
    theirs, ours = results
    if isinstance(theirs, Exception):
        assert isinstance(ours, ValueError if isinstance(theirs, ValueError) else RuntimeError), ours
        return
    assert not isinstance(ours, Exception), ours
    for mine, other in zip(ours[:-1], theirs[:-1], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-12)
    if "Conv" in text or "MaxPool" in text:
        assert ours[-1] == theirs[-1]


def test_elements_go_back_to_where_the_largest_were() -> None:
    array = np.random.default_rng(0).standard_normal((2, 2, 4, 6))
    found = []
    for t in (torch, graphc):
        x = t.tensor(array, requires_grad=True)
        values, places = t.nn.functional.max_pool2d(x, 2, return_indices=True)
        back = t.nn.functional.max_unpool2d(values, places, 2)
        (back * back).sum().backward()
        found.append((back.detach().numpy(), x.grad.numpy()))
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs)
