"""Pieces of printed source: literals of each dtype, dims, affine positions, imports, and indentation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from graphc.codegen.vecmath_names import NAMES as VECTOR_MATH
from graphc.ir.dims import Dim, to_python
from graphc.schedule.scalars import Affine

NARROW = ("i8", "i16", "i32", "u8", "u16", "u32", "u64")
STORED = {"bool": "u8"}  # a bool in memory is a byte: pointers to it are pointers to bytes
ELEMENTS = {
    "f64": "float64", "f32": "float32", "i64": "int64", "i32": "int32", "i16": "int16", "i8": "int8",
    "u64": "uint64", "u32": "uint32", "u16": "uint16", "u8": "uint8", "bool": "uint8",
}  # fmt: skip
FOLDS = {
    "add_to", "copy", "corrected", "few_rounds", "fill", "greatest", "least", "load_where", "lost", "new_sum_f32",
    "new_sum_f64", "lane_loop", "short_loop", "sum_blocks", "sum_of",
}  # fmt: skip
FLAGS = {"flag_before", "next_flag"}
FOURIER = {"transform"}
FORTRAN = {"at", "fortran", "fortran_integer"}
DRIVER = {"address_of", "call_service", "give_back", "launch", "launch_lapack", "run", "stack_slots"}
CUDA = {
    "barrier", "block_count", "block_index", "exchanged_buffer", "global_count", "global_index", "separate_buffers",
    "thread_count", "thread_index", "warp_size",
}  # fmt: skip
CUDA_KINDS = ("atomic_add_", "near_", "shared_", "shuffle_down_", "tile_a_", "tile_b_")  # one for each dtype
INT64_MIN = str(-(2**63))


def literal(dtype: str, text: str) -> str:
    """A number of this very dtype (a bare 2.0 would make float32 arithmetic float64)."""
    if dtype == "bool":
        return str(text in ("True", "1", "1.0"))
    if dtype == "i64":
        number = int(float(text)) if "." in text or "e" in text else int(text)
        return "cast_i64(INT64_MIN)" if str(number) == INT64_MIN else (f"({number})" if number < 0 else str(number))
    if dtype == "f64":
        text = text if any(c in text for c in ".en") else text + ".0"
        return f"({text})" if text.startswith("-") else text
    return f"cast_{dtype}({text})"


def loaded(dtype: str, element: str) -> str:
    """An element in memory as a value."""
    return f"({element} != 0)" if dtype == "bool" else element


def stored(dtype: str, value: str) -> str:
    """A value as it stands in memory."""
    return f"cast_u8({value})" if dtype == "bool" else value


def affine_text(position: Affine, names: Callable[[int], str], dim: Callable[[Dim], str]) -> str:
    """``offset + coefficient * variable + ...`` as Python source."""
    parts = []
    for axis, coefficient in position.terms:
        if coefficient == 1:
            parts.append(names(axis))
        elif coefficient == -1:
            parts.append(f"-{names(axis)}")
        else:
            text = dim(coefficient)
            parts.append(f"{names(axis)} * {text}" if text.isalnum() else f"{names(axis)} * ({text})")
    if position.offset != 0 or not parts:
        parts.append(dim(position.offset))
    return " + ".join(parts).replace("+ -", "- ")


class Lines:
    """Source lines with the current indentation."""

    def __init__(self, indent: str = "    "):
        self.lines: list[str] = []
        self.indent = indent

    def add(self, text: str) -> None:
        self.lines.append(self.indent + text)

    @contextmanager
    def inside(self, header: str) -> Iterator[None]:
        """The block under ``header``; ``pass`` where nothing was added."""
        self.add(header)
        before, size = self.indent, len(self.lines)
        self.indent += "    "
        yield
        if len(self.lines) == size:
            self.add("pass")
        self.indent = before

    def __str__(self) -> str:
        return "\n".join(self.lines)


_CALL = re.compile(r"\b([a-z]\w*)\(")
_HELPER = re.compile(r".*_(f64|f32|i64|i32|i16|i8|u64|u32|u16|u8|bool)$")


def imports(body: str, *, device: bool = False) -> list[str]:
    """The import lines that a printed function needs; ``device``: it is one of a device, which has no SciPy."""
    called = set(_CALL.findall(body))
    vecmath = sorted(n for n in called if _is_vector_math(n))
    core = sorted(called & {"fma", "reassociating_add", "select", "wide_vectors"})
    apart = ("as_pointer", "new_sum", "row_slots", *CUDA_KINDS)
    helpers = sorted(n for n in called if _HELPER.match(n) and not _is_vector_math(n) and not n.startswith(apart))
    lines = []
    if re.search(r"\b(inf|nan)\b", body):
        lines.append("from math import inf, nan")
    if device:
        special = [n for n in helpers if n.startswith("scipy_")]
        helpers = [n for n in helpers if n not in special]
        lines += ["from graphc.codegen.device_special import " + ", ".join(special)] if special else []
    if helpers or "INT64_MIN" in body:
        names = helpers + (["INT64_MIN"] if "INT64_MIN" in body else [])
        lines.append("from graphc.codegen.helpers import " + ", ".join(names))
    folds = sorted(n for n in called if n in FOLDS or n.startswith("row_slots"))
    if folds:
        lines.append("from graphc.codegen.accumulators import " + ", ".join(folds))
    if vecmath or core:
        lines.append("from graphc.codegen.vecmath import " + ", ".join(vecmath + core))
    cuda = sorted(n for n in called if n in CUDA or n.startswith(CUDA_KINDS))
    if cuda:
        lines.append("from graphc.codegen.cuda_intrinsics import " + ", ".join(cuda))
    flags = sorted(called & FLAGS)
    if flags:
        lines.append("from graphc.codegen.flags import " + ", ".join(flags))
    fortran = sorted(called & FORTRAN)
    if fortran:
        lines.append("from graphc.codegen.fortran import " + ", ".join(fortran))
    if called & FOURIER:
        lines.append("from graphc.codegen.fourier import transform")
    driver = sorted(n for n in called if n.startswith("as_pointer") or n in DRIVER)
    if driver:
        lines.append("from graphc.codegen.intrinsics import " + ", ".join(driver))
    return lines


def _is_vector_math(name: str) -> bool:
    function, _, dtype = name.rpartition("_")
    return function in VECTOR_MATH and dtype in ("f64", "f32")


def dim_text(dim: Dim, names: dict[str, str]) -> str:
    """The dim over these names; int64 intrinsics stand for Python's max and min, which Numba compiles slowly."""
    return to_python(dim, names).replace("max(", "greatest(").replace("min(", "least(")
