"""From printed Python to object code: the language, names, intrinsics, and what is refused."""

import ctypes
import subprocess
import sys

import numpy as np
import pytest

from graphc import abi, config
from graphc.codegen.objects import Source, compile_all
from graphc.errors import ProgramError
from graphc.runtime import launch, native

HEAD = """
from math import inf, nan
from graphc.codegen.accumulators import *
from graphc.codegen.helpers import *
from graphc.codegen.intrinsics import *
"""
NUMBER = iter(range(10**6))
POINTER = ctypes.c_void_p


def build(body, signature, parameters):
    """Compile ``def f(parameters): body`` under a fresh name; gives the Python function and the native address."""
    name = f"test_objects_{next(NUMBER)}"
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    source = f"{HEAD}\ndef {name}({parameters}):\n{lines}\n"
    (compiled,) = compile_all([Source(name, source, f"/nowhere/{name}.py", signature)])
    assert compiled.symbol == name
    namespace = {}
    exec(source, namespace)
    return namespace[name], native.load_object(compiled.object_bytes, [name])[name]


def call(address, arguments, result=ctypes.c_double):
    """Call in Numba's convention; gives the status and the result."""
    value, exception = result(), POINTER()
    kinds = [ctypes.c_double if isinstance(a, float) else ctypes.c_int64 for a in arguments]
    function = ctypes.CFUNCTYPE(ctypes.c_int32, POINTER, POINTER, *kinds)(address)
    status = function(ctypes.addressof(value), ctypes.addressof(exception), *arguments)
    return status, value.value


