"""A key goes to its server, and nowhere else."""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from helamem import Config, Memory
from helamem.answering.chat import Chat
from helamem.config import llm_api_key, resolve
from helamem.errors import HelaMemError
from helamem.memory import language_model
from helamem.models.embedders import HashingEmbedder
from llm_server import Disconnect, Fail, LLMServer, Say

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("openai")

KEY = "sk-very-secret-1234"


def test_a_key_reaches_no_log_no_error_no_export_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HELAMEM_LLM_API_KEY", KEY)
    shown = []
    good = Say(json.dumps({"citations": [1], "answer": "Peanuts"}))
    with LLMServer(good, Disconnect(), Fail(401), Fail(500), Say("No peanuts.")) as server:
        settings = {"llm.model": "tiny", "llm.base_url": server.base_url, "llm.max_retries": "0"}
        config = Config.of(**settings, **{"llm.cache": str(tmp_path / "answers")})
        with (
            caplog.at_level(logging.DEBUG),
            Memory(tmp_path / "m.db", config=config, embedder=HashingEmbedder(64)) as memory,
        ):
            memory.add("Maya is allergic to peanuts.")
            shown.append(repr(memory.ask("What must Maya not eat?")))
            for _ in range(2):
                with pytest.raises(HelaMemError) as caught:
                    memory.ask("What else must Maya not eat?")
                shown += traceback.format_exception(caught.value)
            shown.append(repr(memory.consolidate()))
            shown += Chat(memory, memory.llm).send("What should I cook?")
            shown += [repr(memory), repr(memory.llm), repr(config), json.dumps(asdict(config))]
            shown += map(json.dumps, memory.export())
        assert f"Bearer {KEY}" == server.headers[0]["authorization"]
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())

    assert 5 == len(server.requests)
    assert KEY not in "".join(shown)
    assert KEY not in caplog.text
    assert KEY.encode() not in kept


def test_memory_text_is_not_logged_by_us(caplog: pytest.LogCaptureFixture) -> None:
    good = Say(json.dumps({"citations": [1], "answer": "Peanuts"}))
    with LLMServer(good) as server, caplog.at_level(logging.DEBUG, logger="helamem"):
        config = Config.of(**{"llm.model": "tiny", "llm.base_url": server.base_url})
        memory = Memory(":memory:", config=config, embedder=HashingEmbedder(64))
        memory.add("Maya is allergic to peanuts.")
        memory.ask("What must Maya not eat?")
        memory.consolidate()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("helamem")]

    assert ours
    assert not [line for line in ours if "eanuts" in line or "Maya" in line]


class TestWhereItComesFrom:
    def test_the_environment_wins_over_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "c.toml"
        file.write_text('[llm]\napi_key = "of-file"\n')

        assert "of-file" == llm_api_key(file, environ={})
        assert "of-environment" == llm_api_key(
            file, environ={"HELAMEM_LLM_API_KEY": "of-environment"}
        )

    def test_openai_s_own_variable_serves_for_openai_s_own_server_alone(self) -> None:
        environ = {"OPENAI_API_KEY": "of-openai", "HELAMEM_HOME": "/nowhere"}

        assert "of-openai" == llm_api_key(environ=environ)
        assert "" == llm_api_key(environ=environ, base_url="http://localhost:11434/v1")

    def test_it_is_no_setting_that_could_be_listed(self, tmp_path: Path) -> None:
        file = tmp_path / "c.toml"
        file.write_text(f'[llm]\nmodel = "tiny"\napi_key = "{KEY}"\n')
        resolved = resolve(file, environ={"HELAMEM_LLM_API_KEY": KEY})

        assert "tiny" == resolved.config.llm.model
        assert KEY not in str(resolved)

    def test_a_key_given_by_hand_wins(self) -> None:
        config = Config.of(**{"llm.model": "tiny"})
        llm = language_model(config, api_key=KEY)

        assert KEY == llm._server.key  # type: ignore[union-attr]
        assert KEY not in repr(llm)
