"""Every setting of graphc and the environment variable behind it: one place.

Read a setting as ``config.settings.num_threads``. An environment variable is read when its setting is first used; after
that the value changes by assignment or, for a block, by :func:`override`. Settings hold for the whole process.

======================== ============= =========================================================================
variable                 setting       meaning
======================== ============= =========================================================================
``GRAPHC_DISABLE_JIT``   disable_jit   ``1``: run the plain function and the interpreter, compile nothing
``GRAPHC_CACHE_DIR``     cache_dir     folder of compiled code and printed modules (default: the user's cache folder)
``GRAPHC_NUM_THREADS``   num_threads   threads for kernels and gemm (default: the CPUs this process may use)
``GRAPHC_DUMP``          dump          comma-separated names of the stages to print, e.g. ``traced,final``
``GRAPHC_DETERMINISTIC`` deterministic ``1``: the same bits for every number of threads, gemm included
``GRAPHC_CONTRACT``      contract      ``0``: no fused multiply-add where the program wrote a multiply and an add
``GRAPHC_BLAS``          blas          ``auto``, ``mkl``, ``numpy``, ``scipy`` or ``native``: whose gemm is called
``GRAPHC_CUDA_EMULATOR`` cuda_emulator ``1``: programs for CUDA run on this machine, slowly, to check their values
``GRAPHC_CUDA_ATOMICS``  cuda_atomics  ``1``: sums on a GPU by atomic additions, in whatever order they come
``GRAPHC_KEEP_MEMORY``   keep_memory   ``0``: memory of dead results goes back to malloc, not to graphc's pool
``GRAPHC_NAN``           nan           ``1``: a result with NaN is an error that names the operation which made it
======================== ============= =========================================================================
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from graphc.errors import ConfigError

T = TypeVar("T")
BLAS_CHOICES = ("auto", "mkl", "numpy", "scipy", "native")
MAX_THREADS = 256
_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _SWITCH:
        return _SWITCH[value.strip().lower()]
    raise ValueError("expected 1 or 0")


def _thread_count(value: object) -> int:
    message = f"expected a whole number from 1 to {MAX_THREADS}"
    if isinstance(value, str):
        if not value.strip().isdecimal():
            raise ValueError(message)
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_THREADS:
        raise ValueError(message)
    return value


def _folder(value: object) -> Path:
    if isinstance(value, str | os.PathLike) and str(value).strip():
        return Path(value).expanduser().absolute()
    raise ValueError("expected the path of a folder")


def _names(value: object) -> frozenset[str]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple | set | frozenset) or not all(isinstance(part, str) for part in parts):
        raise ValueError("expected stage names separated by commas")
    return frozenset(part.strip() for part in parts if part.strip())


def _blas_choice(value: object) -> str:
    name = value.strip().lower() if isinstance(value, str) else ""
    if name not in BLAS_CHOICES:
        raise ValueError(f"expected one of {', '.join(BLAS_CHOICES)}")
    return name


def default_cache_dir() -> Path:
    """The platform's folder for a user's caches, with ``graphc`` appended. Returns a Path; creates nothing."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "graphc"


def usable_cpus() -> int:
    """How many CPUs this process may run on (int, at least 1)."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MAX_THREADS)
    return min(os.cpu_count() or 1, MAX_THREADS)


class Setting(Generic[T]):
    """One setting: its variable, how a value is checked (str from the environment, or a Python value), its default."""

    def __init__(self, variable: str, check: Callable[[object], T], default: Callable[[], T]) -> None:
        self.variable, self.check, self.default = variable, check, default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[T]: ...
    @overload
    def __get__(self, instance: Settings, owner: type) -> T: ...
    def __get__(self, instance: Settings | None, owner: type) -> T | Setting[T]:
        if instance is None:
            return self
        values = instance._values
        if self.name not in values:
            text = os.environ.get(self.variable, "")
            values[self.name] = self._checked(text, f"environment variable {self.variable}") if text else self.default()
        value: T = values[self.name]
        return value

    def __set__(self, instance: Settings, value: object) -> None:
        checked = self._checked(value, f"setting {self.name} (environment variable {self.variable})")
        instance._values[self.name] = checked
        for listener in instance._listeners.get(self.name, ()):
            listener()

    def _checked(self, value: object, where: str) -> T:
        try:
            return self.check(value)
        except ValueError as error:
            raise ConfigError(f"{where}: {error}, got {value!r}") from None


class Settings:
    """All settings of the process. Attributes are typed; assigning checks the value.

    Raises:
        ConfigError (a ValueError): a value, or the environment variable read at first use, is not usable.
    """

    disable_jit = Setting("GRAPHC_DISABLE_JIT", _switch, lambda: False)
    cache_dir = Setting("GRAPHC_CACHE_DIR", _folder, default_cache_dir)
    num_threads = Setting("GRAPHC_NUM_THREADS", _thread_count, usable_cpus)
    dump = Setting("GRAPHC_DUMP", _names, frozenset)
    deterministic = Setting("GRAPHC_DETERMINISTIC", _switch, lambda: False)
    contract = Setting("GRAPHC_CONTRACT", _switch, lambda: True)
    blas = Setting("GRAPHC_BLAS", _blas_choice, lambda: "auto")
    cuda_emulator = Setting("GRAPHC_CUDA_EMULATOR", _switch, lambda: False)
    cuda_atomics = Setting("GRAPHC_CUDA_ATOMICS", _switch, lambda: False)
    keep_memory = Setting("GRAPHC_KEEP_MEMORY", _switch, lambda: True)
    nan = Setting("GRAPHC_NAN", _switch, lambda: False)

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._listeners: dict[str, list[Callable[[], None]]] = {}

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_") and name not in setting_names():
            raise ConfigError(f"graphc has no setting {name!r}; there are {', '.join(setting_names())}")
        super().__setattr__(name, value)

    def on_change(self, name: str, listener: Callable[[], None]) -> None:
        """Have ``listener()`` called after each assignment to setting ``name`` (str)."""
        self._listeners.setdefault(name, []).append(listener)

    def code_key(self) -> tuple[tuple[str, object], ...]:
        """The settings that change the code generated for a program, for use in cache keys: (name, value) pairs."""
        names = ("contract", "deterministic", "cuda_atomics")
        return tuple([(name, getattr(self, name)) for name in names])


def setting_names() -> tuple[str, ...]:
    """Names of all settings (tuple of str), in the order of the table above."""
    return tuple(name for name, value in vars(Settings).items() if isinstance(value, Setting))


@contextmanager
def override(**values: object) -> Iterator[Settings]:
    """Within the block, settings have these values; afterwards what they had before. Holds for all threads.

    Args: any setting by name, e.g. ``override(num_threads=1)``. Yields ``settings``.
    Raises: ConfigError (a ValueError): unknown name or unusable value; then nothing has changed.
    """
    unknown = [name for name in values if name not in setting_names()]
    if unknown:
        raise ConfigError(f"graphc has no setting {unknown[0]!r}; there are {', '.join(setting_names())}")
    before = {name: getattr(settings, name) for name in values}
    try:
        for name, value in values.items():
            setattr(settings, name, value)
        yield settings
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


settings = Settings()
