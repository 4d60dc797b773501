"""What a device computes in place of SciPy's compiled functions: SciPy's values, over ordinary and extreme numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.special

from graphc.cuda_graph import graph_for_device
from graphc.ir.interp import interpret
from graphc.ir.text import parse
from graphc.ops.table import OPS
from graphc.passes.device_forms import FORMS

EDGES = [0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-300, 1e300, 1e-20, -1e-20, 0.5, 1e-5, 700.0, -700.0, 800.0]
# What cancels in SciPy's own formula; and exponentials, which magnify the rounding of what they are taken of
TOLERANCE = {"kl_div": 2e-11, "cosm1": 1e-12, "inv_boxcox": 2e-13, "inv_boxcox1p": 2e-13}
LEFT_OUT = {"kl_div": 1e290, "pseudo_huber": 1e100}  # sizes (and their reciprocals) from which on SciPy's overflows


def inputs(name, count):
    random = np.random.default_rng(3)
    edges = np.array(list(itertools.product(EDGES, repeat=count))).T
    spread = np.concatenate([
        np.exp(3 * random.normal(size=(count, 200))), random.uniform(size=(count, 200)),
        random.normal(size=(count, 200)), np.exp(-30 * random.uniform(size=(count, 50))),
    ], axis=1)  # fmt: skip
    found = np.concatenate([edges, spread], axis=1)
    most = LEFT_OUT.get(name)
    if most is not None:
        sizes = np.abs(found)
        found = found[:, np.all(~((sizes > most) | ((sizes < 1 / most) & (sizes > 0))) | np.isinf(sizes), axis=0)]
    return list(found)


@pytest.mark.parametrize("name", FORMS)
def test_values_are_scipys(name):
    function = getattr(scipy.special, name)
    arrays = inputs(name, function.nin)
    params = [f"%x{k}" for k in range(function.nin)]
    header = ", ".join(f"{param}: f64[n]" for param in params)
    text = f"graph f({header}) -> (%y) {{\n  %y: f64[n] = {name} {', '.join(params)}\n}}"
    graph = graph_for_device(parse(text, OPS))
    assert name not in [node.op.name for node in graph.nodes]
    with np.errstate(all="ignore"):
        (found,), expected = interpret(graph, arrays), function(*arrays)
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE.get(name, 1e-14), atol=1e-300)
