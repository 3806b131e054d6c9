"""What `make real-model` runs beside the server, with a scripted server in place of a real model."""

from __future__ import annotations

import json
import runpy
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_server import LLMServer, Say

if TYPE_CHECKING:
    import pytest

RUN = Path(__file__).parents[2] / "benchmarks" / "real_model" / "run.py"
TALK = {
    "sample_id": "talk",
    "conversation": {
        "speaker_a": "Ilse",
        "speaker_b": "Otto",
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ilse", "dia_id": "D1:1", "text": "I work as a baker, so I get up at four."}
        ],
    },
    "qa": [],
}
FACT = {
    "sources": [1],
    "speaker": "Ilse",
    "said": "I work as a baker",
    "about": "Ilse",
    "text": "Ilse works as a baker.",
    "kind": "statement",
    "valid_from": "",
}


def test_the_model_of_the_environment_distils_and_its_facts_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def asked(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0)

    data = tmp_path / "talk.json"
    data.write_text(json.dumps([TALK]), encoding="utf-8")
    monkeypatch.setattr(subprocess, "run", asked)  # the questions have tests of their own
    with LLMServer(Say(json.dumps({"facts": [FACT]}))) as server:
        monkeypatch.setenv("HELAMEM_LLM_BASE_URL", server.base_url)
        monkeypatch.setenv("HELAMEM_LLM_MODEL", "scripted")
        assert 0 == runpy.run_path(str(RUN))["main"](str(data), "1", "1")

    printed = capsys.readouterr().out
    assert "statement  0.60 Ilse works as a baker." in printed
    assert "Ilse: I work as a baker, so I get up at four." in printed
    assert "'calls': 1" in printed
