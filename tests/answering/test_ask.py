from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from helamem import Config, Memory
from helamem.answering import ask
from helamem.config import Ask
from helamem.errors import ConfigError, LLMError
from helamem.language.english import ENGLISH
from helamem.models.embedders import HashingEmbedder
from helamem.models.scripted import ScriptedLLM
from llm_server import Fail, LLMServer, Say
from samples import MAY_8, episode, fact, hit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.protocols import Message

JUNE_1 = datetime(2023, 6, 1, 9, 0, tzinfo=UTC)
ALLERGY, CAKE, FLIGHT = (
    "Maya is allergic to peanuts.",
    "I will bake a lemon cake for Maya.",
    "The flight leaves from gate B12 at 9:40.",
)


def says(answer: str, *citations: int) -> dict[str, Any]:
    return {"citations": list(citations), "answer": answer}


NOT_FOUND = says("")


def remembering(*script: Any, **settings: Any) -> tuple[Memory, ScriptedLLM]:
    llm = ScriptedLLM(script[0] if len(script) == 1 and callable(script[0]) else script)
    memory = Memory(
        ":memory:",
        config=Config.of(**settings),
        embedder=HashingEmbedder(256),
        clock=JUNE_1.timestamp,
        llm=llm,
    )
    memory.add([ALLERGY, CAKE], speaker="Ana", at=MAY_8, session="s1")
    memory.add(FLIGHT, speaker="Ben", at=MAY_8 + timedelta(days=1), session="s2")
    return memory, llm


def quoted(messages: Sequence[Message], tag: str = "memories") -> list[dict[str, Any]]:
    inside = messages[-1]["content"].split(f"<{tag}>\n")[1].split(f"</{tag}>")[0]
    return [json.loads(line) for line in inside.splitlines()]


class TestAsk:
    def test_one_call_gives_the_answer_with_its_citations(self) -> None:
        memory, llm = remembering(says("Peanuts", 1))

        answer = memory.ask("What must Maya not eat?")

        assert ("Peanuts", (1,), (), True) == (
            answer.text,
            answer.citations,
            answer.refused,
            answer.found,
        )
        assert "Peanuts" == str(answer)
        assert 1 == len(llm.calls) == answer.usage["calls"]
        assert answer.usage["tokens"] > 0
        assert answer.milliseconds > 0
        assert {1, 2, 3} == set(answer.recall.ids)

    def test_not_in_memory_is_an_answer_of_its_own(self) -> None:
        memory, _ = remembering(NOT_FOUND)

        answer = memory.ask("What is the capital of France?")

        assert (None, (), None) == (answer.text, answer.citations, answer.learned)
        assert not answer.found
        assert "Not in memory." == str(answer)

    def test_an_empty_memory_is_not_worth_a_call(self) -> None:
        llm = ScriptedLLM([])
        memory = Memory(":memory:", config=Config(), embedder=HashingEmbedder(64), llm=llm)

        answer = memory.ask("What must Maya not eat?")

        assert (None, 0) == (answer.text, answer.usage["calls"])

    def test_what_is_cited_is_reinforced(self) -> None:
        memory, _ = remembering(says("No peanuts; a lemon cake.", 1, 2))

        answer = memory.ask("What should Maya be served?")

        assert answer.learned is not None
        assert (1, 2) == (answer.learned.strengthened, answer.learned.bound)
        assert [1, 1, 0] == [memory.get(i).uses for i in (1, 2, 3)]

    def test_learning_can_be_switched_off(self) -> None:
        memory, _ = remembering(says("Peanuts", 1))

        assert memory.ask("What must Maya not eat?", learn=False).learned is None
        assert 0 == memory.get(1).uses

    def test_dates_follow_from_the_times_of_question_and_memories(self) -> None:
        memory, llm = remembering(says("x", 1))
        memory.ask("What must Maya not eat?", at=datetime(2023, 7, 1, 12, tzinfo=UTC))

        assert "Asked on Sat 1 July 2023, 12:00:" in llm.calls[0].prompt
        assert "Mon 8 May 2023, 13:56" == quoted(llm.calls[0].messages)[0]["at"]

    def test_the_question_is_asked_in_every_step(self) -> None:
        memory, llm = remembering(
            {"searches": []}, {"ids": [1, 2, 3]}, says("Peanuts", 1), says("Peanuts", 1)
        )
        memory.ask("What must Maya not eat?", plan=True, select=True, verify=True)

        assert [1] * 4 == [call.prompt.count("What must Maya not eat?") for call in llm.calls]

    def test_memories_are_shown_in_the_order_of_time(self) -> None:
        memory, llm = remembering(says("x", 1))
        memory.ask("Which gate does the flight leave from?")

        assert [1, 2, 3] == [line["id"] for line in quoted(llm.calls[0].messages)]

    def test_memories_can_be_filtered(self) -> None:
        memory, llm = remembering(says("x", 3))
        memory.ask("What was said?", filters={"speaker": "Ben"})

        assert [3] == [line["id"] for line in quoted(llm.calls[0].messages)]

    def test_the_budget_holds(self) -> None:
        memory, llm = remembering(says("x", 1))
        memory.ask("Which gate does the flight leave from?", max_tokens=70)

        assert [3] == [line["id"] for line in quoted(llm.calls[0].messages)]

    def test_a_failure_teaches_nothing(self) -> None:
        memory, _ = remembering(LLMError("down"))
        before = list(memory.export())

        with pytest.raises(LLMError, match="down"):
            memory.ask("What must Maya not eat?")
        assert before == list(memory.export())

    def test_a_blank_question_is_refused_before_anything_is_asked(self) -> None:
        memory, llm = remembering()
        with pytest.raises(ValueError, match="blank"):
            memory.ask("  ")
        assert [] == llm.calls

    def test_without_a_model_the_variables_are_named(self) -> None:
        memory = Memory(":memory:", config=Config(), embedder=HashingEmbedder(64))
        with pytest.raises(ConfigError, match="HELAMEM_LLM_MODEL"):
            memory.ask("What?")


