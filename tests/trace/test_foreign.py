"""Objects of other libraries from outside: every call reads them anew, and the program stays."""

import collections
import ctypes
import functools
import importlib.util

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

import graphc
from graphc.errors import SideEffectError, TraceTypeError

pd = pytest.importorskip("pandas")
outside = None  # what the functions of ``OBJECTS`` read
GRID = np.arange(5.0)


def table(seed: int = 0, rows: int = 7) -> "pd.DataFrame":
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"x": rng.normal(size=rows), "y": rng.normal(size=rows), "group": list("abacbca" * 2)[:rows], "k": range(rows)}
    )


def column(w, data):
    return np.sum((w * data["x"].to_numpy() - data.y.values) ** 2)


def filtered(w, data):
    kept = data[(data["x"] > 0.0) & ~(data["group"] == "c")]
    return np.sum((w * kept["x"].to_numpy() - kept["y"].to_numpy()) ** 2) / len(kept)


def grouped(w, data):
    return sum(np.sum(np.sin(w * part["x"].values)) * part["y"].mean() for _, part in data.groupby("group"))


def several(w, data):
    scaled = (data[["x", "y"]] - data[["x", "y"]].mean()) / data[["x", "y"]].std()
    both = pd.concat([scaled, data[["k"]]], axis=1)
    return np.sum((w * np.log1p(both["k"]).to_numpy() - both.iloc[:, 0].to_numpy() * both.loc[1, "y"]) ** 2)


def by_rows(w, data):
    return sum(np.sin(w * row["x"]) * row["y"] for _, row in data.iterrows())


def by_named_rows(w, data):
    return sum(np.sin(w * row.x) * row.y for row in data.itertuples())


def checked(w, data):
    if "missing" in data.columns or data.empty or data.isna().any().any():
        return w * 0.0
    return np.sum(np.exp(w * np.asarray(data["x"])))


FUNCTIONS = [column, filtered, grouped, several, by_rows, by_named_rows, checked]


def slope(f, w, data):
    step = 1e-6
    return (f(w + step, data) - f(w - step, data)) / (2.0 * step)


@pytest.mark.parametrize("disabled", [False, True])
@pytest.mark.parametrize("f", FUNCTIONS)
def test_argument(f, disabled):
    with graphc.config.override(disable_jit=disabled):
        gradient = graphc.value_and_grad(f)
        for data in (table(), table(1), table(2).sort_values("x")):
            value, g = gradient(0.7, data)
            assert value == pytest.approx(f(0.7, data), rel=1e-12)
            assert g == pytest.approx(slope(f, 0.7, data), rel=1e-6)
            data.loc[data.index[2], ["x", "y"]] = 0.25, -3.0  # in the table's own memory
            assert gradient(0.7, data)[0] == pytest.approx(f(0.7, data), rel=1e-12)


def test_one_program_for_all_tables():
    gradient = graphc.grad(column)
    for seed, rows in ((0, 7), (1, 7), (2, 12)):
        assert gradient(0.7, table(seed, rows)) == pytest.approx(slope(column, 0.7, table(seed, rows)), rel=1e-6)
    assert gradient.cache_info() == {"calls_traced": 1, "programs": 1}


def test_outside_of_the_function():
    data = {"now": table()}
    gradient = graphc.grad(lambda w: column(w, data["now"]))
    for seed in (0, 3):
        data["now"] = table(seed)
        assert gradient(0.7) == pytest.approx(slope(column, 0.7, table(seed)), rel=1e-6)
    data["now"]["x"] = 2.0 * data["now"]["x"]
    assert gradient(0.7) == pytest.approx(slope(column, 0.7, data["now"]), rel=1e-6)
    assert gradient.cache_info()["calls_traced"] == 1


def test_what_decides_is_compared():
    gradient = graphc.grad(checked)
    data = table()
    assert gradient(0.7, data) != 0.0
    data.loc[0, "x"] = np.nan
    assert gradient(0.7, data) == 0.0


