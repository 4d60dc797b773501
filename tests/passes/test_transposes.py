"""Where transposes of matrices go, and that the values stay what they were."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.ir.interp import interpret
from graphc.ir.text import parse
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize

SHAPES = {"x": "n,m", "y": "n,m", "a": "n", "r": "m", "s": "", "k": "m,n", "t": "b,n,m", "c": "b,1,n"}
SIZES = {"n": 3, "m": 4, "b": 2}

PATTERNS = {
    "a row beside it": ("%0: f64[m,n] = transpose %x perm=(1,0)\n%o: f64[m,n] = mul %0, %a", "reshape mul transpose"),
    "a scalar": ("%0: f64[m,n] = transpose %x perm=(1,0)\n%o: f64[m,n] = mul %s, %0", "mul transpose"),
    "both transposed": (
        "%0: f64[m,n] = transpose %x perm=(1,0)\n%1: f64[m,n] = transpose %y perm=(1,0)\n%o: f64[m,n] = sub %0, %1",
        "sub transpose",
    ),
    "a batch": (
        "%0: f64[b,m,n] = transpose %t perm=(0,2,1)\n%o: f64[b,m,n] = add %0, %c",
        "reshape add transpose",
    ),
    "another matrix stays": ("%0: f64[m,n] = transpose %x perm=(1,0)\n%o: f64[m,n] = mul %0, %k", "transpose mul"),
    "of a product": (
        "%0: f64[m,n] = transpose %x perm=(1,0)\n%1: f64[m,m] = matmul %0, %y\n%o: f64[m,m] = transpose %1 perm=(1,0)",
        "transpose matmul",
    ),
    "of a scaled product": (
        "%0: f64[m,n] = transpose %x perm=(1,0)\n%1: f64[m,n] = mul %0, %a\n%2: f64[m,m] = matmul %1, %y\n"
        "%o: f64[m,m] = transpose %2 perm=(1,0)",
        "reshape mul transpose matmul",
    ),
    "of work on a product": (
        "%0: f64[m,n] = transpose %x perm=(1,0)\n%1: f64[m,m] = matmul %0, %y\n%2: f64[m,m] = mul %1, %r\n"
        "%3: f64[m,m] = sub %s, %2\n%o: f64[m,m] = transpose %3 perm=(1,0)",
        "reshape mul sub transpose matmul",
    ),
    "of a product and another matrix": (
        "%0: f64[m,n] = transpose %x perm=(1,0)\n%1: f64[n,n] = matmul %y, %0\n%2: f64[n,m] = matmul %1, %y\n"
        "%3: f64[n,m] = add %2, %x\n%o: f64[m,n] = transpose %3 perm=(1,0)",
        "transpose matmul matmul add transpose",
    ),
}


@pytest.mark.parametrize("what", PATTERNS)
def test_transposes_go_behind_pointwise_work(what):
    body, wanted = PATTERNS[what]
    header = ", ".join(f"%{name}: f64[{dims}]" for name, dims in SHAPES.items())
    guards = "n - 2 >= 0, m - 2 >= 0, b - 2 >= 0"
    graph = parse(f"graph f({header}) -> (%o) where {guards} {{\n{body}\n}}", OPS)
    found = optimize(graph, OPS)
    verify(found)
    assert sorted(node.op.name for node in found.nodes) == sorted(wanted.split())
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=[SIZES.get(d) or int(d) for d in dims.split(",") if d]) for dims in SHAPES.values()]
    np.testing.assert_allclose(interpret(found, arrays)[0], interpret(graph, arrays)[0], rtol=1e-13)


def test_a_product_that_is_read_again_stays():
    text = """graph f(%x: f64[n,m]) -> (%1, %2) {
      %0: f64[m,n] = transpose %x perm=(1,0)
      %1: f64[m,m] = matmul %0, %x
      %2: f64[m,m] = transpose %1 perm=(1,0)
    }"""
    names = [node.op.name for node in optimize(parse(text, OPS), OPS).nodes]
    assert names == ["transpose", "matmul", "transpose"]
