"""What `import helamem` gives, and what it must not do: load much, read the environment, talk to anyone."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

import helamem
from helamem import errors

HEAVY = {
    "Stemmer",
    "click",
    "numpy",
    "openai",
    "platformdirs",
    "rich",
    "safetensors",
    "sentence_transformers",
    "sqlite3",
    "tokenizers",
    "torch",
    "wordllama",
}


def in_a_new_process(program: str, folder: Path) -> str:
    """What a program prints that starts from nothing; it must not warn."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(helamem.__file__).parents[1])},  # this very one
        check=False,
    )
    assert (0, "") == (ran.returncode, ran.stderr)
    return ran.stdout


class TestNames:
    def test_all_is_sorted_and_names_each_name_once(self) -> None:
        assert sorted(set(helamem.__all__)) == helamem.__all__

    def test_type_checkers_see_the_same_names_at_the_same_homes(self) -> None:
        tree = ast.parse(Path(helamem.__file__).read_text("utf-8"))
        seen = {
            alias.asname: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helamem.")
            for alias in node.names
        }

        assert {name: f"helamem.{helamem._HOMES[name]}.{name}" for name in helamem.__all__} == seen

    @pytest.mark.parametrize("name", helamem.__all__)
    def test_each_name_is_the_one_at_its_home(self, name: str) -> None:
        home = importlib.import_module(f"helamem.{helamem._HOMES[name]}")

        assert getattr(home, name) is getattr(helamem, name)
        assert home.__name__ == getattr(helamem, name).__module__

    def test_every_exception_is_public(self) -> None:
        ours = {
            name
            for name, value in vars(errors).items()
            if isinstance(value, type) and issubclass(value, Exception)
        }

        assert ours <= set(helamem.__all__)

    def test_dir_lists_all_before_anything_is_loaded(self, tmp_path: Path) -> None:
        listed = in_a_new_process("import helamem; print(*dir(helamem))", tmp_path).split()

        assert sorted([*helamem.__all__, "__version__"]) == listed

    def test_the_version_is_that_of_the_installed_package(self) -> None:
        assert version("helamem") == helamem.__version__

    def test_a_name_that_is_not_there_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'Memroy'"):
            _ = helamem.Memroy  # type: ignore[attr-defined]


class TestAsyncMemory:
    def test_it_has_what_memory_has(self) -> None:
        awaited, plain = (
            {name for name in dir(cls) if not name.startswith("_")}
            for cls in (helamem.AsyncMemory, helamem.Memory)
        )

        assert {"memory"} == awaited ^ plain, "add `name = _awaited(Memory.name)` to AsyncMemory"


class TestImporting:
    def test_loads_nothing_but_itself_and_a_little_of_the_standard_library(
        self, tmp_path: Path
    ) -> None:
        program = """
            import json, sys
            before = set(sys.modules)
            import helamem
            print(json.dumps(sorted(set(sys.modules) - before)))
        """
        loaded = json.loads(in_a_new_process(program, tmp_path))

        outside = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
        assert {"helamem"} == outside
        assert ["helamem"] == [name for name in loaded if name.startswith("helamem")]
        assert len(loaded) < 40

    def test_memory_loads_neither_models_nor_the_command_line(self, tmp_path: Path) -> None:
        program = """
            import json, sys
            from helamem import Memory
            print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
        """
        loaded = set(json.loads(in_a_new_process(program, tmp_path)))

        assert {"Stemmer", "numpy", "sqlite3"} == HEAVY & loaded

    def test_reads_no_environment_and_opens_nothing(self, tmp_path: Path) -> None:
        program = """
            import os, sys
            from collections.abc import MutableMapping

            class Watched(MutableMapping):
                def __init__(self, inner): self.inner, self.read = inner, []
                def __getitem__(self, key): self.read.append(key); return self.inner[key]
                def __iter__(self): self.read.append("*"); return iter(self.inner)
                def __len__(self): return len(self.inner)
                def __setitem__(self, key, value): self.inner[key] = value
                def __delitem__(self, key): del self.inner[key]

            seen = []
            def watch(event, arguments):
                talks = event.startswith(("socket.", "urllib.", "http.", "subprocess."))
                writes = event == "open" and "w" in str(arguments[1])
                if talks or writes:
                    seen.append((event, str(arguments)))

            os.environ = Watched(os.environ)
            sys.dont_write_bytecode = True
            sys.addaudithook(watch)
            import helamem
            print(os.environ.read, seen)
        """

        assert "[] []\n" == in_a_new_process(program, tmp_path)

    def test_leaves_logging_alone(self, tmp_path: Path) -> None:
        program = """
            import logging
            before = [*logging.root.handlers], logging.root.level
            import helamem
            with helamem.Memory(":memory:") as memory:
                memory.add("Maya is allergic to peanuts.")
            print(before == ([*logging.root.handlers], logging.root.level))
        """

        assert "True\n" == in_a_new_process(program, tmp_path)


class TestNoTelemetry:
    def test_all_that_a_memory_does_works_where_no_socket_can_be_opened(
        self, tmp_path: Path
    ) -> None:
        program = """
            import socket, sys

            def refuse(event, arguments):
                if event.startswith("socket."):
                    raise AssertionError(f"{event} {arguments}")

            class Refused:
                def __init__(self, *arguments, **more):
                    raise AssertionError("a socket was opened")

            socket.socket = Refused
            sys.addaudithook(refuse)
            from helamem import Memory

            with Memory("memory.db") as memory:
                memory.add(["Maya is allergic to peanuts.", "We cook for Maya on Friday."])
                recall = memory.search("What should I not cook for Maya?")
                memory.reinforce(recall, used=recall.ids)
                memory.consolidate()
                memory.forget()
                print(len(recall), bool(recall.context()), len(list(memory.export())) > 2)
        """

        assert "2 True True\n" == in_a_new_process(program, tmp_path)
