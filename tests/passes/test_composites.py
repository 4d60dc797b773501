"""What stands for other nodes gives the same written out; tests/trace/functions has those of linear algebra."""

import numpy as np
import pytest

from graphc.ir.interp import interpret
from graphc.ir.opdef import Windows
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.passes.composites import expand_composites, has_composites
from tests.ops.one_op import one_op
from tests.ops.window_cases import WINDOW_CASES


@pytest.mark.parametrize("name", WINDOW_CASES)
def test_convolutions_as_windows(name):
    for case in WINDOW_CASES[name]:
        expanded = expand_composites(one_op(name, case.arrays, case.attrs), OPS, Windows)
        verify(expanded)
        assert not has_composites(expanded, Windows)
        (found,) = interpret(expanded, case.arrays)
        np.testing.assert_allclose(found, case.expected(*case.arrays), rtol=1e-13, atol=1e-13)
