"""The use cases, through the real store: what a user of `Memory` may rely on."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helamem import Config, Memory, NotFoundError, StoreError, Turn
from helamem.models.embedders import HashingEmbedder
from helamem.records import GROUP, KEEP, Episode, Fact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from helamem import Recall
    from helamem.protocols import Floats
    from helamem.testing import FixedClock

MONDAY = datetime(2024, 5, 6, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def kitchen(memory: Memory) -> dict[str, int]:
    """Two sessions of a few turns; ids by a short name."""
    said = [
        ("allergy", "Maya is allergic to peanuts.", "Ana", "monday", MONDAY),
        ("thanks", "Good to know, thank you.", "Ben", "monday", MONDAY),
        ("dinner", "We are cooking for Maya on Friday.", "Ana", "tuesday", MONDAY + DAY),
        ("satay", "Let us make chicken satay with rice.", "Ben", "tuesday", MONDAY + DAY),
        ("piano", "I started piano lessons in March.", "Ana", "tuesday", MONDAY + DAY),
    ]
    turns = [Turn(text, speaker, "", at, session) for _, text, speaker, session, at in said]
    return dict(zip([name for name, *_ in said], memory.add(turns).ids, strict=True))


def dense() -> Memory:
    """A memory of which any lesson makes a cluster."""
    settings: dict[str, Any] = {"consolidation.min_strength": 0.1, "consolidation.min_degree": 1}
    return Memory(":memory:", config=Config.of(**settings), embedder=HashingEmbedder(64))


def moved(memory: Memory, lessons: Sequence[Sequence[int]]) -> Sequence[int]:
    """Statements of which the second outdates the first, consolidated after each lesson; their ids."""
    old, new = "I work at the old library in Graz.", "I work at the new library in Graz."
    said = [old, new, "I sold my red bike to Ben.", "Thank you."]
    ids = memory.add(
        [Turn(each, "Ana", "", MONDAY + n * DAY, f"{n}") for n, each in enumerate(said)]
    ).ids
    for used in lessons:
        memory.reinforce(memory.search("What of Ana?"), [ids[n] for n in used])
        memory.consolidate()
    return ids


class TestAdd:
    def test_a_text_is_enough(self, memory: Memory) -> None:
        receipt = memory.add("Maya is allergic to peanuts.")

        assert (receipt.ids, receipt.stored, receipt.skipped) == ((1,), (1,), ())
        assert memory.get(1).text == "Maya is allergic to peanuts."

    def test_a_chat_message_keeps_role_and_name(self, memory: Memory) -> None:
        memory.add({"role": "user", "content": "Hello there", "name": "Ana"})

        episode = memory.get(1)
        assert isinstance(episode, Episode)
        assert (episode.role, episode.speaker) == ("user", "Ana")

    def test_what_the_call_says_fills_in_what_messages_leave_out(self, memory: Memory) -> None:
        memory.add(
            [Turn("One", "Ben"), Turn("Two", metadata={"n": 2})],
            speaker="Ana",
            session="s",
            at=MONDAY,
            metadata={"source": "test", "n": 1},
        )

        first, second = memory.list()
        assert isinstance(first, Episode)
        assert (first.speaker, first.session, first.at) == ("Ben", "s", MONDAY)
        assert (second.speaker, second.metadata) == ("Ana", {"source": "test", "n": 2})

    def test_the_same_turn_twice_is_stored_once(self, memory: Memory) -> None:
        turn = Turn("Hello", "Ana", "", MONDAY, "s")

        receipt = memory.add(turn)
        again = memory.add([turn, Turn("Hello!", "Ana", "", MONDAY, "s")])

        assert (receipt.ids, receipt.stored) == ((1,), (1,))
        assert [(s.index, s.id) for s in again.skipped] == [(0, 1)]
        assert again.stored == (2,)

    @pytest.mark.parametrize(
        "other",
        [
            Turn("Hello!", "Ana", "", MONDAY, "s"),
            Turn("Hello", "Ben", "", MONDAY, "s"),
            Turn("Hello", "Ana", "user", MONDAY, "s"),
            Turn("Hello", "Ana", "", MONDAY + DAY, "s"),
            Turn("Hello", "Ana", "", MONDAY, "t"),
        ],
    )
    def test_a_turn_that_differs_in_one_thing_is_another(self, memory: Memory, other: Turn) -> None:
        memory.add(Turn("Hello", "Ana", "", MONDAY, "s"))

        assert memory.add(other).stored == (2,)

    def test_a_time_that_nobody_gave_is_the_clock(self, memory: Memory, clock: FixedClock) -> None:
        memory.add("Hello")

        assert memory.get(1).at.timestamp() == clock.now
        assert memory.get(1).stored_at.timestamp() == clock.now

    def test_batches_report_progress_and_count_on(self, memory: Memory) -> None:
        seen: list[int] = []
        turns = [Turn(f"Turn number {i}", at=MONDAY) for i in range(5)]
        memory.add(turns[4])

        receipt = memory.add_many(turns, batch_size=2, progress=seen.append)

        assert seen == [2, 4, 5]
        assert receipt.ids == (2, 3, 4, 5, 1)
        assert [s.index for s in receipt.skipped] == [4]

    @pytest.mark.parametrize(
        "text",
        [
            "emoji 🎉👩‍👩‍👧",
            "עברית من اليمين",
            "nul \x00 and \x1b[31m escape",
            "数据库 と メモリ",
            "a\nb\tc",
        ],
    )
    def test_any_unicode_comes_back_as_it_went_in(self, memory: Memory, text: str) -> None:
        receipt = memory.add(text)

        assert memory.get(receipt.ids[0]).text == text
        assert receipt.degraded == ()

    def test_a_lone_surrogate_is_replaced_and_reported(self, memory: Memory) -> None:
        receipt = memory.add("broken \ud83d emoji")

        assert memory.get(1).text == "broken \ufffd emoji"
        assert "surrogate" in receipt.degraded[0].reason

    def test_a_million_characters_are_kept(self, memory: Memory) -> None:
        text = "lorem ipsum " * 90_000

        memory.add(text)

        assert memory.get(1).text == text

    @pytest.mark.parametrize("blank", ["", "   ", "\n\t"])
    def test_a_blank_turn_is_refused(self, memory: Memory, blank: str) -> None:
        with pytest.raises(ValueError, match="blank"):
            memory.add(blank)

    @pytest.mark.parametrize("odd", [None, 7, b"bytes", object()])
    def test_what_is_not_text_is_refused(self, memory: Memory, odd: object) -> None:
        with pytest.raises(TypeError):
            memory.add(odd)  # type: ignore[arg-type]

    def test_a_time_without_a_zone_is_refused(self, memory: Memory) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            memory.add("Hello", at=datetime(2024, 5, 6))  # noqa: DTZ001

    def test_metadata_that_is_not_json_is_refused_and_nothing_is_stored(
        self, memory: Memory
    ) -> None:
        with pytest.raises(ValueError, match="metadata must be JSON"):
            memory.add([Turn("One"), Turn("Two", metadata={"x": float("nan")})])

        assert memory.stats().episodes == 0


class TestSearch:
    def test_the_best_hit_comes_first_and_says_why(self, memory: Memory) -> None:
        ids = kitchen(memory)

        hit = memory.search("Who is allergic to peanuts?").hits[0]

        assert hit.id == ids["allergy"]
        assert (hit.kind, hit.path) == ("episode", "direct")
        assert hit.parts.base_terms["words"] > 0
        assert hit.score == pytest.approx(hit.parts.total)
        assert (hit.at, hit.speaker) == (MONDAY, "Ana")

    def test_searching_changes_nothing(self, memory: Memory) -> None:
        kitchen(memory)
        before = list(memory.export())

        first = memory.search("What about Maya?")
        second = memory.search("What about Maya?")

        assert first == second
        assert before == list(memory.export())

    def test_fewer_hits_are_the_beginning_of_more(self, memory: Memory) -> None:
        memory.add(
            [Turn(f"Maya cooks dish {n} on day {n % 5}.", "Ana", at=MONDAY) for n in range(30)]
        )
        memory.reinforce(memory.search("What does Maya cook?", k=20), [2, 17, 25])

        question = "Which dish does Maya like to cook?"
        most = memory.search(question, k=25).ids

        for k in (1, 6, 7, 12, 20):
            fewer = memory.search(question, k=k).ids
            assert most[:k] == fewer[:k]

    def test_as_many_come_as_are_asked_for(self, memory: Memory) -> None:
        memory.add([Turn(f"Maya cooks dish {n}.", "Ana", at=MONDAY) for n in range(200)])

        assert 150 == len(memory.search("Which dish does Maya like to cook?", k=150))

    def test_an_empty_memory_gives_an_empty_recall(self, memory: Memory) -> None:
        recall = memory.search("Anything?")

        assert (len(recall), bool(recall), recall.context()) == (0, False, "")

    def test_an_older_twin_ranks_lower_where_recency_counts(self) -> None:
        config = Config.of("default", **{"activation.recency_days": 30.0})
        with Memory(":memory:", config=config, embedder=HashingEmbedder(64)) as memory:
            memory.add(Turn("The code is 4711.", at=MONDAY, session="a"))
            memory.add(Turn("The code is 4711.", at=MONDAY + 90 * DAY, session="b"))

            recall = memory.search("What is the code?", at=MONDAY + 91 * DAY)

        assert recall.ids == (2, 1)

    def test_a_named_speaker_is_preferred(self, memory: Memory) -> None:
        memory.add(Turn("I adore hiking in the hills.", "Ana", session="a", at=MONDAY))
        memory.add(Turn("I adore hiking in the hills.", "Ben", session="b", at=MONDAY))

        assert memory.search("What does Ben adore?").hits[0].speaker == "Ben"
        assert memory.search("What does Ana adore?").hits[0].speaker == "Ana"

    def test_of_several_who_are_named_the_first_counts_half(self, memory: Memory) -> None:
        memory.add(Turn("I adore hiking in the hills.", "Ana", session="a", at=MONDAY))
        memory.add(Turn("I adore hiking in the hills.", "Ben", session="b", at=MONDAY))

        def speaker_terms(question: str) -> dict[str, float]:
            hits = memory.search(question)
            return {hit.speaker: hit.parts.base_terms["speaker"] for hit in hits}

        alone = speaker_terms("What does Ana adore?")
        assert alone["Ana"] > 0
        assert {"Ana": alone["Ana"] / 2, "Ben": 0.0} == speaker_terms("What do Ana and Ben adore?")

    def test_a_date_in_the_question_counts(self, memory: Memory) -> None:
        memory.add(Turn("We went swimming.", session="a", at=MONDAY))
        memory.add(Turn("We went swimming.", session="b", at=MONDAY + 60 * DAY))

        assert memory.search("Where did we go in July?").ids[0] == 2
        assert memory.search("Where did we go in May 2024?").ids[0] == 1

    def test_who_is_addressed_is_not_named(self, memory: Memory) -> None:
        first, second = memory.add(
            [
                Turn("it rains again, carmen!", "Ana", session="b", at=MONDAY),
                Turn("it rains again, Carmen!", "Ana", session="c", at=MONDAY),
            ]
        ).ids

        scores = {hit.id: hit.score for hit in memory.search("Does it rain again?")}

        assert scores[first] == pytest.approx(scores[second])

    def test_turns_score_the_same_whether_added_together_or_one_by_one(
        self, memory: Memory
    ) -> None:
        turns = [
            Turn("Did you see Carmen in Leeds?", "Ana", session="a", at=MONDAY),
            Turn("Hey Ana, yes I did on Monday.", "Carmen", session="a", at=MONDAY),
        ]
        memory.add(turns)
        with Memory(":memory:", embedder=HashingEmbedder(64)) as other:
            for turn in turns:
                other.add(turn)
            expected = other.search("Did Ana see Carmen?", at=MONDAY)

        actual = memory.search("Did Ana see Carmen?", at=MONDAY)

        assert [(hit.id, hit.score) for hit in actual] == [(hit.id, hit.score) for hit in expected]

    def test_a_name_of_a_speaker_is_no_month(self, memory: Memory) -> None:
        june = datetime(2024, 6, 5, tzinfo=UTC)
        memory.add(Turn("I cooked rice.", "Ben", session="a", at=june))
        memory.add(Turn("I cooked rice.", "June", session="b", at=MONDAY))

        assert memory.search("What did June cook?").hits[0].speaker == "June"

    def test_a_speaker_of_whom_nothing_is_left_is_nobody(self, memory: Memory) -> None:
        memory.add([Turn(f"We saw {n} boats.", "Ana", at=MONDAY) for n in range(40)])
        (of_zoe,) = memory.add(Turn("I saw Ana.", "Zoe", at=MONDAY)).ids
        assert memory.search("What did Zoe see?").hits[0].parts.base_terms["speaker"] > 0

        memory.delete(of_zoe)

        recall = memory.search("What did Zoe see?")
        assert {hit.parts.base_terms["speaker"] for hit in recall} == {0.0}

    def test_a_speaker_who_goes_while_the_question_is_read_is_nobody(self) -> None:
        class Meddling(HashingEmbedder):
            """Deletes what Ben has said as soon as a question is embedded."""

            said_by_ben: tuple[int, ...] = ()

            def embed(self, texts: Sequence[str]) -> Floats:
                if self.said_by_ben:
                    memory.delete(*self.said_by_ben)
                    self.said_by_ben = ()
                return super().embed(texts)

        embedder = Meddling(64)
        with Memory(":memory:", embedder=embedder) as memory:
            memory.add(Turn("I adore hiking.", "Ana", at=MONDAY))
            embedder.said_by_ben = memory.add(Turn("I adore hiking too.", "Ben", at=MONDAY)).ids

            recall = memory.search("What does Ben adore?")

        assert [(hit.id, hit.parts.base_terms["speaker"]) for hit in recall] == [(1, 0.0)]

    def test_with_no_weight_at_all_everything_is_equal(self) -> None:
        terms = (
            "vector", "vector_heavy", "words", "session", "speaker", "user", "wish", "date", "length", "stating"
        )  # fmt: skip
        weightless: dict[str, Any] = {f"activation.{term}": 0.0 for term in terms}
        config = Config.of("default", **weightless)
        with Memory(":memory:", config=config, embedder=HashingEmbedder(64)) as memory:
            kitchen(memory)

            assert {hit.score for hit in memory.search("Who plays the piano?")} == {0.0}

    def test_of_twins_the_one_that_states_comes_before_the_one_that_asks(
        self, memory: Memory
    ) -> None:
        memory.add(Turn("Ana cooks rice?", "Ben", session="a", at=MONDAY))
        memory.add(Turn("Ana cooks rice.", "Ben", session="b", at=MONDAY))

        assert memory.search("Who cooks rice?").ids == (2, 1)

    def test_what_the_user_said_comes_before_what_was_made_of_it(self, memory: Memory) -> None:
        memory.add(Turn("My budget is 40 euros.", role="user", session="a", at=MONDAY))
        memory.add(Turn("My budget is 40 euros.", role="assistant", session="b", at=MONDAY))

        terms = [hit.parts.base_terms for hit in memory.search("What is my budget?")]
        asked = memory.search("What budget did you suggest?")

        assert [round(each["user"], 2) for each in terms] == [Config().activation.user, 0.0]
        assert {hit.parts.base_terms["user"] for hit in asked} == {0.0}

    def test_what_repeats_a_better_memory_makes_room_for_another(self) -> None:
        def ids(repeated: float) -> tuple[int, ...]:
            chosen: dict[str, Any] = {"selection.repeated": repeated}
            config = Config.of(**chosen)
            with Memory(":memory:", config=config, embedder=HashingEmbedder(64)) as memory:
                for day, words in enumerate(
                    ["I had soup.", "I had soup.", "I had soup and bread."]
                ):
                    memory.add(words, at=MONDAY + timedelta(days=day))
                return memory.search("Who had soup?", k=2).ids

        assert (1, 2) == ids(1.0)
        assert (1, 3) == ids(0.0)
        assert 0.0 < Config().selection.repeated < 1.0

    def test_what_was_wished_once_counts_more_where_help_is_asked_for(self, memory: Memory) -> None:
        memory.add(Turn("I saw a play about a letter.", role="user", session="a", at=MONDAY))
        memory.add(Turn("Always keep a letter short.", role="user", session="b", at=MONDAY))
        memory.add(Turn("Always keep a letter short!", role="assistant", session="c", at=MONDAY))

        for query, counts in (
            ("How should I open a letter?", True),
            ("Who wrote a letter?", False),
        ):
            terms = {hit.id: hit.parts.base_terms for hit in memory.search(query)}
            wished = {id_: parts.get("wish", 0.0) for id_, parts in terms.items()}

            assert 0.0 == wished[1] == wished[3]
            assert wished[2] == pytest.approx(counts * 0.6 * terms[2]["similarity"])

    def test_a_day_that_is_named_brings_its_memories_however_many_there_are(self) -> None:
        few: dict[str, Any] = {"candidates.nearest": 5, "candidates.lexical": 5}
        config = Config.of(**few)
        with Memory(":memory:", config=config, embedder=HashingEmbedder(64)) as memory:
            for day in range(60):
                memory.add("I had soup for lunch.", at=MONDAY - timedelta(days=day))
            asked_at = MONDAY + timedelta(days=1)

            for words, back in (("on 1 April 2024", 35), ("yesterday", 0), ("last Friday", 3)):
                best = memory.search(f"What did I eat {words}?", at=asked_at).hits[0]

                assert best.at == MONDAY - timedelta(days=back), words

    @pytest.mark.parametrize(
        "question",
        [
            "What did we talk about {}?",
            "What happened {}?",
            "{}, what did we eat?",
            "What did we do {}?",
        ],
    )
    @pytest.mark.parametrize(
        ("words", "back"), [("yesterday", 1), ("two days ago", 2), ("last Sunday", 7)]
    )
    def test_a_word_for_a_day_means_the_day_it_means_to_who_asks(
        self, memory: Memory, question: str, words: str, back: int
    ) -> None:
        asked_at = MONDAY + timedelta(days=20)
        named = asked_at - timedelta(days=back)
        elsewhere = (
            "Yesterday he swam.",
            "She sang last Sunday.",
            "They ran two days ago.",
        )
        for day in range(20):
            at = MONDAY + timedelta(days=day)
            for said in ("Rain.", "Tea.", "Soup.") if at == named else elsewhere:
                memory.add(said, at=at)

        found = memory.search(question.format(words), k=3, at=asked_at).hits

        assert [named] * 3 == [hit.at for hit in found]

    def test_only_what_filters_let_through_is_brought_by_a_day(self, memory: Memory) -> None:
        for speaker in ("Ana", "Ben"):
            memory.add(Turn("I had soup.", speaker, at=MONDAY))

        recall = memory.search("What was eaten yesterday?", filters={"speaker": "Ben"}, at=MONDAY + timedelta(days=1))  # fmt: skip

        assert [hit.speaker for hit in recall] == ["Ben"]

    def test_a_word_that_is_also_a_speakers_name_still_finds_what_has_it(
        self, memory: Memory
    ) -> None:
        memory.add(Turn("The bill for the roof says 900 euros.", "Tom", session="a", at=MONDAY))
        memory.add(Turn("The roof leaks.", "Bill", session="b", at=MONDAY))

        best = memory.search("How high was the bill for the roof?").hits[0]

        assert best.id == 1
        assert best.parts.base_terms["speaker"] == 0

    def test_a_misspelt_name_means_its_speaker_unless_the_memory_has_the_word(
        self, memory: Memory
    ) -> None:
        memory.add(Turn("I adore hiking.", "Caroline", session="a", at=MONDAY))

        misspelt = memory.search("What does Carolyne adore?").hits[0].parts.base_terms["speaker"]
        memory.add(Turn("Carolyne is my aunt.", "Ben", session="b", at=MONDAY))
        another = memory.search("What does Carolyne adore?").hits[0].parts.base_terms["speaker"]

        assert (misspelt > 0, another) == (True, 0.0)

    def test_similarity_counts_less_the_less_the_embedder_can_read(self) -> None:
        class Halfblind(HashingEmbedder):
            def coverage(self, texts: Sequence[str]) -> Floats:
                return np.full(len(texts), 0.5)

        said = "I adore hiking."
        with (
            Memory(":memory:", embedder=HashingEmbedder(64)) as seeing,
            Memory(":memory:", embedder=Halfblind(64)) as halfblind,
        ):
            terms = []
            for memory in (seeing, halfblind):
                memory.add(said, at=MONDAY)
                terms.append(memory.search("Who adores hiking?").hits[0].parts.base_terms)

        assert terms[1]["similarity"] == pytest.approx(terms[0]["similarity"] / 4)
        assert terms[1]["words"] == terms[0]["words"]

    def test_the_words_of_a_long_neighbour_count_less(self, memory: Memory) -> None:
        long = "A kettle. " + "and pots and pans " * 60
        memory.add(Turn("A kettle.", speaker="Ana", session="a", at=MONDAY))
        memory.add(Turn("It is red.", speaker="Ben", session="a", at=MONDAY))
        memory.add(Turn(long, speaker="Ana", session="b", at=MONDAY))
        memory.add(Turn("It is blue.", speaker="Ben", session="b", at=MONDAY))

        words = {hit.id: hit.parts.base_terms["words"] for hit in memory.search("kettle")}

        assert words[2] > 2 * words[4]

    def test_filters_hold_for_every_hit(self, memory: Memory) -> None:
        kitchen(memory)

        recall = memory.search("cooking for Maya", filters={"speaker": "Ben"})

        assert len(recall) == 2
        assert [recall[0], recall[-1]] == list(recall)
        assert {hit.speaker for hit in recall} == {"Ben"}

    def test_a_filter_on_time_reads_iso_and_datetimes(self, memory: Memory) -> None:
        ids = kitchen(memory)

        iso = memory.search("Maya", filters={"at": {"lt": "2024-05-07T00:00:00Z"}})
        aware = memory.search("Maya", filters={"at": {"lt": MONDAY + timedelta(hours=15)}})  # type: ignore[dict-item]

        assert {ids["allergy"], ids["thanks"]} == set(iso.ids) == set(aware.ids)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"query": ""}, ValueError, "blank"),
            ({"query": 3}, TypeError, "must be a string"),
            ({"query": "x", "k": 0}, ValueError, "at least 1"),
            ({"query": "x", "filters": {"speaker": {"like": "A%"}}}, ValueError, "like"),
        ],
    )
    def test_bad_questions_get_a_sentence(
        self, memory: Memory, arguments: dict[str, object], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            memory.search(**arguments)  # type: ignore[arg-type]

    def test_the_context_stays_inside_its_budget(self, memory: Memory) -> None:
        kitchen(memory)
        recall = memory.search("Maya", k=5)

        block = recall.context_block(40)

        assert 0 < block.tokens <= 40
        assert set(block.ids) <= set(recall.ids)


class TestReinforce:
    def test_what_served_one_question_comes_sooner_for_another_like_it(
        self, memory: Memory
    ) -> None:
        ids = kitchen(memory)
        question = "Which dish must we rethink for Friday?"
        before = memory.search(question, k=5).ids.index(ids["allergy"])

        learned = memory.reinforce(memory.search(question, k=5), [ids["allergy"], ids["satay"]])
        recall = memory.search("Which dish should we rethink for this Friday?", k=5)

        assert (learned.strengthened, learned.bound) == (1, 2)
        assert recall.ids.index(ids["allergy"]) < before
        hit = next(hit for hit in recall if hit.id == ids["allergy"])
        assert ("cue", learned.cue) in {(via.source_kind, via.source) for via in hit.via}

    def test_a_need_is_recognized_among_others_like_it(self, memory: Memory) -> None:
        said = [f"It was lovely, number {n}." for n in range(3)]
        ids = memory.add([Turn(text, "Ana", at=MONDAY, session=text) for text in said]).ids
        memory.add("She paints a sunrise, a horse and a boat.", session="d")
        for id_, what in zip(ids, ("sunrise", "horse", "boat"), strict=True):
            memory.reinforce(memory.search(f"When did she paint that {what}?"), [id_])

        recall = memory.search("I forgot, that sunrise paint?", k=4)

        lent = {hit.id: hit.parts.received["cue"] for hit in recall}
        assert lent[ids[0]] > 0.6
        assert lent[ids[0]] > 4 * max(lent[ids[1]], lent[ids[2]])

    def test_what_served_a_need_that_differs_in_one_word_does_not_come_first(
        self, memory: Memory
    ) -> None:
        ids = kitchen(memory)
        other, same = "Who plays the piano?", "Who plays the violin?"
        before = memory.search(other).ids[0]

        memory.reinforce(memory.search(same), [ids["satay"]])

        assert memory.search(same).ids[0] == ids["satay"]
        assert ids["satay"] != memory.search(other).ids[0] == before

    def test_the_same_need_about_somebody_else_is_another(self, memory: Memory) -> None:
        ids = memory.add(
            [
                Turn("I gave Ben a kite.", "Ana", session="a", at=MONDAY),
                Turn("I gave Cy a drum.", "Ana", session="b", at=MONDAY),
                Turn("Thanks!", "Ben", session="a", at=MONDAY),
                Turn("Thanks!", "Cy", session="b", at=MONDAY),
            ]
        ).ids
        learned = memory.reinforce(memory.search("What did Ana give Ben?"), [ids[0]])

        recall = memory.search("What did Ana give Cy?")
        other = memory.reinforce(recall, [ids[1]])

        assert recall.cues[0].similarity <= 0.6
        assert other.cue != learned.cue

    def test_a_cue_that_went_meanwhile_is_made_again(self, memory: Memory) -> None:
        ids = kitchen(memory)
        memory.reinforce(memory.search("Who plays the piano?"), [ids["satay"]])
        recall = memory.search("Who plays the piano?")
        memory.delete(ids["satay"])

        learned = memory.reinforce(recall, [ids["piano"]])

        assert [cue.text for cue in memory.cues()] == ["Who plays the piano?"]
        assert learned.bound == 1

    def test_a_question_is_the_same_however_politely_it_is_asked(self, memory: Memory) -> None:
        ids = kitchen(memory)
        memory.reinforce(memory.search("What does Maya not eat?"), [ids["allergy"]])

        recall = memory.search("Could you please remind me: what does Maya not eat?")

        assert recall.cues[0].similarity == pytest.approx(1.0)

    def test_of_related_cues_that_tie_one_is_told(self, memory: Memory) -> None:
        ids = kitchen(memory)
        for question in ("What tunes has Ben heard?", "What songs has Ben heard?"):
            memory.reinforce(memory.search(question), [ids["satay"]])

        for hit in memory.search("What other things would Ana and all others like to have heard?"):
            over = sum(via.activation for via in hit.via if via.channel == "cue")
            assert over == pytest.approx(hit.parts.received["cue"])

    def test_edges_make_up_what_is_received_from_cues(self, memory: Memory) -> None:
        ids = kitchen(memory)
        for question in ("Who plays the piano?", "Who plays the old piano?", "What is for dinner?"):
            memory.reinforce(memory.search(question), [ids["piano"], ids["satay"]])

        for question in ("Who plays the piano?", "What piano things would Ana like for dinner?"):
            for hit in memory.search(question):
                over = sum(via.activation for via in hit.via if via.channel == "cue")
                assert over == pytest.approx(hit.parts.received["cue"])

    def test_a_need_learned_in_several_wordings_is_not_weaker(self, memory: Memory) -> None:
        ids = kitchen(memory)
        wordings = ("Who plays the old piano?", "Who plays the loud piano?")
        for question in wordings:
            memory.reinforce(memory.search(question), [ids["piano"]])

        def lent() -> float:
            hits = memory.search("Who plays the piano?").hits
            return next(h.parts.received["cue"] for h in hits if h.id == ids["piano"])

        twice = lent()
        assert len(memory.cues()) == 2
        memory.delete(memory.cues()[1].id)

        assert twice >= lent() - 1e-9

    def test_cues_are_never_returned(self, memory: Memory) -> None:
        ids = kitchen(memory)
        recall = memory.search("Who plays the piano?")

        learned = memory.reinforce(recall, [ids["piano"]])

        again = memory.search("Who plays the piano?", k=10)
        assert learned.cue not in again.ids
        assert again.cues[0].id == learned.cue

    def test_the_same_question_is_one_cue(self, memory: Memory) -> None:
        ids = kitchen(memory)

        for _ in range(3):
            memory.reinforce(memory.search("Who plays the piano?"), [ids["piano"]])

        assert [cue.text for cue in memory.cues()] == ["Who plays the piano?"]

    def test_unhelpful_associations_weaken(self, memory: Memory) -> None:
        ids = kitchen(memory)
        memory.reinforce(memory.search("Who plays the piano?"), [ids["satay"]])

        recall = memory.search("Who plays the piano?")
        weakened = memory.reinforce(recall, [ids["piano"]], unhelpful=[ids["satay"]])
        after = memory.search("Who plays the piano?")

        def received(found: Recall, name: str) -> float:
            return next(h.parts.received["cue"] for h in found if h.id == ids[name])

        assert weakened.weakened == 1
        assert received(after, "satay") < received(recall, "satay")

    def test_what_served_another_need_does_not_lose_it(self, memory: Memory) -> None:
        ids = kitchen(memory)
        memory.reinforce(memory.search("Who plays the piano?"), [ids["satay"]])
        memory.reinforce(memory.search("Who cooks dinner for Maya?"), [ids["satay"]])

        recall = memory.search("Who plays the piano?")
        weakened = memory.reinforce(recall, [], unhelpful=[ids["satay"]])

        assert [cue.probability >= 0.5 for cue in recall.cues] == [True, False]
        assert weakened.weakened == 1

    def test_weights_fade_with_time(self, clock: FixedClock) -> None:
        config = Config.of("default", **{"learning.decay": 10.0})
        with Memory(":memory:", config=config, embedder=HashingEmbedder(64), clock=clock) as memory:
            ids = kitchen(memory)
            memory.reinforce(memory.search("Who plays the piano?"), [ids["piano"]])

            def received() -> float:
                hits = memory.search("Who plays the piano?").hits
                return next(hit.parts.received["cue"] for hit in hits if hit.id == ids["piano"])

            fresh = received()
            clock.advance(10 * 86_400)

            assert received() == pytest.approx(fresh / 2.718281828, rel=1e-3)

    def test_weights_are_those_of_the_time_of_the_question(self, clock: FixedClock) -> None:
        config = Config.of("default", **{"learning.decay": 10.0})
        with Memory(":memory:", config=config, embedder=HashingEmbedder(64), clock=clock) as memory:
            ids = kitchen(memory)
            memory.reinforce(memory.search("Who plays the piano?"), [ids["piano"]])
            later = memory.now() + 10 * DAY

            now_, then = (memory.search("Who plays the piano?", at=at) for at in (None, later))

            def received(recall: Recall) -> float:
                return next(h.parts.received["cue"] for h in recall if h.id == ids["piano"])

            assert received(then) < 0.5 * received(now_)

    def test_uses_are_counted(self, memory: Memory, clock: FixedClock) -> None:
        ids = kitchen(memory)

        memory.reinforce(memory.search("Who plays the piano?"), [ids["piano"]])

        piano = memory.get(ids["piano"])
        assert piano.uses == 1
        assert piano.used_at is not None
        assert piano.used_at.timestamp() == clock.now

    def test_what_served_must_be_said(self, memory: Memory) -> None:
        kitchen(memory)

        with pytest.raises(ValueError, match="say which memories served"):
            memory.reinforce(memory.search("piano"))

    def test_an_unknown_id_teaches_nothing(self, memory: Memory) -> None:
        kitchen(memory)

        with pytest.raises(NotFoundError):
            memory.reinforce(memory.search("piano"), [1, 999])

        assert memory.stats().cues == 0

    def test_an_id_cannot_be_used_and_unhelpful(self, memory: Memory) -> None:
        kitchen(memory)

        with pytest.raises(ValueError, match="both"):
            memory.reinforce(memory.search("piano"), [1], unhelpful=[1])

    def test_two_configurations_in_one_process_do_not_meet(self) -> None:
        config = Config.of("paper")
        with (
            Memory(":memory:", config=config, embedder=HashingEmbedder(64)) as paper,
            Memory(":memory:", config=Config(), embedder=HashingEmbedder(64)) as default,
        ):
            for memory in (paper, default):
                kitchen(memory)
            learned = paper.reinforce(paper.search("Maya", k=3))

            assert learned.cue is None
            assert learned.strengthened > 1
            assert default.stats().edges["learned"] == 0


class TestConsolidate:
    def served_together(self, memory: Memory) -> dict[str, int]:
        ids = kitchen(memory)
        together = [ids[name] for name in ("allergy", "dinner", "satay", "piano")]
        for _ in range(4):
            memory.reinforce(memory.search("Dinner for Maya"), together)
        return ids

    def test_a_dense_place_becomes_facts_with_sources(self, memory: Memory) -> None:
        ids = self.served_together(memory)

        report = memory.consolidate()

        facts = memory.facts()
        assert report.facts_added == tuple(fact.id for fact in facts)
        assert report.clusters == 1
        assert set(facts[0].sources) <= set(ids.values())
        assert all(0 < fact.confidence <= 1 for fact in facts)

    def test_an_unchanged_cluster_is_not_distilled_again(self, memory: Memory) -> None:
        self.served_together(memory)
        memory.consolidate()
        before = memory.facts()

        again = memory.consolidate()

        assert (again.clusters, again.unchanged, again.facts_added) == (0, 1, ())
        assert before == memory.facts()

    def test_facts_come_back_beside_episodes_marked_and_with_sources(self, memory: Memory) -> None:
        self.served_together(memory)
        memory.consolidate()

        facts = [
            hit for hit in memory.search("Maya is allergic to peanuts", k=10) if hit.kind == "fact"
        ]

        assert facts
        assert all(isinstance(hit.memory, Fact) and hit.sources for hit in facts)

    def test_facts_can_be_switched_off(self) -> None:
        config = Config.of("default", **{"selection.facts": 0})
        with Memory(":memory:", config=config, embedder=HashingEmbedder(64)) as memory:
            self.served_together(memory)
            memory.consolidate()

            assert memory.facts()
            assert all(hit.kind == "episode" for hit in memory.search("Maya peanuts", k=10))

    def test_without_learning_there_is_nothing_to_distil(self, memory: Memory) -> None:
        kitchen(memory)

        assert memory.consolidate().facts_added == ()

    @pytest.mark.parametrize("lessons", [((0, 3), (1, 3), (0, 2, 3)), ((0, 1, 2),)])
    def test_of_statements_about_the_same_the_newer_holds_however_often_they_are_read(
        self, lessons: Sequence[Sequence[int]]
    ) -> None:
        with dense() as memory:
            ids = moved(memory, lessons)

            assert {(ids[1],), (ids[2],)} == {fact.sources for fact in memory.facts()}

    @pytest.mark.parametrize("what", ["fact", "turn"])
    def test_a_deleted_fact_and_what_it_replaced_are_not_distilled_again(self, what: str) -> None:
        with dense() as memory:
            ids = moved(memory, [(0, 3), (1, 3)])
            (fact,) = memory.facts()
            memory.delete(fact.id if what == "fact" else ids[1])
            there = [id_ for id_ in ids if what == "fact" or id_ != ids[1]]
            memory.reinforce(memory.search("What of Ana?"), there)
            memory.consolidate()

            assert [(ids[2],)] == [each.sources for each in memory.facts(superseded=True)]


def of_any_share(clock: FixedClock, **settings: float) -> Memory:
    """A memory that forgets all that may go at once."""
    config = Config.of("default", **{"forgetting.max_share": 1.0, **settings})
    return Memory(":memory:", config=config, embedder=HashingEmbedder(64), clock=clock)


class TestForget:
    def test_the_dry_run_is_the_deed(self, clock: FixedClock) -> None:
        memory = of_any_share(clock)
        ids = kitchen(memory)
        memory.reinforce(memory.search("Who plays the piano?"), [ids["piano"], ids["dinner"]])
        clock.now = (MONDAY + 90 * DAY).timestamp()

        plan = memory.forget()
        done = memory.forget(dry_run=False)

        assert not plan.done
        assert (done.ids, done.done) == (plan.ids, True)
        assert {m.id for m in memory.list()} == set(ids.values()) - set(plan.ids)
        assert {ids["piano"], ids["dinner"]}.isdisjoint(plan.ids)

    def test_where_nothing_was_ever_reinforced_nothing_goes(self, memory: Memory) -> None:
        kitchen(memory)
        for _ in range(20):
            memory.search("Who plays the piano?")

        plan = memory.forget(at=MONDAY + 99 * DAY)
        done = memory.forget(dry_run=False, at=MONDAY + 99 * DAY, max_share=1.0)

        assert "Nothing was ever reinforced" in plan.refused
        assert ((), 5, False, plan.refused) == (done.ids, done.left, done.done, done.refused)
        assert memory.stats().episodes == 5

    def test_only_a_share_goes_at_once_the_weakest_and_oldest_first(
        self, memory: Memory, clock: FixedClock
    ) -> None:
        ids = memory.add([f"Turn number {i}." for i in range(20)]).ids
        memory.reinforce(memory.search("Turn number 1?"), used=[ids[0]])
        late = MONDAY + 99 * DAY

        plans = [memory.forget(at=late, max_share=share) for share in (None, 0.0, 0.5, 1.0)]

        assert [ids[1:3], (), ids[1:11], ids[1:]] == [plan.ids for plan in plans]
        assert [17, 19, 9, 0] == [plan.left for plan in plans]
        assert {""} == {plan.refused for plan in plans}
        assert 1 == plans[0].kept_strong
        assert memory.forget(at=late, dry_run=False).ids == ids[1:3]
        with pytest.raises(ValueError, match=r"max_share must lie in \[0, 1\], but is 2"):
            memory.forget(max_share=2)

    def test_what_was_ever_used_stays(self, clock: FixedClock) -> None:
        memory = of_any_share(clock, **{"learning.cue": False})
        ids = kitchen(memory)
        memory.reinforce(memory.search("Who plays the piano?"), [ids["piano"]])

        plan = memory.forget(at=MONDAY + 4000 * DAY)

        assert ids["piano"] not in plan.ids
        assert (1, 4) == (plan.kept_used, len(plan.ids))

    def test_what_is_marked_stays_and_a_group_goes_as_a_whole(self, clock: FixedClock) -> None:
        memory = of_any_share(clock)
        call, output, alone, kept, other = memory.add(
            [
                {"text": "weather(Rome)", "metadata": {GROUP: "call 1"}},
                {"text": "31 degrees and sunny", "metadata": {GROUP: "call 1"}},
                "It is hot in Rome.",
                {"text": "An item.", "metadata": {KEEP: True}},
                {"text": "Another call", "metadata": {GROUP: "call 1"}, "session": "another"},
            ],
            session="s",
        ).ids
        memory.reinforce(memory.search("How hot?"), used=[output])

        plan = memory.forget(at=MONDAY + 99 * DAY)

        assert {alone, other} == set(plan.ids)
        assert (1, 2) == (plan.kept_strong, plan.kept_marked)
        assert call not in plan.ids
        assert kept not in plan.ids
        assert () == memory.forget(at=MONDAY + 99 * DAY, max_share=0.1).ids

    def test_what_was_stored_lately_is_young_however_old_it_is(self, clock: FixedClock) -> None:
        memory = of_any_share(clock)
        clock.now = (MONDAY + 400 * DAY).timestamp()
        kitchen(memory)
        memory.reinforce(memory.search("Unheard of"), [1])

        assert memory.forget().kept_young == 4
        assert len(memory.forget(at=MONDAY + 500 * DAY).ids) == 4

    def test_what_is_young_stays(self, memory: Memory, clock: FixedClock) -> None:
        kitchen(memory)
        clock.now = (MONDAY + 2 * DAY).timestamp()

        plan = memory.forget()

        assert (plan.ids, plan.considered, plan.kept_young) == ((), 5, 5)

    def test_raising_the_threshold_only_adds(self, clock: FixedClock) -> None:
        plans = []
        for limit in (0.0, 0.2, 5.0):
            settings = {"forgetting.max_strength": limit, "forgetting.min_idle_days": 0.0}
            with of_any_share(clock, **settings) as memory:
                ids = kitchen(memory)
                memory.reinforce(memory.search("piano"), [ids["piano"], ids["dinner"]])
                plans.append(set(memory.forget(at=MONDAY + 99 * DAY).ids))

        assert plans[0] <= plans[1] <= plans[2]
        assert plans[0] != plans[2]


class TestEdit:
    def test_an_update_is_found_by_its_new_words_and_keeps_its_history(
        self, memory: Memory
    ) -> None:
        ids = kitchen(memory)

        updated = memory.update(ids["piano"], "I started cello lessons in March.")

        assert updated == memory.get(ids["piano"])
        assert memory.search("Who plays the cello?").ids[0] == ids["piano"]
        assert [c.event for c in memory.history(ids["piano"])] == ["added", "updated"]
        assert memory.history(ids["piano"])[1].text == "I started piano lessons in March."

    def test_metadata_can_be_updated_alone(self, memory: Memory) -> None:
        memory.add("Hello", metadata={"a": 1})

        memory.update(1, metadata={"b": 2})

        assert (memory.get(1).text, memory.get(1).metadata) == ("Hello", {"b": 2})

    def test_a_deleted_memory_is_gone_with_the_facts_that_rest_on_it_alone(
        self, memory: Memory
    ) -> None:
        ids = TestConsolidate().served_together(memory)
        memory.consolidate()
        fact = memory.facts()[0]

        gone = memory.delete(*fact.sources)

        assert fact.id in gone
        assert set(fact.sources) <= set(gone)
        assert fact not in memory.facts()
        assert [c.event for c in memory.history(ids["allergy"])][-1] == "deleted"
        assert memory.check() == ()
        with pytest.raises(NotFoundError):
            memory.get(fact.sources[0])

    def test_no_fact_repeats_what_was_deleted_or_changed(
        self, tmp_path: Path, clock: FixedClock
    ) -> None:
        path = tmp_path / "m.db"
        with Memory(path, config=Config(), embedder=HashingEmbedder(64), clock=clock) as memory:
            ids = TestConsolidate().served_together(memory)
            memory.consolidate()
            fact, other = memory.facts()[:2]
            changed, deleted = fact.sources[0], other.sources[0]
            words = memory.get(deleted).text

            memory.update(changed, "Something else altogether.")
            assert fact not in memory.facts()
            memory.consolidate()
            memory.delete(deleted)
            memory.consolidate()

            assert ids
            assert all(words not in fact.text for fact in memory.facts(superseded=True))
        assert words.encode() not in path.read_bytes()

    def test_deleting_what_is_not_there_deletes_nothing(self, memory: Memory) -> None:
        kitchen(memory)

        with pytest.raises(NotFoundError):
            memory.delete(1, 999)

        assert memory.get(1).id == 1

    def test_nothing_of_a_deleted_text_is_left_in_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "m.db"
        with Memory(path, config=Config(), embedder=HashingEmbedder(64)) as memory:
            memory.add("The word is xylophonist.", session="s")
            memory.update(1, "The word was zymurgist.")
            memory.add("Something harmless.", session="s")
            memory.delete(1)
            raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())

        assert b"harmless" in raw
        for word in (b"xylophon", b"zymurg"):
            assert word not in raw

    def test_listing_pages_and_filters(self, memory: Memory) -> None:
        kitchen(memory)

        assert [m.id for m in memory.list(limit=2, offset=1)] == [2, 3]
        assert {m.speaker for m in memory.list(filters={"speaker": {"ne": "Ana"}})} == {"Ben"}


class TestMove:
    def test_an_export_comes_back_as_it_was_under_another_embedder(
        self, memory: Memory, tmp_path: Path
    ) -> None:
        ids = TestConsolidate().served_together(memory)
        memory.consolidate()
        lines = [json.dumps(line) for line in memory.export()]

        with Memory(tmp_path / "b.db", config=Config(), embedder=HashingEmbedder(32)) as other:
            receipt = other.import_(lines)

            assert len(receipt.stored) == len(ids)
            assert other.check() == ()
            assert [m.text for m in other.list()] == [m.text for m in memory.list()]
            assert other.stats().edges == memory.stats().edges
            assert other.search("Dinner for Maya").cues
            assert other.consolidate().facts_added == ()

    def test_importing_twice_adds_nothing(self, memory: Memory) -> None:
        kitchen(memory)
        lines = [json.dumps(line) for line in memory.export()]

        receipt = memory.import_(lines)

        assert receipt.stored == ()
        assert memory.stats().episodes == 5

    def test_a_jsonl_of_turns_is_imported(self, memory: Memory) -> None:
        receipt = memory.import_(
            ['{"text": "Hello", "speaker": "Ana"}', '{"text": "Hi", "speaker": "Ben"}']
        )

        assert len(receipt.stored) == 2

    @pytest.mark.parametrize(
        "lines",
        [
            ['{"text": "fine"}', '{"text": 3}'],
            ['{"text": "fine"}', "not json"],
            ['{"type": "helamem", "format": 1}', '{"type": "episode", "id": 1}'],
            ['{"type": "helamem", "format": 1}', '{"type": "surprise"}'],
            [
                '{"type": "helamem", "format": 1}',
                '{"type": "edge", "source": 1, "target": 2, "weight": 0.5, "touched": 0}',
            ],
            ['{"type": "helamem", "format": 1}', '{"type": "cluster", "digest": "xyz"}'],
        ],
    )
    def test_a_malformed_line_is_named_and_nothing_is_stored(
        self, memory: Memory, lines: list[str]
    ) -> None:
        with pytest.raises(ValueError, match="line 2"):
            memory.import_(lines)

        assert memory.stats().episodes == 0


class TestScope:
    @pytest.mark.parametrize("wrong", [{"llm": 1}, {"reranker": 1}])
    def test_a_wrong_part_opens_no_file(self, tmp_path: Path, wrong: Any) -> None:
        with pytest.raises(TypeError):
            Memory(tmp_path / "agent.db", **wrong)

        assert [] == list(tmp_path.iterdir())

    def test_what_one_namespace_stores_another_never_sees(self, tmp_path: Path) -> None:
        path = tmp_path / "m.db"
        with (
            Memory(path, namespace="ana", config=Config(), embedder=HashingEmbedder(64)) as ana,
            Memory(path, namespace="ben", config=Config(), embedder=HashingEmbedder(64)) as ben,
        ):
            ids = kitchen(ana)
            ana.reinforce(ana.search("piano"), [ids["piano"], ids["dinner"]])

            assert not ben.search("piano", k=10)
            assert ben.list() == ()
            assert list(ben.export())[1:] == []
            for forbidden in (ben.get, ben.history, ben.delete):
                with pytest.raises(NotFoundError):
                    forbidden(ids["piano"])

    def test_a_clock_gives_seconds(self) -> None:
        with pytest.raises(TypeError, match="epoch seconds, not datetime"):
            Memory(":memory:", clock=lambda: datetime.now(UTC))  # type: ignore[arg-type,return-value]

    @pytest.mark.parametrize("name", ["", "  ", "a\x00b", "two\nlines"])
    def test_a_namespace_must_be_visible(self, name: str) -> None:
        with pytest.raises(ValueError, match="visible"):
            Memory(":memory:", namespace=name)

    def test_threads_may_share_a_memory(self, memory: Memory) -> None:
        errors: list[BaseException] = []

        def work(name: int) -> None:
            try:
                for i in range(10):
                    memory.add(f"Worker {name} says {i}", session=str(name))
                    memory.search(f"What does worker {name} say?")
            except BaseException as exc:  # noqa: BLE001  # any failure is the finding
                errors.append(exc)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert errors == []
        assert memory.stats().episodes == 40
        assert memory.check() == ()

    def test_a_closed_memory_says_so(self, tmp_path: Path) -> None:
        memory = Memory(tmp_path / "m.db", config=Config(), embedder=HashingEmbedder(64))
        memory.close()

        with pytest.raises(StoreError, match="closed"):
            memory.search("Hello?")

    def test_without_a_path_the_file_is_in_the_data_folder(self, own_home: Path) -> None:
        with Memory(config=Config(), embedder=HashingEmbedder(64)) as memory:
            memory.add("Hello")

        assert (own_home / "memory.db").is_file()
