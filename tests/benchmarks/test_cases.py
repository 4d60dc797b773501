"""Every case at its small size: the peers' versions compute what the NumPy function computes, gradients included.

Of the pairs of a case and a peer a part in each run: the benchmarks compare the results of all that they time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.case import Case, all_cases, find_case, select_cases
from benchmarks.driver import difference
from benchmarks.tree import tree_leaves, tree_unflatten
from graphc.config import override
from tests.nightly import part

CASES = all_cases()


def offered(*peer_names: str) -> list[tuple[str, str]]:
    """Each case and peer that has a version of it."""
    return [(name, peer) for name, case in CASES.items() for peer in peer_names if peer in case.peers]


def reference(case: Case) -> str:
    """The peer that the others' derivatives are compared with."""
    return "autograd" if "autograd" in case.peers else "jax"


def peer_result(peer_name: str, case: Case, mode: str) -> list[np.ndarray]:
    """What the peer makes of the case's small inputs; skips the test where the peer is not installed."""
    for module in peers.PEERS[peer_name].modules:
        pytest.importorskip(module)
    if peer_name == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    peer = peers.create(peer_name)
    return peer.read(peer.prepare(case, mode, case.make_inputs(small=True))())


def slope_along(case: Case, direction: list[np.ndarray]) -> float:
    """The derivative of the NumPy function along a direction of the differentiated arguments, by differences."""
    arguments = case.make_inputs(small=True)
    step = 1e-6 if leaf_dtype(case) == np.float64 else 1e-2

    def value(sign: float) -> float:
        moved: list[Any] = list(arguments)
        leaves_left = iter(direction)
        for position in case.argnums:
            leaves = [leaf + sign * step * next(leaves_left) for leaf in tree_leaves(arguments[position])]
            moved[position] = tree_unflatten(arguments[position], leaves)
        return float(case.function(*moved))

    return (value(1.0) - value(-1.0)) / (2.0 * step)


def leaf_dtype(case: Case) -> np.dtype:
    return tree_leaves(case.make_inputs(small=True)[case.argnums[0]])[0].dtype


@pytest.mark.peers
@pytest.mark.parametrize(
    ("name", "peer_name"),
    part([pair for pair in offered("autograd", "torch", "jax") if CASES[pair[0]].derivative != "batch"], 1, 3),
)
def test_peers_compute_the_value_of_the_numpy_function(name: str, peer_name: str) -> None:
    case = CASES[name]
    expected = [np.asarray(case.function(*case.make_inputs(small=True)))]
    assert difference(peer_result(peer_name, case, "value"), expected) <= case.rtol


@pytest.mark.peers
@pytest.mark.parametrize(
    ("name", "peer_name"),
    part([(name, peer) for name, peer in offered("torch", "jax") if peer != reference(CASES[name])], 0, 3),
)
def test_peers_agree_on_the_derivative(name: str, peer_name: str) -> None:
    case = CASES[name]
    expected = peer_result(reference(case), case, "grad")
    assert difference(peer_result(peer_name, case, "grad"), expected) <= case.rtol


@pytest.mark.peers
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.derivative == "gradient"])
def test_gradient_is_the_slope_of_the_numpy_function(name: str) -> None:
    case = CASES[name]
    gradient = peer_result(reference(case), case, "grad")
    rng = np.random.default_rng(1)
    direction = [rng.standard_normal(leaf.shape).astype(leaf.dtype) for leaf in gradient]
    expected = sum(float(np.sum(leaf * along)) for leaf, along in zip(gradient, direction, strict=True))
    tolerance = 1e-5 if leaf_dtype(case) == np.float64 else 2e-2
    assert slope_along(case, direction) == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "numba" in case.peers])
@pytest.mark.peers
def test_hand_written_gradient_is_right(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)  # as plain Python: compiling takes seconds each
    case = CASES[name]
    assert difference(peer_result("numba", case, "grad"), peer_result(reference(case), case, "grad")) <= case.rtol


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.suite == "loops"])
def test_graphc_differentiates_the_loops(name: str) -> None:
    """Interpreted: what the trace and the adjoint make of each loop, beside the primal written for Numba."""
    pytest.importorskip("jax")
    case = CASES[name]
    with override(disable_jit=True):
        gradient, value = (peer_result("graphc", case, mode) for mode in ("grad", "value"))
    assert difference(value, [np.asarray(case.function(*case.make_inputs(small=True)))]) <= case.rtol
    assert difference(gradient, peer_result("jax", case, "grad")) <= case.rtol


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.suite == "derivatives"])
def test_other_derivatives_agree(name: str) -> None:
    pytest.importorskip("jax")
    case = CASES[name]
    with override(disable_jit=True):
        mine = peer_result("graphc", case, "grad")
    assert difference(mine, peer_result(reference(case), case, "grad")) <= case.rtol


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "numba_primal" in case.peers])
def test_hand_written_value_is_right(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)  # as plain Python: compiling takes seconds each
    case = CASES[name]
    expected = [np.asarray(case.function(*case.make_inputs(small=True)))]
    assert difference(peer_result("numba_primal", case, "value"), expected) <= case.rtol


def test_each_case_is_found_by_its_name_alone() -> None:
    assert all(find_case(name).name == name for name in CASES)


def test_a_family_is_selected_by_what_stands_before_its_underscore() -> None:
    assert {case.name for case in select_cases(["rosen"])} == {"rosen_10", "rosen_1e6"}


def test_an_unknown_case_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"no case is called 'nothing'.*rosen_10"):
        select_cases(["nothing"])


def test_inputs_are_the_same_in_each_process() -> None:
    for case in CASES.values():
        first, second = (tree_leaves(case.make_inputs(small=True)) for _ in range(2))
        for one, other in zip(first, second, strict=True):
            np.testing.assert_array_equal(one, other)
