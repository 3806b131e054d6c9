"""The documentation is executed: what it shows is what happens, and what there is stands in it.

Every fenced block of Python runs, in order, with the names of the blocks before it, in a folder of its
own; a `>>>` block must print what it shows. Commands of a shell block must parse, and README's run. A block
that cannot run says why in a comment above it: `<!-- not run: it needs a server -->`. A text block below
`<!-- output -->` is what the block before it prints. "..." stands for anything.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import importlib.util
import io
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

import helamem
from helamem import config
from helamem.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(
    r"^(?P<above>[^\n]*)\n(?:[ \t]*\n)?```(?P<language>\w*)\n(?P<code>.*?)^```[ \t]*$", re.M | re.S
)
NOT_RUN = re.compile(r"<!-- not run: \S.* -->")
OUTPUT = "<!-- output -->"
SHOWN_ONLY = {"text", "mermaid", "json", "toml", "sql"}  # not run here; the database tests run SQL
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        above: The last line before it that is not blank.
        line: Where its code begins.
    """

    language: str
    code: str
    above: str
    line: int

    @property
    def is_not_run(self) -> bool:
        """Whether it says why it does not run."""
        return NOT_RUN.fullmatch(self.above.strip()) is not None

    @property
    def is_output(self) -> bool:
        """Whether it is what the block before it prints."""
        return self.above.strip() == OUTPUT


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a document, in order."""
    text = "\n" + document.read_text(encoding="utf-8")
    return [
        Block(
            found["language"],
            found["code"],
            found["above"],
            text[: found.start("code")].count("\n"),
        )
        for found in FENCED.finditer(text)
    ]


def name(document: Path) -> str:
    """A document as a test calls it."""
    return document.relative_to(ROOT).as_posix()


def having(*languages: str) -> list[Path]:
    """The documents that have blocks in one of these languages."""
    return [each for each in DOCUMENTS if any(b.language in languages for b in blocks(each))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where examples run: an empty folder, with no settings from outside."""
    monkeypatch.setenv("HELAMEM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


class TestExamples:
    @pytest.mark.parametrize("document", DOCUMENTS, ids=name)
    def test_every_block_runs_or_says_why_not(self, document: Path) -> None:
        silent = [
            f"line {block.line}: {block.language or 'no language'}"
            for block in blocks(document)
            if block.language not in {"python", "sh", *SHOWN_ONLY}
        ]

        assert [] == silent

    @pytest.mark.parametrize("document", having("python"), ids=name)
    def test_python_does_what_the_document_shows(self, document: Path, folder: Path) -> None:
        run_python(document)

    def test_readme_runs_in_the_shell_too(self, folder: Path) -> None:
        run_python(README)
        printed = ""
        for block in blocks(README):
            if block.is_output:
                compare(block, printed)
            if block.language == "sh" and not block.is_not_run:
                printed = "".join(run_command(words) for words in commands(block.code))

    @pytest.mark.parametrize("document", having("sh"), ids=name)
    def test_commands_parse(self, document: Path, folder: Path) -> None:
        for block in blocks(document):
            if block.language == "sh":
                for words in commands(block.code):
                    parse(words)

    @pytest.mark.parametrize("document", having("toml"), ids=name)
    def test_settings_files_are_valid(self, document: Path, tmp_path: Path) -> None:
        for block in blocks(document):
            if block.language == "toml" and not block.is_not_run:
                file = tmp_path / "config.toml"
                file.write_text(block.code, encoding="utf-8")
                assert config.resolve(file, environ={}).config != helamem.Config()

    @pytest.mark.parametrize("document", having("json"), ids=name)
    def test_json_is_json(self, document: Path) -> None:
        for block in blocks(document):
            if block.language == "json":
                json.loads(block.code)


def run_python(document: Path) -> None:
    """Run the Python blocks of a document, one after the other."""
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    try:
        for block in blocks(document):
            if block.is_output:
                compare(block, printed)
            if block.language == "python" and not block.is_not_run:
                printed = run_block(block, name(document), names)
    finally:
        for value in names.values():
            if isinstance(value, helamem.Memory):
                value.close()


def run_block(block: Block, document: str, names: dict[str, Any]) -> str:
    """Run one block; what it printed."""
    printed = io.StringIO()
    if ">>>" not in block.code:
        # The same line numbers as in the document, for tracebacks.
        code = compile("\n" * (block.line - 1) + block.code, document, "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        return printed.getvalue()
    test = doctest.DocTestParser().get_doctest(
        block.code, names, f"{document}, line {block.line}", document, block.line - 1
    )
    outcome = doctest.DocTestRunner(optionflags=OPTIONS).run(
        test, out=printed.write, clear_globs=False
    )
    assert 0 == outcome.failed, printed.getvalue()
    names.update(test.globs)
    return ""


def compare(block: Block, printed: str) -> None:
    """Demand that a block is what was printed."""
    assert doctest.OutputChecker().check_output(block.code, printed, OPTIONS), (
        f"line {block.line} shows\n{block.code}\nbut printed was\n{printed}"
    )


def commands(code: str) -> Iterator[list[str]]:
    """The calls of helamem in a shell block, without redirections, each as a list of words."""
    for line in code.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = "#"
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("|;&"):
                yield from _call(words)
                words = []
            else:
                words.append(word)


def _call(words: list[str]) -> Iterator[list[str]]:
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words[:1] == ["helamem"]:
        redirected = [i for i, word in enumerate(words) if word in {"<", ">", ">>"}]
        dropped = {j for i in redirected for j in (i, i + 1)}
        yield [word for i, word in enumerate(words) if i not in dropped][1:]


def parse(words: list[str]) -> None:
    """Parse a command line down to the last command, as the program does, and run nothing."""
    for word in words:
        if re.fullmatch(r"[\w-]+\.(json|jsonl|db|toml|txt)", word):
            Path(word).touch()
    command: click.Command = main
    with contextlib.ExitStack() as opened:
        context = opened.enter_context(command.make_context("helamem", list(words)))
        while isinstance(command, click.Group):
            rest = [*getattr(context, "_protected_args", []), *context.args]
            called, found, rest = command.resolve_command(context, rest)
            assert found is not None, f"there is no command {called}: {shlex.join(words)}"
            command = found
            context = opened.enter_context(command.make_context(called, rest, parent=context))


def run_command(words: list[str]) -> str:
    """Run a command line in a process of its own, with the helamem of this test; what it printed."""
    tested = str(Path(helamem.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-m", "helamem", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": tested},
        check=False,
    )
    assert 0 == ran.returncode, f"helamem {shlex.join(words)}: {ran.stderr}"
    return ran.stdout


class TestWhatThereIsStandsInIt:
    def test_every_setting(self) -> None:
        everyday, ranking = (
            (ROOT / "docs" / page).read_text(encoding="utf-8")
            for page in ("configuration.md", "ranking.md")
        )

        assert [] == [
            name
            for name in config.names()
            if f"`{name}`" not in (everyday if config.is_stable(name) else ranking)
        ]

    @pytest.mark.parametrize("public", helamem.__all__)
    def test_every_public_name(self, public: str) -> None:
        pattern = re.compile(rf"\b{public}\b")

        assert [] != [name(each) for each in DOCUMENTS if pattern.search(each.read_text("utf-8"))]

    @pytest.mark.parametrize("document", DOCUMENTS, ids=name)
    def test_every_module_and_function_that_is_named_is_there(self, document: Path) -> None:
        named = re.findall(r"`(helamem(?:\.\w+)+)\b", document.read_text(encoding="utf-8"))

        assert [] == [each for each in named if not _is_there(each)]

    @pytest.mark.parametrize("document", DOCUMENTS, ids=name)
    def test_every_setting_that_is_named_is_there(self, document: Path) -> None:
        named = re.findall(r"`(\w+\.\w+)(?: = [^`]*)?`", document.read_text(encoding="utf-8"))
        sections = {each.partition(".")[0] for each in config.names()}
        settings = {each for each in named if each.partition(".")[0] in sections}

        assert set() == settings - set(config.names())

    @pytest.mark.parametrize(
        "table",
        [
            "commands",
            "commands of bench",
            "settings",
            "settings of the ranking",
            "corpora",
            "cost",
            "peers",
            "side by side",
            "learning",
        ],
    )
    def test_no_table_says_what_is_not_so(self, table: str) -> None:
        tables = _tables()
        document, make = tables.TABLES[table]
        text = (ROOT / document).read_text(encoding="utf-8")

        assert tables.filled(text, table, make()) == text, "run: python scripts/tables.py"


def _is_there(dotted: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    module, rest = dotted, ""
    while module:
        try:
            found: object = importlib.import_module(module)
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            rest = f"{last}.{rest}" if rest else last
            continue
        except helamem.MissingExtraError:  # it is there, and what it adapts is not
            return True
        for each in filter(None, rest.split(".")):
            found = getattr(found, each, None)
        return found is not None
    return False


def _tables() -> Any:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "scripts" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LINKED = [*DOCUMENTS, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
LINK = re.compile(r"\[[^\]\[]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*)$", re.M)


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as they are made on GitHub."""
    prose = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        for heading in HEADING.findall(prose)
    }


class TestLinks:
    @pytest.mark.parametrize("document", LINKED, ids=name)
    def test_every_link_inside_leads_somewhere(self, document: Path) -> None:
        broken = []
        for found in LINK.finditer(document.read_text(encoding="utf-8")):
            path, _, anchor = found["target"].partition("#")
            if re.match(r"\w+:", path):
                continue
            target = document.parent / path if path else document
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(found["target"])

        assert [] == broken

    def test_the_index_leads_to_every_document(self) -> None:
        index = ROOT / "docs" / "index.md"
        text = index.read_text(encoding="utf-8")
        linked = {
            (index.parent / found["target"].partition("#")[0]).resolve()
            for found in LINK.finditer(text)
        }

        assert set() == {each for each in DOCUMENTS if each not in (README, index)} - linked


class TestTheseTests:
    """What reads documents must itself be right, or nothing is checked."""

    TEXT = (
        "Text.\n\n<!-- not run: no server -->\n```python\nboom()\n```\n\n```sh\nhelamem demo\n```\n"
    )

    def test_blocks_are_found_with_what_stands_above_them(self, tmp_path: Path) -> None:
        file = tmp_path / "document.md"
        file.write_text(self.TEXT, encoding="utf-8")

        assert [("python", "boom()\n", True), ("sh", "helamem demo\n", False)] == [
            (block.language, block.code, block.is_not_run) for block in blocks(file)
        ]

    def test_commands_are_found_between_pipes_and_redirections(self) -> None:
        code = "helamem export |\\\n  X=1 helamem --file new.db import - # a note\npip install x\n"
        code += "helamem add - --session 'a b' --used 1,4 < notes.txt\n"

        assert [
            ["export"],
            ["--file", "new.db", "import", "-"],
            ["add", "-", "--session", "a b", "--used", "1,4"],
        ] == list(commands(code))

    def test_a_command_that_is_not_there_does_not_parse(self, folder: Path) -> None:
        with pytest.raises(click.UsageError, match="there is no command 'serach'"):
            parse(["serach", "x"])

    def test_an_option_that_is_not_there_does_not_parse(self, folder: Path) -> None:
        with pytest.raises(click.UsageError, match="No such option"):
            parse(["search", "x", "--explian"])

    def test_an_example_that_prints_something_else_fails(self) -> None:
        with pytest.raises(AssertionError, match="Expected"):
            run_block(Block("python", ">>> 1 + 1\n3\n", "", 1), "a document", {})
