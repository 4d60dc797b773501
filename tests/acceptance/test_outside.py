"""What a function reads from outside, by every way that Python has, is read again at the next call."""

import copy
import dataclasses
import functools
import itertools
import json
import operator
import os

import numpy as np
import pytest

import graphc

X = np.arange(1.0, 5.0)


class Model:
    rate = 2.0

    def __init__(self):
        self.scale = 2.0
        self.layers = [np.ones(4)]
        self.table = {"k": 2.0}

    def __iter__(self):
        return iter(self.layers)

    def __len__(self):
        return len(self.layers)

    def __bool__(self):
        return self.scale > 1

    def __add__(self, other):
        return self.scale + other

    __radd__ = __add__

    def __neg__(self):
        return -1 * self.scale

    def __abs__(self):
        return abs(self.scale)

    def __float__(self):
        return self.scale

    def __contains__(self, key):
        return key in self.table

    def __lt__(self, other):
        return self.scale < other

    def __enter__(self):
        return self.scale

    def __exit__(self, *error):
        return None

    def method(self):
        return self.scale


model = Model()


def in_with(a):
    with model as scale:
        return (a * scale).sum()


def unpacked(a):
    first, *_ = model
    return (a * first).sum()


def default_object(a, m=model):
    return (a * m.scale).sum()


def default_table(a, table=model.table, *, more=model.table):
    return (a * table["k"] * more["k"]).sum()


def scale():
    model.scale = 0.5


def layer():
    model.layers[0] = np.full(4, 9.0)


def more_layers():
    model.layers.append(np.ones(4))


def entry():
    model.table["k"] = 5.0


def key():
    model.table["z"] = 5.0


def attribute():
    model.extra = 5.0


def class_attribute():
    Model.rate = 5.0


get_scale, get_entry, call_method = (
    operator.attrgetter("scale"),
    operator.itemgetter("k"),
    operator.methodcaller("method"),
)
os.environ["OUTSIDE_RATE"] = "2"
rate = 2.0


@dataclasses.dataclass
class Options:
    scale: float = 2.0
    count: int = 2


class Holder(Options):
    """Read by Python or NumPy through special methods."""

    def __array__(self, dtype=None, copy=None):
        return np.full(4, self.scale)

    def __str__(self):
        return f"{self.scale:.2f}"


class Number(Options):
    def __index__(self):
        return self.count

    def __float__(self):
        return self.scale


options, holder, number = Options(), Holder(), Number()


def global_number():
    globals()["rate"] = 5.0


def option():
    options.scale, options.count = 5.0, 3


def held():
    holder.scale, holder.count = 5.0, 3


def numbered():
    number.scale, number.count = 5.0, 3


def variable():
    os.environ["OUTSIDE_RATE"] = "5"


def by_class(a):
    return a.sum() * (rate if a.__class__ is np.ndarray else 0.0)


CASES = {
    "copy": (lambda a: a.sum() * copy.copy(options).scale, option),
    "deepcopy": (lambda a: a.sum() * copy.deepcopy(options).scale, option),
    "replace": (lambda a: a.sum() * dataclasses.replace(options, count=1).scale, option),
    "object.__getattribute__": (lambda a: a.sum() * object.__getattribute__(options, "scale"), option),
    "globals": (lambda a: a.sum() * globals()["rate"], global_number),
    "f-string": (lambda a: a.sum() * float(f"{rate:.3f}") + float(f"{rate!s}"), global_number),
    "str": (lambda a: a.sum() * float(str(rate)) + float(repr(rate)) + float(f"{rate}"), global_number),
    "json": (lambda a: a.sum() * json.loads(json.dumps({"rate": [rate]}))["rate"][0], global_number),
    "__str__": (lambda a: a.sum() * float(str(holder)) + float(f"{holder}"), held),
    "__index__": (lambda a: a[number] * a[operator.index(number)] + sum(a[i] for i in range(number)), numbered),
    "__array__": (lambda a: a @ np.asarray(holder), held),
    "__array__ operand": (lambda a: np.multiply(a, holder).sum() + np.dot(a, holder), held),
    "float64 of an object": (lambda a: a.sum() * np.float64(number), numbered),
    "environ": (lambda a: a.sum() * float(os.environ["OUTSIDE_RATE"]), variable),
    "environ.get": (lambda a: a.sum() * float(os.environ.get("OUTSIDE_RATE", "3")), variable),
    "getenv": (lambda a: a.sum() * float(os.getenv("OUTSIDE_ABSENT", os.getenv("OUTSIDE_RATE"))), variable),
    "__class__": (by_class, global_number),
    "for": (lambda a: sum((a * w).sum() for w in model), layer),
    "for, longer": (lambda a: sum([(a * w).sum() for w in model]), more_layers),
    "list": (lambda a: sum((a * w).sum() for w in list(model)), more_layers),
    "enumerate": (lambda a: sum((a * w * (i + 1)).sum() for i, w in enumerate(model)), more_layers),
    "star": (lambda a: np.stack([*model])[0] @ a, layer),
    "unpacked": (unpacked, layer),
    "len": (lambda a: a.sum() * len(model), more_layers),
    "if": (lambda a: a.sum() * 2 if model else a.sum() * 3, scale),
    "not": (lambda a: a.sum() * 2 if not model else a.sum() * 3, scale),
    "and": (lambda a: a.sum() * 2 if model and True else a.sum() * 3, scale),
    "bool": (lambda a: a.sum() * 2 if bool(model) else a.sum() * 3, scale),
    "operator": (lambda a: ((model + a) * a).sum(), scale),
    "reflected": (lambda a: ((1.0 + model) * a).sum(), scale),
    "negative": (lambda a: (-model * a).sum(), scale),
    "abs": (lambda a: (abs(model) * a).sum(), scale),
    "float": (lambda a: a.sum() * float(model), scale),
    "in": (lambda a: a.sum() * 2 if "z" in model else a.sum() * 3, key),
    "less": (lambda a: a.sum() * 2 if model < 1 else a.sum() * 3, scale),
    "with": (in_with, scale),
    "vars": (lambda a: a.sum() * vars(model)["scale"], scale),
    "__dict__": (lambda a: a.sum() * model.__dict__["scale"], scale),
    "hasattr": (lambda a: a.sum() * 2 if hasattr(model, "extra") else a.sum() * 3, attribute),
    "getattr": (lambda a: a.sum() * getattr(model, "extra", 3.0), attribute),
    "attrgetter": (lambda a: a.sum() * get_scale(model), scale),
    "itemgetter": (lambda a: a.sum() * get_entry(model.table), entry),
    "methodcaller": (lambda a: a.sum() * call_method(model), scale),
    "class": (lambda a: a.sum() * type(model).rate, class_attribute),
    "default object": (default_object, scale),
    "default table": (default_table, entry),
    "partial": (functools.partial(lambda table, a: a.sum() * table["k"], model.table), entry),
}


