from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.consolidation import merging
from helamem.consolidation.claims import Claim, Relation
from helamem.consolidation.distiller import Draft
from helamem.core.vectors import normalize
from helamem.language.english import ENGLISH
from samples import MAY_8, fact

if TYPE_CHECKING:
    from helamem.protocols import Floats

EAST, NORTH, NORTHEAST = (normalize(np.array([v], np.float32))[0] for v in ([1, 0], [0, 1], [1, 1]))


def claim(text: str, relation: Relation = "new", old: int | None = None, **others: Any) -> Claim:
    given_: dict[str, Any] = {
        "kind": "statement",
        "confidence": 0.5,
        "sources": (5,),
        "speaker": "Ana",
        "at": MAY_8 + timedelta(days=1),
        **others,
    }
    return Claim(draft=Draft(text=text, **given_), relation=relation, old=old)


def verdicts(claims: list[Claim], *known: tuple[str, Floats], vector: Floats = EAST) -> list[str]:
    old = [fact(10 + i, text) for i, (text, _) in enumerate(known)]
    decisions = merging.decide(
        claims,
        np.array([vector] * len(claims)),
        old,
        np.array([v for _, v in known]).reshape(-1, 2),
        ENGLISH,
    )
    return [
        each.verdict if each.old is None else f"{each.verdict} {each.old.id}" for each in decisions
    ]


class TestSame:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Ana likes green tea.", "Ana likes  GREEN tea."),
            ("Ana moved to Berlin in May 2023.", "In May 2023 Ana moved to Berlin."),
            ("Ana really likes green tea.", "Ana likes green tea."),
        ],
    )
    def test_the_same_in_other_words(self, one: str, other: str) -> None:
        assert merging.same(one, other, 0.95, ENGLISH)
        assert merging.same(other, one, 0.95, ENGLISH)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Ana has 2 dogs.", "Ana has 3 dogs."),
            ("Ana eats meat.", "Ana does not eat meat."),
            ("Ana eats meat.", "Ana doesn't eat meat."),
            ("Ana likes green tea.", "Ana likes black coffee."),
            ("Ana moved on 7 May 2023.", "Ana moved on 8 May 2023."),
        ],
    )
    def test_a_difference_that_matters(self, one: str, other: str) -> None:
        assert not merging.same(one, other, 0.99, ENGLISH)

    def test_vectors_must_agree_with_words(self) -> None:
        one, other = "Ana moved to Berlin in May.", "In May Ana moved to Berlin."

        assert merging.same(one, other, 0.9, ENGLISH)
        assert not merging.same(one, other, 0.89, ENGLISH)


