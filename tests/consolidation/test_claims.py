from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.consolidation import claims, grounding
from helamem.language.english import ENGLISH
from helamem.models import prompts, schemas
from samples import MAY_8, episode, fact

if TYPE_CHECKING:
    from helamem.consolidation.claims import Claim, Parsed

EPISODES = [
    episode(3, "I moved to Berlin yesterday.", "Ana"),
    episode(4, "Maya would love Berlin, too!", "Ben", at=MAY_8 + timedelta(minutes=5)),
]
KNOWN = [fact(9, "Ana lives in Paris.")]


def told(**others: Any) -> dict[str, Any]:
    return {
        "sources": [3],
        "speaker": "Ana",
        "said": "",
        "about": "Ana",
        "text": "Ana moved to Berlin on 7 May 2023.",
        "kind": "statement",
        "valid_from": "2023-05-07",
        "relation": "new",
        "old": None,
        **others,
    }


def parsed(*facts: dict[str, Any]) -> Parsed:
    reply: Any = {"facts": list(facts)}
    assert schemas.misfit(reply, claims.schema(2, related=True)) is None
    return claims.parse(reply, EPISODES, KNOWN, ENGLISH)


def only(**others: Any) -> Claim:
    claims = parsed(told(**others)).claims
    assert 1 == len(claims)
    return claims[0]


class TestMessages:
    def test_episodes_and_known_facts_are_quoted_in_the_order_of_time(self) -> None:
        system, *_, user = claims.messages(EPISODES[::-1], KNOWN, ENGLISH)

        assert ("system", "user") == (system["role"], user["role"])
        lines = user["content"].splitlines()
        assert ["<facts>", "</facts>", "<episodes>", "</episodes>"] == [
            line for line in lines if line.startswith("<")
        ]
        assert '"fact":9' in lines[1]
        assert '"id":3' in lines[4]
        assert '"id":4' in lines[5]

    def test_a_huge_episode_is_shown_in_part(self) -> None:
        *_, user = claims.messages([episode(1, "x" * 1_000_000)], [], ENGLISH)

        assert len(user["content"]) < 2 * claims.MAX_EPISODE

    def test_the_example_has_the_form_that_is_asked_for(self) -> None:
        for known in ([], KNOWN):
            reply = json.loads(claims.messages(EPISODES, known, ENGLISH)[2]["content"])
            form = claims.schema(5, related=bool(known))

            assert schemas.misfit(reply, form) is None

    def test_what_the_example_gives_would_be_taken(self) -> None:
        told = [
            episode(int(str(line.get("id", n))), str(line["text"]), str(line["speaker"]))
            for n, line in enumerate(prompts.EXAMPLE)
        ]
        reply: Any = {"facts": list(prompts.EXAMPLE_FACTS)}
        result = claims.parse(reply, told, [], ENGLISH)

        assert ([], len(prompts.EXAMPLE_FACTS)) == ([*result.refused], len(result.claims))
        assert ["id" in line for line in prompts.EXAMPLE] == [
            grounding.tells(each, ENGLISH) for each in told
        ]

    def test_episodes_show_dates_and_those_that_tell_nothing_no_id(self) -> None:
        shown = [episode(3, "I moved yesterday.", "Ana"), episode(4, "How was it?", "Ben")]
        lines = claims.messages(shown, [], ENGLISH)[-1]["content"].splitlines()

        assert '"text":"I moved yesterday (7 May 2023)."' in lines[1]
        assert '"id"' not in lines[2]

    def test_relations_are_asked_for_only_if_facts_are_shown(self) -> None:
        alone: Any = claims.schema(2, related=False)["properties"]
        related: Any = claims.schema(2, related=True)["properties"]

        assert set(claims.RELATION) == set(related["facts"]["items"]["required"]) - set(
            alone["facts"]["items"]["required"]
        )
        assert prompts.REFLECT == claims.messages(EPISODES, [], ENGLISH)[0]["content"]
        assert prompts.RELATING == claims.messages(EPISODES, KNOWN, ENGLISH)[0]["content"]

    def test_the_schema_bounds_the_number_of_facts(self) -> None:
        few: Any = claims.schema(2, related=False)
        many: Any = claims.schema(60, related=False)

        assert 8 == few["properties"]["facts"]["maxItems"]
        assert 45 == many["properties"]["facts"]["maxItems"]

    def test_the_model_is_part_of_who_distilled(self) -> None:
        assert claims.distiller("openai/a") != claims.distiller("openai/b")


