"""What is decided by the class of an outside object, by which object it is, or by the code that a function has."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import functools

import numpy as np
import pytest

import graphc
from graphc.config import settings

X = np.array([1.0, 2.0])


@pytest.fixture(autouse=True)
def interpreted(monkeypatch):
    monkeypatch.setattr(settings, "disable_jit", True)


class Ridge:
    @property
    def factor(self):
        return 2.0

    def penalty(self, x):
        return np.sum(x) * 2.0

    @classmethod
    def scaled(cls, x):
        return np.sum(x) * cls.scale

    scale = 2.0


class Lasso(Ridge):
    scale = 3.0

    @property
    def factor(self):
        return 3.0


MODEL = OTHER = Ridge()
WEIGHTS = SAME = np.ones(2)
OPTIONS = ALIAS = {"tolerance": 1e-3}
KNOWN = {MODEL: 2.0}

BY_CLASS = {
    "isinstance": lambda x: np.sum(x) * (3.0 if isinstance(MODEL, Lasso) else 2.0),
    "type": lambda x: np.sum(x) * type(MODEL).scale,
    "property": lambda x: np.sum(x) * MODEL.factor,
    "class method": lambda x: np.sum(MODEL.scaled(x)),
    "equal types": lambda x: np.sum(x) * (2.0 if type(MODEL) is Ridge else 3.0),
}


@pytest.mark.parametrize("how", BY_CLASS)
def test_an_object_of_another_class_is_noticed(how, monkeypatch):
    gradient = graphc.grad(BY_CLASS[how])
    assert gradient(X)[0] == 2.0
    monkeypatch.setitem(globals(), "MODEL", Lasso())
    assert gradient(X)[0] == 3.0
    monkeypatch.setitem(globals(), "MODEL", Ridge())
    assert gradient(X)[0] == 2.0
    assert gradient.cache_info()["programs"] == 2, "another object of the same class"


BY_IDENTITY = {
    "is": ("OTHER", Ridge, lambda x: np.sum(x) * (2.0 if MODEL is OTHER else 3.0)),
    "is not": ("OTHER", Ridge, lambda x: np.sum(x) * (3.0 if x[0] > 0 and MODEL is not OTHER else 2.0)),
    "==": ("OTHER", Ridge, lambda x: np.sum(x) * (2.0 if MODEL == OTHER else 3.0)),
    "in": ("OTHER", Ridge, lambda x: np.sum(x) * (2.0 if OTHER in (MODEL,) else 3.0)),
    "chain": ("OTHER", Ridge, lambda x: np.sum(x) * (2.0 if MODEL is OTHER is not None else 3.0)),
    "get": ("OTHER", Ridge, lambda x: np.sum(x) * KNOWN.get(OTHER, 3.0)),
    "dict": ("ALIAS", lambda: dict(OPTIONS), lambda x: np.sum(x) * (2.0 if OPTIONS is ALIAS else 3.0)),
    "array": ("SAME", lambda: np.ones(2), lambda x: np.sum(x) * (2.0 if WEIGHTS is SAME else 3.0)),
}


@pytest.mark.parametrize("how", BY_IDENTITY)
def test_another_object_is_noticed_where_that_decides(how, monkeypatch):
    name, make, function = BY_IDENTITY[how]
    before, gradient = globals()[name], graphc.grad(function)
    assert gradient(X)[0] == 2.0
    monkeypatch.setitem(globals(), name, make())
    assert gradient(X)[0] == 3.0
    monkeypatch.setitem(globals(), name, before)
    assert gradient(X)[0] == 2.0


def test_which_of_the_arguments_are_one_object():
    gradient = graphc.grad(lambda x, first, second: np.sum(x) * (2.0 if first is second else 3.0))
    one, two = Ridge(), Ridge()
    assert [gradient(X, *pair)[0] for pair in ((one, two), (one, one), (two, one), (two, two))] == [3.0, 2.0, 3.0, 2.0]


def test_a_method_that_the_object_gets_itself_is_noticed():
    model = Ridge()
    gradient = graphc.grad(lambda x: 1.0 * model.penalty(x))
    assert gradient(X)[0] == 2.0
    model.penalty = lambda x: np.sum(x) * 5.0
    assert gradient(X)[0] == 5.0
    del model.penalty
    assert gradient(X)[0] == 2.0


def test_new_code_of_a_function_is_noticed():
    """IPython's autoreload gives functions that are there the code, defaults and attributes of their new selves."""

    def helper(x, *, power=2):
        return np.sum(x**power)

    def edited(x, *, power=2):
        return 5.0 * np.sum(x**power)

    def outer(x):
        return helper(x)

    gradients = graphc.grad(helper), graphc.grad(outer)
    assert [gradient(X)[1] for gradient in gradients] == [4.0, 4.0]
    helper.__code__ = edited.__code__
    assert [gradient(X)[1] for gradient in gradients] == [20.0, 20.0]
    helper.__kwdefaults__["power"] = 1
    assert [gradient(X)[1] for gradient in gradients] == [5.0, 5.0]


