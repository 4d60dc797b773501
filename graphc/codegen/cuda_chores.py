"""What a CUDA kernel is, and those that are no nest's: filling, copying, combining the blocks of a total, checks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.codegen.driver import PrintedKernel
from graphc.codegen.text import ELEMENTS, NARROW, Lines, imports, literal, loaded, stored
from graphc.errors import ProgramError

WORDS = 2  # of 8 bytes, of a packed number: kernels may ask that a buffer starts at 16 bytes, and complex ones fill it


@dataclass(frozen=True)
class CudaKernel:
    """``mapping`` is one of ``codegen.cuda_kernel``, or ``tiles``; the signature ends with an int64 ``count``."""

    printed: PrintedKernel
    mapping: str

    @property
    def waits(self) -> bool:
        """Whether the threads of a block wait for each other."""
        return "barrier()" in self.printed.source

    @property
    def has_near(self) -> bool:
        """Whether blocks have rows in the memory of their threads, of a size that the launch tells."""
        return " = near_" in self.printed.source


def chore(kind: str, *, init: str = "", dtype: str = "f64") -> str:
    """Kernels that are no nest's: ``fill(b0; value)``, ``copy(b0, b1)``."""
    lines = Lines()
    with lines.inside("for element in range(global_index(), count, global_count()):"):
        match kind:
            case "fill":
                lines.add(f"b0[element] = {stored(dtype, literal(dtype, init))}")
            case "copy":
                lines.add("b1[element] = b0[element]")
            case _:
                raise ProgramError(f"no CUDA kernel is printed for {kind!r}")
    parameters = {"fill": "b0", "copy": "b0, b1"}[kind]
    return f"def NAME({parameters}, count):\n{lines}\n"


def combining_kernel(step: str, init: str, dtype: str) -> str:
    """``combine(b0, b1, kept n0, blocks n1)``: ``b1[k]`` is the fold of ``b0[block * n0 + k]`` over all blocks.

    The lanes of a warp have neighbours; the warps of a block of threads share the blocks, and meet in order.
    """
    is_sum = step == "{acc} + {0}" and dtype in ("f64", "f32")
    lines = Lines()
    add = lines.add

    def fold(name: str, value: str) -> None:
        text = step.format(value, acc=name)
        text = f"cast_{dtype}({text})" if dtype in NARROW else text
        add(f"add_to({name}, {value})" if is_sum else f"{name} = {text}")

    def begin(name: str) -> None:
        add(f"{name} = new_sum_{dtype}()" if is_sum else f"{name} = {literal(dtype, init)}")

    def result(name: str) -> str:
        return stored(dtype, f"sum_of({name})" if is_sum else name)

    add("thread = thread_index()")
    add("lane = thread % warp_size()")
    add("part = thread // warp_size()")
    add("parts = thread_count() // warp_size()")
    add(f"place = shared_{dtype}()")
    with lines.inside("for group in range(block_index(), (count + warp_size() - 1) // warp_size(), block_count()):"):
        add("element = group * warp_size() + lane")
        begin("own")
        with lines.inside("if element < count:"), lines.inside("for block in range(part, n1, parts):"):
            fold("own", loaded(dtype, "b0[block * n0 + element]"))
        add("barrier()")
        add(f"place[thread] = {result('own')}")
        add("barrier()")
        with lines.inside("if (part == 0) & (element < count):"):
            begin("total")
            with lines.inside("for other in range(parts):"):
                fold("total", loaded(dtype, "place[other * warp_size() + lane]"))
            add(f"b1[element] = {result('total')}")
    return f"def NAME(b0, b1, n0, n1, count):\n{lines}\n"


def note_kernel() -> str:
    """``b1[0] = status`` where the flag ``b0[0]`` is set and no check has failed before."""
    return (
        "def NAME(b0, b1, status, count):\n"
        "    for element in range(global_index(), count, global_count()):\n"
        "        if b0[element] != 0 and b1[element] == 0:\n"
        "            b1[element] = status\n"
    )


def poison_kernel(dtype: str) -> CudaKernel:
    """NaN in all of ``b0`` where a check has failed: ``b1[0]`` is not 0. ``u16``: the bits of halves of either kind."""
    number = "0x7FFF" if dtype == "u16" else literal(dtype, "nan")
    text = (
        "def NAME(b0, b1, count):\n"
        "    if b1[0] != 0:\n"
        "        for element in range(global_index(), count, global_count()):\n"
        f"            b0[element] = {number}\n"
    )
    return whole_kernel("poison", text, [dtype, "i64"], 0, "elements")


def pack_kernel(count: int) -> CudaKernel:
    """``b0[i] = w<i>`` for so many words: a call's single numbers get their places in one launch."""
    words = ", ".join(f"w{i}" for i in range(count))
    body = "\n".join(f"        b0[{i}] = w{i}" for i in range(count))
    text = f"def NAME(b0, {words}, count):\n    for element in range(global_index(), count, global_count()):\n{body}\n"
    return whole_kernel("pack", text, ["i64"], count, "elements")


def pieces_kernel(dtypes: tuple[str, ...]) -> CudaKernel:
    """``b<2k + 1>[i] = b<2k>[i]`` for ``n<k>`` elements of each dtype: many small copies in one launch."""
    lines = Lines()
    for k in range(len(dtypes)):
        with lines.inside(f"for e{k} in range(global_index(), n{k}, global_count()):"):
            lines.add(f"b{2 * k + 1}[e{k}] = b{2 * k}[e{k}]")
    buffers = ", ".join(f"b{k}" for k in range(2 * len(dtypes)))
    sizes = ", ".join(f"n{k}" for k in range(len(dtypes)))
    text = f"def NAME({buffers}, {sizes}, count):\n{lines}\n"
    return whole_kernel("pieces", text, [d for d in dtypes for _ in range(2)], len(dtypes), "elements")


def gather_kernel(rank: int, dtype: str) -> CudaKernel:
    """``b1``: the elements of ``b0``, which lie at strides, in C order; words: sizes, then strides in elements."""
    lines = Lines()
    with lines.inside("for element in range(global_index(), count, global_count()):"):
        rest, position = "element", ["0"]
        for axis in reversed(range(rank)):
            lines.add(f"i{axis} = {rest} % n{axis}")
            lines.add(f"rest{axis} = {rest} // n{axis}")
            rest = f"rest{axis}"
            position.append(f"i{axis} * n{rank + axis}")
        lines.add(f"b1[element] = b0[{' + '.join(position)}]")
    names = ", ".join(f"n{k}" for k in range(2 * rank))
    text = f"def NAME(b0, b1, {names}, count):\n{lines}\n"
    return whole_kernel("gather", text, [dtype, dtype], 2 * rank, "elements")


def whole_kernel(kind: str, text: str, dtypes: Sequence[str], sizes: int, mapping: str, flags: str = "") -> CudaKernel:
    """The kernel of a text: buffers of these dtypes, so many sizes, and ``count``; named by its hash."""
    types = [f"CPointer({ELEMENTS[dtype]})" for dtype in dtypes]
    signature = f"void({', '.join([*types, *['int64'] * (sizes + 1)])})"
    name = f"cuda_{kind}_" + hashlib.sha256(f"{flags}\n{text}{signature}".encode()).hexdigest()[:20]
    head = "\n".join(imports(text, device=True))
    return CudaKernel(PrintedKernel(name, f"{head}\n\n\n" + text.replace("NAME", name, 1), signature), mapping)
