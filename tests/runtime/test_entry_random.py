"""Random plans and random arguments: the native entry does what the Python one does."""

from __future__ import annotations

import numpy as np
import pytest
from entry_support import Driver, const, make, missed, plan, symbol, view
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphc.abi import Build, Check, Code, InputLeaf, LeafKind, OutputLeaf, Relation, Step
from graphc.runtime import entry, object_layout
from graphc.runtime.pycall import evaluate

pytestmark = pytest.mark.skipif(not object_layout.KNOWN, reason="this interpreter has no native entries")

NSYMBOLS = 3  # each bound by an argument of its own; one more is bound by nothing
DTYPES = ("<f8", "<f4", "<i8", "|b1", "<c16", "<u2")
SMALL = st.integers(-3, 4)


@st.composite
def codes(draw, depth=3):
    if depth == 0 or draw(st.booleans()):
        return draw(st.one_of(SMALL.map(const), st.integers(0, NSYMBOLS - 1).map(symbol)))
    op = draw(st.sampled_from([code for code in Code if code not in (Code.CONST, Code.SYMBOL)]))
    return (*draw(codes(depth - 1)), *draw(codes(depth - 1)), op)


@st.composite
def leaves(draw, step):
    kind = draw(st.sampled_from(LeafKind))
    if kind is LeafKind.ARRAY:
        rank = draw(st.integers(0, 3))
        axes = draw(st.lists(st.sampled_from(["bind", "free", "free", "check"]), min_size=rank, max_size=rank))
        symbols = st.integers(0, NSYMBOLS - 1)
        binds = tuple((axis, draw(symbols)) for axis, use in enumerate(axes) if use == "bind")
        checks = tuple((axis, draw(codes(1))) for axis, use in enumerate(axes) if use == "check")
        return InputLeaf(step, kind, draw(st.sampled_from(DTYPES)), rank, binds, checks)
    if kind is LeafKind.INT:
        return InputLeaf(step, kind, "<i8", 0, ((-1, draw(st.integers(0, NSYMBOLS - 1))),))
    return InputLeaf(step, kind, "<f8" if kind is LeafKind.FLOAT else draw(st.sampled_from(DTYPES)), 0)


@st.composite
def results(draw, noutputs, depth=3):
    """A recipe for one object, in postorder."""
    kind = draw(st.sampled_from(["leaf", "none", "tuple", "list", "dict", "call"] if depth else ["leaf", "none"]))
    if kind == "leaf" and noutputs:
        return ((Build.LEAF, draw(st.integers(0, noutputs - 1))),)
    if kind in ("leaf", "none"):
        return ((Build.NONE,),)
    parts = draw(st.lists(results(noutputs, depth - 1), max_size=3))
    last = {
        "tuple": (Build.TUPLE, len(parts)),
        "list": (Build.LIST, len(parts)),
        "dict": (Build.DICT, tuple(f"k{k}" for k in range(len(parts)))),
        "call": (Build.CALL, lambda *values: ("called", *values), len(parts)),
    }[kind]
    return (*(step for part in parts for step in part), last)


@st.composite
def plans(draw):
    """One tuple argument whose items are the leaves."""
    ints = tuple(InputLeaf(k + 1, LeafKind.INT, "<i8", 0, ((-1, k),)) for k in range(NSYMBOLS))
    inputs = (*ints, *(draw(leaves(k + 1 + NSYMBOLS)) for k in range(draw(st.integers(0, 4)))))
    bounded = codes(1).map(lambda code: (*code, *const(5), Code.MIN, *const(0), Code.MAX))
    dims = st.lists(bounded, max_size=3).map(tuple)
    outputs = tuple(OutputLeaf(draw(st.sampled_from(DTYPES)), draw(dims)) for _ in range(draw(st.integers(0, 3))))
    return plan(
        steps=((Step.ARG, 0), *((Step.SEQ_ITEM, 0, k) for k in range(len(inputs)))),
        checks=((Check.TYPE_LEN, 0, tuple, len(inputs)),),
        inputs=inputs,
        nsymbols=NSYMBOLS + 1,
        guards=tuple((draw(st.sampled_from(Relation)), draw(codes())) for _ in range(draw(st.sampled_from([0, 0, 1])))),
        outputs=outputs,
        result=draw(results(len(outputs))),
        arena_bytes=draw(codes()),
        work=draw(st.sampled_from([const(0), const(10**6)])),
    )


