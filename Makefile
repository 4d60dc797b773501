# Every target makes what it needs: on a fresh machine with Python 3.11 (or later) and make, `make demo` just runs.
# Stamp files in .venv say which extras are installed, so a second call installs nothing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
BENCH_ENVS := benchmarks/.venv

# The plain torch wheel on PyPI brings gigabytes of CUDA libraries. To take the CPU build, say for instance
#   make peers TORCH="torch --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch
JAX ?= jax jaxlib

PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-setup test lint types format bench peers clean

help:
	@echo "make demo    train a digit classifier with compiled gradients; writes demo_output/"
	@echo "make test    the test suite (PYTEST_ARGS='tests/ops -k matmul' narrows it)"
	@echo "make lint    ruff;  make types: mypy;  make format: ruff's formatter and fixes"
	@echo "make peers   install the libraries that tests and benchmarks compare with"
	@echo "make bench   time graphc and its peers (BENCH_ARGS='--cases rosen --peers jax')"
	@echo "make clean   remove .venv, benchmark environments and outputs"

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "graphc needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.has-%: pyproject.toml | $(VENV)/.made
	$(PIP) install -e '.[$*]'
	@touch $@

# One recipe for what comes with names of its own rather than from an extra of pyproject.toml.
$(VENV)/.peers: | $(VENV)/.made
	$(PIP) install $(TORCH)
	$(PIP) install $(JAX) autograd matplotlib
	@touch $@

$(BENCH_ENVS)/pytensor/.made:
	$(PYTHON) -m venv $(BENCH_ENVS)/pytensor
	$(BENCH_ENVS)/pytensor/bin/python -m pip --disable-pip-version-check --quiet install pytensor
	@touch $@

demo-setup: $(VENV)/.has-demo

demo: demo-setup
	$(BIN)/python examples/digits.py

test: $(VENV)/.has-test
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS)

lint: $(VENV)/.has-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.has-dev
	$(BIN)/mypy

format: $(VENV)/.has-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

peers: $(VENV)/.peers

bench: $(VENV)/.has-demo $(VENV)/.peers $(BENCH_ENVS)/pytensor/.made
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

clean:
	rm -rf $(VENV) $(BENCH_ENVS) demo_output benchmarks/results build dist *.egg-info