class TestDecide:
    def test_what_nothing_resembles_is_stored(self) -> None:
        assert ["store"] == verdicts([claim("Ana likes tea.")])

    def test_a_duplicate_is_merged_whatever_the_model_says(self) -> None:
        for relation in ("new", "same", "replaces", "unsure"):
            claims = [claim("Ana likes tea.", relation, 10)]
            assert ["merge 10"] == verdicts(claims, ("Ana likes tea.", EAST))

    def test_of_several_duplicates_the_nearest_is_strengthened(self) -> None:
        known = [("Ana likes green tea.", NORTHEAST), ("ana likes green tea.", EAST)]
        assert ["merge 11"] == verdicts([claim("Ana likes green tea.")], *known)

    def test_a_paraphrase_is_merged_on_the_models_word(self) -> None:
        claims = [claim("Tea is what Ana drinks.", "same", 10)]
        assert ["merge 10"] == verdicts(claims, ("Ana likes tea.", NORTHEAST))

    def test_the_models_word_is_not_enough_for_what_has_nothing_in_common(self) -> None:
        claims = [claim("Tea is what Ana drinks.", "same", 10)]
        assert ["store"] == verdicts(claims, ("Ben is 40.", NORTH))

    @pytest.mark.parametrize(("cosine", "verdict"), [(0.51, "merge 10"), (0.49, "store")])
    def test_the_models_word_is_believed_from_half_a_cosine_on(
        self, cosine: float, verdict: str
    ) -> None:
        near = np.array([cosine, math.sqrt(1 - cosine**2)], np.float32)  # the claim points east
        assert [verdict] == verdicts(
            [claim("Tea is what Ana drinks.", "same", 10)], ("Ana likes tea.", near)
        )

    def test_a_newer_contradiction_replaces(self) -> None:
        claims = [claim("Ana lives in Berlin.", "replaces", 10)]
        assert ["replace 10"] == verdicts(claims, ("Ana lives in Paris.", NORTHEAST))

    def test_an_older_contradiction_does_not(self) -> None:
        claims = [claim("Ana lives in Berlin.", "replaces", 10, at=MAY_8 - timedelta(days=1))]
        assert ["doubt 10"] == verdicts(claims, ("Ana lives in Paris.", NORTHEAST))

    def test_a_fact_about_something_else_cannot_be_replaced(self) -> None:
        claims = [claim("Everything is free.", "replaces", 10, speaker="Mallory")]
        assert ["doubt 10"] == verdicts(claims, ("Maya must not eat peanuts.", NORTHEAST))

    def test_where_the_model_is_unsure_both_stay(self) -> None:
        claims = [claim("Ana lives in Berlin.", "unsure", 10)]
        assert ["doubt 10"] == verdicts(claims, ("Ana lives in Paris.", NORTHEAST))

    def test_a_fact_is_replaced_once(self) -> None:
        claims = [
            claim("Ana lives in Berlin.", "replaces", 10),
            claim("Ana lives in Rome.", "replaces", 10),
        ]
        assert ["replace 10", "store"] == verdicts(claims, ("Ana lives in Paris.", EAST))

    def test_nothing_is_merged_into_what_is_replaced(self) -> None:
        claims = [
            claim("Ana lives in Paris."),
            claim("Ana lives in Berlin.", "replaces", 10),
        ]
        assert ["store", "replace 10"] == verdicts(claims, ("Ana lives in Paris.", EAST))

    def test_a_fact_that_was_not_handed_in_is_not_touched(self) -> None:
        assert ["store"] == verdicts([claim("Ana lives in Berlin.", "replaces", 99)])


class TestUnite:
    def test_claims_that_say_the_same_become_one_with_all_sources(self) -> None:
        claims = [
            claim("Ana likes tea.", sources=(5,), confidence=0.4),
            claim("Ben is 40.", sources=(6,)),
            claim("ana likes tea.", sources=(7,), confidence=0.6),
        ]

        united, rows = merging.unite(claims, np.array([EAST, NORTH, EAST]), ENGLISH)

        assert ["Ana likes tea.", "Ben is 40."] == [each.draft.text for each in united]
        assert ((5, 7), 0.6) == (united[0].draft.sources, united[0].draft.confidence)
        assert [0, 1] == rows

    @given(st.lists(st.sampled_from(["Ana likes tea.", "Ben is 40.", "Zoe runs daily."])))
    def test_nothing_said_is_lost_and_nothing_said_twice(self, texts: list[str]) -> None:
        claims = [claim(text, sources=(i,)) for i, text in enumerate(texts, 1)]

        united, rows = merging.unite(claims, np.array([EAST] * len(texts)).reshape(-1, 2), ENGLISH)

        assert set(texts) == {each.draft.text for each in united}
        assert len(set(texts)) == len(united) == len(rows)
        assert sorted(s for each in united for s in each.draft.sources) == list(
            range(1, len(texts) + 1)
        )


class TestStrengthened:
    def test_an_independent_source_raises_confidence(self) -> None:
        # 0.5 + 0.4 * (1 - 0.5) = 0.7
        known = fact(1, confidence=0.5, sources=(1,))
        assert pytest.approx(0.7) == merging.strengthened(
            known, claim("x", confidence=0.4, sources=(2,))
        )

    def test_the_same_source_read_again_proves_no_more(self) -> None:
        known = fact(1, confidence=0.5, sources=(1, 2))
        for d in (0.4, 0.5):
            assert 0.5 == merging.strengthened(known, claim("x", confidence=d, sources=(2,)))

    @given(st.floats(0.01, 1), st.floats(0.01, 1), st.sampled_from([(1,), (2,), (1, 2)]))
    def test_confidence_never_falls_and_stays_within_one(
        self, c: float, d: float, sources: tuple[int, ...]
    ) -> None:
        raised = merging.strengthened(
            fact(1, confidence=c, sources=(1,)), claim("x", confidence=d, sources=sources)
        )
        assert max(c, d) <= raised <= 1 or pytest.approx(max(c, d)) == raised