class TestParse:
    def test_a_good_fact_is_taken(self) -> None:
        claim = only()

        assert ("Ana moved to Berlin on 7 May 2023.", "statement", 0.6, (3,), "Ana") == (
            claim.draft.text,
            claim.draft.kind,
            claim.draft.confidence,
            claim.draft.sources,
            claim.draft.speaker,
        )
        assert datetime(2023, 5, 7, tzinfo=UTC) == claim.draft.at

    def test_a_made_up_source_is_refused(self) -> None:
        result = parsed(told(sources=[3, 99]))

        assert (3,) == result.claims[0].draft.sources
        assert ("fact 1 names sources that are not in its cluster: 99",) == result.refused

    @pytest.mark.parametrize(
        ("wrong", "reason"),
        [
            ({"sources": []}, "fact 1 has no source"),
            ({"text": " \n\x00"}, "fact 1 has no text"),
            ({"text": "x" * 501}, "fact 1 has 501 characters, more than 500"),
        ],
    )
    def test_a_bad_fact_is_refused_and_the_others_are_taken(
        self, wrong: dict[str, Any], reason: str
    ) -> None:
        result = parsed(told(**wrong), told(text="Maya would love Berlin.", sources=[4]))

        assert ["Maya would love Berlin."] == [claim.draft.text for claim in result.claims]
        assert (reason,) == result.refused

    def test_a_fact_with_made_up_sources_alone_is_refused(self) -> None:
        result = parsed(told(sources=[99]))

        assert () == result.claims
        assert (
            "fact 1 names sources that are not in its cluster: 99",
            "fact 1 has no source",
        ) == result.refused

    def test_the_id_of_a_fact_is_no_source(self) -> None:
        assert () == parsed(told(sources=[9])).claims

    @pytest.mark.parametrize(
        ("day", "at"),
        [
            ("2023-05-07", datetime(2023, 5, 7, tzinfo=UTC)),
            ("2023-05", datetime(2023, 5, 1, tzinfo=UTC)),
            ("2023", datetime(2023, 1, 1, tzinfo=UTC)),
            ("", MAY_8),
        ],
    )
    def test_dates_are_read(self, day: str, at: datetime) -> None:
        assert at == only(valid_from=day).draft.at

    @pytest.mark.parametrize(
        "day",
        ["yesterday", "2023-02-30", "7 May 2023", "2023-5-7", "0000", "2023-05-07T10:00", "٢٠٢٣"],
    )
    def test_what_is_no_date_is_told_and_the_sources_say_when(self, day: str) -> None:
        result = parsed(told(valid_from=day))

        assert MAY_8 == result.claims[0].draft.at
        assert ("fact 1 has an invalid date; the time of its sources was taken",) == result.refused

    def test_a_fact_that_a_quotation_mark_cut_off_is_refused(self) -> None:
        result = parsed(told(text="Ana moved to a street in Berlin called "))

        assert () == result.claims
        assert ("fact 1 breaks off",) == result.refused

    @pytest.mark.parametrize("day", ["2023-05-05", "2023-04-07", "2022-03-01"])
    def test_a_day_that_nobody_names_is_told_and_the_sources_say_when(self, day: str) -> None:
        result = parsed(told(valid_from=day))

        assert MAY_8 == result.claims[0].draft.at
        assert (
            "fact 1 has a day that nobody names; the time of its sources was taken",
        ) == result.refused

    @pytest.mark.parametrize("day", ["2023-05-08", "2020", "2022-11"])
    def test_days_on_which_somebody_spoke_and_longer_times_may_be_worked_out(
        self, day: str
    ) -> None:
        assert only(valid_from=day).draft.at.isoformat().startswith(day)

    def test_of_several_sources_the_latest_says_when(self) -> None:
        assert EPISODES[1].at == only(sources=[3, 4], valid_from="").draft.at

    @pytest.mark.parametrize(
        ("name", "sources", "speaker"),
        [
            ("Ana", [3], "Ana"),
            ("Maya", [4], "Maya"),
            ("Zoe", [3], "Ana"),
            ("Zoe", [3, 4], "Ana"),
            ("Ben", [3, 4], "Ana"),
            ("", [4], "Ben"),
        ],
    )
    def test_whom_it_is_about_must_stand_in_the_fact_and_its_sources(
        self, name: str, sources: list[int], speaker: str
    ) -> None:
        told_ = "Maya moved to Berlin." if 3 not in sources else "Ana moved to Berlin."

        assert speaker == only(text=told_, about=name, sources=sources).draft.speaker

    @pytest.mark.parametrize("relation", ["same", "replaces", "unsure"])
    def test_a_relation_to_a_fact_that_was_shown_is_taken(self, relation: str) -> None:
        claim = only(relation=relation, old=9)

        assert (relation, 9) == (claim.relation, claim.old)

    @pytest.mark.parametrize("old", [3, 99, None])
    def test_a_relation_to_anything_else_is_refused(self, old: int | None) -> None:
        result = parsed(told(relation="replaces", old=old))

        assert [("new", None)] == [(claim.relation, claim.old) for claim in result.claims]
        assert (f"fact 1 is said to be 'replaces' to {old}, which was not shown",) == result.refused

    def test_copied_words_name_the_source_better_than_its_number(self) -> None:
        assert (3,) == only(sources=[4], said="I moved to Berlin yesterday").draft.sources

    @pytest.mark.parametrize("said", ["Ana moved house", "Berlin", "..."])
    def test_words_that_are_not_of_one_episode_name_none(self, said: str) -> None:
        assert (3,) == only(said=said).draft.sources

    @pytest.mark.parametrize("said", ["", "..."])
    def test_no_words_name_no_episode_without_words(self, said: str) -> None:
        with_sighs = [*EPISODES, episode(5, "... !", "Ben")]

        found = claims.parse({"facts": [told(said=said)]}, with_sighs, [], ENGLISH)

        assert [(3,)] == [each.draft.sources for each in found.claims]

    def test_of_several_sentences_the_first_is_taken(self) -> None:
        text = "Ana moved to Berlin on 7 May 2023. She loves it."

        assert "Ana moved to Berlin on 7 May 2023." == only(text=text).draft.text

    def test_relative_days_get_their_date(self) -> None:
        text = "Ana moved to Berlin yesterday."

        assert "Ana moved to Berlin yesterday (7 May 2023)." == only(text=text).draft.text

    def test_a_day_that_no_source_names_is_refused(self) -> None:
        result = parsed(told(text="Ana moved to Berlin last night."))

        assert ("fact 1 has a date relative to a day that it does not name",) == result.refused

    def test_what_says_far_more_than_its_sources_is_refused(self) -> None:
        text = "Ana moved to Berlin with two cats, her mother and a red piano."

        assert ("fact 1 says more than its sources do",) == parsed(told(text=text)).refused

    def test_a_fact_that_everything_is_said_to_replace_is_replaced_by_nothing(self) -> None:
        three = [episode(n, f"I moved {n} times.", "Ana") for n in (3, 4, 5)]
        facts: list[Any] = [
            told(
                text=f"Ana moved {each.id} times.",
                sources=[each.id],
                valid_from="",
                relation="replaces",
                old=9,
            )
            for each in three
        ]
        result = claims.parse({"facts": facts}, three, KNOWN, ENGLISH)

        assert [("new", None)] * 3 == [(each.relation, each.old) for each in result.claims]
        assert ("3 facts are said to stand in a relation to 9, so none does",) == result.refused

    def test_a_cluster_gives_no_more_facts_than_it_has_episodes(self) -> None:
        result = parsed(
            *(told(text=f"Ana moved {how}.") for how in ("on", "in", "up", "off", "to"))
        )

        assert 2 == len(result.claims)
        assert ("3 facts are more than a cluster of 2 episodes gives",) == result.refused

    def test_line_breaks_and_controls_become_spaces(self) -> None:
        assert "Ana moved." == only(text="Ana\n\x00moved.\u2028").draft.text

    @given(
        st.fixed_dictionaries(
            {
                "text": st.text(),
                "kind": st.sampled_from(["statement", "trait", "agent", "procedure"]),
                "about": st.text(),
                "sources": st.lists(st.integers()),
                "valid_from": st.text(),
                "relation": st.sampled_from(["new", "same", "replaces", "unsure"]),
                "old": st.none() | st.integers(),
            }
        )
    )
    def test_whatever_is_taken_rests_on_the_cluster(self, reply: dict[str, Any]) -> None:
        for claim in claims.parse({"facts": [reply]}, EPISODES, KNOWN, ENGLISH).claims:
            assert set(claim.draft.sources) <= {3, 4}
            assert claim.draft.sources
            assert 0 < claim.draft.confidence <= 1
            assert claim.old in {None, 9}
            assert claim.draft.text.strip()


