"""Distilling with a language model, from the episodes to what the store holds afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from helamem import Config, Episode, Memory
from helamem.consolidation import clusters
from helamem.errors import LLMError
from helamem.models.embedders import HashingEmbedder
from helamem.models.openai_chat import OpenAIChat
from helamem.models.scripted import ScriptedLLM
from llm_server import Disconnect, Fail, Hang, LLMServer, Raw, Say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from helamem.protocols import Message, Reply, Request
    from helamem.records import Fact
    from helamem.reports import ConsolidationReport
    from llm_server import Act, Handler

MAY_8 = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
NOTHING: dict[str, Any] = {"facts": []}


def opened(**settings: Any) -> Memory:
    return Memory(
        ":memory:", config=Config.of(**settings), embedder=HashingEmbedder(64), clock=lambda: 1.7e9
    )


def told(text: str, *sources: int, **others: Any) -> dict[str, Any]:
    return {
        "text": text,
        "kind": "statement",
        "about": "",
        "sources": list(sources),
        "valid_from": "",
        "relation": "new",
        "old": None,
        **others,
    }


def facts(*each: Any) -> dict[str, Any]:
    return {"facts": list(each)}


def shown(messages: Sequence[Message], tag: str = "episodes") -> list[dict[str, Any]]:
    """What was quoted to the model."""
    inside = messages[-1]["content"].split(f"<{tag}>\n")[1].split(f"</{tag}>")[0]
    return [json.loads(line) for line in inside.splitlines()]


def one_fact_each(messages: Sequence[Message]) -> dict[str, Any]:
    """A model that makes every episode a fact."""
    return facts(*(told(f"Ana said: {e['text']}", e["id"]) for e in shown(messages)))


def texts(memory: Memory, **options: Any) -> list[str]:
    return [fact.text for fact in memory.facts(**options)]


def talk(memory: Memory, n: int, start: int = 0) -> None:
    memory.add_many(
        [
            {"text": f"Thing number {i} is here.", "speaker": "Ana", "session": "s"}
            for i in range(start, start + n)
        ]
    )


class TestFacts:
    def test_a_fact_carries_where_it_comes_from(self) -> None:
        memory = opened()
        (id_,) = memory.add("I moved to Berlin yesterday.", speaker="Ana", at=MAY_8).ids
        llm = ScriptedLLM(
            [
                facts(
                    told(
                        "Ana moved to Berlin on 7 May 2023.",
                        id_,
                        about="Ana",
                        valid_from="2023-05-07",
                    )
                )
            ],
            name="openai/tiny",
        )

        report = memory.consolidate(llm=llm)

        (fact,) = memory.facts()
        assert (fact.id,) == report.facts_added
        assert (
            "Ana moved to Berlin on 7 May 2023.",
            "statement",
            0.6,
            (id_,),
            "Ana",
        ) == (
            fact.text,
            fact.kind,
            fact.confidence,
            fact.sources,
            fact.speaker,
        )
        assert datetime(2023, 5, 7, tzinfo=UTC) == fact.at
        assert {
            "distiller": "openai/tiny/prompt-5",
            "model": "openai/tiny",
            "prompt": "5",
        } == fact.metadata
        assert fact.id in memory.search("Who moved to Berlin?").ids

    def test_calls_and_tokens_are_reported(self) -> None:
        memory = opened()
        talk(memory, 3)
        report = memory.consolidate(llm=ScriptedLLM([NOTHING]))

        assert 1 == report.usage["calls"]
        assert report.usage["tokens"] > 0

    def test_without_a_model_none_is_asked(self) -> None:
        memory = opened()
        talk(memory, 3)

        assert {"calls": 0, "tokens": 0} == memory.consolidate().usage

    def test_what_is_refused_is_told(self) -> None:
        memory = opened()
        talk(memory, 2)
        report = memory.consolidate(
            llm=ScriptedLLM([facts(told("Ana has things.", 99), told("Ana has a thing.", 1))])
        )

        assert ["Ana has a thing."] == texts(memory)
        assert (
            "the cluster of 2 episodes from 1 to 2: fact 1 names sources that are not in its cluster: 99",
            "the cluster of 2 episodes from 1 to 2: fact 1 has no source",
        ) == report.refused


class TestOnce:
    def test_each_turn_is_read_once(self) -> None:
        memory = opened(**{"reflection.stretch": 4})
        talk(memory, 10)
        llm = ScriptedLLM(one_fact_each)
        memory.consolidate(llm=llm)
        again = memory.consolidate(llm=llm)

        assert [4, 4, 2] == [len(shown(call.messages)) for call in llm.calls]
        assert (0, ()) == (again.clusters, again.facts_added)

        talk(memory, 2, start=10)
        memory.consolidate(llm=llm)
        assert ["Thing number 10 is here.", "Thing number 11 is here."] == [
            each["text"] for each in shown(llm.calls[-1].messages)
        ]

    def test_what_another_process_has_read_meanwhile_is_not_read_again(
        self, tmp_path: Path
    ) -> None:
        def handle(stretch: int) -> Memory:
            settings: dict[str, Any] = {"reflection.stretch": stretch}
            config = Config.of(**settings)
            return Memory(tmp_path / "m.db", config=config, embedder=HashingEmbedder(64))

        def only_the_first(messages: Sequence[Message]) -> Any:
            found = one_fact_each(messages)
            return found if shown(messages)[0]["id"] == 1 else LLMError("down")

        def meanwhile(messages: Sequence[Message]) -> Any:
            if len(llm.calls) == 1:
                other.consolidate(llm=ScriptedLLM(only_the_first))
            return one_fact_each(messages)

        llm = ScriptedLLM(meanwhile)
        with handle(4) as mine, handle(1) as other:
            talk(mine, 3)
            report = mine.consolidate(llm=llm)

            assert [[1, 2, 3], [2, 3]] == [[e["id"] for e in shown(c.messages)] for c in llm.calls]
            assert (1, 2, 3) == (report.clusters, len(report.facts_added), len(mine.facts()))
            mine.consolidate(llm=llm)
            assert 2 == len(llm.calls)

    def test_turns_without_facts_are_read_once_too(self) -> None:
        memory = opened()
        talk(memory, 3)
        llm = ScriptedLLM([NOTHING])
        memory.consolidate(llm=llm)
        memory.consolidate(llm=llm)

        assert 1 == len(llm.calls)

    def test_a_turn_that_was_changed_is_read_again(self) -> None:
        memory = opened()
        talk(memory, 3)
        llm = ScriptedLLM(one_fact_each)
        memory.consolidate(llm=llm)
        memory.update(2, "Something else is here.")
        memory.consolidate(llm=llm)

        assert ["Something else is here."] == [e["text"] for e in shown(llm.calls[-1].messages)]

    def test_an_export_remembers_what_was_read(self) -> None:
        memory = opened()
        talk(memory, 3)
        memory.consolidate(llm=ScriptedLLM(one_fact_each))
        restored = opened()
        restored.add("Something that takes an id.")
        restored.import_(json.dumps(line) for line in memory.export())
        llm = ScriptedLLM(one_fact_each)
        restored.consolidate(llm=llm)

        assert ["Something that takes an id."] == [e["text"] for e in shown(llm.calls[0].messages)]
        assert 1 == len(llm.calls)

    @pytest.fixture
    def wired(self) -> Memory:
        """A memory of twenty turns, three of which have served together."""
        memory = opened(
            **{
                "consolidation.min_strength": 0.5,
                "consolidation.min_degree": 1,
                "reflection.min_cluster": 3,
            }
        )
        talk(memory, 20)
        memory.reinforce(memory.search("Thing number 3 and 17"), used=[4, 11, 18])
        return memory

    def test_dense_places_are_distilled_first_and_once(self, wired: Memory) -> None:
        llm = ScriptedLLM(lambda messages: NOTHING)
        report = wired.consolidate(llm=llm)

        first, second = ({e["id"] for e in shown(call.messages)} for call in llm.calls)
        assert {4, 11, 18} < first < second == set(range(1, 21))
        assert (3, 2, 0) == (report.hubs, report.clusters, report.unchanged)
        again = wired.consolidate(llm=llm)
        assert (0, 1, 2) == (again.clusters, again.unchanged, len(llm.calls))

    def test_a_dense_place_that_has_shifted_a_little_is_not_read_again(self, wired: Memory) -> None:
        llm = ScriptedLLM(lambda messages: NOTHING)
        wired.consolidate(llm=llm)
        wired.reinforce(wired.search("Thing number 3"), used=[4, 15])

        assert 0 == wired.consolidate(llm=llm).clusters

    def test_a_small_dense_place_is_read_in_its_stretch_alone(self) -> None:
        memory = opened(**{"consolidation.min_strength": 0.5, "consolidation.min_degree": 1})
        talk(memory, 20)
        memory.reinforce(memory.search("Thing number 3"), used=[4, 18])
        llm = ScriptedLLM(lambda messages: NOTHING)
        memory.consolidate(llm=llm)

        assert [20] == [len(shown(call.messages)) for call in llm.calls]

    def test_another_process_may_be_quicker(self, tmp_path: Any) -> None:
        file = tmp_path / "m.db"
        one = Memory(file, config=Config(), embedder=HashingEmbedder(64))
        other = Memory(file, config=Config(), embedder=HashingEmbedder(64))
        talk(one, 3)

        def meanwhile(messages: Sequence[Message]) -> dict[str, Any]:
            other.consolidate(llm=ScriptedLLM(one_fact_each))
            return one_fact_each(messages)

        report = one.consolidate(llm=ScriptedLLM(meanwhile))

        assert 3 == len(one.facts())
        assert (0, ()) == (report.clusters, report.facts_added)
        one.close()
        other.close()


class TestSize:
    def test_one_consolidation_makes_so_many_calls_and_the_next_goes_on(self) -> None:
        memory = opened(**{"reflection.stretch": 2, "reflection.max_calls": 2})
        talk(memory, 9)
        llm = ScriptedLLM(one_fact_each)

        assert [(2, 3), (2, 1), (1, 0), (0, 0)] == [
            (report.clusters, report.left)
            for report in (memory.consolidate(llm=llm) for _ in range(4))
        ]
        assert 9 == len(memory.facts())

    def test_long_turns_make_short_stretches(self) -> None:
        memory = opened()
        memory.add([f"{i} " + "word " * 1000 for i in range(25)])
        llm = ScriptedLLM(lambda messages: NOTHING)
        memory.consolidate(llm=llm)

        assert [10, 10, 5] == [len(shown(call.messages)) for call in llm.calls]
        assert all(len(call.prompt) < 25_000 for call in llm.calls)


class TestReconsolidation:
    @pytest.fixture
    def memory(self) -> Memory:
        memory = opened()
        memory.add("I live in Paris.", speaker="Ana", at=MAY_8)
        memory.consolidate(llm=ScriptedLLM([facts(told("Ana lives in Paris.", 1, about="Ana"))]))
        memory.add("I live in Paris, no, Berlin.", speaker="Ana", at=MAY_8 + timedelta(days=30))
        return memory

    def paris(self, memory: Memory) -> Fact:
        return next(f for f in memory.facts(superseded=True) if f.text == "Ana lives in Paris.")

    def last_episode(self, memory: Memory) -> int:
        return max(m.id for m in memory.list(filters={"kind": "episode"}))

    def distil(self, memory: Memory, **fact: Any) -> Any:
        text = fact.pop("text")
        llm = ScriptedLLM([facts(told(text, self.last_episode(memory), about="Ana", **fact))])
        return memory.consolidate(llm=llm), llm

    def test_the_nearest_known_facts_are_shown(self, memory: Memory) -> None:
        _, llm = self.distil(memory, text="Ana lives.")

        assert [self.paris(memory).id] == [e["fact"] for e in shown(llm.calls[0].messages, "facts")]

    def test_the_same_fact_is_merged_and_grows_surer(self, memory: Memory) -> None:
        report, _ = self.distil(memory, text="Ana lives in Paris.")

        assert (0, 1) == (len(report.facts_added), report.facts_merged)
        (fact,) = memory.facts()
        assert pytest.approx(1 - (1 - 0.6) ** 2) == fact.confidence
        assert (1, self.last_episode(memory)) == fact.sources

    def test_an_answer_may_be_as_long_as_the_setting_says(self, memory: Memory) -> None:
        _, llm = self.distil(memory, text="Ana lives.")

        assert [memory.config.llm.max_tokens] == [call.max_tokens for call in llm.calls]

    def test_what_was_true_leaves_search_but_not_history(self, memory: Memory) -> None:
        old = self.paris(memory).id
        report, _ = self.distil(memory, text="Ana lives in Berlin.", relation="replaces", old=old)

        assert 1 == report.facts_superseded
        assert ["Ana lives in Berlin."] == texts(memory)
        assert old not in memory.search("Where does Ana live?", k=50).ids
        assert memory.facts()[0].id == self.paris(memory).superseded_by
        assert ["Ana lives in Paris."] == texts(memory, as_of=MAY_8 + timedelta(days=29))
        assert ["Ana lives in Berlin."] == texts(memory, as_of=MAY_8 + timedelta(days=31))
        assert [] == texts(memory, as_of=MAY_8 - timedelta(days=1))
        assert ["added", "superseded"] == [change.event for change in memory.history(old)]

    def test_what_was_replaced_does_not_come_back_when_its_turn_is_read_again(
        self, memory: Memory
    ) -> None:
        self.distil(
            memory,
            text="Ana lives in Berlin.",
            relation="replaces",
            old=self.paris(memory).id,
        )
        first = memory.get(1)
        assert isinstance(first, Episode)
        memory._store.unmark([clusters.mark(first, "read")])

        report = memory.consolidate(
            llm=ScriptedLLM([facts(told("Ana lives in Paris.", 1, about="Ana"))])
        )

        assert (1, 1, 0) == (report.clusters, report.facts_merged, len(report.facts_added))
        assert ["Ana lives in Berlin."] == texts(memory)

    def test_a_deleted_fact_does_not_come_back_when_its_turn_is_read_again(
        self, memory: Memory
    ) -> None:
        memory.delete(self.paris(memory).id)
        first = memory.get(1)
        assert isinstance(first, Episode)
        memory._store.unmark([clusters.mark(first, "read")])
        again = ("Ana lives in Paris.", "Ana lives in a flat in Paris.")

        report = memory.consolidate(
            llm=ScriptedLLM([facts(*(told(text, 1, about="Ana") for text in again))])
        )

        assert 1 == report.clusters
        assert "Ana lives in Paris." not in texts(memory)

    def test_in_doubt_both_stay_and_are_marked(self, memory: Memory) -> None:
        old = self.paris(memory).id
        self.distil(memory, text="Ana lives in Berlin.", relation="unsure", old=old)

        paris, berlin = memory.facts()
        assert paris.metadata["contradicted"] is True
        assert old == berlin.metadata["contradicts"]

    def test_deleting_the_new_sources_keeps_the_merged_fact(self, memory: Memory) -> None:
        self.distil(memory, text="Ana lives in Paris.")
        memory.delete(self.last_episode(memory))

        assert [(1,)] == [fact.sources for fact in memory.facts()]


class TestFailures:
    def test_others_are_stored_and_the_failed_is_taken_up_again(self) -> None:
        memory = opened(**{"reflection.stretch": 2})
        talk(memory, 6)

        def second_fails(messages: Sequence[Message]) -> Any:
            return LLMError("down") if shown(messages)[0]["id"] == 3 else one_fact_each(messages)

        report = memory.consolidate(llm=ScriptedLLM(second_fails))

        assert [(1,), (2,), (5,), (6,)] == [fact.sources for fact in memory.facts()]
        assert ("the cluster of 2 episodes from 3 to 4: down",) == report.failed
        assert 3 == report.usage["calls"]
        memory.consolidate(llm=ScriptedLLM(one_fact_each))
        assert [1, 2, 3, 4, 5, 6] == sorted(s for f in memory.facts() for s in f.sources)

    def test_a_model_that_is_down_is_not_asked_for_ever(self) -> None:
        memory = opened(**{"reflection.stretch": 1})
        talk(memory, 10)
        llm = ScriptedLLM(lambda messages: LLMError("down"))
        report = memory.consolidate(llm=llm)

        assert 3 == len(llm.calls)
        assert "7 more clusters were not tried" == report.failed[-1]

    def test_an_interruption_leaves_nothing_half_done(self) -> None:
        memory = opened(**{"reflection.stretch": 2})
        talk(memory, 4)

        def interrupted(messages: Sequence[Message]) -> Any:
            if shown(messages)[0]["id"] == 3:
                raise KeyboardInterrupt
            return one_fact_each(messages)

        with pytest.raises(KeyboardInterrupt):
            memory.consolidate(llm=ScriptedLLM(interrupted))
        assert [(1,), (2,)] == [fact.sources for fact in memory.facts()]
        memory.consolidate(llm=ScriptedLLM(one_fact_each))
        assert [1, 2, 3, 4] == sorted(s for f in memory.facts() for s in f.sources)

    def test_a_turn_deleted_during_the_call_leaves_no_fact(self) -> None:
        memory = opened()
        talk(memory, 3)

        def deleting(messages: Sequence[Message]) -> dict[str, Any]:
            memory.delete(2)
            return one_fact_each(messages)

        report = memory.consolidate(llm=ScriptedLLM(deleting))

        assert [] == texts(memory)
        assert "There is no episode 2" in report.failed[0]
        memory.consolidate(llm=ScriptedLLM(one_fact_each))
        assert [(1,), (3,)] == [fact.sources for fact in memory.facts()]

    def test_the_memory_can_be_used_while_the_model_thinks(self) -> None:
        memory = opened()
        talk(memory, 3)
        found: list[int] = []

        def slow(messages: Sequence[Message]) -> dict[str, Any]:
            thread = threading.Thread(
                target=lambda: found.extend(memory.search("Thing number 1").ids)
            )
            thread.start()
            thread.join(5)
            return NOTHING

        memory.consolidate(llm=ScriptedLLM(slow))
        assert found


class Careless(ScriptedLLM):
    """A model of somebody's own that checks no form."""

    def complete(self, request: Request) -> Reply:
        return replace(super().complete(replace(request, schema=None)), data=None)


