"""One layer of a transformer: batched gemm, softmax, layer norm, GELU."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import erf

from benchmarks.case import Case
from benchmarks.roofline import FUNCTION, Work

HEADS, EPSILON = 8, 1e-5


def layer_norm(x, scale, shift):
    centred = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centred**2, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + EPSILON) * scale + shift


def gelu(x):
    return 0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))


def softmax(x):
    powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return powers / np.sum(powers, axis=-1, keepdims=True)


def transformer_loss(params, x, target):
    batch, tokens, width = x.shape
    normed = layer_norm(x, params["scale1"], params["shift1"])
    heads = (normed @ params["w_qkv"] + params["b_qkv"]).reshape(batch, tokens, 3, HEADS, width // HEADS)
    query, key, value = np.moveaxis(heads, (2, 3), (0, 2))
    weights = softmax(query @ np.swapaxes(key, -1, -2) / math.sqrt(width // HEADS))
    mixed = np.swapaxes(weights @ value, 1, 2).reshape(batch, tokens, width)
    x = x + mixed @ params["w_out"] + params["b_out"]
    hidden = gelu(layer_norm(x, params["scale2"], params["shift2"]) @ params["w_up"] + params["b_up"])
    return np.mean((x + hidden @ params["w_down"] + params["b_down"] - target) ** 2)


def inputs(rng: np.random.Generator, batch: int, tokens: int, width: int) -> tuple[Any, ...]:
    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    params = {}
    for name, fan_in, fan_out in (("qkv", 1, 3), ("out", 1, 1), ("up", 1, 4), ("down", 4, 1)):
        params[f"w_{name}"] = normal(fan_in * width, fan_out * width) / np.float32(math.sqrt(fan_in * width))
        params[f"b_{name}"] = np.float32(0.1) * normal(fan_out * width)
    for layer in (1, 2):
        params[f"scale{layer}"] = 1 + np.float32(0.1) * normal(width)
        params[f"shift{layer}"] = np.float32(0.1) * normal(width)
    return params, normal(batch, tokens, width), normal(batch, tokens, width)


def work(batch: int, tokens: int, width: int) -> Work:
    """Products of tokens with weights (twelve widths squared) and of tokens with tokens, each three times: forward, and
    backward by both factors; a softmax and a GELU with the derivative of its error function."""
    rows = batch * tokens
    products = 3 * 2 * rows * (12 * width * width + 2 * tokens * width)
    functions = FUNCTION * rows * (HEADS * tokens + 2 * 4 * width)
    return Work("float32", 4 * (2 * 12 * width * width + 2 * rows * width), products + functions)


def autograd_version():
    import autograd.numpy as np
    from autograd.scipy.special import erf

    def layer_norm(x, scale, shift):
        centred = x - np.mean(x, axis=-1, keepdims=True)
        variance = np.mean(centred**2, axis=-1, keepdims=True)
        return centred / np.sqrt(variance + EPSILON) * scale + shift

    def softmax(x):
        powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
        return powers / np.sum(powers, axis=-1, keepdims=True)

    def transformer_loss(params, x, target):
        batch, tokens, width = x.shape
        normed = layer_norm(x, params["scale1"], params["shift1"])
        heads = np.reshape(normed @ params["w_qkv"] + params["b_qkv"], (batch, tokens, 3, HEADS, width // HEADS))
        query, key, value = np.moveaxis(heads, (2, 3), (0, 2))
        weights = softmax(np.matmul(query, np.swapaxes(key, -1, -2)) / math.sqrt(width // HEADS))
        mixed = np.reshape(np.swapaxes(np.matmul(weights, value), 1, 2), (batch, tokens, width))
        x = x + mixed @ params["w_out"] + params["b_out"]
        up = layer_norm(x, params["scale2"], params["shift2"]) @ params["w_up"] + params["b_up"]
        hidden = 0.5 * up * (1.0 + erf(up / math.sqrt(2.0)))
        return np.mean((x + hidden @ params["w_down"] + params["b_down"] - target) ** 2)

    return transformer_loss


def torch_version():
    import torch.nn.functional as F

    def transformer_loss(params, x, target):
        batch, tokens, width = x.shape
        normed = F.layer_norm(x, (width,), params["scale1"], params["shift1"], EPSILON)
        heads = (normed @ params["w_qkv"] + params["b_qkv"]).reshape(batch, tokens, 3, HEADS, width // HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(batch, tokens, width)
        x = x + mixed @ params["w_out"] + params["b_out"]
        normed = F.layer_norm(x, (width,), params["scale2"], params["shift2"], EPSILON)
        hidden = F.gelu(normed @ params["w_up"] + params["b_up"])
        return F.mse_loss(x + hidden @ params["w_down"] + params["b_down"], target)

    return transformer_loss


def jax_version():
    import jax
    import jax.numpy as jnp

    def layer_norm(x, scale, shift):
        return jax.nn.standardize(x, axis=-1, epsilon=EPSILON) * scale + shift

    def transformer_loss(params, x, target):
        batch, tokens, width = x.shape
        normed = layer_norm(x, params["scale1"], params["shift1"])
        heads = (normed @ params["w_qkv"] + params["b_qkv"]).reshape(batch, tokens, 3, HEADS, width // HEADS)
        query, key, value = jnp.moveaxis(heads, 2, 0)
        mixed = jax.nn.dot_product_attention(query, key, value).reshape(batch, tokens, width)
        x = x + mixed @ params["w_out"] + params["b_out"]
        normed = layer_norm(x, params["scale2"], params["shift2"])
        hidden = jax.nn.gelu(normed @ params["w_up"] + params["b_up"], approximate=False)
        return jnp.mean((x + hidden @ params["w_down"] + params["b_down"] - target) ** 2)

    return transformer_loss


def pytensor_version():
    import pytensor.tensor as pt

    def layer_norm(x, scale, shift):
        centred = x - pt.mean(x, axis=-1, keepdims=True)
        variance = pt.mean(centred**2, axis=-1, keepdims=True)
        return centred / pt.sqrt(variance + np.float32(EPSILON)) * scale + shift

    def transformer_loss(params, x, target):
        batch, tokens, width = x.shape
        normed = layer_norm(x, params["scale1"], params["shift1"])
        heads = (pt.matmul(normed, params["w_qkv"]) + params["b_qkv"]).reshape(
            (batch, tokens, 3, HEADS, width // HEADS)
        )
        query, key, value = (heads[:, :, part].transpose(0, 2, 1, 3) for part in range(3))
        scores = pt.matmul(query, key.transpose(0, 1, 3, 2)) / pt.sqrt((width // HEADS).astype("float32"))
        mixed = pt.matmul(pt.special.softmax(scores, axis=-1), value).transpose(0, 2, 1, 3)
        x = x + pt.matmul(mixed.reshape((batch, tokens, width)), params["w_out"]) + params["b_out"]
        up = pt.matmul(layer_norm(x, params["scale2"], params["shift2"]), params["w_up"]) + params["b_up"]
        hidden = np.float32(0.5) * up * (np.float32(1.0) + pt.erf(up / np.float32(math.sqrt(2.0))))
        return pt.mean((x + pt.matmul(hidden, params["w_down"]) + params["b_down"] - target) ** 2)

    return transformer_loss


CASES = (
    Case(
        "attention",
        "transformer layer, batch 8, 128 tokens, width 256, 8 heads, f32",
        transformer_loss,
        inputs,
        {"batch": 8, "tokens": 128, "width": 256},
        {"batch": 2, "tokens": 5, "width": 16},
        {
            "autograd": autograd_version,
            "torch": torch_version,
            "jax": jax_version,
            "pytensor": pytensor_version,
        },
        rtol=1e-4,
        work=work,
    ),
)