class TestReplies:
    """Whatever a model answers, a fact that is wrong costs itself alone."""

    GOOD: ClassVar[dict[str, Any]] = {
        "text": "Maya is allergic to peanuts.",
        "kind": "statement",
        "about": "Maya",
        "sources": [1],
        "valid_from": "",
        "relation": "new",
        "old": None,
    }

    @pytest.mark.parametrize(
        "wrong",
        [
            {"text": "Maya is \ud83d allergic to peanuts."},
            {"text": None},
            {"text": 3},
            {"text": ["Maya"]},
            {"kind": "zzz"},
            {"sources": "1"},
            {"sources": [None]},
            {"sources": [[1]]},
            {"sources": [1e999]},
            {"sources": [10**30]},
            {"about": 7},
            {"old": "x", "relation": "same"},
            {"old": 1e999, "relation": "same"},
            {"valid_from": None},
        ],
        ids=" and ".join,
    )
    def test_a_wrong_fact_costs_itself(self, wrong: dict[str, Any]) -> None:
        said = [episode(1, "I am Maya. Maya is allergic to peanuts."), episode(2), episode(3)]

        parsed = claims.parse({"facts": [{**self.GOOD, **wrong}, self.GOOD]}, said, [], ENGLISH)

        assert ["Maya is allergic to peanuts."] == [c.draft.text for c in parsed.claims]
        assert parsed.refused

    def test_a_member_that_was_not_asked_for_costs_nothing(self) -> None:
        said = [episode(1, "I am Maya. Maya is allergic to peanuts.")]

        parsed = claims.parse({"facts": [{**self.GOOD, "surprise": 1}]}, said, [], ENGLISH)

        assert (1, ()) == (len(parsed.claims), parsed.refused)

    @pytest.mark.parametrize("fact", [None, 3, "Maya", [], {}, True])
    def test_what_is_no_fact_costs_itself(self, fact: Any) -> None:
        said = [episode(1, "I am Maya. Maya is allergic to peanuts."), episode(2)]

        parsed = claims.parse({"facts": [fact, self.GOOD]}, said, [], ENGLISH)

        assert (1, 1) == (len(parsed.claims), len(parsed.refused))

    @pytest.mark.parametrize("data", [None, 3, [], {}, {"facts": None}, {"facts": {"a": 1}}])
    def test_a_reply_without_facts_has_none(self, data: Any) -> None:
        assert () == claims.parse(data, [episode(1)], [], ENGLISH).claims

    def test_a_name_with_lone_surrogates_is_mended(self) -> None:
        said = [episode(1, "I am Maya. Maya is allergic to peanuts.")]

        (claim,) = claims.parse(
            {"facts": [{**self.GOOD, "about": "M\ud83d"}]}, said, [], ENGLISH
        ).claims

        assert claim.draft.speaker.isprintable()

    @pytest.mark.parametrize("day", ["0001", "0001-01-01", "9999-12-31", "0000", "2023-02-30"])
    def test_every_day_can_be_read_again(self, day: str) -> None:
        zone = timezone(timedelta(hours=14))
        said = [episode(1, "I am Maya. Maya is allergic to peanuts.", at=MAY_8.astimezone(zone))]

        (claim,) = claims.parse(
            {"facts": [{**self.GOOD, "valid_from": day}]}, said, [], ENGLISH
        ).claims

        assert 1 <= claim.draft.at.astimezone(UTC).year <= 9999
