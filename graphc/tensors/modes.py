"""Where gradients flow: ``no_grad``, ``enable_grad``, ``set_grad_enabled``, ``inference_mode``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from graphc.tensors.recording import now
from graphc.trace.session import current


def is_grad_enabled() -> bool:
    """Whether operations are recorded for a backward pass, on this thread."""
    return now.enabled


def is_inference_mode_enabled() -> bool:
    """Whether ``inference_mode`` is on, on this thread."""
    return now.inference


class _Mode:
    """A block with gradients switched on or off, and a decorator of functions and generators."""

    def __init__(self, enabled: bool):
        self._enabled = enabled
        self._before: list[tuple[bool, Any, Any, bool]] = []

    def _again(self) -> _Mode:
        return type(self)()  # type: ignore[call-arg]

    def __enter__(self) -> _Mode:
        self._switch()
        return self

    def _switch(self) -> None:
        session = current()
        self._before.append((now.enabled, now.switched_in, session, session is not None and session.holds))
        now.enabled, now.switched_in = self._enabled, None if session is None else session.root
        if session is not None:  # traced arrays that are no tensors
            session.holds = not self._enabled

    def _switch_back(self) -> None:
        now.enabled, now.switched_in, session, holds = self._before.pop()
        if session is not None:
            session.holds = holds

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._switch_back()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generate(*args: Any, **kwargs: Any) -> Iterator[Any]:
                iterator = function(*args, **kwargs)
                while True:
                    with self._again():
                        try:
                            item = next(iterator)
                        except StopIteration as end:
                            return end.value
                    yield item

            return generate

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return call


class _Switch(_Mode):
    """A mode that is written with or without brackets where it decorates a function."""

    mode: bool

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        made = super().__new__(cls)
        if function is None:
            return made
        made.__init__()  # type: ignore[misc]
        return made(function)

    def __init__(self, function: None = None):
        super().__init__(self.mode)


class no_grad(_Switch):
    """Within the block, or the decorated function, results do not require grad.

    >>> x = graphc.tensor([1.0], requires_grad=True)
    >>> with graphc.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    mode = False


class enable_grad(_Switch):
    """Within the block, or the decorated function, results require grad again where an input does."""

    mode = True


class set_grad_enabled(_Mode):
    """Switch gradients on or off, at once; as a block, until its end."""

    def __init__(self, mode: bool):
        super().__init__(bool(mode))
        self._switch()

    def __enter__(self) -> set_grad_enabled:
        if not self._before:
            super().__enter__()
        return self

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        self._switch_back()
        return super().__call__(function)

    def _again(self) -> _Mode:
        return _Mode(self._enabled)


class inference_mode(_Mode):
    """As ``no_grad`` (``mode=False``: as ``enable_grad``); ``is_inference_mode_enabled()`` tells of it."""

    def __new__(cls, mode: Any = True) -> Any:
        made = super().__new__(cls)
        if isinstance(mode, bool):
            return made
        made.__init__()  # type: ignore[misc]
        return made(mode)

    def __init__(self, mode: bool = True):
        super().__init__(not mode)
        self._inference = mode
        self._outer: list[bool] = []

    def _again(self) -> _Mode:
        return inference_mode(self._inference)

    def __enter__(self) -> inference_mode:
        self._outer.append(now.inference)
        now.inference = self._inference
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        now.inference = self._outer.pop()
