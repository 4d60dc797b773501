"""What stays behind: after a trace, after an error, after ten thousand calls."""

import gc

import numpy as np
import pytest

import graphc
from graphc.trace.session import Session

X = np.arange(4.0)


def sessions():
    gc.collect()
    return sum(isinstance(obj, Session) for obj in gc.get_objects())


def test_a_trace_is_forgotten_whether_it_succeeds_or_fails():
    before = sessions()
    for factor in range(5):
        graphc.jit(lambda a, k=factor: (a * k).sum())(X)
        with pytest.raises(TypeError):
            graphc.grad(lambda a: (a * a).sum() + "x")(X)
    assert sessions() <= before
