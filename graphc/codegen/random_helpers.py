"""Threefry-2x32 as the code that a kernel has for it: see ``ops/threefry``."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from graphc.codegen.loop_rules import opaque

_WORD = ir.IntType(32)
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def _word(number: int) -> ir.Constant:
    return ir.Constant(_WORD, number)


def _halves(builder: Any, both: Any) -> tuple[Any, Any]:
    upper = builder.lshr(both, ir.Constant(both.type, 32))
    return builder.trunc(upper, _WORD), builder.trunc(both, _WORD)


def _rotated(builder: Any, x: Any, turn: int) -> Any:
    rotate = builder.module.declare_intrinsic("llvm.fshl", [_WORD], ir.FunctionType(_WORD, [_WORD] * 3))
    return builder.call(rotate, [x, x, _word(turn)])


def threefry(builder: Any, kind: Any, key: Any, counter: Any) -> Any:
    """64 random bits of two numbers of 64 bits: straight code over 32-bit words, which vectorises."""
    words = list(_halves(builder, key))
    words.append(builder.xor(builder.xor(*words), _word(_PARITY)))
    first, second = (builder.add(x, word) for x, word in zip(_halves(builder, counter), words[:2], strict=True))
    for group in range(5):
        for turn in _ROTATIONS[group % 2]:
            first = opaque(builder, builder.add(first, second))
            second = builder.xor(_rotated(builder, second, turn), first)
        first = builder.add(first, words[(group + 1) % 3])
        second = builder.add(builder.add(second, words[(group + 2) % 3]), _word(group + 1))
    first, second = opaque(builder, first), opaque(builder, second)
    upper = builder.shl(builder.zext(first, key.type), ir.Constant(key.type, 32))
    return builder.or_(upper, builder.zext(second, key.type))
