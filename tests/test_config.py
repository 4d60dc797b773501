"""Settings: variables, defaults, run-time changes, clear errors."""

import os
from pathlib import Path

import pytest

from graphc import config
from graphc.config import Settings, override, settings
from graphc.errors import ConfigError, GraphcError


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("GRAPHC_DISABLE_JIT", "1", "disable_jit", True),
        ("GRAPHC_DISABLE_JIT", "off", "disable_jit", False),
        ("GRAPHC_NUM_THREADS", "3", "num_threads", 3),
        ("GRAPHC_DUMP", "traced, fused", "dump", frozenset({"traced", "fused"})),
        ("GRAPHC_DETERMINISTIC", "true", "deterministic", True),
        ("GRAPHC_CONTRACT", "0", "contract", False),
        ("GRAPHC_BLAS", "SciPy", "blas", "scipy"),
        ("GRAPHC_CACHE_DIR", "/some/where", "cache_dir", Path("/some/where")),
    ],
)
def test_variables_are_read(monkeypatch, variable, text, name, value):
    monkeypatch.setenv(variable, text)
    assert getattr(Settings(), name) == value


def test_defaults(monkeypatch):
    for name in config.setting_names():
        monkeypatch.delenv(getattr(Settings, name).variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    fresh = Settings()
    assert fresh.num_threads == config.usable_cpus() >= 1
    assert fresh.cache_dir.name == "graphc"
    assert (fresh.disable_jit, fresh.deterministic, fresh.contract, fresh.dump) == (False, False, True, frozenset())


@pytest.mark.parametrize(
    ("variable", "text", "name"),
    [
        ("GRAPHC_NUM_THREADS", "0", "num_threads"),
        ("GRAPHC_NUM_THREADS", "many", "num_threads"),
        ("GRAPHC_NUM_THREADS", "-2", "num_threads"),
        ("GRAPHC_DISABLE_JIT", "maybe", "disable_jit"),
        ("GRAPHC_BLAS", "fortran", "blas"),
    ],
)
def test_wrong_variables_are_named(monkeypatch, variable, text, name):
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigError, match=f"{variable}.*{text}") as caught:
        getattr(Settings(), name)
    assert isinstance(caught.value, GraphcError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_threads", True), ("num_threads", 1.5), ("cache_dir", ""), ("dump", 3), ("contract", None), ("blas", 1)],
)
def test_wrong_values_are_named(name, value):
    with pytest.raises(ConfigError, match=getattr(Settings, name).variable):
        setattr(Settings(), name, value)


def test_unknown_settings_are_errors():
    with pytest.raises(ConfigError, match="no setting 'threads'"):
        settings.threads = 1
    with pytest.raises(ConfigError, match="no setting 'threads'"), override(threads=1):
        pass


def test_override_restores_and_notifies():
    before, seen = settings.num_threads, []
    settings.on_change("num_threads", lambda: seen.append(settings.num_threads))
    with override(num_threads=7, deterministic=True) as inside:
        assert (inside.num_threads, inside.deterministic) == (7, True)
    assert (settings.num_threads, settings.deterministic) == (before, False)
    assert seen == [7, before]
    settings._listeners["num_threads"].pop()


def test_a_failed_override_changes_nothing():
    before = settings.num_threads, settings.blas
    with pytest.raises(ConfigError), override(num_threads=5, blas="nothing"):
        pass
    assert (settings.num_threads, settings.blas) == before


def test_code_key_follows_the_settings_that_change_code():
    with override(contract=False):
        changed = settings.code_key()
    assert changed != settings.code_key()


def test_every_variable_is_documented():
    for name in config.setting_names():
        assert f"``{getattr(Settings, name).variable}``" in config.__doc__
    assert not [
        variable for variable in os.environ if variable.startswith("GRAPHC_") and variable not in config.__doc__
    ]
