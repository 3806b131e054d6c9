"""Whatever is typed or piped in, the program ends with a sentence, and never with a traceback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from helamem.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Cli

pytestmark = pytest.mark.slow

HUGE = "9" * 40
DIGITS = "9" * 6000
DEEP = "[" * 50_000
DEEP_FILTER = json.dumps({"AND": []})[:-2] + '{"NOT": [' * 300 + '{"n": 1}' + "]}" * 300 + "]}"

INVOCATIONS: list[list[str]] = [
    *[[command, value] for command in ("get", "delete", "history") for value in
      ("0", "-1", "1.9", "1e5", HUGE, DIGITS, "", "a", "#1", "٣", "0x1", "True")],
    *[["update", value, "text"] for value in ("0", HUGE, "1.9")],
    ["update", "1", ""], ["update", "1", " "], ["update", "1", "\ud83d"], ["update", "1"],
    ["update", "1", "--metadata", DEEP], ["update", "1", "--metadata", '{"a": 1e999}'],
    *[["add", "text", "--at", value] for value in
      ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "tomorrow", "", DIGITS, "2024-02-30T00:00:00Z", "-")],
    *[["add", "text", "--metadata", value] for value in
      ("{", "3", DEEP, '{"a":' * 50_000, '{"a": NaN}', '{"a": 1e999}', f'{{"a": {DIGITS}}}', '{"a": "\\ud800"}',
       json.dumps({"a": 1})[:-1] + ', "b":' + "[" * 900 + "]" * 900 + "}")],
    ["add", ""], ["add", " "], ["add", "\ud83d"], ["add", "a\0b"], ["add", "x", "--speaker", "\ud83d"],
    ["add", "x", "--role", "\ud83d"], ["add", "x", "--session", "\ud83d"], ["add"],
    *[["search", "ferry", "-k", value] for value in ("0", "-1", HUGE, DIGITS, "1.5", "a")],
    *[["search", "ferry", "--context", value] for value in ("0", "-1", HUGE, "a")],
    *[["search", "ferry", "--filter", value] for value in
      ("{", "3", "[]", "{}", '{"at": 3}', '{"at": "x"}', '{"id": "A7"}', '{"kind": "x"}', '{"OR": 3}', DEEP, DEEP_FILTER,
       '{"n": {"in": 3}}', '{"n": {"like": 1}}', '{"user_id": 1}', f'{{"id": {HUGE}}}', f'{{"id": {DIGITS}}}',
       '{"id": {"in": [' + ",".join(map(str, range(2000))) + "]}}", '{"n": NaN}', '{"n": {"not": {"not": {}}}}',
       '{"OR": [' + ",".join(['{"n": 1}'] * 2000) + "]}", '{"\\ud800": 1}', '{"speaker": "\\ud800"}')],
    ["search", ""], ["search", " "], ["search", "\ud83d"], ["search", "x", "--at", "0001-01-01T00:00:00+14:00"],
    ["search", "yesterday", "--at", "0001-01-01T00:00:00Z"], ["search", "x" * 100_000],
    *[["reinforce", "ferry", "--used", value] for value in ("", "a", "1,1", HUGE, "1.9", "99", ",")],
    ["reinforce", "ferry", "--used", "1", "--unhelpful", "1"], ["reinforce", "ferry", "--used", "1", "--unhelpful", HUGE],
    *[["list", option, value] for option in ("--limit", "--offset") for value in ("-1", HUGE, DIGITS, "a", "1.5")],
    ["delete", "--where", "{}"], ["delete", "--where", "{"], ["delete"], ["delete", "1", "--where", '{"id": 1}'],
    ["erase", ""], ["erase", " "], ["erase", "\ud83d"], ["erase", "("], ["erase", "x" * 10_000],
    ["namespaces", "--drop", ""], ["namespaces", "--drop", "\ud83d"], ["namespaces", "--drop", "nobody", "--yes"],
    *[["--namespace", value, "list"] for value in ("", " ", "\n", "\ud83d", "x" * 10_000)],
    *[["--set", value, "list"] for value in
      ("", "=", "x", "activation.words=inf", "activation.words=nan", "activation.words=", "activation.words=1e999",
       "learning.rate=-1", "selection.direct=1e400", f"selection.direct={DIGITS}", "nope.nope=1", "storage.batch_size=0",
       "llm.base_url=http://me:secret@host", "llm.base_url=http://[", "language=klingon", "reflection.every=-1")],
    ["--config", "/nowhere/at/all.toml", "list"], ["--config", "/", "list"], ["--file", "/", "list"],
    ["--file", "/proc/x/y.db", "add", "x"], ["--file", "", "list"], ["--file", "a\0b", "list"], ["--file", "x" * 5000, "list"],
    ["--embedder", "", "add", "x"], ["--embedder", "nope", "add", "x"], ["--embedder", "hashing:-1", "add", "x"],
    ["--embedder", f"hashing:{HUGE}", "add", "x"], ["--embedder", "static:/nowhere", "add", "x"], ["--preset", "nope", "list"],
    ["consolidate", "--at", "0001-01-01T00:00:00+14:00"], ["forget", "--at", "9999-12-31T23:59:59-12:00"],
    ["consolidate", "--at", "9999-12-31T23:59:59Z", "--no-llm"], ["forget", "--at", "0001-01-01T00:00:00Z"],
    ["profile", "\ud83d"], ["config", "nope"], ["config", "\ud83d"], ["export", "--output", "/nowhere/x"],
    ["export", "--output", "/proc/x"], ["import", "/nowhere"], ["import", "/"], ["ask", "x"], ["ask", "x", "--base-url", "http://["],
    ["ask", "x", "--model", "tiny", "--base-url", "nonsense"], ["ask", "x", "--model", "tiny", "--base-url", "http://me:pw@h"],
    ["nope"], ["serch", "x"], ["--nope"], ["search", "x", "--nope"], [], ["--version"], ["bench", "nope"], ["stats", "x"],
]  # fmt: skip

HEADER = '{"type":"helamem","format":1,"namespace":"x","embedder":"hashing"}\n'
FILES: dict[str, bytes] = {
    "empty": b"", "blank": b"\n \n\n", "nul": b"\0" * 100, "no utf-8": b"\xff\xfe\x00\x01", "bom": b"\xef\xbb\xbf{}",
    "word": b"hello", "number": b"3", "null": b"null", "list": b"[]", "list of lists": b"[[1]]", "deep": b"[" * 60_000,
    "deep objects": b'{"a":' * 60_000, "open string": b'{"text": "', "digits": b'{"text": "x", "at": ' + b"9" * 6000 + b"}",
    "no text": b'{"speaker": "Ana"}', "text is a number": b'{"text": 3}', "odd at": b'{"text": "x", "at": "soon"}',
    "far at": b'{"text": "x", "at": "0001-01-01T00:00:00+14:00"}', "infinite": b'{"text": "x", "metadata": {"a": 1e999}}',
    "surrogate": b'{"text": "\\ud83d", "role": "\\ud800", "speaker": "\\ud800"}',
    "mapping": b'[{"mapping": 3}]', "messages": b'[{"role": 3, "content": {}}]', "content": b'[{"role": "user", "content": [3]}]',
    "claude": b'[{"chat_messages": 3}]', "locomo": b'[{"conversation": 3, "sample_id": 3}]',
    "header": HEADER.encode(), "two headers": (HEADER * 2).encode(), "format": b'{"type":"helamem","format":99}',
    "header only half": b'{"type":"helamem"', "line": (HEADER + '{"type":"episode"}').encode(),
    "type": (HEADER + '{"type":3}').encode(), "edge": (HEADER + '{"type":"edge","source":1,"target":1,"weight":1,"touched":1}').encode(),
    "cue": (HEADER + '{"type":"cue","id":1,"text":"x","speaker":"","at":1e300}').encode(),
    "fact": (HEADER + '{"type":"fact","id":1,"text":"x","kind":"zzz","confidence":9,"sources":[[1]],"speaker":"","at":1,"stored_at":1,"metadata":{},"uses":0}').encode(),
    "episode": (HEADER + '{"type":"episode","id":1,"text":"a","speaker":"","role":"","session":"s","at":Infinity,"stored_at":1,"metadata":{},"uses":0,"used_at":null}').encode(),
}  # fmt: skip


def outcome_of(arguments: list[str], stdin: Any = None) -> tuple[int, str]:
    """How the program ended, and what it said."""
    ended = CliRunner().invoke(main, arguments, input=stdin)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        return -1, repr(ended.exception)[:300]
    return ended.exit_code, ended.output


@pytest.fixture
def talk(cli: Cli) -> None:
    cli("add", "I booked the ferry.", "Maya is allergic to peanuts.", "--speaker", "Ana")


@pytest.mark.usefixtures("talk")
def test_what_is_typed_ends_with_a_sentence() -> None:
    wrong = []
    for arguments in INVOCATIONS:
        code, said = outcome_of(arguments)
        if code not in (0, 1, 2) or "Traceback" in said or "should not have happened" in said:
            wrong.append(([each[:80] for each in arguments], code, said[-300:]))
        if "secret" in said or "pw@" in said:
            wrong.append((arguments, code, "tells the password"))

    assert len(INVOCATIONS) > 150
    assert [] == wrong
    assert (0, True) == (outcome_of(["list"])[0], "peanuts" in outcome_of(["list"])[1])


@pytest.mark.usefixtures("talk")
@pytest.mark.parametrize(
    "form", ["auto", "jsonl", "messages", "chatgpt", "claude", "locomo", "helamem"]
)
def test_what_is_imported_ends_with_a_sentence(tmp_path: Path, form: str) -> None:
    wrong = []
    for name, content in FILES.items():
        file = tmp_path / f"{name}.json"
        file.write_bytes(content)
        for arguments in (
            ["import", str(file), "--format", form],
            ["import", "-", "--format", form],
        ):
            code, said = outcome_of(arguments, content)
            if code not in (0, 1, 2) or "Traceback" in said or "should not have happened" in said:
                wrong.append((name, arguments[1][:1], code, said[-300:]))

    assert [] == wrong


@pytest.mark.parametrize("content", [b"\xff\xff", b"", b"[llm", b"llm = 3", b'"' * 1000, b"[llm]\nbase_url = 3",
                                     b"a = " + b"[" * 5000, b"preset = 3", b"[nope]\nx = 1"])  # fmt: skip
def test_a_configuration_that_is_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)

    code, said = outcome_of(["--config", str(file), "--file", ":memory:", "list"])

    assert code in (0, 1, 2), said
    assert "should not have happened" not in said
