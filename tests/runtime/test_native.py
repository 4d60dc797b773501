"""Native code: compile, load, link, fail cleanly, survive fork."""

import ctypes
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from llvmlite import ir

from graphc.codegen import machine
from graphc.errors import ProgramError
from graphc.runtime import native
from tests.runtime.test_threads import wait_for

ADD = "define i64 @{0}(i64 %a) {{\n  %r = add i64 %a, {1}\n  ret i64 %r\n}}\n"


def load(name, text, optimisation=2):
    address = native.load_object(native.compile_module(text, optimisation), [name])[name]
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)


@pytest.mark.parametrize("optimisation", [0, 1, 2, 3])
def test_text_compiles_and_runs(optimisation):
    name = f"test_native_text_{optimisation}"
    assert load(name, ADD.format(name, 5), optimisation)(37) == 42
    assert native.loaded_address(name)


def test_modules_of_llvmlite_compile_too():
    word = ir.IntType(64)
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(word, [word]), "test_native_builder")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(builder.mul(function.args[0], word(3)))
    assert load("test_native_builder", module)(14) == 42


def test_an_object_links_to_earlier_ones_and_to_defined_symbols():
    load("test_native_first", ADD.format("test_native_first", 1))
    native.define_symbols({"test_native_defined": native.loaded_address("test_native_first")})
    text = "declare i64 @test_native_first(i64)\ndeclare i64 @test_native_defined(i64)\n"
    text += "define i64 @test_native_both(i64 %a) {\n  %b = call i64 @test_native_first(i64 %a)\n"
    text += "  %c = call i64 @test_native_defined(i64 %b)\n  ret i64 %c\n}\n"
    assert load("test_native_both", text)(40) == 42


def test_a_known_symbol_is_not_loaded_again():
    name = "test_native_once"
    data = native.compile_module(ADD.format(name, 1))
    first = native.load_object(data, [name])
    assert native.load_object(b"never looked at", [name]) == first


def test_threads_compile_at_once():
    """Each in an LLVM context of its own: the code is what one thread makes of it."""
    texts = [ADD.format(f"test_native_beside_{k}", k) for k in range(20)]
    expected = [native.compile_module(text, 3) for text in texts]
    with native.LOCK, ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda text: machine.emit_object(text, 3), texts)) == expected


def test_errors_are_clear():
    with pytest.raises(ProgramError, match="invalid LLVM IR"):
        native.compile_module("define i64 @broken(")
    data = native.compile_module(ADD.format("test_native_present", 1))
    with pytest.raises(ProgramError, match="no symbol 'test_native_absent'"):
        native.load_object(data, ["test_native_absent"])
    with pytest.raises(ProgramError, match="not an object file"):
        native.load_object(b"something else", ["test_native_nothing"])


def test_loading_from_many_threads():
    results = {}

    def work(k):
        for j in range(10):
            name = f"test_native_threads_{k}_{j}"
            results[k, j] = load(name, ADD.format(name, 100 * k + j), 0)(0)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == {(k, j): 100 * k + j for k in range(4) for j in range(10)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_while_another_thread_compiles():
    stop = threading.Event()

    def busy():
        number = 0
        while not stop.is_set():
            number += 1
            native.compile_module(ADD.format(f"test_native_busy_{number}", 1))

    worker = threading.Thread(target=busy)
    worker.start()
    try:
        for k in range(5):
            child = os.fork()
            if child == 0:
                name = f"test_native_child_{k}"
                os._exit(0 if load(name, ADD.format(name, 1))(1) == 2 else 1)
            assert wait_for(child) == 0
    finally:
        stop.set()
        worker.join()


def test_no_numba_is_imported():
    program = "import sys\nfrom graphc.runtime import cache, native, threads\nnative.host_cpu()\n"
    program += "native.compile_module('define i64 @f() {\\n  ret i64 1\\n}')\nassert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