def test_a_reply_without_a_list_of_facts_is_a_failure_whoever_checked_it() -> None:
    memory = opened()
    talk(memory, 2)

    report = memory.consolidate(llm=Careless(["Nothing."]))
    assert "the reply has no list of facts" in report.failed[0]
    assert memory.consolidate(llm=ScriptedLLM(one_fact_each)).facts_added


def test_a_misshapen_fact_over_the_wire_costs_itself() -> None:
    pytest.importorskip("openai")
    odd = [{"text": "Ana."}, {**told("Ana has things.", 1), "sources": "1"}, "Ana", None]
    memory = opened()
    talk(memory, 5)
    with LLMServer(Say(json.dumps(facts(*odd, told("Ana has a thing.", 1))))) as server:
        llm = OpenAIChat("tiny", base_url=server.base_url, max_retries=0)
        report = memory.consolidate(llm=llm)
        llm.close()

    assert ["Ana has a thing."] == texts(memory)
    assert () == report.failed
    assert [f"fact {n}" for n in (1, 2, 3, 4)] == [
        each.split(": ")[1][:6] for each in report.refused
    ]


@pytest.mark.parametrize(
    ("act", "told_"),
    [
        (Say('{"facts": [{"te'), "is not JSON"),
        (Say('{"facts": [{"text": "Ana."}]}'), "in another form than requested"),
        (Say('{"fact": []}'), "in another form than requested"),
        (Say("", refusal="I will not."), "refused to answer: I will not."),
        (Say('{"facts": [', finish="length"), "was cut off"),
        (Fail(429, headers={"Retry-After": "0.01"}), "answered 429"),
        (Fail(500), "answered 500"),
        (Hang(), "was silent for 0.2 s"),
        (Disconnect(), "could not be asked"),
        (Raw("<html>"), "tiny"),
    ],
)
def test_no_failure_over_the_wire_leaves_a_trace(act: Act, told_: str) -> None:
    pytest.importorskip("openai")
    good = Say(json.dumps(facts(told("Ana has a thing.", 1))))
    memory = opened()
    talk(memory, 3)
    with LLMServer(act) as server:
        llm = OpenAIChat("tiny", base_url=server.base_url, max_retries=0, timeout_s=0.2)
        before = list(memory.export())
        report = memory.consolidate(llm=llm)

        assert told_ in report.failed[0]
        assert (0, (), 1) == (report.clusters, report.facts_added, report.usage["calls"])
        assert before == list(memory.export())

        server.acts = (good,)
        assert 1 == len(memory.consolidate(llm=llm).facts_added)
        memory.consolidate(llm=llm)
        llm.close()
    assert ["Ana has a thing."] == texts(memory)
    assert () == memory.check()


