"""What a function imports, looks up or asks the context for by itself is read again at each call."""

from __future__ import annotations

import importlib
import sys
import types
from contextvars import ContextVar
from operator import itemgetter

import numpy as np
import pytest

import graphc
from graphc.config import settings

X = np.array([1.0, 2.0])
CONTEXT = ContextVar("CONTEXT", default=2.0)
TABLE = {"a": 2.0, "b": 5.0}
chosen = itemgetter("a")


@pytest.fixture(autouse=True)
def constants(monkeypatch):
    monkeypatch.setattr(settings, "disable_jit", True)
    module = types.ModuleType("graphs_constants")
    module.rate, module.weights = 2.0, np.ones(2)
    module.scaled = lambda x: np.sum(x) * module.rate
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def by_import(x):
    import graphs_constants

    return np.sum(x) * graphs_constants.rate


def by_import_as(x):
    import graphs_constants as constants

    return np.sum(x * constants.weights) * constants.rate


def by_import_from(x):
    from graphs_constants import rate
    from graphs_constants import weights as w

    return np.sum(x * w) * rate


def by_import_in_a_loop(x):
    total = 0.0
    for value in x:
        from graphs_constants import rate

        total += value * rate
    return total


def by_function(x):
    from graphs_constants import scaled

    return scaled(x)


def by_name(x):
    return np.sum(x) * importlib.import_module("graphs_constants").rate


@pytest.mark.parametrize("f", [by_import, by_import_as, by_import_from, by_import_in_a_loop, by_function, by_name])
def test_imports_in_the_function(f, constants):
    gradient = graphc.grad(f)
    assert gradient(X)[0] == 2.0
    constants.rate = 3.0
    assert gradient(X)[0] == 3.0
    if f in (by_import_as, by_import_from):
        constants.weights = np.array([4.0, 1.0])
        assert gradient(X)[0] == 12.0
    assert gradient.cache_info()["programs"] == 1


def test_another_helper_in_the_imported_module(constants):
    gradient = graphc.grad(by_function)
    assert gradient(X)[0] == 2.0
    constants.scaled = lambda x: np.sum(x) * 7.0
    assert gradient(X)[0] == 7.0


def test_context_variables():
    gradient = graphc.grad(lambda x: np.sum(x) * CONTEXT.get())
    assert gradient(X)[0] == 2.0
    token = CONTEXT.set(3.0)
    assert gradient(X)[0] == 3.0
    CONTEXT.reset(token)
    assert gradient(X)[0] == 2.0


def test_another_item_getter(monkeypatch):
    gradient = graphc.grad(lambda x: np.sum(x) * chosen(TABLE))
    assert gradient(X)[0] == 2.0
    monkeypatch.setitem(globals(), "chosen", itemgetter("b"))
    assert gradient(X)[0] == 5.0
