"""The provider for the public agent-memory-benchmark, on stand-ins for its two classes where it is not installed."""

from __future__ import annotations

import importlib.util
import json
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="the extra [server] is not installed")

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).parents[2] / "benchmarks" / "agent_memory" / "provider.py"
SESSION = [
    {"speaker": "Ana", "text": "Maya is allergic to peanuts.", "dia_id": "D1:1"},
    {"speaker": "Ben", "text": "Look at this.", "blip_caption": "a red bicycle", "dia_id": "D1:2"},
]


class Base(ABC):
    """What the benchmark asks of a provider."""

    @abstractmethod
    def ingest(self, documents: list[Any]) -> None: ...

    @abstractmethod
    def retrieve(self, query: str, k: int = 10) -> tuple[list[Any], dict[str, Any] | None]: ...


@dataclass
class Document:
    """A document of the benchmark."""

    id: str
    content: str
    user_id: str | None = None
    messages: list[dict[str, Any]] | None = None
    timestamp: str | None = None
    context: str | None = None


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    if importlib.util.find_spec("memory_bench") is None:
        for name, held in (
            ("memory", {}),
            ("memory.base", {"MemoryProvider": Base}),
            ("models", {"Document": Document}),
        ):
            stand_in = ModuleType(f"memory_bench.{name}")
            vars(stand_in).update(held)
            monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
        monkeypatch.setitem(sys.modules, "memory_bench", ModuleType("memory_bench"))
    spec = importlib.util.spec_from_file_location("provider", FILE)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def provider(module: Any, tmp_path: Path) -> Iterator[Any]:
    made = module.HelaMemProvider()
    made.prepare(tmp_path / "store", unit_ids={"conv-1", "conv-2"})
    yield made
    made.cleanup()


def session(module: Any, name: str = "conv-1_session_1", unit: str = "conv-1", **more: Any) -> Any:
    given = {"content": json.dumps(SESSION), "timestamp": "2023-05-08T13:56:00+00:00", **more}
    return module.Document(id=name, user_id=unit, **given)


def test_what_belongs_to_a_question_comes_back_in_its_session(module: Any, provider: Any) -> None:
    provider.ingest(
        [session(module), session(module, "conv-1_session_2", content="Lunch is at noon.")]
    )

    found, raw = provider.retrieve("What is Maya allergic to?", k=1, user_id="conv-1")

    assert ["conv-1_session_1"] == [each.id for each in found]
    assert "Monday, 08 May 2023, 13:56 UTC\nAna: Maya is allergic to peanuts." in found[0].content
    assert "Ben: Look at this. [image: a red bicycle]" in found[0].content
    assert 0 < raw["confidence"] < 1


def test_units_do_not_see_each_other(module: Any, provider: Any) -> None:
    provider.ingest([session(module)])

    assert [] == provider.retrieve("peanuts", user_id="conv-2")[0]
    assert [] == provider.retrieve("peanuts")[0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"content": "x", "messages": [{"role": "user", "content": "Hello."}]}, ["Hello."]),
        ({"content": '[{"role": "user", "content": "Hello."}, {"text": " "}]'}, ["Hello."]),
        ({"content": "A long text."}, ["A long text."]),
        ({"content": '{"a": 1}'}, ['{"a": 1}']),
        ({"content": "[1, 2]"}, ["[1, 2]"]),
        ({"content": " "}, []),
    ],
)
def test_every_form_of_a_document_has_its_turns(
    module: Any, given: dict[str, Any], expected: list[str]
) -> None:
    turns = module.turns_of(module.Document(id="d", **given))

    assert expected == [turn["text"] for turn in turns]


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [("2023-05-08T13:56:00", "2023-05-08T13:56:00+00:00"), ("", None), (None, None), ("x", None)],
)
def test_times_are_in_utc_unless_they_say_otherwise(
    module: Any, stamp: str | None, expected: str | None
) -> None:
    read = module.moment(stamp)

    assert expected == (read and read.isoformat())
