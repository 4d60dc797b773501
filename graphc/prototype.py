"""C prototypes: how a C caller passes the arguments of a compiled function and takes its results.

``int64_t f(uint64_t dim, const double x[dim], double grad[dim], double *logp, void *data)``: integers that stand in
brackets are sizes; ``const`` arrays and other numbers are the function's arguments, in order; arrays and pointers
without ``const`` take the results, each the next one of its dtype and rank. A returned ``double`` or ``float`` is the
first single number of the result, a returned integer is the status: 0, or what went wrong. ``void *`` is not looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

_INTEGERS = {
    "char": 1, "int8_t": 1, "int16_t": 2, "short": 2, "int": 4, "int32_t": 4, "long": 8, "int64_t": 8, "int64": 8,
    "long long": 8, "npy_intp": 8, "intptr_t": 8, "ssize_t": 8, "unsigned": -4, "unsigned int": -4, "uint32_t": -4,
    "unsigned long": -8, "unsigned long long": -8, "uint64_t": -8, "uint64": -8, "size_t": -8, "uint8_t": -1,
}  # bytes, negative for unsigned ones  # fmt: skip
_REALS: dict[str, np.dtype] = {"double": np.dtype(np.float64), "float": np.dtype(np.float32)}
_ARRAYS: dict[str, np.dtype] = {
    **_REALS,
    **{name: np.dtype(f"{'iu'[size < 0]}{abs(size)}") for name, size in _INTEGERS.items() if name != "char"},
    "bool": np.dtype(np.bool_),
    "_Bool": np.dtype(np.bool_),
}

_PROTOTYPE = re.compile(r"\s*(?P<result>[\w ]+?)(?:\s+(?P<name>\w+))?\s*\((?P<parameters>.*)\)\s*;?\s*", re.DOTALL)
_TYPES = "|".join(sorted((*_ARRAYS, *_INTEGERS, "void"), key=lambda name: -len(name))).replace(" ", r"\s+")
_PARAMETER = re.compile(
    rf"(?P<const>const\s+)?(?P<type>(?:{_TYPES})\b|\w+)\s*(?P<star>\*)?\s*(?:const\s+)?"
    r"(?P<name>\w+)?\s*(?P<sizes>(?:\[\w+\])*)"
)


@dataclass(frozen=True)
class Parameter:
    """``kind``: "integer", "real", "input", "output" (addresses), or "ignored". ``sizes``: ints, or names of such."""

    name: str
    kind: str
    dtype: np.dtype
    sizes: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Prototype:
    """``result``: the dtype that is returned, None for void."""

    text: str
    result: np.dtype | None
    parameters: tuple[Parameter, ...]

    @property
    def size_names(self) -> set[str]:
        """The integers that are sizes."""
        return {size for p in self.parameters for size in p.sizes if isinstance(size, str)}

    @property
    def arguments(self) -> list[Parameter]:
        """What the function's arguments are made of."""
        return [
            p
            for p in self.parameters
            if p.kind in ("input", "real") or (p.kind == "integer" and p.name not in self.size_names)
        ]

    @property
    def outputs(self) -> list[Parameter]:
        return [p for p in self.parameters if p.kind == "output"]


def parse_prototype(text: str) -> Prototype:
    """Read a prototype (str). Raises ``ValueError`` for what is none, naming the part."""
    match = _PROTOTYPE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a C prototype: {text!r}; write one like 'double f(size_t n, const double x[n])'")
    returned, name = match["result"].strip(), match["name"]
    if returned not in (*_INTEGERS, *_REALS, "void") and name:
        returned = f"{returned} {name}"  # a type of two words, and no name
    if returned not in (*_INTEGERS, *_REALS, "void"):
        raise ValueError(f"the prototype {text!r} returns {returned!r}: it can be void, an integer, double or float")
    inner = match["parameters"].strip()
    parts = [] if inner in ("", "void") else inner.split(",")
    parameters = tuple(_parameter(part.strip(), k) for k, part in enumerate(parts))
    prototype = Prototype(text, None if returned == "void" else _dtype(returned), parameters)
    integers = {p.name for p in parameters if p.kind == "integer"}
    unknown = prototype.size_names - integers
    if unknown:
        raise ValueError(f"the prototype {text!r} has a size {min(unknown)!r} that is none of its integers")
    return prototype


def _dtype(name: str) -> np.dtype:
    return _REALS.get(name) or np.dtype(f"{'iu'[_INTEGERS[name] < 0]}{abs(_INTEGERS[name])}")


def _parameter(text: str, position: int) -> Parameter:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        raise ValueError(f"not a parameter of C: {text!r}")
    kind, name = " ".join(match["type"].split()), match["name"] or f"_{position}"
    if kind == "void" and match["star"]:
        return Parameter(name, "ignored", np.dtype(np.int64))
    sizes = tuple(int(s) if s.isdigit() else s for s in re.findall(r"\[(\w+)\]", match["sizes"]))
    if match["star"] or sizes:
        if kind not in _ARRAYS:
            raise ValueError(f"the parameter {text!r}: arrays are of {', '.join(_ARRAYS)}")
        return Parameter(name, "input" if match["const"] else "output", _ARRAYS[kind], sizes)
    if kind in _REALS:
        return Parameter(name, "real", _REALS[kind])
    if kind in _INTEGERS:
        return Parameter(name, "integer", _dtype(kind))
    raise ValueError(f"the parameter {text!r} is of an unknown type; known are {', '.join((*_REALS, *_INTEGERS))}")
