"""The GPU's benchmarks, as far as a machine without one can run them: values by the emulator, PyTorch's on the CPU."""

from __future__ import annotations

import importlib.util
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import graphc
from benchmarks.gpu import __main__ as script
from benchmarks.gpu import checks, corpus, host_cost, timing
from benchmarks.gpu.__main__ import main
from benchmarks.gpu.cases import gpu_cases
from benchmarks.gpu.checks import problem_of
from benchmarks.gpu.report import table, verdicts
from benchmarks.gpu.timing import Times, seconds_of, torch_step
from benchmarks.tree import tree_leaves, tree_map
from graphc.config import override, settings

CASES = {case.name: case for case in gpu_cases()}


@pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
def test_values_are_checked(capsys):
    assert main(["--emulated", "adam", "xent"]) == 0
    assert "2 programs right, 0 wrong" in capsys.readouterr().out
    with override(cuda_emulator=True):
        assert "off by" in problem_of(replace(CASES["adam"], rtol=1e-12))


def test_the_corpus_is_checked_in_processes_and_none_of_it_is_left_out(monkeypatch):
    """What a process does not report, since it was brought down, is wrong; so is what it reports so."""
    names = list(corpus.programs())
    said = "".join(f'["{name}", "{"off" if name == names[1] else ""}"]\n' for name in names[:-1])
    command = [sys.executable, "-c", f"print({said!r}, end=''); raise SystemExit(3)"]
    monkeypatch.setattr(corpus.CorpusCheck, "command", lambda *part: command)
    found = dict(corpus.CorpusCheck(emulated=True).problems())
    assert [*found] == names
    assert {name: problem for name, problem in found.items() if problem} == {
        names[1]: "off",
        names[-1]: "not reported: its process ended early (exit code 3)",
    }


@pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
def test_what_a_call_costs_the_host():
    """Over a driver that does nothing: steps are captured, and each is one graph and one launch that copies results."""
    device, costs = [], []
    original = host_cost.IdleCuda.results_have_no_memory

    def looked_at(library):
        device.append(library)
        original(library)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host_cost.IdleCuda, "results_have_no_memory", looked_at)
        patch.setattr(host_cost, "BATCHES", 1)
        costs = host_cost.host_costs(calls=3)
    assert [len(library.graphs) for library in device] == [1] * len(costs)
    assert all(cost.call > 0 for cost in costs)
    assert "WITHOUT A GPU" in host_cost.show(costs, 3)


@pytest.mark.parametrize("name", CASES)
def test_pytorch_computes_the_same(name):
    torch = pytest.importorskip("torch")
    case = CASES[name]
    arguments = case.inputs(np.random.default_rng(0), **case.small)
    tensors = tree_map(lambda a: torch.as_tensor(a) if isinstance(a, np.ndarray) else a, arguments)
    step = torch_step(case, tensors, compile_it=False)
    theirs = step()
    with override(disable_jit=True):
        ours = graphc.jit(case.function) if case.argnums is None else graphc.grad(case.function, argnums=case.argnums)
        expected = tree_leaves(ours(*arguments))
    for found, right in zip(theirs, expected, strict=True):
        scale = np.abs(right).max()
        np.testing.assert_allclose(found.detach().numpy(), right, rtol=case.rtol, atol=case.rtol * scale)


def test_a_step_is_asked_for_in_batches_and_waited_for():
    asked = []
    assert seconds_of(lambda: asked.append("step"), lambda: asked.append("wait")) > 0
    assert asked[:5] == ["step", "step", "wait", "step", "wait"]
    assert asked[-1] == "wait"


def test_the_table_and_what_is_met():
    rows = [
        Times(CASES["adam"], graphc=1e-3, eager=4e-3, compiled=1.1e-3),
        Times(CASES["mlp_large"], graphc=2e-3, eager=None, compiled=1.7e-3, notes="eager: out of memory; "),
        Times(CASES["mlp_small"], graphc=1e-5, eager=9e-5),
    ]
    lines = table(rows, 3.0e12).splitlines()
    assert len(lines) == 4
    assert "(4.00x)" in lines[1]
    assert lines[1].split()[-1] == "93%"
    assert lines[2].endswith("out of memory; ")
    found = verdicts(rows, 3.0e12, 12e-6)
    assert [line.rpartition(": ")[2] for line in found] == ["met", "met", "met", "NOT MET", "met", "met"]
    assert verdicts([], 3.0e12, None)[0].endswith("not measured")


@pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
def test_a_run_without_pytorch_and_with_a_case_that_fails(monkeypatch, capsys):
    """The whole script, by the emulator: one case raises, another one takes too long."""

    def broken(rng, **sizes):
        raise ValueError("no such sizes\nmore")

    small = replace(CASES["adam"], sizes={"n": 1000})
    slow = replace(CASES["mlp_small"], inputs=lambda rng, **sizes: time.sleep(5))
    cases = [small, replace(CASES["xent"], inputs=broken), slow]
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    monkeypatch.setattr(script, "gpu_cases", lambda: cases)
    monkeypatch.setattr(script, "sanitizer_verdict", lambda: "compute-sanitizer is not installed")
    monkeypatch.setattr(checks, "CASE_SECONDS", 0.1)
    monkeypatch.setattr(timing, "COPIED", 1 << 12)
    monkeypatch.setattr(timing, "BATCH_SECONDS", 0.001)
    with override(cuda_emulator=True):
        assert problem_of(slow).startswith("TimeoutError")
        script._values(cases[1:2], corpus=False)
        script._times([small, cases[1]], time.monotonic())
    said = capsys.readouterr().out
    assert "WRONG xent: ValueError: no such sizes\n" in said
    assert "emulator, without PyTorch" in said
    assert said.splitlines()[-1].endswith("ValueError: no such sizes")
    assert said.splitlines()[-2].startswith("Adam's update")