class TestCitations:
    HITS = (hit(episode(1, ALLERGY)), hit(episode(2, CAKE)), hit(fact(9, "Maya is Ana's sister.")))

    def test_a_citation_of_what_was_not_shown_is_refused(self) -> None:
        said = ask.checked(says("Peanuts", 1, 99, 9), "What must Maya not eat?", self.HITS, ENGLISH)

        assert ("Peanuts", (1, 9)) == (said.text, said.citations)
        assert ("the answer cites 99, which was not shown",) == said.refused

    @pytest.mark.parametrize("odd", ["1", None, True, [1], {"id": 1}, 1.5, float("inf")])
    def test_a_citation_that_is_no_id_costs_itself(self, odd: Any) -> None:
        said = ask.checked(
            {"citations": [odd, 1], "answer": "Peanuts"}, "What?", self.HITS, ENGLISH
        )

        assert ("Peanuts", (1,)) == (said.text, said.citations)
        assert (f"the answer cites {odd}, which was not shown",) == said.refused

    def test_very_many_are_counted(self) -> None:
        said = ask.checked(says("Peanuts", 1, *range(10, 200_000)), "What?", self.HITS, ENGLISH)

        assert (1,) == said.citations
        assert "the answer cites 199,970 more that were not shown" == said.refused[-1]
        assert 21 == len(said.refused)

    def test_where_nothing_is_cited_the_words_tell(self) -> None:
        said = ask.checked(
            says("Nothing with peanuts: she is allergic."),
            "What must Maya not eat?",
            self.HITS,
            ENGLISH,
        )

        assert (1,) == said.citations

    def test_where_nothing_is_cited_one_word_may_tell(self) -> None:
        said = ask.checked(says("Peanuts"), "What must Maya not eat?", self.HITS, ENGLISH)

        assert ("Peanuts", (1,)) == (said.text, said.citations)

    def test_where_nothing_is_cited_an_answer_that_several_memories_repeat_counts(self) -> None:
        hits = (hit(episode(1, ALLERGY)), hit(episode(2, "No peanuts, please.", session="s2")))
        said = ask.checked(says("Peanuts"), "What must Maya not eat?", hits, ENGLISH)

        assert ("Peanuts", (1, 2)) == (said.text, said.citations)

    @pytest.mark.parametrize(
        ("answer", "citations"),
        [
            ("Can you help me with the card for Ben's new flat?", ()),
            ("For Ben's new flat. Anything else?", (1,)),
        ],
    )
    def test_where_nothing_is_cited_a_copied_question_is_no_answer(
        self, answer: str, citations: tuple[int, ...]
    ) -> None:
        hits = (hit(episode(1, "Can you help me with the card for Ben's new flat?")),)

        assert citations == ask.checked(says(answer), "What for?", hits, ENGLISH).citations

    def test_an_answer_that_rests_on_nothing_is_none(self) -> None:
        said = ask.checked(says("Paris", 99), "What is the capital of France?", self.HITS, ENGLISH)

        assert (None, ()) == (said.text, said.citations)
        assert (
            "the answer cites 99, which was not shown",
            "the answer rests on no memory",
        ) == said.refused

    @pytest.mark.parametrize("reply", [NOT_FOUND, says("", 1), says("  ", 1), None, []])
    def test_without_an_answer_nothing_was_found(self, reply: Any) -> None:
        said = ask.checked(reply, "What?", self.HITS, ENGLISH)

        assert (None, ()) == (said.text, said.citations)

    def test_a_memory_is_cited_once(self) -> None:
        assert (1,) == ask.checked(says("Peanuts", 1, 1), "?", self.HITS, ENGLISH).citations


