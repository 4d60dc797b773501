"""The GPU's benchmarks, as far as a machine without one can run them: values by the emulator, PyTorch's on the CPU."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import graphc
from benchmarks.gpu import __main__ as script
from benchmarks.gpu import checks, corpus, host_cost, one, timing
from benchmarks.gpu.__main__ import Run, main
from benchmarks.gpu.cases import gpu_cases
from benchmarks.gpu.checks import problem_of
from benchmarks.gpu.jobs import Outcome, outcome
from benchmarks.gpu.report import table, verdicts
from benchmarks.gpu.timing import Times, seconds_of, torch_step
from benchmarks.tree import tree_leaves, tree_map
from graphc.config import override, settings

CASES = {case.name: case for case in gpu_cases()}


@pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
def test_values_are_checked(capsys):
    assert main(["--emulated", "adam"]) == 0
    assert "1 programs right, 0 wrong" in capsys.readouterr().out
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
def test_a_case_is_timed_without_pytorch_and_says_what_fails(monkeypatch, capsys):
    """By the emulator: one case is right, one raises, one takes too long."""

    def broken(rng, **sizes):
        raise ValueError("no such sizes\nmore")

    small = replace(CASES["adam"], sizes={"n": 1000}, group="calls")
    slow = replace(CASES["mlp_small"], inputs=lambda rng, **sizes: time.sleep(5))
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    monkeypatch.setattr(one, "gpu_cases", lambda: [small, replace(CASES["xent"], inputs=broken)])
    monkeypatch.setattr(checks, "CASE_SECONDS", 0.1)
    monkeypatch.setattr(timing, "COPIED", 1 << 12)
    monkeypatch.setattr(timing, "BATCH_SECONDS", 0.001)
    monkeypatch.setattr(timing, "CALLS", 100)
    with override(cuda_emulator=True):
        assert problem_of(slow).startswith("TimeoutError")
    one.main(["adam", "--times", "--emulated"])
    said = {name: value for line in capsys.readouterr().out.splitlines() for name, value in json.loads(line).items()}
    assert [*said] == ["title", "copy", "graphc", "host"]
    assert said["title"] == "emulator, without PyTorch"
    one.main(["xent", "--emulated"])
    assert json.loads(capsys.readouterr().out) == {"values": "ValueError: no such sizes"}


def test_a_process_is_stopped_and_what_it_said_counts():
    def run(text, seconds=20.0):
        return outcome([sys.executable, "-S", "-c", f"import json, sys, time, os\n{text}"], seconds)

    assert run("print('noise'); print(json.dumps({'graphc': 1})); print('[2]'); print('{\"cut')") == ({"graphc": 1}, "")
    found = run("print(json.dumps({'eager': 2}), flush=True); time.sleep(60)", 1.0)
    assert found == ({"eager": 2}, "stopped after 1 s")
    said, problem = run("print('{\"copy\": 3}', flush=True); os.abort()")
    assert said == {"copy": 3}
    assert problem.startswith("ended with -6")
    assert run("sys.exit('no device')") == ({}, "ended with 1: no device")


def test_a_run_always_ends_with_a_table(monkeypatch, tmp_path, capsys):
    """One case says all, one is brought down on the way, for the last one no time is left; what is known is kept."""
    cases = [CASES[name] for name in ("adam", "xent", "mlp_small")]
    known = {"title": "GPU", "copy": 3e12, "graphc": 1e-3, "eager": 4e-3, "compiled_failed": "no Triton"}
    outcomes = iter([Outcome(known, ""), Outcome({"graphc": 2e-3}, "ended with -9: without a word")])
    monkeypatch.setattr(script, "outcome", lambda argv, seconds: next(outcomes))
    run = Run(cases, results=tmp_path / "results.json")
    run.problems["mlp_small"] = "interrupted"
    with pytest.raises(StopIteration):  # as if it were interrupted
        run.times()
    text = run.report()
    lines = text.splitlines()
    assert "a copy reads and writes 3000 GB/s" in text
    assert lines[-3].startswith("Adam's update")
    assert "(4.00x)" in lines[-3]
    assert lines[-3].endswith("compiled: no Triton")
    assert lines[-2].endswith("ended with -9: without a word")
    assert lines[-1].endswith("interrupted")
    assert json.loads((tmp_path / "results.json").read_text())["said"]["adam"] == known
    nothing = Run(cases).report()
    assert "no device answered" in nothing
    assert len([line for line in nothing.splitlines() if line.endswith("not timed")]) == 3
    assert "adam: graphc 1 ms, eager 4 ms, compiled: no Triton" in capsys.readouterr().out
