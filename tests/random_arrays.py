"""Random straight-line NumPy programs: a template is drawn and filled in, and kept where NumPy takes it.

What a line needs (ranks, dtypes, sizes that fit) is not written down: a line that NumPy refuses, or whose numbers are
not moderate, is dropped. So a template is one string, with these places: ``{x} {y} {z}`` names of arrays, later ones
more often; ``{square}`` a square matrix; ``{axis}`` an axis or, at times, none; ``{k}`` a small integer; ``{number}`` a
number; ``{flag}`` True or False. ``{v}`` is the name of the line's result, for templates of several statements.
"""

from __future__ import annotations

import random
import re
import warnings
from typing import Any

import numpy as np

POINTWISE = (
    "np.tanh({x})", "np.sin({x})", "np.exp(-np.abs({x}))", "np.sqrt({x} * {x} + 0.5)", "np.log({x} ** 2 + 0.5)",
    "{x} + {y}", "{x} * {y}", "{x} - 0.5 * {y}", "{x} / ({y} * {y} + 0.5)", "{x} ** {k}", "np.maximum({x}, {y})",
    "np.arctan2({x}, {y})", "np.hypot({x}, {y})", "np.where({x} > {y}, {x}, {number})", "np.clip({x}, -0.7, {y})",
    "np.select([{x} > 0.3, {x} < -0.3], [{y}, {z}], {number})", "{x} % (np.abs({y}) + 0.7)", "np.cbrt({x} + 3)",
    "np.power(np.abs({x}) + 0.3, {y})", "np.logaddexp({x}, {y})", "np.round({x}, 1) * {y}", "np.modf({x})[0]",
    "np.choose(({x} > 0).astype(int), [{x}, {y}])", "np.copysign({x}, {y})", "np.float_power(np.abs({x}) + 1, {y})",
)  # fmt: skip
FOLDS = (
    "np.sum({x}, axis={axis}, keepdims={flag})", "np.mean({x}, axis={axis})", "np.max({x}, axis={axis})",
    "np.std({x}, axis={axis}, ddof=1)", "np.prod(np.tanh({x}) + 0.5, axis={axis}, keepdims={flag})",
    "np.quantile({x}, [0.2, 0.7], axis={axis})", "np.median({x}, axis={axis})", "np.ptp({x}, axis={axis})",
    "np.sum({x}, axis={axis}, where={x} > -0.3)", "np.max({x}, axis={axis}, initial=0.2)",
    "np.average({x}, axis={axis}, weights=np.exp({x}))", "np.linalg.norm({x}, {k}, axis={axis})",
    "np.cumsum({x}, axis={axis})", "np.cumprod(np.tanh({x}), axis={axis})", "np.cumsum(np.diff({x}, axis={axis}))",
    "np.maximum.accumulate({x}, axis={axis})", "np.subtract.reduce({x}, axis={axis})", "np.hypot.reduce({x}, axis=0)",
    "np.logaddexp.accumulate({x}, axis={axis})", "np.add.reduceat({x}, [0, {k}], axis={axis})",
    "np.trapezoid({x}, axis={axis})", "np.unwrap(3 * {x}, axis={axis})", "np.nanmean({x}, axis={axis})",
)  # fmt: skip
ORDER = (
    "np.sort({x}, axis={axis})", "np.take_along_axis({x}, np.argsort({x}, axis={axis}), axis={axis})",
    "{x} + np.argmax({x}, axis={axis})", "{x} * np.searchsorted(np.sort({y}, axis=None), {x})",
    "np.interp({x}, np.linspace(-2, 2, {y}.size), {y}.ravel())", "np.partition({x}, 0, axis={axis}).sum(axis={axis})",
    "np.bincount(np.digitize({x}.ravel(), [-0.5, 0.5]), weights={x}.ravel(), minlength=3)",
    "{x} * (np.argsort({y}) + 1)",
)  # fmt: skip
PRODUCTS = (
    "{x} @ {y}", "np.dot({x}, {y})", "np.outer({x}, {y})", "np.inner({x}, {y})", "np.kron({x}, {y})",
    "np.tensordot({x}, {y}, axes=({k}, {k}))", "np.einsum('ij,kj->ik', {x}, {y})", "np.einsum('...i,...i', {x}, {y})",
    "np.einsum('ij,jk,k->i', {x}, {y}, {z})", "np.matmul({x}, np.swapaxes({y}, -1, -2))", "np.vecdot({x}, {y})",
    "np.convolve({x}.ravel(), {y}.ravel()[:3], 'same')", "np.polyval({x}.ravel()[:3], {y})", "np.cov({x})",
    "np.linalg.solve(0.3 * {square} + 2 * np.eye({square}.shape[-1]), {x})", "np.linalg.det({square})",
    "np.linalg.inv(0.3 * {square} + 2 * np.eye({square}.shape[-1]))", "np.fft.rfft({x}, axis={axis}).imag",
    "np.linalg.cholesky({square} @ {square}.T + np.eye({square}.shape[-1]))", "np.fft.irfft({x}, 5, norm='ortho')",
    "np.linalg.svd({square} + 2 * np.eye({square}.shape[-1]), compute_uv=False)", "np.abs(np.fft.fft2({x}))",
    "np.linalg.eigvalsh({square} + {square}.T + np.diag(3.0 * np.arange({square}.shape[-1])))",
)  # fmt: skip
MOVES = (
    "{x}.T", "np.swapaxes({x}, 0, -1)", "{x}.reshape(-1)", "np.ravel({x}, 'F')", "np.roll({x}, {k}, axis={axis})",
    "np.flip({x}, axis={axis})", "np.pad({x}, {k}, 'reflect')", "np.pad({x}, (1, {k}), 'edge')", "np.tile({x}, (2, 1))",
    "np.stack([{x}, {y}], axis=-1)", "np.concatenate([{x}, {y}, {x}], axis={axis})", "np.repeat({x}, 2, axis={axis})",
    "np.array_split({x}, 2, axis={axis})[{k}]", "np.diff({x}, axis={axis}, prepend=0.5)", "np.rot90({x}, {k})",
    "np.gradient({x}, 0.5, axis={axis})", "np.insert({x}, 1, {number}, axis={axis})", "np.delete({x}, 0, axis={axis})",
    "np.broadcast_to({x}, (2, *{x}.shape))", "np.expand_dims({x}, -1)", "np.tril({x})", "np.diagonal({x}, {k})",
    "{x}[::-1]", "{x}[1:]", "{x}[..., ::2]", "{x}[[0, -1, 0]]", "{x}[{k}, None]", "np.take({x}, [[0, 5]], mode='wrap')",
    "{x}[::2] * {x}", "np.meshgrid({x}, {y})[0]", "np.vstack([{x}, {y}])", "np.trace({x})",
)  # fmt: skip
WRITES = tuple("{v} = np.array({x})\n" + line for line in (
    "{v}[0] = {number}", "{v}[1:] += {x}[:-1]", "{v}[::-1] *= {x}", "{v}[{x} > 0] *= {number}", "{v}[...] = {y}",
    "np.add.at({v}, [0, 0, {k}], {number})", "np.put({v}, [0, -1], [1.0, 2.0])", "{v}.sort(axis=0)",
    "np.copyto({v}, {y}, where={x} > 0)", "np.multiply({x}, {y}, out={v}, where={x} > 0)", "r = {v}.ravel()\nr[0] = 2",
    "r = {v}.T\nr[0] += {number}", "np.fill_diagonal({v}, {number})", "{v}[[0, -1]] = {v}[[-1, 0]]",
    "{v}[..., 0] = {y}",
    "np.cumsum({x}, axis=0, out={v})", "np.put_along_axis({v}, np.argmax({x}, axis=0, keepdims=True), 3.0, axis=0)",
))  # fmt: skip
FAMILIES = (POINTWISE, POINTWISE, FOLDS, ORDER, PRODUCTS, MOVES, WRITES)
KERNELS = (POINTWISE, POINTWISE, FOLDS, MOVES, WRITES)  # without routines of libraries
MOST_ELEMENTS, LARGEST = 400, 60.0


