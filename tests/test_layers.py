"""The import rule of the layers: each package imports only what stands here beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "graphc"
COMMON = {"graphc.errors", "graphc.config", "graphc.pytree", "graphc.abi"}

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "abi": set(),
    "config": {"graphc.errors"},
    "pytree": {"graphc.errors"},
    "scalar_special": set(),
    "ir": COMMON,
    "ops": {*COMMON, "graphc.ir", "graphc.scalar_special"},
    "trace": {*COMMON, "graphc.ir", "graphc.ops"},
    "passes": {*COMMON, "graphc.ir", "graphc.ops"},
    "autodiff": {*COMMON, "graphc.ir", "graphc.ops", "graphc.passes"},
    "schedule": {*COMMON, "graphc.ir", "graphc.ops"},
    "codegen": {
        *COMMON,
        "graphc.scalar_special",
        "graphc.schedule.loopnest",
        "graphc.schedule.program",
        "graphc.schedule.scalars",
        "graphc.ir.types",
        "graphc.ir.dims",
    },
    "runtime": {*COMMON, "graphc.codegen"},
}


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Every graphc module that the file imports, with its line; ``from graphc import x`` counts as ``graphc.x``."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = absolute(path, node)
            for alias in node.names:
                submodule = (ROOT.parent / module.replace(".", "/") / f"{alias.name}.py").exists()
                package = (ROOT.parent / module.replace(".", "/") / alias.name).is_dir()
                yield node.lineno, f"{module}.{alias.name}" if submodule or package else module


def absolute(path: Path, node: ast.ImportFrom) -> str:
    """The module that the statement names; a relative one is resolved from its file's package."""
    if not node.level:
        return node.module or ""
    package = path.relative_to(ROOT.parent).parts[: -node.level]
    return ".".join((*package, node.module) if node.module else package)


def is_inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_imports_only_the_layers_it_may(layer: str) -> None:
    own, allowed = f"graphc.{layer}", ALLOWED[layer]
    files = sorted((ROOT / layer).rglob("*.py")) or [ROOT / f"{layer}.py"]
    broken = sorted(
        {
            f"{path.relative_to(ROOT.parent)}:{line} imports {module}"
            for path in files
            if path.exists()
            for line, module in imported(path)
            if is_inside(module, "graphc") and not any(is_inside(module, package) for package in (own, *allowed))
        }
    )
    assert not broken, "\n".join(broken)


def test_every_package_stands_in_the_table() -> None:
    packages = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    above_all_layers = {"nn", "optim", "random", "tensors", "utils"}  # a second way in, and what stands on it
    assert packages <= set(ALLOWED) | above_all_layers


def test_only_the_compilers_see_every_layer() -> None:
    layers = [name for name in ALLOWED if (ROOT / name).is_dir()]
    seers = []
    for path in ROOT.glob("*.py"):
        seen = {layer for layer in layers for _, module in imported(path) if is_inside(module, f"graphc.{layer}")}
        if seen >= {"schedule", "codegen"}:
            seers.append(path.name)
    assert set(seers) <= {"compiler.py", "cuda_runner.py"}
