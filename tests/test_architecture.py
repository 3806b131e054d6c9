"""What the source must keep to, read off the source: who imports whom, and who touches the world."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "helamem"
# What of the standard library can neither fail for reasons of the world nor tell the time.
PURE = {
    "__future__",
    "bisect",
    "collections",
    "dataclasses",
    "enum",
    "functools",
    "itertools",
    "math",
    "typing",
}


@functools.cache
def parsed(folder: Path) -> dict[str, ast.Module]:
    """Every module of a folder, by its path from the package on; read once for all tests."""
    return {
        (name := file.relative_to(SOURCE).as_posix()): ast.parse(
            file.read_text(encoding="utf-8"), filename=name
        )
        for file in sorted(folder.rglob("*.py"))
    }


def trees(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    """The modules of a folder."""
    yield from parsed(folder).items()


@functools.cache
def used() -> dict[str, list[tuple[int, str]]]:
    """What each module uses of others, or imports by name: lines and dotted names."""
    return {name: list(dotted_names(tree)) for name, tree in trees(SOURCE)}


def imported(tree: ast.Module) -> set[str]:
    """The modules that are imported, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def dotted_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every `module.name` that a file uses, or imports by name, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            yield node.lineno, dotted(node)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{each.name}") for each in node.names)


def dotted(node: ast.expr) -> str:
    """A name with what is read of it, as in `os.path.join`; of what is no name, only what is read."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def offenders(*names: str, allowed: tuple[str, ...]) -> dict[str, list[str]]:
    """The files outside of `allowed` (paths, or folders that end in a slash) that use a name."""
    return {
        name: found
        for name, lines in used().items()
        if not name.startswith(allowed)
        and (found := [f"line {line}: {each}" for line, each in lines if each in names])
    }


@pytest.mark.skipif(find_spec("importlinter") is None, reason="import-linter is not installed")
def test_arrows_point_one_way() -> None:
    ran = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        check=False,
    )

    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert " kept, 0 broken" in ran.stdout


def test_the_core_imports_numpy_and_nothing_that_touches_the_world() -> None:
    strangers = {
        name: outside
        for name, tree in trees(SOURCE / "core")
        if (
            outside := {
                module
                for module in imported(tree)
                if not module.startswith(("helamem.core", "helamem.frozen"))
                and module.partition(".")[0] not in PURE | {"numpy"}
            }
        )
    }

    assert {} == strangers


def test_only_settings_and_the_command_line_read_the_environment() -> None:
    assert {} == offenders(
        "os.environ",
        "os.getenv",
        "os.environb",
        allowed=("config/", "places.py", "memory.py", "cli/"),
    )


def test_only_memory_knows_the_time() -> None:
    clocks = ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today")

    # Spans begin and end in the time of OpenTelemetry; nothing of helamem reads it.
    assert {} == offenders(*clocks, allowed=("memory.py", "tracing.py"))


def test_only_the_command_line_prints() -> None:
    printing = {
        name: lines
        for name, tree in trees(SOURCE)
        if not name.startswith("cli/")
        and (
            lines := [
                node.lineno
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"print", "pprint", "breakpoint", "input"}
            ]
        )
    }

    assert {} == printing


def test_no_module_sets_up_logging() -> None:
    assert {} == offenders(
        "logging.basicConfig", "logging.config", "logging.disable", allowed=("cli/",)
    )


class TestSize:
    """Nine functions in ten are short, and none is long; a module fits a few screens."""

    SHORT, LONG, MODULE = 22, 40, 450

    def test_nine_functions_in_ten_are_short(self) -> None:
        lengths = [length for length, _ in functions().values()]

        assert sum(length < self.SHORT for length in lengths) > 0.9 * len(lengths)

    def test_no_function_is_long(self) -> None:
        assert {} == {name: body for name, (_, body) in functions().items() if body > self.LONG}

    def test_no_module_is_long(self) -> None:
        sizes = {
            file.relative_to(SOURCE).as_posix(): file.read_text(encoding="utf-8").count("\n")
            for file in SOURCE.rglob("*.py")
        }

        assert {} == {name: lines for name, lines in sizes.items() if lines > self.MODULE}


@functools.cache
def functions() -> dict[str, tuple[int, int]]:
    """The lines of every function, all and those below its signature and docstring, by its place."""
    return {
        f"{name}:{node.lineno} {node.name}": lines_of(node)
        for name, tree in trees(SOURCE)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, int]:
    """The lines of a function: all, and those below its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) else function.body
    end = function.end_lineno or function.lineno
    return end - function.lineno + 1, end - body[0].lineno + 1 if body else 0


class TestTheseTests:
    """A rule that is never broken must still be able to notice."""

    def test_a_use_is_noticed(self) -> None:
        tree = ast.parse("import os\nhome = os.environ['HOME']\n")

        assert [(2, "os.environ")] == list(dotted_names(tree))

    def test_an_import_by_name_is_noticed(self) -> None:
        tree = ast.parse("from os import getenv\n")

        assert [(1, "os.getenv")] == list(dotted_names(tree))

    def test_an_import_inside_a_function_is_noticed(self) -> None:
        tree = ast.parse("def f():\n    import socket\n    from json import loads\n")

        assert {"socket", "json"} == imported(tree)

    def test_signature_and_docstring_are_not_counted_as_body(self) -> None:
        tree = ast.parse('def f(\n    a,\n):\n    """Two\n    lines."""\n    b = a\n    return b\n')
        function = tree.body[0]

        assert isinstance(function, ast.FunctionDef)
        assert (7, 2) == lines_of(function)


def test_nobody_reads_a_text_in_english_by_default() -> None:
    """The language is handed in from the engine, so that no step forgets which one the memory has."""
    defaults = [
        f"{name}:{default.lineno}"
        for name, tree in trees(SOURCE)
        for node in ast.walk(tree)
        if isinstance(node, ast.arguments)
        for default in (*node.defaults, *node.kw_defaults)
        if isinstance(default, ast.Name) and default.id == "ENGLISH"
    ]

    assert [] == defaults