class TestSteps:
    def test_a_plan_adds_searches(self) -> None:
        memory, llm = remembering({"searches": ["flight gate", " ", "flight gate"]}, says("B12", 3))

        answer = memory.ask("Where do I go?", plan=True, k=1)

        assert 2 == len(llm.calls)
        assert 3 in answer.recall.ids
        assert ("B12", (3,), 2) == (answer.text, answer.citations, answer.usage["calls"])

    def test_an_investigation_starts_where_nothing_was_found(self) -> None:
        memory, llm = remembering(NOT_FOUND, {"searches": ["flight gate"]}, says("B12", 3))

        answer = memory.ask("Where do I go?", investigate=True, k=1, min_confidence=0)

        assert "B12" == answer.text
        assert [{"search": "Where do I go?"}] == quoted(llm.calls[1].messages, "tried")
        assert 3 == answer.usage["calls"]

    def test_an_investigation_is_not_needed_where_something_was_found(self) -> None:
        memory, llm = remembering(says("Peanuts", 1))
        memory.ask("What must Maya not eat?", investigate=True)

        assert 1 == len(llm.calls)

    def test_an_investigation_happens_once(self) -> None:
        memory, llm = remembering(NOT_FOUND, {"searches": ["gate"]}, NOT_FOUND)

        assert memory.ask("Where?", investigate=True).text is None
        assert 3 == len(llm.calls)

    def test_an_investigation_without_new_searches_does_not_ask_again(self) -> None:
        memory, llm = remembering(NOT_FOUND, {"searches": ["Where?"]}, NOT_FOUND)

        assert memory.ask("Where?", investigate=True).text is None
        assert 2 == len(llm.calls)

    def test_a_selection_leaves_out_what_does_not_matter(self) -> None:
        memory, llm = remembering({"ids": [1, 99]}, says("Peanuts", 1))
        memory.ask("What must Maya not eat?", select=True)

        assert [1] == [line["id"] for line in quoted(llm.calls[1].messages)]

    def test_where_nothing_is_selected_nothing_is_answered(self) -> None:
        memory, llm = remembering({"ids": []})

        assert memory.ask("What must Maya not eat?", select=True).text is None
        assert 1 == len(llm.calls)

    def test_a_verification_corrects_and_tells_all_that_was_refused(self) -> None:
        memory, llm = remembering(says("Nuts", 1, 77), says("Peanuts", 1, 88))

        answer = memory.ask("What must Maya not eat?", verify=True)

        assert ("Peanuts", (1,)) == (answer.text, answer.citations)
        assert (
            "the answer cites 77, which was not shown",
            "the answer cites 88, which was not shown",
        ) == answer.refused
        assert [{"answer": "Nuts", "citations": [1]}] == quoted(llm.calls[1].messages, "draft")

    def test_a_verification_can_take_an_answer_back(self) -> None:
        memory, _ = remembering(says("Walnuts", 1), NOT_FOUND)

        answer = memory.ask("What must Maya not eat?", verify=True)

        assert (None, None) == (answer.text, answer.learned)

    def test_further_searches_are_made_as_of_the_same_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        memory, _ = remembering()
        first = memory.search("Maya", k=3, at=datetime(2023, 7, 1, 12, tzinfo=UTC))
        made: list[tuple[str, Any]] = []

        def search(query: str, *, at: Any = None, **_: Any) -> Any:
            made.append((query, at))
            return first

        monkeypatch.setattr(memory, "search", search)
        ask.retrieve(memory, first, ["nuts", "a flight"], Ask(k=3))

        assert [("nuts", first.at), ("a flight", first.at)] == made

    def test_searches_are_merged_by_rank_and_confidence_each_memory_once(self) -> None:
        memory, _ = remembering()
        first = memory.search("Maya", k=3)
        gate = "Which gate does the flight leave from?"

        both = ask.retrieve(memory, first, [gate], Ask(k=3))

        second = memory.search(gate, k=3)
        worth = {
            id_: sum(
                recall.confidence / (60 + 1 + recall.ids.index(id_))
                for recall in (first, second)
                if id_ in recall.ids
            )
            for id_ in {*first.ids, *second.ids}
        }
        assert sorted(worth, key=lambda id_: -worth[id_]) == list(both.ids)
        assert both.confidence == max(first.confidence, second.confidence)

    def test_one_search_keeps_its_order(self) -> None:
        memory, _ = remembering()
        first = memory.search("Maya", k=3)

        assert first.ids == ask.retrieve(memory, first, [], Ask(k=3)).ids

    def test_the_model_is_not_asked_where_nothing_can_be_known(self) -> None:
        memory, llm = remembering(says("Peanuts", 1))

        answer = memory.ask("glorpnak vintezzo", min_confidence=0.5)

        assert (None, 0) == (answer.text, answer.usage["calls"])
        assert [] == llm.calls
        assert answer.recall.confidence < 0.5


