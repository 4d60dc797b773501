"""Parameters, and whole states of training, in files: nested containers of tensors, as ``safetensors`` keeps them.

A file holds the arrays under readable names (``model.0.weight``), which other programs read, and in its metadata, as
JSON, the containers around them. Nothing in it is code: loading a file runs none. The examples assume ``import numpy as
np`` and ``import graphc``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graphc.errors import TraceTypeError
from graphc.tensors.core import Tensor, from_array
from graphc.tensors.devices import place_of
from graphc.tensors.memory import settled
from graphc.tensors.placing import on_host, placed
from graphc.tensors.random import get_rng_state, set_rng_state
from graphc.trace.location import user_location

_KEY, _FORMAT = "graphc", 1
Tree = Any


def save(obj: Tree, path: str | os.PathLike[str]) -> None:
    """Write tensors, arrays and numbers, in nested dicts, lists and tuples, to a file in the safetensors format.

    >>> import tempfile, os
    >>> model = graphc.nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     graphc.save(model.state_dict(), path)
    ...     again = graphc.load(path)
    >>> list(again)
    ['weight', 'bias']
    >>> graphc.equal(again["weight"], model.weight)
    True

    The file is complete or not there: it is written beside and then renamed. Values are kept bit for bit.

    Args:
        obj: a ``state_dict``, or any container of tensors, arrays, numbers, strings and None.
        path: of the file, by custom ``*.safetensors``.
    Raises: ``ImportError`` without the package ``safetensors``; ``TraceTypeError`` (a ``TypeError``) for an object of
        another kind, named with its place.
    """
    library = _safetensors()
    arrays: dict[str, np.ndarray] = {}
    described = {"format": _FORMAT, "content": _described(obj, "", arrays)}
    beside = Path(f"{os.fspath(path)}.{os.getpid()}.part")
    try:
        library.numpy.save_file(arrays, beside, {_KEY: json.dumps(described)})
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def load(path: str | os.PathLike[str], map_location: Any = None, *, weights_only: bool = True) -> Tree:
    """What ``save`` wrote; of a file that another program wrote a dict of tensors by name.

    ``map_location``: the device that tensors come to, the CPU by default. ``weights_only`` is PyTorch's: no code is
    ever run.
    Tensors are leaves. Raises ``ImportError`` without the package ``safetensors``, ``FileNotFoundError``, and
    ``ValueError`` for a file of a later format.
    """
    place = place_of(map_location)
    library = _safetensors()
    with library.safe_open(os.fspath(path), framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no dict
        metadata = file.metadata() or {}
    if _KEY not in metadata:
        return {name: from_array(placed(settled(array), place)) for name, array in arrays.items()}
    described = json.loads(metadata[_KEY])
    if described["format"] != _FORMAT:
        raise ValueError(f"{path} has format {described['format']}, and this version of graphc reads {_FORMAT}")
    return _rebuilt(described["content"], arrays, place)


def save_checkpoint(path: str | os.PathLike[str], **parts: Any) -> None:
    """Write a state of training from which ``load_checkpoint`` goes on bit for bit.

    >>> import tempfile, os
    >>> model = graphc.nn.Linear(2, 1)
    >>> optimizer = graphc.optim.Adam(model.parameters())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.safetensors")
    ...     graphc.save_checkpoint(path, model=model, optimizer=optimizer, epoch=3)
    ...     graphc.load_checkpoint(path, model=model, optimizer=optimizer)
    {'epoch': 3}

    The state of graphc's own random numbers (``graphc.manual_seed``) is kept, too.

    Args:
        path: of the file.
        parts: by any names: what has a ``state_dict`` (models, optimizers, schedulers, a ``GradScaler``), generators of
            NumPy, and anything that ``save`` takes.
    Raises: what ``save`` raises.
    """
    save({"parts": {name: _state_of(part) for name, part in parts.items()}, "random": get_rng_state()}, path)


def load_checkpoint(path: str | os.PathLike[str], **parts: Any) -> dict[str, Any]:
    """Bring what is given into the state that ``save_checkpoint`` wrote under the same names; the rest is returned.

    Raises: what ``load`` raises; ``KeyError`` for a name that the file does not have; what the parts' own
    ``load_state_dict`` raise where they differ from what was saved. Nothing is loaded where a name is missing.
    """
    content = load(path)
    known = content["parts"] if isinstance(content, dict) and "parts" in content else {}
    missing = [name for name in parts if name not in known]
    if missing:
        raise KeyError(f"{path} has no {', '.join(missing)}; it has {', '.join(known) or 'no checkpoint'}")
    for name, part in parts.items():
        if isinstance(part, np.random.Generator):
            part.bit_generator.state = known[name]
        else:
            part.load_state_dict(known[name])
    set_rng_state(content["random"])
    return {name: value for name, value in known.items() if name not in parts}


def _state_of(part: Any) -> Tree:
    if isinstance(part, np.random.Generator):
        return part.bit_generator.state
    return part.state_dict() if hasattr(part, "state_dict") else part


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        message = "graphc.save and load need the package safetensors: pip install 'graphc[training]'"
        raise ImportError(message) from None
    return safetensors


# --- containers -------------------------------------------------------------------------------------------------------


def _described(obj: Tree, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """The object in terms of JSON; arrays are put aside, under their paths."""
    if obj is None or type(obj) in (bool, int, float, str):
        return obj
    if isinstance(obj, Tensor):
        return {"tensor": _kept(on_host(obj), path, arrays), "requires_grad": obj.requires_grad}
    if isinstance(obj, np.ndarray | np.generic):
        return {"array" if isinstance(obj, np.ndarray) else "number": _kept(obj, path, arrays)}
    if isinstance(obj, Mapping):
        items = [[_key(key, path), _described(value, _join(path, key), arrays)] for key, value in obj.items()]
        return {"dict": items}
    if type(obj) in (list, tuple):
        items = [_described(value, _join(path, k), arrays) for k, value in enumerate(obj)]
        return {type(obj).__name__: items}
    raise TraceTypeError(
        f"graphc.save: {path or 'the object'} is a {type(obj).__name__}: only tensors, arrays, numbers, strings and "
        "None in dicts, lists and tuples can be saved; of a model, an optimizer or a scheduler save its state_dict()",
        location=user_location(),
    )


def _kept(array: Any, path: str, arrays: dict[str, np.ndarray]) -> str:
    name, count = path or "value", 1
    while name in arrays:
        count += 1
        name = f"{path or 'value'}#{count}"
    arrays[name] = np.array(array, order="C")
    return name


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def _key(key: Any, path: str) -> Any:
    if type(key) in (str, int, bool, float) or key is None:
        return key
    message = f"graphc.save: a dict{f' at {path}' if path else ''} has a key of type {type(key).__name__}"
    raise TraceTypeError(f"{message}: keys are strings or numbers", location=user_location())


def _rebuilt(described: Any, arrays: Mapping[str, np.ndarray], place: int | None) -> Tree:
    if not isinstance(described, dict):
        return described
    if "tensor" in described:
        return from_array(placed(settled(arrays[described["tensor"]]), place), described["requires_grad"])
    if "dict" in described:
        return {key: _rebuilt(value, arrays, place) for key, value in described["dict"]}
    if "list" in described or "tuple" in described:
        items = [_rebuilt(value, arrays, place) for value in described["list" if "list" in described else "tuple"]]
        return items if "list" in described else tuple(items)
    return arrays[described["array"]] if "array" in described else arrays[described["number"]][()]
