"""The commands that ask a language model, against a real server on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from llm_server import Fail, LLMServer, Say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

pytest.importorskip("openai")

ALLERGY = "Maya is allergic to peanuts."
FOUND = Say(json.dumps({"citations": [1], "answer": "Peanuts"}))
NOT_FOUND = Say(json.dumps({"citations": [], "answer": ""}))
FACT = {
    "text": "Maya is allergic to peanuts.",
    "kind": "trait",
    "about": "Maya",
    "sources": [1],
    "valid_from": "",
    "relation": "new",
    "old": None,
}
KEY = "sk-very-secret-1234"


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LLMServer]:
    """A language model, and an environment that names it."""
    with LLMServer(FOUND) as started:
        monkeypatch.setenv("HELAMEM_LLM_BASE_URL", started.base_url)
        monkeypatch.setenv("HELAMEM_LLM_MODEL", "tiny")
        monkeypatch.setenv("HELAMEM_LLM_API_KEY", KEY)
        monkeypatch.setenv("HELAMEM_LLM_MAX_RETRIES", "0")
        yield started


class TestAsk:
    def test_answer_and_what_it_rests_on_are_shown(self, server: LLMServer, cli: Any) -> None:
        cli("add", ALLERGY)
        shown = cli("ask", "What must Maya not eat?").stdout

        assert "Peanuts" in shown
        assert f"#1 {ALLERGY}" in shown
        assert "1 call, 18 tokens" in shown

    def test_json_has_the_names_that_others_read(self, server: LLMServer, as_json: Any) -> None:
        as_json("add", ALLERGY)
        data = as_json("ask", "What must Maya not eat?")

        assert ("Peanuts", [1], {"calls": 1, "tokens": 18}) == (
            data["answer"],
            data["citations"],
            data["usage"],
        )
        assert [1] == [hit["id"] for hit in data["hits"]]
        assert 1 == as_json("get", "1")[0]["uses"]

    def test_not_in_memory_is_null(self, server: LLMServer, as_json: Any, cli: Any) -> None:
        server.acts = (NOT_FOUND,)
        as_json("add", ALLERGY)

        assert as_json("ask", "What is the capital of France?")["answer"] is None
        assert "Not in memory." in cli("ask", "What is the capital of France?").stdout

    def test_learning_can_be_switched_off(self, server: LLMServer, as_json: Any) -> None:
        as_json("add", ALLERGY)
        as_json("ask", "What must Maya not eat?", "--no-learn")

        assert 0 == as_json("get", "1")[0]["uses"]

    def test_steps_cost_calls(self, server: LLMServer, as_json: Any) -> None:
        as_json("add", ALLERGY)

        assert 2 == as_json("ask", "What must Maya not eat?", "--verify")["usage"]["calls"]

    def test_options_win_over_the_environment(self, server: LLMServer, cli: Any) -> None:
        cli("add", ALLERGY)
        cli("ask", "What?", "--model", "other", "--api-key", "sk-other")

        assert "other" == server.requests[0]["model"]
        assert "Bearer sk-other" == server.headers[0]["authorization"]

    def test_the_configuration_file_may_hold_all(
        self, server: LLMServer, cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("BASE_URL", "MODEL", "API_KEY"):
            monkeypatch.delenv(f"HELAMEM_LLM_{name}")
        file = tmp_path / "c.toml"
        file.write_text(
            f'[llm]\nbase_url = "{server.base_url}"\nmodel = "tiny"\napi_key = "sk-file"\n'
        )
        cli("add", ALLERGY)
        cli("ask", "What?", "--config", file)

        assert "Bearer sk-file" == server.headers[0]["authorization"]
        assert "sk-file" not in cli("config", "--config", file).stdout

    def test_without_a_model_the_error_names_the_variables(self, cli: Any) -> None:
        assert "HELAMEM_LLM_MODEL" in cli("ask", "What?", code=1).stderr

    def test_a_failing_model_is_one_sentence_without_the_key(
        self, server: LLMServer, cli: Any
    ) -> None:
        server.acts = (Fail(401, f"Incorrect API key provided: {KEY}"),)
        cli("add", ALLERGY)
        outcome = cli("ask", "What?", code=1)

        assert outcome.stderr.startswith("Error: tiny at http://127.0.0.1")
        assert 1 == len(outcome.stderr.splitlines())
        assert KEY not in outcome.stderr + outcome.stdout

    def test_debugging_does_not_tell_the_key(self, server: LLMServer, cli: Any) -> None:
        server.acts = (Fail(401, f"Incorrect API key provided: {KEY}"),)
        cli("add", ALLERGY)
        ran = subprocess.run(
            [sys.executable, "-m", "helamem", "-vv", "--debug", "ask", "What?"],
            check=False, capture_output=True, text=True, env=os.environ,
        )  # fmt: skip

        assert "Traceback" in ran.stderr
        assert KEY not in ran.stderr + ran.stdout


class TestConsolidate:
    def test_the_configured_model_distils(self, server: LLMServer, as_json: Any) -> None:
        server.acts = (Say(json.dumps({"facts": [FACT]})),)
        as_json("add", ALLERGY)
        report = as_json("consolidate")

        assert (1, 1, 0, 0, [], [], {"calls": 1, "tokens": 18}) == (
            report["clusters"],
            report["facts_added"],
            report["facts_merged"],
            report["facts_superseded"],
            report["refused"],
            report["failed"],
            report["usage"],
        )
        (fact,) = as_json("facts")
        assert (FACT["text"], "trait", 0.6, [1], None) == (
            fact["text"],
            fact["kind"],
            fact["confidence"],
            fact["sources"],
            fact["superseded_by"],
        )
        assert fact["at"] == fact["valid_from"]

    def test_it_can_be_left_out(self, server: LLMServer, as_json: Any) -> None:
        as_json("add", ALLERGY)

        assert 0 == as_json("consolidate", "--no-llm")["usage"]["calls"]
        assert [] == server.requests

    def test_a_failure_is_shown(self, server: LLMServer, cli: Any) -> None:
        server.acts = (Fail(500),)
        cli("add", ALLERGY)

        assert "answered 500" in cli("consolidate").stdout

    def test_profiles_come_from_facts(self, server: LLMServer, cli: Any, as_json: Any) -> None:
        assert "There are no facts yet" in cli("profile").stdout
        server.acts = (Say(json.dumps({"facts": [FACT]})),)
        cli("add", ALLERGY)
        cli("consolidate")

        assert "Maya:\n- Maya is allergic to peanuts. [2]" in cli("profile", "maya").stdout
        (maya,) = as_json("profile")
        assert ("Maya", [1]) == (maya["name"], maya["lines"][0]["sources"])


class TestChat:
    def talk(self, cli: Any, *lines: str, **more: Any) -> Result:
        outcome: Result = cli("chat", *more.pop("options", ()), stdin="\n".join(lines), **more)
        return outcome

    def test_a_conversation_is_remembered(self, server: LLMServer, cli: Any, as_json: Any) -> None:
        server.acts = (Say("Nothing with peanuts: she is allergic."),)
        cli("add", ALLERGY)
        shown = self.talk(cli, "What should Maya be served?", options=("--name", "Ana")).stdout

        assert "Nothing with peanuts: she is allergic.\n[1 memory recalled, used: #1" in shown
        kept = [each for each in as_json("list") if each["kind"] == "episode"]
        assert [
            ("", ALLERGY),
            ("Ana", "What should Maya be served?"),
            ("assistant", "Nothing with peanuts: she is allergic."),
        ] == [(each["speaker"], each["text"]) for each in kept]

    def test_commands(self, server: LLMServer, cli: Any) -> None:
        server.acts = (Say("No peanuts."),)
        cli("add", ALLERGY)
        outcome = self.talk(
            cli,
            "What should Maya be served?",
            "/why",
            "/recall",
            "/facts",
            "/profile Maya",
            "/forget 1",
            "/help",
            "/quit",
            "never said",
        )

        for part in (
            "= similarity",
            "unfolded",
            "forgotten: #1",
            "/forget",
            "There are no facts yet",
        ):
            assert part in outcome.stdout
        assert 1 == len(server.requests)
        assert ALLERGY not in cli("list").stdout

    def test_mistakes_do_not_end_it(self, server: LLMServer, cli: Any) -> None:
        server.acts = (Fail(500), Say("Here I am."))
        outcome = self.talk(cli, "/why", "/what", "/forget", "/forget 99", "Hello?", "Hello?")

        for part in (
            "there is no reply yet",
            "there is no /what",
            "name the ids",
            "There is no memory 99",
            "answered 500",
        ):
            assert part in outcome.stderr
        assert "Here I am." in outcome.stdout

    def test_what_is_recalled_can_be_unfolded(self, server: LLMServer, cli: Any) -> None:
        server.acts = (Say("No peanuts."),)
        cli("add", ALLERGY)

        assert f"#1 {ALLERGY}" in self.talk(cli, "What?", options=("--unfolded",)).stdout

    def test_json_is_one_object_a_line(self, server: LLMServer, cli: Any) -> None:
        server.acts = (Say("No peanuts."),)
        cli("add", ALLERGY)
        (line,) = self.talk(cli, "What should Maya eat?", options=("--json",)).stdout.splitlines()

        assert ("No peanuts.", [1]) == (
            json.loads(line)["reply"],
            [hit["id"] for hit in json.loads(line)["hits"]],
        )

    def test_terminal_controls_in_a_reply_are_not_printed(
        self, server: LLMServer, cli: Any
    ) -> None:
        server.acts = (Say("\x1b[2JGone."),)

        assert "\x1b" not in self.talk(cli, "Hello?").stdout
