"""What a function reads from its process: environment variables, and names in text that it evaluates."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType
from typing import Any

from graphc.errors import SideEffectError
from graphc.trace.location import user_location
from graphc.trace.session import current


def environment_variable(environ: Any, key: Any) -> str:
    """``os.environ[key]``, compared at each call."""
    session = current()
    if session is not None and key in environ:
        paths = session.captures.paths
        raw = environ.encodekey(key)
        path = paths.dict_item(paths.attribute(paths.const(environ), "_data"), raw)
        paths.require_value(path, environ._data[raw])
    return environ[key]


def _get(key: Any, default: Any = None) -> Any:
    """``os.environ.get`` and ``os.getenv``; where there is no such variable, none may come."""
    if key in os.environ:
        return environment_variable(os.environ, key)
    session = current()
    if session is not None:
        paths = session.captures.paths
        paths.require_keys(paths.attribute(paths.const(os.environ), "_data"), os.environ._data)  # type: ignore[attr-defined]
    return default


def environment_function(function: Any) -> Callable[..., Any] | None:
    """``os.getenv`` or ``os.environ.get`` with its reads recorded; None for any other function."""
    is_get = getattr(function, "__self__", None) is os.environ and function.__name__ == "get"
    return _get if is_get or function is os.getenv else None


# --- text that is evaluated -------------------------------------------------------------------------------------------


def refuse_unseen_names(source: Any, globals_: dict[str, Any]) -> None:
    """Raise where the text reads a global that may change: it is compiled by Python, and its loads are not recorded."""
    code = source if isinstance(source, CodeType) else compile(str(source).strip(), "<evaluated>", "exec")
    for name in sorted(_names(code) & globals_.keys()):
        if not isinstance(globals_[name], ModuleType | FunctionType | type):
            raise SideEffectError(
                f"eval or exec reads the global {name!r}, unseen by graphc: a compiled program would keep its value of "
                f"now; pass it in: eval(text, {{{name!r}: {name}}})",
                location=user_location(),
            )


def _names(code: CodeType) -> set[str]:
    return set(code.co_names).union(*(_names(c) for c in code.co_consts if isinstance(c, CodeType)))
