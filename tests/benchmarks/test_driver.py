"""The comparison itself: what counts as agreement, who is named when someone is wrong, what the table says."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import report
from benchmarks.case import all_cases, find_case
from benchmarks.driver import Outcome, Settings, compare, difference, result_path, run_case
from benchmarks.roofline import Floor
from benchmarks.tree import tree_leaves, tree_unflatten


def save(folder: Path, peer: str, array: np.ndarray) -> Outcome:
    np.savez(result_path(folder, peer, "grad"), array)
    return Outcome(samples={"grad": [1.0]})


def test_difference_is_relative_to_the_largest_entry() -> None:
    assert difference([np.array([1.0, 100.0])], [np.array([2.0, 100.0])]) == pytest.approx(0.01)
    assert difference([np.zeros(3)], [np.zeros(3)]) == 0.0


@pytest.mark.parametrize("wrong", [np.ones(2), np.array([1.0, math.nan, 1.0])])
def test_other_shapes_and_nans_differ_without_bound(wrong: np.ndarray) -> None:
    assert difference([wrong], [np.ones(3)]) == math.inf


def test_the_one_who_disagrees_is_named_and_the_others_are_not(tmp_path: Path) -> None:
    right = np.arange(1.0, 4.0)
    outcomes = {name: save(tmp_path, name, right) for name in ("autograd", "torch")}
    outcomes["jax"] = save(tmp_path, "jax", right + 1e-3)
    compare(find_case("rosen_10"), outcomes, ["grad"], tmp_path)
    assert outcomes["jax"].failed is not None
    assert outcomes["jax"].samples == {}
    assert outcomes["autograd"].failed is None
    assert outcomes["torch"].failed is None


def test_ratios_and_geometric_means() -> None:
    def outcomes(ours: float, theirs: float) -> dict[str, Outcome]:
        return {"graphc": Outcome(samples={"grad": [ours]}), "jax": Outcome(samples={"grad": [theirs]})}

    results = {"one": outcomes(1.0, 2.0), "two": outcomes(1.0, 8.0)}
    assert report.geometric_means(results, ["graphc", "jax"], ["grad"])["grad"]["jax"] == pytest.approx(4.0)
    text = report.table(results, ["graphc", "jax"], ["grad"], {})
    assert "2 s (2.00x)" in text
    assert "4.00x" in text


def test_disturbed_turns_count_only_where_no_turn_was_quiet() -> None:
    assert Outcome(samples={"grad": [1.0]}, disturbed={"grad": [9.0]}).median("grad") == 1.0
    assert Outcome(samples={"grad": []}, disturbed={"grad": [9.0]}).median("grad") == 9.0


def test_trees_come_back_as_they_were() -> None:
    tree = ({"b": 1, "a": (2, 3)}, [4])
    assert tree_leaves(tree) == [2, 3, 1, 4]
    assert tree_unflatten(tree, tree_leaves(tree)) == tree


def test_what_a_peer_does_not_offer_is_skipped_with_the_reason() -> None:
    settings = Settings(turns=1, turn_seconds=0.01, retries=0, patience=0.0)
    outcomes = run_case(find_case("rosen_10"), ["numpy"], ["grad"], settings)
    assert outcomes["numpy"].absent == "NumPy has no gradients"
    assert outcomes["numpy"].failed is None


def test_a_run_times_and_compares_in_processes_of_their_own() -> None:
    pytest.importorskip("autograd")
    settings = Settings(turns=1, turn_seconds=0.01, retries=0, patience=0.0)
    outcomes = run_case(find_case("rosen_10"), ["autograd", "numpy"], ["value"], settings)
    for outcome in outcomes.values():
        assert outcome.failed is None
        assert outcome.error["value"] < 1e-12
        assert outcome.median("value") is not None


def test_the_standing_names_the_fastest_peer_and_the_distance_from_the_floor() -> None:
    results = {
        "one": {
            "graphc": Outcome(samples={"grad": [2.0], "value_and_grad": [3.0], "value": [1.5]}),
            "jax": Outcome(samples={"grad": [8.0]}),
            "torch": Outcome(samples={"grad": [5.0]}),
        }
    }
    text = report.standing(results, ["graphc", "jax", "torch"], {"one": Floor(memory=0.5, arithmetic=0.25)})
    row = [cell.strip() for cell in text.splitlines()[2].split("|")[1:-1]]
    assert row == ["one", "torch", "2.50x", "2.00", "500 ms", "memory", "4.0"]


def test_the_gradient_of_a_loop_stands_beside_the_value_written_by_hand() -> None:
    results = {
        "one": {
            "graphc": Outcome(samples={"grad": [2.0], "value": [1.5]}),
            "numba_primal": Outcome(samples={"value": [0.5]}),
            "jax": Outcome(samples={"grad": [8.0]}),
        },
        "two": {"graphc": Outcome(samples={"grad": [2.0]})},
    }
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in report.beside_the_primal(results).splitlines()]
    assert rows[2] == ["one", "2 s", "500 ms", "4.00", "8 s", "4.00x"]
    assert rows[3] == ["two", "2 s", "-", "", "-", ""]


def test_every_case_states_work_that_grows_with_its_size() -> None:
    for case in all_cases().values():
        full, small = case.work(**case.sizes), case.work(**case.small_sizes)
        assert min(full.moved, full.operations) > 0, case.name
        assert case.sizes == case.small_sizes or (full.moved >= small.moved and full.operations > small.operations)