@dataclass(frozen=True)
class Wordy:
    """A server whose model makes every second episode a fact, and is cut off at `max_tokens` of four characters."""

    def play(self, handler: Handler, request: dict[str, Any]) -> None:
        said = one_fact_each(request["messages"])
        text = json.dumps({"facts": said["facts"][::2]})
        room = 4 * request["max_tokens"]
        finish = "stop" if len(text) <= room else "length"
        Say(text[:room], finish=finish).play(handler, request)


def consolidated_by(act: Act, memory: Memory) -> tuple[ConsolidationReport, list[int]]:
    """The report, and how many episodes each request showed."""
    pytest.importorskip("openai")
    with LLMServer(act) as server:
        llm = OpenAIChat("tiny", base_url=server.base_url, max_retries=0)
        report = memory.consolidate(llm=llm)
        llm.close()
        return report, [len(shown(each["messages"])) for each in server.requests]


class TestALongAnswer:
    """A fact of `Wordy` takes about 40 tokens."""

    def test_a_cluster_is_read_in_halves_until_the_answers_fit(self) -> None:
        memory = opened(**{"llm.max_tokens": 720})
        talk(memory, 60)
        report, asked = consolidated_by(Wordy(), memory)

        assert [60, 30, 30] == asked
        assert (2, (), (), 0) == (report.clusters, report.refused, report.failed, report.left)
        assert [f"Ana said: Thing number {i} is here." for i in range(0, 60, 2)] == sorted(
            texts(memory), key=lambda text: int(text.split()[4])
        )
        assert {"calls": 3, "tokens": 3 * 18} == report.usage
        assert [] == consolidated_by(Wordy(), memory)[1]

    def test_what_is_complete_of_the_shortest_answer_is_kept(self) -> None:
        memory = opened(**{"llm.max_tokens": 150})
        talk(memory, 10)
        report, asked = consolidated_by(Wordy(), memory)

        assert [10] == asked
        assert [f"Ana said: Thing number {i} is here." for i in (0, 2, 4, 6)] == texts(memory)
        assert (1, ()) == (report.clusters, report.failed)
        assert "cut off after 4 facts, which are kept; raise llm.max_tokens" in report.refused[0]

    def test_an_answer_without_a_complete_fact_is_a_failure(self) -> None:
        memory = opened(**{"llm.max_tokens": 10})
        talk(memory, 20)
        report, asked = consolidated_by(Wordy(), memory)

        assert [20, 10, 10] == asked
        assert (0, [], 2) == (report.clusters, texts(memory), len(report.failed))
        assert all("was cut off" in each for each in report.failed)

    def test_halves_count_against_the_most_calls(self) -> None:
        memory = opened(**{"llm.max_tokens": 720, "reflection.max_calls": 2})
        talk(memory, 60)
        report, asked = consolidated_by(Wordy(), memory)

        assert ([60, 30], 1) == (asked, report.left)
        assert [30] == consolidated_by(Wordy(), memory)[1]

    def test_a_dense_cluster_is_read_in_halves_too_and_once(self) -> None:
        memory = opened(
            **{
                "llm.max_tokens": 500,
                "consolidation.min_strength": 0.5,
                "consolidation.min_degree": 1,
                "consolidation.max_size": 40,
                "reflection.min_cluster": 20,
            }
        )
        talk(memory, 30)
        memory.reinforce(memory.search("Thing number 3"), used=list(range(1, 31)))
        _, asked = consolidated_by(Wordy(), memory)

        assert [30, 15, 15, 30, 15, 15] == asked  # first as a cluster, then as a stretch
        assert [] == consolidated_by(Wordy(), memory)[1]
        assert () == memory.check()