EXPRESSIONS = {
    "arithmetic": "return (x + 2.0) * y - x / (y + 3.0) + n",
    "integers": "return (n * 7 - k) // 3 + (n * 7) % 5 + (n << 2) + (n >> 1) + (n & k) + (n | k) + (n ^ k) - ~n",
    "negative division": "return (-7 * n) // k + (-7 * n) % k + (-n) // -k",
    "float division": "return n / 0.0 + x / y + n / k",
    "comparisons": "return 1.0 * (x < y) + 2.0 * (x <= y) + 4.0 * (n == k) + 8.0 * (n != k) + 16.0 * (x >= 1.0)",
    "logic": "t = 2.0\nif (x > 0 and y > 0) or not n > k:\n    t = 1.0\nreturn t",
    "numbers as truth": "t = 2.0\nif n and x:\n    t = 1.0\nreturn t",
    "constants": "t = 1.5e-3 + 7\nif x > 1e300:\n    t = inf\nreturn -t",
    "nan": "t = nan\nreturn 1.0 * (t != t)",
    "loop": "s = 0.0\nfor i in range(n):\n    s += i * x\nreturn s",
    "range with step": "s = 0.0\nfor i in range(1, 20, 3):\n    s += i\n"
    "for i in range(20, 0, -4):\n    s -= i\nreturn s",
    "nested loops": "s = 0\nfor i in range(n):\n    for j in range(i):\n        s = s + i * j\nreturn s",
    "a loop's variable after it": "i = 7\nfor i in range(n):\n    s = i\nreturn i",
    "while": "i = 0\nwhile i * i < 50:\n    i += 1\nreturn i",
    "break and continue": "s = 0\nfor i in range(20):\n    if i == 3:\n        continue\n    if i > 9:\n        break\n"
    "    s += i\nreturn s",
    "else branches": "if n > k:\n    t = x\nelif n == k:\n    t = y\nelse:\n    t = -1.0\nreturn t",
    "early return": "if x > 0:\n    return 1.0\nreturn 0.0",
    "many names": "a = n + 1\nb = a * 2\nc = b - a\nd = c * c\nreturn d + a + b + c",
    "a name in two loops": "s = 0\nfor i in range(n):\n    t = i * k\n    s += t\nfor i in range(k):\n    t = i + n\n"
    "    s += t\nreturn s",
    "a name read in the next round": "s = 0\nt = 1\nfor i in range(n):\n    s += t\n    t = i\nreturn s",
    "a name written again": "t = n\nt = t + k\nfor i in range(2):\n    s = t + i\n    t = s\nreturn t",
    "a parameter written": "n = n + 1\nif x > 0:\n    k = n\nreturn n + k",
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_language(name):
    """Value for value what Python computes."""
    function, address = build(EXPRESSIONS[name], "float64(float64, float64, int64, int64)", "x, y, n, k")
    for arguments in ((1.5, 2.25, 5, 3), (-2.5, 0.75, 3, 5), (0.0, 4.0, 4, 4)):
        try:
            expected = function(*arguments)
        except ZeroDivisionError:
            expected = np.inf
        status, value = call(address, arguments)
        assert status == 0
        assert value == pytest.approx(float(expected), rel=1e-15)


def test_integer_division_of_every_kind():
    """Python's floor and sign; NumPy's 0 for a divisor of 0, and no trap where the quotient does not fit."""
    _, quotient = build("return n // k", "int64(int64, int64)", "n, k")
    _, remainder = build("return n % k", "int64(int64, int64)", "n, k")
    least = -(2**63)
    numbers = [0, 1, -1, 2, -2, 3, -3, 7, -7, 64, 2**63 - 1, least, least + 1]
    for n in numbers:
        for k in numbers:
            expected = divmod(n, k) if k else (0, 0)
            if (n, k) == (least, -1):
                expected = (least, 0)
            found = call(quotient, (n, k), ctypes.c_int64)[1], call(remainder, (n, k), ctypes.c_int64)[1]
            assert found == expected, (n, k)


@pytest.mark.parametrize("short", ["f64", "f32", "i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8", "bool"])
def test_pointers_of_every_dtype(short):
    dtype = {"f": "float", "i": "int", "u": "uint"}.get(short[0], "") + short[1:] if short != "bool" else "bool"
    body = f"a = as_pointer_{short}(source)\nout = as_pointer_{short}(target)\n"
    body += "for i in range(n):\n    out[i] = a[n - 1 - i]\nreturn n"
    _, address = build(body, "int64(int64, int64, int64)", "source, target, n")
    a = np.arange(9).astype(dtype)
    out = np.zeros_like(a)
    status, value = call(address, (a.ctypes.data, out.ctypes.data, 9), ctypes.c_int64)
    assert (status, value) == (0, 9)
    np.testing.assert_array_equal(out, a[::-1])


def test_float32_stays_float32():
    body = "for i in range(n):\n    out[i] = a[i] * cast_f32(2.0) + cast_f32(1.0)"
    _, address = build(body, "void(CPointer(float32), CPointer(float32), int64)", "a, out, n")
    a = np.random.default_rng(0).standard_normal(40).astype("f4")
    out = np.zeros_like(a)
    assert call(address, (a.ctypes.data, out.ctypes.data, 40))[0] == 0
    np.testing.assert_allclose(out, a * np.float32(2) + np.float32(1), rtol=2e-7)


def test_services_and_slots():
    seen = []

    @ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 4)
    def service(*arguments):
        seen.append(arguments)
        return 99

    body = "slots = stack_slots(3)\nfor i in range(3):\n    slots[i] = 10 * i\n"
    body += "return call_service(address, slots, 7, True, slots[2])"
    _, address = build(body, "int64(int64)", "address")
    status, value = call(address, (ctypes.cast(service, POINTER).value,), ctypes.c_int64)
    assert (status, value) == (0, 99)
    assert seen[0][1:] == (7, 1, 20)


def test_give_back_releases_each_address():
    released = []

    @ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
    def service(address):
        released.append(address)
        return 0

    table = (ctypes.c_int64 * abi.KERNELS_START)()
    table[abi.Service.RELEASE] = ctypes.cast(service, POINTER).value
    body = "grown = stack_slots(3)\nfor i in range(3):\n    grown[i] = 10 * i\ngive_back(table, grown, 3)\nreturn 7"
    _, address = build(body, "int64(CPointer(int64))", "table")
    assert call(address, (ctypes.addressof(table),), ctypes.c_int64) == (0, 7)
    assert released == [0, 10, 20]


