"""Windows of signals under PyTorch's names; a periodic one is the first ``n`` numbers of that of ``n + 1``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.tensors.core import Tensor
from graphc.tensors.creation import as_tensor, get_default_dtype


def _window(values: Callable[..., np.ndarray], name: str) -> Callable[..., Tensor]:
    def call(
        window_length: int, periodic: bool = True, *parameters: float, dtype: Any = None, device: Any = None,
        requires_grad: bool = False, **named: float,
    ) -> Tensor:  # fmt: skip
        if window_length < 0:
            raise ValueError(f"{name}: window_length={window_length}: it must not be negative")
        whole = values(window_length + (periodic and window_length > 1), *parameters, **named)[:window_length]
        made: Tensor = as_tensor(whole.astype(get_default_dtype() if dtype is None else dtype), device=device)
        return made.requires_grad_() if requires_grad else made

    call.__name__ = name
    call.__doc__ = (
        f"The {name.replace('_', ' ')} of this length, of which a repetition has the period ``window_length``."
    )
    return call


def _cosine(n: int, alpha: float = 0.54, beta: float = 0.46) -> np.ndarray:
    return np.ones(n) if n == 1 else alpha - beta * np.cos(2 * np.pi * np.arange(n) / max(n - 1, 1))


FUNCTIONS = {
    "hann_window": _window(np.hanning, "hann_window"), "hamming_window": _window(_cosine, "hamming_window"),
    "blackman_window": _window(np.blackman, "blackman_window"),
    "bartlett_window": _window(np.bartlett, "bartlett_window"),
    "kaiser_window": _window(lambda n, beta=12.0: np.kaiser(n, beta), "kaiser_window"),
}  # fmt: skip
