"""The documentation holds: examples run and print what it says, links lead somewhere, lists are complete."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from graphc import config
from graphc.ops.table import OPS
from graphc.passes.rewriter import apply_to_text

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NOT_RUN = {"sh", ""}  # shell commands, and plain text


@pytest.fixture(autouse=True)
def compiling() -> Iterator[None]:
    """The pages tell what happens by default, also where the rest of the suite runs without compiling."""
    with config.override(disable_jit=False):
        yield


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: what stands after its fence, its text, and the line (from 1) of its first line."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    found: list[Block] = []
    lines = page.read_text().splitlines(keepends=True)
    start: int | None = None
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start = number
        else:
            found.append(Block(lines[start][3:].strip(), "".join(lines[start + 1 : number]), start + 2))
            start = None
    assert start is None, f"{page.name}: a fence opens at line {start} and never closes"
    return found


def run_doctest(test: doctest.DocTest, *, keep: bool = False) -> None:
    """Run the examples; fail with all their differences."""
    report: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append, clear_globs=not keep)
    if report:
        pytest.fail("".join(report), pytrace=False)


def run_block(block: Block, name: str, namespace: dict[str, Any]) -> None:
    if ">>>" in block.text:
        test = doctest.DocTestParser().get_doctest(block.text, namespace, name, name, block.line - 1)
        test.globs = namespace  # the parser copies it; the next block goes on where this one ends
        run_doctest(test, keep=True)
        return
    filename = f"<{name}>"
    linecache.cache[filename] = len(block.text), None, block.text.splitlines(keepends=True), filename
    exec(compile(block.text, filename, "exec"), namespace)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_examples_of_pages(page: Path) -> None:
    """The blocks of a page run in order, in one namespace."""
    namespace: dict[str, Any] = {"__name__": "example"}
    for block in blocks(page):
        where = f"{page.name}:{block.line}"
        if block.language == "python":
            run_block(block, where, namespace)
        else:
            assert block.language in NOT_RUN, f"{where}: what language is {block.language!r}?"


def test_first_pages_have_examples() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "usage.md"):
        assert sum(block.language == "python" for block in blocks(page)) >= 3


def modules_with_examples() -> list[str]:
    found = []
    for path in sorted((ROOT / "graphc").rglob("*.py")):
        if ">>> " in path.read_text():
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of_docstrings(name: str) -> None:
    module = importlib.import_module(name)
    tests = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert tests, f"{name} holds examples outside of its docstrings, where none runs them"
    for test in tests:
        test.globs.update(np=np, graphc=graphc)
        if name.startswith("graphc.passes."):  # a pass never sees the table itself: its example gets it from here
            test.globs.update(OPS=OPS, apply_to_text=apply_to_text)
        run_doctest(test)


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "jit", "vjp", "jvp", "stop_gradient", "frozen"])
def test_public_functions_have_an_example(name: str) -> None:
    assert ">>> " in (getattr(importlib.import_module("graphc"), name).__doc__ or "")


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        linked = page.parent / path if path else page
        assert linked.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(linked), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """The names that headings of a page can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["README.md", "docs/usage.md"])
def test_every_variable_is_explained(page: str) -> None:
    known = {getattr(config.Settings, name).variable for name in config.setting_names()}
    written = set(re.findall(r"GRAPHC_[A-Z_]+", (ROOT / page).read_text()))
    assert written <= known
    if page == "README.md":
        assert written == known


def make_supported() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_supported", ROOT / "docs" / "make_supported.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_list_of_functions_is_current() -> None:
    made = make_supported()
    if not made.is_current_version():
        pytest.skip("the page was written for other versions of NumPy and SciPy, which have other functions")
    assert made.PAGE.read_text() == made.page(), "run python docs/make_supported.py"