def test_launch_reaches_its_kernel_both_ways():
    signature = "void(CPointer(float64), CPointer(float64), int64, int64, int64)"
    body = "for i in range(start, stop):\n    out[i] = a[i] * scale"
    _, kernel = build(body, signature, "a, out, scale, start, stop")
    _, driver = build(
        f"launch(table, {abi.KERNELS_START}, n, grain, a, as_pointer_f64(out), 3)\nreturn 5",
        "int64(int64, int64, int64, int64, CPointer(int64))",
        "a, out, n, grain, table",
    )
    table, keep = launch.make_table([kernel])
    a = np.random.default_rng(0).standard_normal(10_000)
    with config.override(num_threads=2):
        for grain in (1, 100_000):
            out = np.zeros_like(a)
            arguments = (a.ctypes.data, out.ctypes.data, a.size, grain, table)
            assert call(driver, arguments, ctypes.c_int64) == (0, 5)
            np.testing.assert_array_equal(out, 3 * a)
    del keep


def sources(count):
    text = "def {0}(a, out, start, stop):\n    for i in range(start, stop):\n        out[i] = a[i] + {1}.0\n"
    signature = "void(CPointer(float64), CPointer(float64), int64, int64)"
    names = [f"test_objects_batch_{k}" for k in range(count)]
    return [Source(name, text.format(name, k), f"/nowhere/{name}.py", signature) for k, name in enumerate(names)]


def test_many_at_once_keep_their_order():
    compiled = compile_all(sources(5))
    assert [c.name for c in compiled] == [s.name for s in sources(5)]
    addresses = native.load_object(compiled[3].object_bytes, [compiled[3].symbol])
    a, out = np.arange(4.0), np.zeros(4)
    assert call(addresses[compiled[3].symbol], (a.ctypes.data, out.ctypes.data, 0, 4))[0] == 0
    np.testing.assert_array_equal(out, a + 3)


def test_object_code_is_the_same_in_every_process():
    program = "from tests.codegen.test_objects import *\nimport hashlib\nx = compile_all(sources(3){})\n"
    program += "print(hashlib.sha256(b''.join(c.object_bytes for c in sorted(x, key=lambda c: c.name))).hexdigest())"
    outputs = {
        subprocess.run([sys.executable, "-c", program.format(o)], check=True, capture_output=True, text=True).stdout
        for o in ("", "[::-1]")
    }
    assert len(outputs) == 1


def test_contract_is_a_setting():
    body = "for i in range(n):\n    out[i] = a[i] * a[i] - 1.0"
    signature = "void(CPointer(float64), CPointer(float64), int64)"
    a = np.array([1.0 + 2.0**-30])
    results = []
    for contract in (True, False):
        with config.override(contract=contract):
            _, address = build(body, signature, "a, out, n")
        out = np.zeros(1)
        call(address, (a.ctypes.data, out.ctypes.data, 1))
        results.append(out[0])
    assert results[1] == a[0] * a[0] - 1.0
    assert results[0] == pytest.approx(2.0**-29 + 2.0**-60, rel=1e-12)


REFUSED = {
    "return [x]": "line 8: return \\[x\\]",
    "return call_service(1, x)": "integers and pointers",
    "return unknown": "unknown is no number",
    "return abs(x)": "no intrinsic",
    "s = 0\nfor i in range(3):\n    s = x\nreturn s": "s is int64 and cannot become float64",
    "for i in range(0, 3, 0):\n    pass\nreturn x": "step",
    "return cast_u64(1) + cast_i64(-1)": "no common integer type",
    "return x[0]": "no elements",
    "return x & 1.0": "BitAnd of floats",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_cannot_be_compiled_is_an_error(body):
    with pytest.raises(ProgramError, match=REFUSED[body]):
        build(body, "float64(float64)", "x")


def test_a_signature_that_does_not_fit():
    with pytest.raises(ProgramError, match="the signature has 2 arguments"):
        build("return x", "float64(float64, float64)", "x")


def test_a_foreign_file_is_no_object():
    with pytest.raises(ProgramError, match="object file"):
        native.load_object(b"not an object file", ["f"])
