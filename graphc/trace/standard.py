"""What the Python array API standard asks of an array beside its operators: its namespace and its device."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from graphc.errors import UnsupportedError
from graphc.trace.location import user_location


class OfTheStandard:
    """A part of every traced array."""

    __slots__ = ()

    @property
    def device(self) -> str:
        """As of NumPy's arrays; a program for a GPU has all of its arrays there."""
        return "cpu"

    def to_device(self, device: Any, /, *, stream: Any = None) -> Any:
        if device != "cpu" or stream is not None:
            message = f"to_device({device!r}): what is traced stays where the program computes; leave it out"
            raise UnsupportedError(message, location=user_location())
        return self

    def __array_namespace__(self, /, *, api_version: str | None = None) -> Any:
        """``graphc.numpy``. Raises ``ValueError`` for a version of the standard that NumPy does not have."""
        np.empty(0).__array_namespace__(api_version=api_version)  # type: ignore[arg-type]
        return importlib.import_module("graphc.numpy")
