"""Sizes of kernels: one for all spatial dimensions, or one for each."""

from __future__ import annotations

from typing import Any

Sizes = int | tuple[int, ...]


def sizes_of(size: Any, count: int) -> tuple[int, ...]:
    """One size for each spatial dimension."""
    sizes = (int(size),) * count if isinstance(size, int) else tuple([int(s) for s in size])
    if len(sizes) != count:
        raise ValueError(f"expected one size or {count}, got {size}")
    return sizes