RATE = 2.0


class Sized:
    def __init__(self, scale=1.0):
        self.rate = RATE * scale

    def __call__(self, x):
        return np.sum(x) * self.rate

    def __add__(self, x):
        return np.sum(x) * self.rate

    def times(self, x):
        return np.sum(x) * self.rate

    @classmethod
    def of_class(cls, x):
        return np.sum(x) * RATE


class Inherits(Sized):
    pass


class Abstract(abc.ABC):
    def __init__(self):
        self.rate = RATE

    @abc.abstractmethod
    def times(self, x): ...


class Concrete(Abstract):
    def times(self, x):
        return np.sum(x) * self.rate


class Made:
    def __new__(cls):
        made = super().__new__(cls)
        made.rate = RATE
        return made


class Listed(list):
    def __init__(self):
        super().__init__([RATE])


@dataclasses.dataclass(frozen=True)
class After:
    x: np.ndarray

    def __post_init__(self):
        object.__setattr__(self, "total", np.sum(self.x) * RATE)


@dataclasses.dataclass
class Options:
    rate: float = 2.0


class Cached:
    @functools.cached_property
    def rate(self):
        return RATE


class Dynamic:
    def __getattr__(self, name):
        return RATE


@contextlib.contextmanager
def managed():
    yield RATE


def within(x):
    with managed() as rate:
        return np.sum(x) * rate


SETTINGS = Options()
CONSTRUCTED = {
    "contextmanager": within,
    "__getattr__": lambda x: np.sum(x) * Dynamic().rate,
    "cached_property": lambda x: np.sum(x) * Cached().rate,
    "asdict": lambda x: np.sum(x) * dataclasses.asdict(SETTINGS)["rate"],
    "astuple": lambda x: np.sum(x) * dataclasses.astuple(SETTINGS)[0],
    "inherited": lambda x: Inherits(scale=1.0).times(x),
    "abstract": lambda x: Concrete().times(x),
    "__new__": lambda x: np.sum(x) * Made().rate,
    "list": lambda x: np.sum(x) * Listed()[0],
    "__post_init__": lambda x: After(x).total,
}


@pytest.mark.parametrize("how", CONSTRUCTED)
def test_what_python_calls_by_itself_reads_again(how, monkeypatch):
    gradient = graphc.grad(CONSTRUCTED[how])
    assert gradient(X)[0] == 2.0
    monkeypatch.setitem(globals(), "RATE", 3.0)
    monkeypatch.setattr(SETTINGS, "rate", 3.0)
    assert gradient(X)[0] == 3.0
    assert vars(After(X)).keys() == {"x", "total"}


REPLACED = {
    "__call__": lambda x, outside: outside(x),
    "__add__": lambda x, outside: outside + x,
    "times": lambda x, outside: Inherits().times(x),
    "of_class": lambda x, outside: Inherits.of_class(x),
}


@pytest.mark.parametrize("how", REPLACED)
def test_a_method_that_the_class_gets_is_noticed(how, monkeypatch):
    outside = Inherits()

    def replaced(self, x):
        return np.sum(x) * 3.0

    gradient = graphc.grad(lambda x: REPLACED[how](x, outside))
    assert gradient(X)[0] == 2.0
    monkeypatch.setattr(Sized, how, classmethod(replaced) if how == "of_class" else replaced)
    assert gradient(X)[0] == 3.0
