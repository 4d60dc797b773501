"""Switches of the whole library under PyTorch's names, each for a setting of ``graphc.config``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.config import settings


def set_num_threads(num: int) -> None:
    """How many threads programs use, as ``GRAPHC_NUM_THREADS``. Raises ``ConfigError`` for less than one."""
    settings.num_threads = num


def get_num_threads() -> int:
    """How many threads programs use."""
    return int(settings.num_threads)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Whether results have the same bits for every number of threads, as ``GRAPHC_DETERMINISTIC``."""
    settings.deterministic = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """Whether results have the same bits for every number of threads."""
    return bool(settings.deterministic)


def set_float32_matmul_precision(precision: str) -> None:
    """Which of PyTorch's precisions products of float32 may have; here they always have "highest".

    Raises ``ValueError`` for a name that PyTorch does not know.
    """
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"precision={precision!r}: expected 'highest', 'high' or 'medium'")


def get_float32_matmul_precision() -> str:
    """ "highest": products of float32 are computed in that."""
    return "highest"


def compile(model: Callable[..., Any] | None = None, **options: Any) -> Any:
    """The model or function as it is: what is done with tensors is compiled anyway. Also a decorator, with options."""
    return (lambda function: function) if model is None else model