class Program:
    """``source``: ``values(a, ...)``, the last lines' results, and ``loss(a, ...)``, a number made of all of them."""

    def __init__(
        self, seed: int, *, lines: int = 6, families: Any = FAMILIES, sizes: tuple[int, ...] = (1, 2, 3, 4, 5)
    ):
        self.random, self.numbers = random.Random(seed), np.random.default_rng(seed)
        n, m, rows = (self.random.choice(sizes) for _ in range(3))
        shapes = [(n, m), *self.random.choices([(n,), (m,), (m, n), (n, n), (rows, n, m), (1, m), (n, 1)], k=2)]
        self.arrays = {name: self.numbers.uniform(-1.5, 1.5, shape) for name, shape in zip("abc", shapes, strict=True)}
        self.known: dict[str, np.ndarray] = dict(self.arrays)
        self.lines: list[str] = []
        for _ in range(20 * lines):
            if len(self.lines) < lines:
                self._try(self.random.choice(self.random.choice(families)))

    @property
    def source(self) -> str:
        body = "".join(f"    {part}\n" for line in self.lines for part in line.splitlines())
        results = [name for name in self.known if name.startswith("v")][-3:]
        weights = [f"np.cos({k} + np.arange({v}.size)).reshape({v}.shape)" for k, v in enumerate(results)]
        loss = " + ".join(f"np.sum({v} * {w})" for v, w in zip(results, weights, strict=True)) or "np.sum(a)"
        named = ", ".join(f"{v!r}: {v}" for v in results)
        head = f"import numpy as np\n\n\ndef values(a, b, c):\n{body}    return {{{named}}}\n\n\n"
        return head + f"def loss(a, b, c):\n{body}    return {loss}\n"

    def _try(self, template: str) -> None:
        name = f"v{len(self.lines)}"
        found = re.sub(
            r"\{(\w+)\}", lambda place: name if place[1] == "v" else self._filled(place[1]), self._same(template)
        )
        line = found if "\n" in found else f"{name} = {found}"
        scope = {"np": np, **{known: array.copy() for known, array in self.known.items()}}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                exec(line, scope)
            except Exception:  # noqa: BLE001 - whatever NumPy has against it
                return
        made = np.asarray(scope[name])
        moderate = made.dtype == np.float64 and np.isfinite(made).all() and np.abs(made).max(initial=0) < LARGEST
        if moderate and 0 < made.size <= MOST_ELEMENTS and made.ndim <= 4:
            self.known[name] = made
            self.lines.append(line)

    def _same(self, template: str) -> str:
        """With the names of arrays and the axis filled in, the same wherever they stand."""
        for place in ("x", "y", "z", "square", "axis"):
            template = template.replace(f"{{{place}}}", self._filled(place)) if f"{{{place}}}" in template else template
        return template

    def _filled(self, place: str) -> str:
        choose = self.random.choice
        if place in ("x", "y", "z"):
            names = list(self.known)
            return names[max(self.random.randrange(len(names)) for _ in range(2))]
        if place == "square":
            return choose([k for k, v in self.known.items() if v.ndim == 2 and len(v) == len(v.T)] or ["a"])
        return str(
            choose({"axis": (0, 0, -1, 1, None), "k": (0, 1, 2, -1), "flag": (True, False)}.get(place, (0.5, 2, -1.5)))
        )