def test_a_table_does_not_compute_with_traced_arrays():
    with pytest.raises(TraceTypeError, match=r"test_foreign.*pandas Series cannot compute .*to_numpy"):
        graphc.grad(lambda w, data: np.sum(w * data["x"]))(0.7, table())
    with pytest.raises(TraceTypeError, match=r"pandas Series cannot compute"):
        graphc.grad(lambda w, data: np.dot(data["x"], np.full(7, w)))(0.7, table())


def test_by_a_table():
    with pytest.raises(TraceTypeError, match=r"it is Series: pass x.to_numpy\(\)"):
        graphc.grad(lambda x: np.sum(x**2))(table()["x"])


def test_store():
    def stores(w, data):
        data["z"] = w * data["x"].to_numpy()
        return np.sum(data["z"].to_numpy())

    with pytest.raises(SideEffectError, match="outside of the function"):
        graphc.grad(stores)(0.7, table())


# --- objects of other kinds -------------------------------------------------------------------------------------------


def torch_tensor(fill):
    import torch

    return torch.full((3,), fill, dtype=torch.float64)


def jax_array(fill):
    import jax.numpy as jnp

    return jnp.full((3,), fill, dtype="float32")


def fill_first(obj):
    obj[0] = 9.0


# what makes the object from a number, the function, what changes the object in place (None: nothing can)
OBJECTS = {
    "torch": (torch_tensor, lambda w: np.sum(w**2 * outside.detach().cpu().numpy()), fill_first),
    "torch by NumPy": (torch_tensor, lambda w: np.sum(w**2 * np.asarray(outside)), fill_first),
    "torch item": (torch_tensor, lambda w: w**2 * outside.sum().item(), fill_first),
    "jax": (jax_array, lambda w: np.sum(w**2 * np.asarray(outside, np.float64)), None),
    "UserDict": (lambda a: collections.UserDict({0: a}), lambda w: w**2 * outside[0], fill_first),
    "ChainMap": (lambda a: collections.ChainMap({0: a}), lambda w: w**2 * outside[0], fill_first),
    "ctypes": (lambda a: (ctypes.c_double * 2)(a, 1.0), lambda w: w**2 * outside[0], fill_first),
    "spline": (lambda a: CubicSpline(GRID, a * GRID**2), lambda w: 1.0 * outside(w + 1.0), lambda s: s.c.__imul__(2.0)),
    "law": (lambda a: stats.norm(a, 2.0), lambda w: 1.0 * outside.logpdf(w), None),
    "poly1d": (lambda a: np.poly1d([a, 2.0, 1.0]), lambda w: 1.0 * outside(w), None),
    "partial": (lambda a: functools.partial(lambda a, w: a * w * w, a), lambda w: 1.0 * outside(w), None),
}


def inner(t):
    return np.exp(-outside * t)


def crossing(t):
    return t - outside


def test_functions_that_scipy_calls(monkeypatch):
    """Nothing traced reaches them, and what they read is not shown to graphc: SciPy computes again at each call."""
    f = graphc.grad(lambda w: w**2 * quad(inner, 0.0, 1.0)[0] + w * brentq(crossing, -9.0, 9.0))
    for number in (1.0, 3.0):
        monkeypatch.setitem(globals(), "outside", number)
        assert f(0.7) == pytest.approx(1.4 * (1.0 - np.exp(-number)) / number + number, rel=1e-9)
    assert f.cache_info()["calls_traced"] == 1


@pytest.mark.parametrize("name", OBJECTS)
def test_object(name, monkeypatch):
    make, f, change = OBJECTS[name]
    library = name.split()[0]
    if library in ("torch", "jax") and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    gradient = graphc.value_and_grad(f)
    for number in (1.0, 3.0):
        monkeypatch.setitem(globals(), "outside", make(number))
        np.testing.assert_allclose(gradient(0.7), (f(0.7), (f(0.7 + 1e-6) - f(0.7 - 1e-6)) / 2e-6), rtol=1e-6)
    if change is not None:
        change(outside)
        assert gradient(0.7)[0] == pytest.approx(f(0.7), rel=1e-12)
