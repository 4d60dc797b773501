"""Several rows at once: values at every number of rows, the bits of row by row, and for which kernels it is so."""

import numpy as np
import pytest

from graphc.codegen import print_kernel
from graphc.codegen.joined_rows import JOINED, rows_join
from graphc.ir.dims import symbol
from graphc.ir.types import F32, F64, ArrayType
from graphc.runtime import cache
from tests.codegen.run_graph import Compiled
from tests.schedule.programs import build, nests, program_of

RNG = np.random.default_rng(4)


def product(F, x, m):
    return F.reduce("sum", F.mul(F.reshape(x, (*x.dims, 1)), m), [0])


def with_numbers_of_rows(F, x, m):
    """A row computes numbers first, which are results, too; two sums read them."""
    angle = F.tanh(x)
    spread = F.reshape(angle, (*x.dims, 1))
    return [angle, F.reduce("sum", F.mul(spread, m), [0]), F.reduce("max", F.sub(m, spread), [0])]


def by_rows(F, x, m):
    """Each row's own sum: nothing is added across rows."""
    return F.add(F.reduce("sum", m, [1]), x)


def graph_of(body, dtype=F64):
    n, k = symbol("n"), symbol("k")
    return build(body, ArrayType(dtype, (n,)), ArrayType(dtype, (n, k)))


@pytest.fixture(scope="module", params=[F64, F32], ids=["f64", "f32"])
def both(request):
    """Both programs in a dtype, joined and row by row."""
    graphs = [graph_of(body, request.param) for body in (product, with_numbers_of_rows)]
    joined = [Compiled(graph) for graph in graphs]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(print_kernel, "rows_join", lambda nest: False)
        patch.setattr(cache, "get", lambda *key: None)
        patch.setattr(cache, "put", lambda *entry: None)
        single = [Compiled(graph) for graph in graphs]
    return request.param, joined, single


@pytest.mark.parametrize("rows", [0, 1, JOINED - 1, JOINED, JOINED + 1, 5 * JOINED + 2, 700])
@pytest.mark.parametrize("columns", [1, 19])
def test_values_and_bits(both, rows, columns):
    dtype, joined, single = both
    arguments = [RNG.standard_normal(shape).astype(dtype) for shape in (rows, (rows, columns))]
    if rows == 0:
        joined, single = joined[:1], single[:1]  # nothing is the largest of no rows
    for ours, plain in zip(joined, single, strict=True):
        for a, b in zip(ours(arguments), plain(arguments), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(joined[0](arguments)[0], arguments[0] @ arguments[1], rtol=1e-4, atol=1e-4)


def test_rows_that_are_added_to_each_other_join():
    assert [rows_join(nest) for nest in nests(program_of(graph_of(product)))] == [True]
    assert [rows_join(nest) for nest in nests(program_of(graph_of(by_rows)))] == [False]
