"""Records as JSON and on one line: every one of them, found by enumeration."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import helamem
from helamem import Answer, Context, Exchange, Hit, Profile, Recall, records, reports
from helamem.consolidation.profiles import Line
from helamem.plain import MAX_REPR, Record, plain
from helamem.records import Degraded, Episode, Fact, Parts, Skipped, Via
from helamem.reports import Reinforcement
from helamem.search.recall import CueMatch

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[1] / "docs" / "json.md"
NOON = datetime(2024, 5, 6, 12, 0, tzinfo=UTC)
LONG = "Maya is allergic to peanuts,\nand her brother is not. " * 9

EPISODE = Episode(
    id=1, text=LONG, speaker="Ana", role="user", session="tea", at=NOON, stored_at=NOON,
    metadata={"tags": ["food"]},
)  # fmt: skip
FACT = Fact(
    id=2, text=LONG, kind="trait", confidence=0.9, sources=(1,), at=NOON, stored_at=NOON,
    speaker="Maya",
)  # fmt: skip
PARTS = Parts(base=1.0, base_terms={"words": 1.0}, received={"learned": 0.25})
VIA = Via(source=3, source_kind="cue", channel="cue", weight=0.5, activation=0.25)
HIT = Hit(memory=EPISODE, score=1.25, path="direct", parts=PARTS, via=(VIA,))
CUE_MATCH = CueMatch(id=3, similarity=1.0, probability=0.5)
RECALL = Recall(
    query=LONG, at=NOON, hits=(HIT,) * 20, cues=(CUE_MATCH,), notes=(LONG,), confidence=0.75,
    signs={"known": 1.0}, vector=np.ones(3, np.float32),
)  # fmt: skip
LEARNED = Reinforcement(cue=3, strengthened=1, bound=1, weakened=0)

EXAMPLES: list[Record] = [
    EPISODE,
    FACT,
    PARTS,
    VIA,
    HIT,
    Hit(memory=FACT, score=1.0, path="associative", parts=PARTS),
    CUE_MATCH,
    RECALL,
    LEARNED,
    Answer(question=LONG, text=LONG, citations=(1,), recall=RECALL, learned=LEARNED),
    Context(text=LONG, ids=(1,), tokens=100),
    Exchange(message=4, reply=LONG, recall=RECALL, shown=(HIT,), used=(1,), learned=LEARNED),
    Line(text=LONG, kind="trait", fact=2, sources=(1,), confidence=0.9),
    Profile(
        name="Maya",
        lines=(Line(text=LONG, kind="trait", fact=2, sources=(1,), confidence=0.9),) * 9,
    ),
    Skipped(index=0, id=1),
    Degraded(index=0, id=1, reason=LONG),
    reports.Lesson(id=1, kind="lesson", at=NOON, question=LONG, used=(1, 2), edges=3),
    reports.Ignored(id=1, shown=5, text=LONG),
    reports.Undone(lesson=1, edges=3, removed=(5,)),
    records.Change(id=1, event="updated", at=NOON, text=LONG),
    reports.ConsolidationReport(hubs=1, clusters=1, unchanged=0, facts_added=(2,), failed=(LONG,)),
    records.Cue(id=3, text=LONG, at=NOON),
    reports.Erasure(
        name=LONG, turns=(1,), facts=(2,), mentions=(4,), cues=(3,), history=1,
        before={"episodes": 9}, after={"episodes": 1}, left=tuple(range(1000)),
    ),
    reports.Namespace(name=LONG, episodes=1, facts=1, cues=1, last_at=NOON),
    reports.Copied(namespace=LONG, episodes=1, facts=1, cues=1, stored=1, searches=5, differences=(LONG,)),
    reports.ForgetPlan(ids=tuple(range(1000)), considered=2000),
    reports.ReindexReport(
        memories=1, embedder="static", dimension=256, language="english", language_version=1
    ),
    reports.RepairReport(mended=(LONG,), left=(LONG,)),
    records.Receipt(ids=tuple(range(1000)), stored=(1,), skipped=(Skipped(index=0, id=1),)),
    reports.Stats(
        namespace="maya", embedder="static", dimension=256, language="english", language_version=1, episodes=1, facts=1, cues=1,
        sessions=1, speakers=("Ana",), edges={"learned": 1}, first_at=NOON, last_at=None,
        file_bytes=1, path="a" * 200,
    ),
    records.Turn(LONG, "Ana", at=NOON),
]  # fmt: skip


def kinds(of: type[Record] = Record) -> Iterator[type[Record]]:
    """Every kind of record."""
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


# dataclasses with slots are made twice, so a class may have a dead twin of its own name
ALL = {kind.__qualname__: kind for kind in kinds() if kind.__module__.startswith("helamem.")}


def named(record: object) -> str:
    """A record as a test calls it."""
    return type(record).__name__


class TestAll:
    def test_every_kind_has_an_example(self) -> None:
        assert set(ALL) == {named(each) for each in EXAMPLES}

    def test_every_public_dataclass_that_is_no_setting_is_a_record(self) -> None:
        public = [getattr(helamem, name) for name in helamem.__all__]
        values = [
            each for each in public if isinstance(each, type) and dataclasses.is_dataclass(each)
        ]

        assert [helamem.Config] == [each for each in values if not issubclass(each, Record)]

    @pytest.mark.parametrize("record", EXAMPLES, ids=named)
    def test_its_json_is_json(self, record: Record) -> None:
        shape = record.to_dict()

        assert shape == json.loads(json.dumps(shape, allow_nan=False))

    @pytest.mark.parametrize(
        "record", [each for each in EXAMPLES if not isinstance(each, Exchange)], ids=named
    )  # of an exchange, the JSON has what the model was shown, and not what was brought back
    def test_its_json_is_read_again(self, record: Record) -> None:
        shape = json.loads(json.dumps(record.to_dict()))

        assert record == type(record).from_dict({**shape, "a key of tomorrow": 1})

    @pytest.mark.parametrize("record", EXAMPLES, ids=named)
    def test_its_repr_fits_a_line(self, record: Record) -> None:
        shown = repr(record)

        assert shown.startswith(f"{named(record)}(")
        assert shown.endswith(")")
        assert len(shown) <= MAX_REPR
        assert shown.isprintable()

    @pytest.mark.parametrize("record", EXAMPLES, ids=named)
    def test_its_repr_begins_with_what_it_says_to_show(self, record: Record) -> None:
        own = {name for name in vars(type(record)) if isinstance(vars(type(record))[name], tuple)}

        assert own - {"__match_args__", "__slots__"} <= {"_shown"}
        first, *_ = record._shown or [each.name for each in dataclasses.fields(record)]  # type: ignore[arg-type]  # every kind is a dataclass
        assert repr(record).startswith(f"{named(record)}({first}=")

    @pytest.mark.parametrize("record", EXAMPLES, ids=named)
    def test_every_field_is_in_its_json_or_is_written_otherwise(self, record: Any) -> None:
        otherwise = {
            "Hit": {"memory"},  # its fields are the hit's
            "Recall": {"milliseconds", "vector"},  # not what was brought back
            "Answer": {"text"},  # "answer"
            "Exchange": {"shown", "recall"},  # "hits"
        }
        names = {spec.name for spec in dataclasses.fields(record)}

        assert otherwise.get(named(record), set()) == names - set(record.to_dict())


class TestPage:
    @pytest.mark.parametrize("record", EXAMPLES, ids=named)
    def test_the_page_has_the_keys_of_every_record(self, record: Record) -> None:
        row = re.search(rf"^\| `{named(record)}` \|(.*)\|$", PAGE.read_text("utf-8"), re.M)

        assert row is not None
        assert list(record.to_dict()) == re.findall(r'`"(\w+)"`', row[1])


class TestShapes:
    def test_a_hit(self) -> None:
        assert HIT.to_dict() == {
            "id": 1,
            "kind": "episode",
            "text": LONG,
            "speaker": "Ana",
            "role": "user",
            "session": "tea",
            "at": "2024-05-06T12:00:00Z",
            "stored_at": "2024-05-06T12:00:00Z",
            "score": 1.25,
            "path": "direct",
            "parts": {"base": 1.0, "base_terms": {"words": 1.0}, "received": {"learned": 0.25}},
            "via": [
                {
                    "source": 3,
                    "source_kind": "cue",
                    "channel": "cue",
                    "weight": 0.5,
                    "activation": 0.25,
                }
            ],
            "reranked": None,
            "sources": [1],
            "metadata": {"tags": ["food"]},
            "uses": 0,
            "used_at": None,
            "fact_kind": None,
            "confidence": None,
            "superseded_by": None,
        }

    def test_kind_tells_an_episode_from_the_sorts_of_facts(self) -> None:
        assert ("episode", "trait") == (EPISODE.to_dict()["kind"], FACT.to_dict()["kind"])

    def test_a_fact_holds_from_its_time_on(self) -> None:
        assert FACT.to_dict()["at"] == FACT.to_dict()["valid_from"] == "2024-05-06T12:00:00Z"

    def test_a_time_keeps_its_zone(self) -> None:
        assert "2024-05-06T12:00:00+02:00" == plain(
            datetime(2024, 5, 6, 12, 0, tzinfo=timezone(timedelta(hours=2)))
        )

    def test_infinity_is_a_word(self) -> None:
        assert ["inf", 1.5] == plain((float("inf"), 1.5))


class TestReading:
    def test_a_hit_has_what_its_memory_has(self) -> None:
        hit = Hit(memory=EPISODE, score=1.0, path="direct", parts=PARTS)

        assert ("user", "tea", {"tags": ["food"]}) == (hit.role, hit.session, hit.metadata)

    def test_a_fact_has_no_role_and_no_session(self) -> None:
        hit = Hit(memory=FACT, score=1.0, path="direct", parts=PARTS)

        assert ("", "", {}) == (hit.role, hit.session, hit.metadata)

    def test_a_recall_is_its_hits(self) -> None:
        assert (20, True) == (len(RECALL), bool(RECALL))
        assert RECALL.hits == tuple(RECALL)
        assert not dataclasses.replace(RECALL, hits=())

    def test_a_repr_says_what_one_looks_for(self) -> None:
        short = dataclasses.replace(HIT, memory=dataclasses.replace(EPISODE, text="No peanuts."))

        assert "Hit(id=1, score=1.25, path='direct', speaker='Ana', text='No peanuts.')" == repr(
            short
        )

    def test_an_exchange_says_what_was_answered(self) -> None:
        short = Exchange(message=4, reply="No peanuts.", recall=RECALL, shown=(HIT,), used=(1,))

        assert "Exchange(message=4, reply='No peanuts.', used=(1,))" == repr(short)

    def test_a_listing_is_short_too(self) -> None:
        listing = records.Listing([EPISODE, FACT] * 50, total=1000)

        assert "Listing(ids=(1, 2, 1, 2, 1, 2, ...), total=1000)" == repr(listing)

    def test_what_is_as_by_default_is_left_out_of_a_repr(self) -> None:
        assert "Reinforcement(cue=3, strengthened=1, bound=1, weakened=0)" == repr(LEARNED)
        assert "Receipt(ids=(1,), stored=(1,))" == repr(records.Receipt(ids=(1,), stored=(1,)))