@pytest.mark.slow
def test_a_killed_process_leaves_whole_clusters_and_the_rest_is_made_good(tmp_path: Path) -> None:
    pytest.importorskip("openai")
    file = tmp_path / "m.db"
    program = """
        import sys
        from helamem import Config, Memory, OpenAIChat
        from helamem.models.embedders import HashingEmbedder
        memory = Memory(sys.argv[1], config=Config.of(**{"reflection.stretch": 2}),
                        embedder=HashingEmbedder(64), llm=OpenAIChat("tiny", base_url=sys.argv[2]))
        memory.reflect_every = 4
        memory.add([f"Thing number {i} is here." for i in range(4)])
        print("added", flush=True)
        memory.reflector.wait()
    """
    good = Say(json.dumps(facts(told("One thing is here.", 1))))
    with (
        LLMServer(good, Hang()) as server,
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), str(file), server.base_url],
            stdout=subprocess.PIPE,
        ) as child,
    ):
        try:
            assert child.stdout is not None
            assert b"added\n" == child.stdout.readline()
            assert server.waits_for(2)
        finally:
            child.kill()
    memory = Memory(file, config=Config(), embedder=HashingEmbedder(64))
    assert ([], 4) == ([*memory.check()], memory.stats().episodes)
    assert ["One thing is here."] == texts(memory)
    llm = ScriptedLLM(one_fact_each)
    memory.consolidate(llm=llm)
    assert [2] == [len(shown(call.messages)) for call in llm.calls]
    assert 3 == len(memory.facts())
    memory.close()