def test_over_the_wire() -> None:
    pytest.importorskip("openai")
    with LLMServer(Fail(500), Say(json.dumps(says("Peanuts", 1)))) as server:
        settings: dict[str, Any] = {
            "llm.model": "tiny",
            "llm.max_retries": 1,
            "llm.base_url": server.base_url,
        }
        memory = Memory(
            ":memory:",
            config=Config.of(**settings),
            embedder=HashingEmbedder(64),
        )
        memory.add(ALLERGY)
        answer = memory.ask("What must Maya not eat?")

        assert ("Peanuts", (1,), {"calls": 1, "tokens": 18}) == (
            answer.text,
            answer.citations,
            answer.usage,
        )
        memory.llm.close()  # type: ignore[attr-defined]


def test_answers_can_be_cached(tmp_path: Any) -> None:
    pytest.importorskip("openai")
    with LLMServer(Say(json.dumps(says("Peanuts", 1)))) as server:
        settings = {
            "llm.model": "tiny",
            "llm.base_url": server.base_url,
            "llm.cache": str(tmp_path / "answers"),
        }
        for calls in (1, 0):
            memory = Memory(
                ":memory:",
                config=Config.of(**settings),
                embedder=HashingEmbedder(64),
                clock=JUNE_1.timestamp,
            )
            memory.add(ALLERGY, at=MAY_8)
            assert calls == memory.ask("What must Maya not eat?").usage["calls"]
        assert 1 == len(server.requests)
