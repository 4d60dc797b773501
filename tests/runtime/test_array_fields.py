"""Arrays that native code fills in field by field are NumPy's in every respect, and NumPy frees all of them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from entry_support import F8, const, make, plan, view

from graphc.abi import Build, OutputLeaf
from graphc.runtime import descriptor, object_layout
from graphc.runtime.array_fields import ArrayParts, array_parts
from graphc.runtime.entry_layout import Head
from graphc.runtime.object_layout import Offset, word

pytestmark = pytest.mark.skipif(not object_layout.KNOWN, reason="this interpreter has no native entries")
X = np.zeros(3)
SHAPES = [(4,), (1,), (0,), (2, 3), (1, 3), (3, 1), (2, 0), (2, 3, 4), (2, 1, 4), (3, 2, 2, 2)]


def results_of(shapes, dtype=F8):
    """A call that gives fresh arrays of these shapes, filled with 1."""

    def fill(call):
        for address, shape in zip(call.args[1:], shapes, strict=True):
            view(address, shape, dtype)[...] = 1

    outputs = tuple(OutputLeaf(np.dtype(dtype).str, tuple(map(const, shape))) for shape in shapes)
    recipe = (*((Build.LEAF, k) for k in range(len(shapes))), (Build.TUPLE, len(shapes)))
    return make(plan(outputs=outputs, result=recipe), fill)


def facts(array):
    """What can be seen of an array, from Python and in memory."""
    base = id(array)
    fields = (Offset.ARRAY_RANK, Offset.ARRAY_BASE, Offset.ARRAY_WEAK_REFERENCES, Offset.ARRAY_BUFFER)
    return {
        "dtype": array.dtype, "shape": array.shape, "strides": array.strides, "flags": str(array.flags),
        "num": array.flags.num, "base": array.base, "handler": np._core.multiarray.get_handler_name(array),
        "references": sys.getrefcount(array), "words": [word(base + place) for place in fields],
        "strides after dims": word(base + Offset.ARRAY_STRIDES) - word(base + Offset.ARRAY_DIMS),
    }  # fmt: skip


@pytest.fixture(params=["fields", "numpy"])
def way(request, monkeypatch):
    """Arrays of our own making, and of NumPy's, as where its arrays are not those that are known."""
    if request.param == "numpy":
        others = {**descriptor._process_fields(), Head.NEW_OBJECT: 0}
        monkeypatch.setattr(descriptor, "_process_fields", lambda: others)
    elif not array_parts().new_object:
        pytest.skip("NumPy's arrays are not those that are known")


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i4", "u1", "?"])
def test_results_are_numpys_arrays(way, dtype):
    found = results_of(SHAPES, dtype)(X)
    expected = tuple(np.ones(shape, dtype) for shape in SHAPES)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [facts(a) for a in found] == [facts(a) for a in expected]


def test_what_users_do_with_arrays(way):
    a, b = results_of([(4,), (2, 3)])(X)
    a.resize(1000)
    assert a.sum() == 4
    a.resize(4)
    died = []
    weakref.finalize(a, died.append, True)
    assert bytes(memoryview(a)) == np.ones(4).tobytes()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(b)), b)
    row = b[1]
    assert row.base is b
    b.shape = (3, 2)
    assert b.T.flags.f_contiguous
    del b
    np.testing.assert_array_equal(row, np.ones(3))
    a.flags.writeable = False
    del a
    assert died


def test_references_are_balanced(way):
    call = results_of([(4,), (2, 3)] * 6)
    plain = np.empty(4)
    dtype, handler = plain.dtype, word(id(plain) + Offset.ARRAY_HANDLER)
    call(X)
    before = sys.getrefcount(dtype), word(handler + Offset.REFERENCES)
    for _ in range(50):
        call(X)
    assert (sys.getrefcount(dtype), word(handler + Offset.REFERENCES)) == before


@pytest.mark.parametrize("shape", [(2**60,), (2**20, 2**40), (2**32, 2**32), (2**33, 2**31, 2), (2**16, 2**40)])
def test_no_memory_and_lengths_whose_product_overflows(way, shape):
    with pytest.raises((MemoryError, ValueError)):
        results_of([(4,), shape])(X)


def test_every_block_goes_back_where_it_came_from():
    """Python's debug allocator aborts where one family of functions frees what another has given."""
    script = (
        "from test_array_fields import X, results_of, array_parts, SHAPES\n"
        "call = results_of(SHAPES * 3)\n"
        "for _ in range(30): call(X)\n"
        "print(array_parts().new_object != 0)"
    )
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONMALLOC": "debug", "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(array_parts().new_object != 0)


def test_other_arrays_than_the_known_are_left_to_numpy(monkeypatch):
    from graphc.runtime import array_fields

    monkeypatch.setattr(array_fields, "_is_plain", lambda array: False)
    assert array_parts.__wrapped__() == ArrayParts()