@st.composite
def arguments(draw, p):
    """Mostly what the plan asks for, at times with one leaf changed."""
    symbols = (*draw(st.tuples(*[st.integers(0, 4)] * NSYMBOLS)), 0)
    changed = draw(st.integers(0, 3 * len(p.inputs)))
    items = []
    for k, leaf in enumerate(p.inputs):
        dtype = draw(st.sampled_from(DTYPES)) if k == changed else leaf.dtype
        kind = draw(st.sampled_from(LeafKind)) if k == changed else leaf.kind
        wanted = {axis: symbols[s] for axis, s in leaf.binds}
        wanted |= {axis: min(max(evaluate(code, symbols), 0), 9) for axis, code in leaf.checks}
        if kind is LeafKind.ARRAY:
            array = np.ones([wanted.get(axis, 2) + (k == changed) for axis in range(leaf.rank)], dtype)
            items.append(array.T if k == changed and draw(st.booleans()) else array)
        elif kind is LeafKind.SCALAR:
            items.append(np.dtype(dtype).type(draw(st.integers(0, 3))))
        else:
            items.append({LeafKind.INT: int, LeafKind.FLOAT: float}[kind](wanted.get(-1, 3)))
    return tuple(items)


def comparable(item):
    if isinstance(item, np.ndarray | np.generic):
        return (type(item), item.dtype.str, item.shape, item.tobytes())
    if isinstance(item, dict):
        return [(key, comparable(value)) for key, value in item.items()]
    if isinstance(item, list | tuple):
        return (type(item), *map(comparable, item))
    return item


def recording_driver(p, records):
    """Writes a pattern to every output, and records what it was called with."""

    def body(call):
        symbols = call.symbols.tolist()
        seen = [symbols, call.arena % 64]
        for leaf, address in zip(p.inputs, call.args, strict=False):
            seen.append(view(address, (), leaf.dtype).tobytes() if leaf.kind is not LeafKind.ARRAY else address)
        records.append(seen)
        for leaf, address in zip(p.outputs, call.args[len(p.inputs) :], strict=True):
            shape = tuple(evaluate(code, symbols) for code in leaf.dims)
            view(address, shape, leaf.dtype)[...] = np.arange(int(np.prod(shape))).reshape(shape) % 2
        call.symbols[3] = -5
        return int(sum(symbols) == 7)

    return Driver(p, body)


def outcome(function, argument):
    try:
        return comparable(function(argument))
    except ArithmeticError as error:
        return error.args


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_native_equals_python(data):
    p = data.draw(plans())
    records = {how: [] for how in (entry.native_entry, entry.python_entry)}
    entries = [make(p, how=how, driver=recording_driver(p, seen)) for how, seen in records.items()]
    for _ in range(4):
        argument = data.draw(arguments(p))
        native, python = (outcome(f, argument) for f in entries)
        if native == comparable(missed(argument)):
            assert python == native
        assert native == python
    native_calls, python_calls = records.values()
    assert native_calls == python_calls


@settings(max_examples=150, deadline=None)
@given(code=codes(), values=st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * NSYMBOLS))
def test_native_arithmetic_equals_python(code, values):
    """The result comes back through a guard's verdict on ``code - expected``."""
    expected = evaluate(code, values)
    difference = (*code, *const(expected), *const(-1), Code.MUL, Code.ADD)
    p = plan(
        nargs=NSYMBOLS,
        steps=tuple((Step.ARG, k) for k in range(NSYMBOLS)),
        inputs=tuple(InputLeaf(k, LeafKind.INT, "<i8", 0, ((-1, k),)) for k in range(NSYMBOLS)),
        nsymbols=NSYMBOLS,
        guards=((Relation.EQ, difference),),
        outputs=(),
        result=((Build.NONE,),),
    )
    assert make(p, lambda call: None)(*values) is None
