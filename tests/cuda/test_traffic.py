"""How often kernels touch the device's memory for each element: as often as the benchmarks' bounds say, and no more.

Counted in the printed text: what is read again, and what phases keep for each other, must stand near.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphc
from benchmarks.gpu.cases import gpu_cases
from graphc.config import settings
from tests.cuda.test_ptx import kernels_of

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
CASES = {case.name: case for case in gpu_cases()}
IN_A_ROW, ALONE = r"\bb\d+\[i0 \* n\d+ \+ i1\]", r"\bb\d+\[i0\]"


def accesses(source: str) -> tuple[int, int]:
    """Of one round of each loop over all elements: loads and stores of arrays that have an element for each."""
    element = IN_A_ROW if re.search(IN_A_ROW, source) else ALONE
    rounds = [part for part in re.split(r"\n(?= *for )", source) if re.match(r" *for (i\d|element) in", part)]
    stores = sum(len(re.findall(rf"^ *{element} = ", part, re.M)) for part in rounds)
    return sum(len(re.findall(element, part)) for part in rounds) - stores, stores


@pytest.mark.parametrize(
    ("name", "loads", "stores"), [("black_scholes", 2, 2), ("xent", 1, 1), ("norm_gelu", 1, 1), ("adam", 4, 3)]
)
def test_each_element_is_read_and_written_once(name, loads, stores):
    """Black-Scholes: two inputs and gradients; rows: one each; Adam: four arrays, of which three are made anew."""
    case = CASES[name]
    args = case.inputs(np.random.default_rng(0), **case.small)
    compiled = graphc.jit(case.function) if case.argnums is None else graphc.grad(case.function, argnums=case.argnums)
    kernels = [k.printed.source for k in kernels_of(compiled, args) if k.printed.name.startswith("cuda_kernel")]
    found = [accesses(source) for source in kernels if "row_slots" not in source]
    assert (loads, stores) in found
