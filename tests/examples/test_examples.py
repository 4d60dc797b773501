"""The examples run as a reader would run them, and print what they promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

import graphc

ROOT = Path(__file__).resolve().parents[2]


def output_of(example: str, cwd: Path, *arguments: str) -> str:
    """What an example prints; fails the test with the example's own error where it fails."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    command = [sys.executable, str(ROOT / "examples" / example), *arguments]
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{example} ended with status {done.returncode}:\n{done.stderr}")
    return done.stdout


def test_rosenbrock_finds_the_minimum(tmp_path: Path) -> None:
    compiled = re.search(r"compiled gradient .* off the minimum by (\S+)", output_of("rosenbrock.py", tmp_path))
    assert compiled is not None
    assert float(compiled[1]) < 1e-4


def test_black_scholes_prints_greeks_of_calls(tmp_path: Path) -> None:
    rows = re.findall(
        r"^ +(\d+\.\d+) +(\d+\.\d+) +(\d+\.\d+) +(\d+\.\d+)$", output_of("black_scholes.py", tmp_path), re.M
    )
    assert len(rows) == 5
    assert all(0.0 <= float(delta) <= 1.0 and float(vega) >= 0.0 for _, _, delta, vega in rows)


def test_hmc_draws_from_the_posterior(tmp_path: Path) -> None:
    printed = output_of("hmc.py", tmp_path, "--chains", "200", "--draws", "100")
    off = re.search(r"off the mean by (\S+) standard deviations, off the covariance by (\S+)%", printed)
    assert off is not None
    assert float(off[1]) < 0.05  # 20,000 draws
    assert float(off[2]) < 10.0


def test_nlopt_calls_compiled_functions_by_their_addresses() -> None:
    pytest.importorskip("nlopt", reason="NLopt is not installed")
    from examples import nlopt_fit

    both = [graphc.value_and_grad(f) for f in (nlopt_fit.energy, nlopt_fit.too_deep)]
    start = np.full(nlopt_fit.LINKS - 1, -0.1)
    least, x, count = nlopt_fit.minimize(*(f.cfunc(nlopt_fit.FUNCTION).address for f in both), start)
    found = minimize(
        both[0], start, jac=True, method="SLSQP", options={"maxiter": 2000, "ftol": 1e-12},
        constraints={"type": "ineq", "fun": lambda x: -both[1](x)[0], "jac": lambda x: -both[1](x)[1]},
    )  # fmt: skip
    assert least == pytest.approx(found.fun, abs=1e-7)
    assert least == pytest.approx(nlopt_fit.energy(x), rel=1e-12)
    assert nlopt_fit.too_deep(x) < 1e-8
    assert count > 10


@pytest.mark.slow
def test_digits_learns_and_freezing_pays(tmp_path: Path) -> None:
    for module in ("sklearn", "matplotlib", "rich"):
        pytest.importorskip(module)
    printed = output_of("digits.py", tmp_path, "--output", str(tmp_path))
    accuracies = [float(percent) for percent in re.findall(r"test accuracy +(\d+\.\d)%", printed)]
    assert len(accuracies) == 3
    assert min(accuracies[:2]) >= 95.0
    assert (tmp_path / "digits.png").stat().st_size > 10_000