@pytest.fixture(autouse=True)
def fresh_model():
    yield
    globals()["rate"] = 2.0
    for obj in (options, holder, number):
        obj.scale, obj.count = 2.0, 2
    os.environ["OUTSIDE_RATE"] = "2"
    vars(model).pop("extra", None)
    Model.rate, model.scale = 2.0, 2.0
    model.layers[:] = [np.ones(4)]
    model.table.clear()
    model.table["k"] = 2.0


@pytest.mark.parametrize("name", CASES)
def test_a_change_is_seen(name):
    f, change = CASES[name]
    with graphc.config.override(disable_jit=True):  # the record is the same, and nothing is compiled
        value = graphc.value_and_grad(f)
        before = f(X)
        np.testing.assert_allclose([value(X)[0], value(X)[0]], [before, before])
        assert value.cache_info()["calls_traced"] == 1
        change()
        assert f(X) != before
        np.testing.assert_allclose(value(X)[0], f(X))


def test_an_environment_variable_that_comes():
    f = graphc.jit(lambda a: a * float(os.getenv("OUTSIDE_NEW", "3")))
    try:
        np.testing.assert_allclose(f(X), 3 * X)
        os.environ["OUTSIDE_NEW"] = "4"
        np.testing.assert_allclose(f(X), 4 * X)
    finally:
        os.environ.pop("OUTSIDE_NEW", None)
    np.testing.assert_allclose(f(X), 3 * X)


def match_class(a):
    match a:
        case float() | np.ndarray():
            return a * 2
    return a * 3


counter = itertools.count()
REFUSED = {
    "eval": (lambda a: a * eval("rate"), graphc.SideEffectError, "reads the global 'rate'"),
    "exec": (lambda a: exec("rate + 1") or a, graphc.SideEffectError, "reads the global 'rate'"),
    "eval in globals": (lambda a: a * eval("rate", globals()), graphc.SideEffectError, "reads the global 'rate'"),
    "next": (lambda a: a * next(counter), graphc.SideEffectError, "counter is a count, which runs once"),
    "match": (match_class, graphc.UnsupportedError, "isinstance"),
    "json": (lambda a: json.dumps([a[0]]), graphc.ConcretizationError, r"`json.dumps` needs the numbers"),
    "format": (lambda a: f"{a[0]:.3f}", graphc.ConcretizationError, "needs the numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_is_refused_at_the_users_line(name):
    f, error, message = REFUSED[name]
    with graphc.config.override(disable_jit=True), pytest.raises(error, match=rf"test_outside.py:\d+: .*{message}"):
        graphc.value_and_grad(f)(X)


def test_text_is_evaluated_in_the_names_that_it_is_given():
    f = lambda a: eval("a.sum() * rate", {"a": a, "rate": rate}) + eval("np.sum(a)")  # noqa: E731
    with graphc.config.override(disable_jit=True):
        np.testing.assert_allclose(graphc.value_and_grad(f)(X)[0], f(X))
        global_number()
        np.testing.assert_allclose(graphc.value_and_grad(f)(X)[0], f(X))


def test_a_captured_attribute_is_called_by_the_arguments_name():
    f = graphc.grad(lambda a, opts: (a * opts.scale).sum())
    f(X, Model())
    assert "opts.scale" in f.explain()
    assert "argument" not in f.explain()
    assert "%opts_scale" in str(f.graph("traced"))


def test_native_checks_see_the_same():
    @graphc.jit
    def f(a, m=model):
        return sum((a * w).sum() for w in model) * m.scale + len(model) * getattr(model, "extra", 1.0)

    for change in (layer, scale, more_layers, attribute):
        for _ in range(2):
            np.testing.assert_allclose(f(X), f.__wrapped__(X))
        change()
    np.testing.assert_allclose(f(X), f.__wrapped__(X))


def test_code_without_source_calls_functions_that_do_not_dispatch():
    names = {"np": np}
    text = """
        from scipy import special
        from scipy.special import logsumexp
        def f(a):
            parts = np.array([a[0], a[1]]).sum() + (np.zeros(len(a)) + a).sum()
            return parts + special.logsumexp(a) + logsumexp(a * 2) + isinstance(a, np.ndarray) * a.sum()
    """
    exec("\n".join(line[8:] for line in text.splitlines()), names)
    f = names["f"]
    with graphc.config.override(disable_jit=True):
        np.testing.assert_allclose(graphc.value_and_grad(f)(X)[0], f(X))
