"""Every name that an op can print is there to be called."""

from __future__ import annotations

import importlib
import re

import pytest

from graphc.codegen import helpers
from graphc.codegen.text import imports
from graphc.ir.opdef import Op, Pointwise, Reduce, Scan
from graphc.ir.types import REAL_DTYPES, SHORT_NAMES
from graphc.ops.complex_numbers import COMPLEX
from graphc.ops.scipy_functions import SCIPY_FUNCTIONS  # which have tests of their own
from graphc.ops.table import OPS
from tests.codegen.legal import FLOATS_ONLY, loops

PRINTING = [
    n
    for n, op in OPS.items()
    if isinstance(op.kind, Pointwise | Reduce | Scan) and op not in [*SCIPY_FUNCTIONS, *COMPLEX]
]
IMPORT = re.compile(r"from (\S+) import (.*)")
CALL = re.compile(r"\b([a-z]\w*)\(")


def printed(op: Op) -> dict[str, str]:
    """What the op prints, by what it computes in."""
    arguments = ["x", "y", "z"]
    if isinstance(op.kind, Pointwise):
        if op.name == "cast":
            return {short: f"cast_{short}(x)" for short in REAL_DTYPES}
        found = {}
        for dtypes in loops(op):
            shorts = [SHORT_NAMES[d] for d in dtypes]
            found[" ".join(shorts)] = op.print_expr(shorts[0], arguments[: len(shorts)])
        return found
    only = ["bool"] if op.name in ("any", "all") else ["f64", "f32"] if op.name in FLOATS_ONLY else REAL_DTYPES
    return {short: op.kind.step.format("x", "y", acc="acc", t=short) for short in only}


@pytest.mark.parametrize("name", PRINTING)
def test_every_printed_name_can_be_imported(name):
    expressions = printed(OPS[name])
    assert expressions, "the op computes in no dtype"
    for dtypes, text in expressions.items():
        known = set()
        for line in imports(text):
            module, names = IMPORT.fullmatch(line).groups()
            for imported in names.split(", "):
                assert hasattr(importlib.import_module(module), imported), f"{name} of {dtypes}: {imported} is missing"
                known.add(imported)
        assert set(CALL.findall(text)) <= known, f"{name} of {dtypes} prints {text}"


def test_a_missing_helper_says_where_to_add_it():
    with pytest.raises(AttributeError, match=r"'sinc_f64'.*float_helpers"):
        helpers.sinc_f64
