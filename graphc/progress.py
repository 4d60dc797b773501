"""A bar that shows how far a long computation is: by rich, else by tqdm, and silent where nobody looks."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

from graphc.errors import ConfigError

INTERVAL = 0.1  # seconds between two pictures: more would take time from what is shown

Draw = Callable[[int, str], None]


class ProgressBar:
    """``with ProgressBar(total) as bar``, and ``bar.advance(loss=...)`` at each step: steps, rate, and numbers.

    >>> with ProgressBar(3, "fit", show=False) as bar:
    ...     for step in range(3):
    ...         bar.advance(loss=0.5)
    >>> bar.done
    3

    Args:
        total: the number of steps.
        title: what stands before the bar.
        show: whether to show it; None: where the standard error is a terminal, and rich or tqdm is installed.
        file: where to; the standard error.
    Raises: ``ConfigError`` for ``show=True`` without rich and tqdm.
    """

    def __init__(self, total: int, title: str = "", *, show: bool | None = None, file: TextIO | None = None):
        self.total, self.title, self.done = total, title, 0
        self._file = sys.stderr if file is None else file
        self._library = _library()
        if show and self._library is None:
            raise ConfigError("show=True needs rich or tqdm: pip install 'graphc[training]'")
        self._shows = self._library is not None and (self._file.isatty() if show is None else show)
        self._draw: Draw | None = None
        self._close: Callable[[], None] | None = None
        self._drawn = self._start = 0.0

    def __enter__(self) -> ProgressBar:
        self._start = time.perf_counter()
        if self._shows:
            begin = _rich_bar if self._library == "rich" else _tqdm_bar
            self._draw, self._close = begin(self.total, self.title, self._file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._close is not None:
            self._close()

    def advance(self, count: int = 1, **numbers: float) -> None:
        """Count steps, and show the numbers beside."""
        self.done += count
        if self._draw is None:
            return
        now = time.perf_counter()
        if now - self._drawn < INTERVAL and self.done < self.total:
            return
        self._drawn = now
        rate = self.done / max(now - self._start, 1e-9)
        self._draw(self.done, " ".join([*(f"{name} {value:.4g}" for name, value in numbers.items()), f"{rate:.3g}/s"]))


def _library() -> str | None:
    return next((name for name in ("rich", "tqdm") if importlib.util.find_spec(name) is not None), None)


def _rich_bar(total: int, title: str, file: TextIO) -> tuple[Draw, Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[text]}"))
    shown = Progress(*columns, TimeRemainingColumn(), console=Console(file=file), auto_refresh=False)
    task = shown.add_task(title, total=total, text="")
    shown.start()

    def draw(done: int, text: str) -> None:
        shown.update(task, completed=done, text=text, refresh=True)

    return draw, shown.stop


def _tqdm_bar(total: int, title: str, file: TextIO) -> tuple[Draw, Callable[[], None]]:
    from tqdm import tqdm

    bar: Any = tqdm(total=total, desc=title, file=file)

    def draw(done: int, text: str) -> None:
        bar.set_postfix_str(text, refresh=False)
        bar.update(done - bar.n)

    return draw, bar.close