def answering(reply: Callable[[Sequence[Message]], Any]) -> ScriptedLLM:
    return ScriptedLLM(reply)


class TestBackground:
    def test_reflection_runs_after_so_many_turns(self) -> None:
        memory = opened()
        memory = Memory(
            ":memory:",
            config=Config(),
            embedder=HashingEmbedder(64),
            llm=answering(one_fact_each),
        )
        memory.reflect_every = 5
        talk(memory, 4)
        assert memory.reflector is not None
        assert memory.reflector.wait(5)
        assert () == memory.facts()
        talk(memory, 1, start=4)
        assert memory.reflector.wait(5)
        assert 5 == len(memory.facts())
        memory.close()

    def test_adding_does_not_wait_for_the_model(self) -> None:
        may_answer = threading.Event()

        def slow(messages: Sequence[Message]) -> dict[str, Any]:
            may_answer.wait(5)
            return one_fact_each(messages)

        memory = Memory(
            ":memory:", config=Config(), embedder=HashingEmbedder(64), llm=answering(slow)
        )
        memory.reflect_every = 2
        talk(memory, 6)
        assert () == memory.facts()
        assert 6 == memory.stats().episodes
        may_answer.set()
        assert memory.reflector is not None
        assert memory.reflector.wait(5)
        assert 6 == len(memory.facts())
        memory.close()

    def test_a_failure_is_told_and_made_good(self) -> None:
        script = [LLMError("down")]
        memory = Memory(
            ":memory:",
            config=Config(),
            embedder=HashingEmbedder(64),
            llm=answering(lambda messages: script.pop() if script else one_fact_each(messages)),
        )
        memory.reflect_every = 2
        talk(memory, 2)
        assert memory.reflector is not None
        assert memory.reflector.wait(5)
        assert memory.reflector.last is not None
        assert "down" in memory.reflector.last.failed[0]
        talk(memory, 2, start=2)
        assert memory.reflector.wait(5)
        assert 4 == len(memory.facts())
        memory.close()

    def test_it_can_be_switched_off(self) -> None:
        memory = opened(**{"reflection.every": 2})
        assert 2 == memory.reflect_every
        memory.reflect_every = 0
        assert memory.reflector is None
        with pytest.raises(ValueError, match="reflect_every must be at least 0"):
            memory.reflect_every = -1


@pytest.mark.parametrize(
    ("language", "kept"), [("neutral", 1), ("english", 0)]
)  # nouns have capitals in German
def test_a_fact_is_checked_by_the_rules_of_the_memory_language(language: str, kept: int) -> None:
    memory = opened(language=language)
    (id_,) = memory.add("Ich arbeite seit Mai an einer Schule.", speaker="Ana").ids
    llm = ScriptedLLM(
        [facts(told("Ana arbeitet seit Mai an einer Schule in der Oberstufe.", id_, about="Ana"))]
    )
    report = memory.consolidate(llm=llm)

    assert (kept, 1 - kept) == (len(memory.facts()), len(report.refused))
