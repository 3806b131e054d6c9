"""A whole memory out and in again: what is kept, and what is refused."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem import Config, DataError, Memory
from helamem.models.embedders import HashingEmbedder
from helamem.models.scripted import ScriptedLLM

if TYPE_CHECKING:
    from collections.abc import Callable

    from helamem.records import Json

EASY = {"consolidation.min_strength": 0.5, "consolidation.min_degree": 1}
NOW = datetime(2024, 5, 6, tzinfo=UTC).timestamp()


def opened(preset: str = "default", **others: Any) -> Memory:
    config = Config.of(preset, **{**EASY, **others})
    return Memory(":memory:", config=config, embedder=HashingEmbedder(32), clock=lambda: NOW)


def told(text: str, source: int, relation: str = "new", old: int | None = None) -> dict[str, Json]:
    fact: Json = {
        "text": text,
        "kind": "statement",
        "about": "Maya",
        "sources": [source],
        "valid_from": "",
        "relation": relation,
        "old": old,
    }
    return {"facts": [fact]}


def said(memory: Memory, text: str, relation: str = "new", old: int | None = None) -> int:
    """Let a turn be said and distilled as it stands; the id of the fact."""
    (id_,) = memory.add(text, speaker="Ana", session=f"session {memory.stats().episodes}").ids
    report = memory.consolidate(llm=ScriptedLLM([told(text, id_, relation, old)]))
    return report.facts_added[0]


def everything() -> Memory:
    """Turns, facts that replaced each other, a cue, learned edges, marks of both ways to distil."""
    memory = opened()
    ids = memory.add(
        [
            {"text": "Maya is allergic to peanuts and almonds.", "metadata": {"n": 1, "a": [None]}},
            {"text": "Ben bakes bread with walnuts.", "at": "2024-05-01T00:00:00Z"},
            "Dinner for Maya is planned on Friday evening.",
        ],
        speaker="Ana",
        role="user",
        session="kitchen",
    ).ids
    for _ in range(4):
        memory.reinforce(memory.search("What about Maya?"), used=[ids[0], ids[2]])
    memory.consolidate(llm=False)
    came_back(memory)
    return memory


def came_back(memory: Memory) -> None:
    rome = said(memory, "Maya lives in Rome.")
    oslo = said(memory, "Maya lives in Oslo.", "replaces", rome)
    said(memory, "Maya lives in Rome.", "replaces", oslo)


def lines_of(memory: Memory) -> list[str]:
    return [json.dumps(line) for line in memory.export()]


def plain(memory: Memory) -> list[Any]:
    """An export without the numbers, in which ids stand for what they name."""
    lines = [json.loads(line) for line in lines_of(memory)]
    names = {line["id"]: _name(line) for line in lines if "id" in line}
    for line in lines:
        for key in ("id", "source", "target", "superseded_by", "old", "new", "because"):
            if line.get(key) is not None:
                line[key] = names[line[key]]
        if line["type"] == "edge":
            line["source"], line["target"] = sorted([line["source"], line["target"]])
        if line["type"] == "superseded":
            line["handed"] = sorted(
                json.dumps({**each, "other": names[each["other"]]}) for each in line["handed"]
            )
        if line["type"] == "fact":
            line["sources"] = sorted(names[each] for each in line["sources"])
            if "contradicts" in line["metadata"]:
                line["metadata"]["contradicts"] = names[line["metadata"]["contradicts"]]
    return sorted(json.dumps(line, sort_keys=True) for line in lines)


def _name(line: dict[str, Any]) -> str:
    return f"{line['type']} {line['text']} {line.get('session', '')} {len(line.get('sources', ''))}"


class TestRoundTrip:
    def test_everything_that_is_said_to_be_kept_is_kept(self) -> None:
        memory = everything()
        other = opened()
        other.add(["It takes some ids.", "It takes some more."])
        other.delete(1, 2)

        other.import_(lines_of(memory))

        assert plain(memory) == plain(other)
        assert () == other.check()

    def test_importing_twice_adds_nothing(self) -> None:
        memory = everything()
        before = plain(memory)
        other = opened()
        for target in (other, other, memory):
            target.import_(lines_of(memory))

        assert before == plain(other) == plain(memory)

    def test_facts_that_came_back_are_two(self) -> None:
        memory, other = opened(), opened()
        came_back(memory)

        for _ in range(2):
            other.import_(lines_of(memory))

        assert ["Maya lives in Rome."] == [fact.text for fact in other.facts()]
        chain = [fact.superseded_by is not None for fact in other.facts(superseded=True)]
        assert [True, True, False] == sorted(chain, reverse=True)

    def test_what_a_memory_knows_by_itself_is_not_stored_again(self) -> None:
        memory, other = opened(), opened()
        came_back(memory)
        said(other, "Maya lives in Rome.")

        other.import_(lines_of(memory))

        assert ["Maya lives in Rome."] == [fact.text for fact in other.facts()]
        assert 3 == len(other.facts(superseded=True))

    def test_facts_name_each_other_by_their_new_ids(self) -> None:
        memory, other = opened(), opened()
        old = said(memory, "Maya lives in Rome.")
        said(memory, "Maya lives in Oslo.", "unsure", old)
        other.add([f"Filler number {i}." for i in range(20)])

        other.import_(lines_of(memory))

        named = [fact.metadata.get("contradicts") for fact in other.facts()]
        rome, _ = other.facts()
        assert [None, rome.id] == named

    def test_the_clock_of_lessons_goes_with_the_edges(self) -> None:
        memory, other = opened("paper"), opened("paper")
        memory.add(["Maya is here.", "Ben is there."], session="s")
        for _ in range(50):
            memory.reinforce(memory.search("Maya"), used=[1, 2])
        other.add(["Something else.", "Other things."], session="t")
        for _ in range(80):
            other.reinforce(other.search("else"), used=[1, 2])

        ages = {line["touched"] for line in memory.export() if line["type"] == "edge"}
        other.import_(lines_of(memory))

        assert {50.0} == ages
        restored = [line for line in other.export() if line["type"] == "edge"]
        assert 80 == next(iter(other.export()))["lessons"]
        assert [80.0, 80.0] == [line["touched"] for line in restored]

    def test_what_was_distilled_by_sentences_is_not_distilled_again(self) -> None:
        memory, other = everything(), opened()
        other.add("It takes an id.")
        other.import_(lines_of(memory))

        report = other.consolidate(llm=False)

        assert (0, ()) == (report.clusters, report.facts_added)
        assert report.unchanged

    @pytest.mark.parametrize("before", ["\ufeff", "\ufeff\n", "\n \n"])
    def test_a_byte_order_mark_and_blank_lines_are_passed_over(self, before: str) -> None:
        memory, other = everything(), opened()

        other.import_((before + "\n".join(lines_of(memory))).split("\n"))

        assert plain(memory) == plain(other)

    def test_turns_in_lines_are_stored_in_one_step(self) -> None:
        memory = opened()
        lines = [json.dumps({"text": f"Turn number {i}."}) for i in range(300)]

        with pytest.raises((DataError, ValueError)):
            memory.import_([*lines, '{"text": "bad", "metadata": {"x": 1e999}}'])

        assert 0 == memory.stats().episodes


SURROGATE = "\ud83d"
DEEP: Any = None
for _ in range(300):
    DEEP = [DEEP]
WRONG: dict[str, list[tuple[str, Any]]] = {
    "helamem": [("lessons", -1), ("lessons", "many"), ("lessons", 2**70), ("lessons", 2**53), ("format", 99)],
    "episode": [
        ("id", "1"), ("id", 2**63), ("id", True), ("id", 1.5), ("text", " "), ("text", SURROGATE),
        ("text", None), ("speaker", SURROGATE), ("role", SURROGATE), ("role", 3), ("session", SURROGATE),
        ("at", float("inf")), ("at", float("nan")), ("at", 1e300), ("at", -1e12), ("at", "yesterday"),
        ("at", True), ("at", 10**400), ("stored_at", 253402300800), ("metadata", []), ("metadata", {"x": DEEP}),
        ("metadata", {"x": float("inf")}), ("uses", 2**53), ("uses", -5), ("uses", 10**23), ("uses", 0.5), ("used_at", "yesterday"),
        ("used_at", float("inf")), ("key", "xyz"), ("key", ""), ("utc_offset", 10**6), ("utc_offset", "Z"),
    ],
    "fact": [
        ("sources", []), ("sources", [[1]]), ("sources", ["1"]), ("sources", [10**6]), ("sources", None),
        ("kind", "zzz"), ("kind", []), ("confidence", 5), ("confidence", -1), ("confidence", 0),
        ("confidence", float("nan")), ("superseded_by", []), ("superseded_by", 10**6), ("superseded_by", "itself"),
        ("at", 1e300), ("text", ""), ("uses", -1),
    ],
    "cue": [("at", float("nan")), ("at", 1e300), ("text", SURROGATE), ("text", "")],
    "edge": [
        ("weight", float("inf")), ("weight", -1), ("weight", 50), ("weight", "1"), ("touched", float("nan")),
        ("touched", 1e999), ("touched", 1e300), ("source", "target"), ("source", 10**6), ("target", None), ("source", [1]),
    ],
    "cluster": [("digest", "xyz"), ("digest", ""), ("digest", 7)],
}  # fmt: skip


@pytest.fixture(scope="module")
def sound() -> list[dict[str, Any]]:
    return list(everything().export())


def refused(lines: list[str], number: int) -> str:
    """Import lines one of which is wrong: it is named, and nothing is stored."""
    memory = opened()
    memory.add("It was there before.")
    before = lines_of(memory)
    with pytest.raises(DataError) as raised:
        memory.import_(lines)
    assert raised.value.line == number
    assert before == lines_of(memory)
    return str(raised.value)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(kind, name, value) for kind, each in WRONG.items() for name, value in each],
    ids=lambda value: ascii(value)[:20],
)
def test_a_value_that_could_not_be_read_again_is_refused_by_line(
    sound: list[dict[str, Any]], kind: str, name: str, value: Any
) -> None:
    lines = copy.deepcopy(sound)
    number = next(i for i, line in enumerate(lines, start=1) if line["type"] == kind)
    line = lines[number - 1]
    line[name] = {"itself": line.get("id"), "target": line.get("target")}.get(
        value if isinstance(value, str) else "", value
    )

    refused([json.dumps(each) for each in lines], number)


def test_two_episodes_with_one_key_are_refused_by_line(sound: list[dict[str, Any]]) -> None:
    lines = copy.deepcopy(sound)
    one, other = [i for i, line in enumerate(lines) if line["type"] == "episode"][:2]
    lines[other]["key"] = lines[one]["key"].upper()

    assert "another with its key" in refused([json.dumps(each) for each in lines], other + 1)


def test_two_lines_that_say_the_same_are_joined_to_others_only(
    sound: list[dict[str, Any]],
) -> None:
    edge = next(line for line in sound if line["type"] == "edge")
    first = next(line for line in sound if line["type"] == "episode")
    twins = [{**first, "id": edge[end], "key": None} for end in ("source", "target")]
    memory = opened()

    memory.import_(json.dumps(each) for each in (sound[0], *twins, edge))

    assert 1 == len(memory.list())
    assert () == memory.check()
    assert [] == [line for line in memory.export() if line["type"] == "edge"]


@pytest.mark.parametrize("kind", ["episode", "fact", "cue", "edge", "cluster"])
def test_a_value_that_is_missing_is_refused_by_line(sound: list[dict[str, Any]], kind: str) -> None:
    number = next(i for i, line in enumerate(sound, start=1) if line["type"] == kind)
    optional = {"type", "used_at", "superseded_by", "key", "utc_offset"}
    for name in set(sound[number - 1]) - optional:
        lines = copy.deepcopy(sound)
        del lines[number - 1][name]
        assert f"there is no {name}" in refused([json.dumps(each) for each in lines], number)


def test_what_older_exports_do_not_say_may_be_missing(sound: list[dict[str, Any]]) -> None:
    lines = copy.deepcopy(sound)
    for line in lines:
        for name in ("lessons", "used_at", "superseded_by", "key", "utc_offset"):
            if line.get(name) is None or name in ("lessons", "key", "utc_offset"):
                line.pop(name, None)
    memory = opened()

    memory.import_(json.dumps(line) for line in lines)

    assert 6 == memory.stats().episodes
    assert () == memory.check()


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"type": "episode", "metadata": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"id": ' + "9" * 5000 + "}",
        '{"type": ["episode"]}',
        '{"type": "surprise"}',
        "{",
        "3",
        "null",
        '{"at": NaN}',
    ],
    ids=lambda line: line[:12],
)
def test_a_line_that_is_none_is_refused_by_line(sound: list[dict[str, Any]], line: str) -> None:
    lines = [json.dumps(each) for each in sound]

    refused([*lines, line], len(lines) + 1)


def test_an_id_that_two_lines_have_is_refused(sound: list[dict[str, Any]]) -> None:
    lines = [json.dumps(each) for each in sound]

    assert "there is another 1" in refused([*lines, lines[1]], len(lines) + 1)


def test_facts_that_replaced_each_other_in_a_ring_are_refused() -> None:
    memory = opened()
    came_back(memory)
    lines = list(memory.export())
    facts = [i for i, line in enumerate(lines) if line["type"] == "fact"]
    lines[facts[-1]]["superseded_by"] = lines[facts[0]]["id"]

    told_ = refused([json.dumps(line) for line in lines], facts[0] + 1)

    assert "was superseded by one that it superseded" in told_


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.data())
def test_whatever_stands_in_a_line_it_is_taken_or_refused(data: st.DataObject) -> None:
    memory = opened()
    memory.add("Maya is allergic to peanuts.", speaker="Ana", session="s")
    memory.reinforce(memory.search("What about Maya?"), used=[1])
    lines = list(memory.export())
    line = data.draw(st.sampled_from(lines))
    line[data.draw(st.sampled_from(sorted(line)))] = data.draw(anything)
    other = opened()
    try:
        other.import_(json.dumps(each) for each in lines)
    except DataError:
        assert 0 == other.stats().episodes
        return
    readable: list[Callable[[], object]] = [
        other.list, other.cues, other.check, other.facts, other.forget, other.stats,
        lambda: list(other.export()), lambda: other.search("Maya"), lambda: other.consolidate(llm=False),
    ]  # fmt: skip
    for use in readable:
        use()
    assert () == other.check()
