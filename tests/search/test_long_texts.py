"""A long text is found by any of its passages, also where it shares no word with the question."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from helamem import Memory, indexing
from helamem.language.english import ENGLISH
from helamem.models.embedders import HashingEmbedder, StaticEmbedder
from helamem.testing import FixedClock

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NOON = 1_700_000_000.0
GARDEN = (
    "The beans are up and the lettuce needs water. We moved the pots to the wall. "
    "Snails ate the basil again, so there is a copper ring around it now. "
)
KNEE = "Our physician prescribed an antibiotic for the infected knee. "
LONG = GARDEN * 6 + KNEE + GARDEN * 6
OTHERS = (
    "The train to Ghent leaves from platform four.",
    "I finished the book on lighthouses.",
    "Rosa plays the viola in a quartet.",
    "Our dentist moved to the harbour.",
    "The chemist's shop closes at six.",
)
QUESTION = "Which medicine did the doctor give?"


def _memory(path: Path | str = ":memory:") -> Memory:
    return Memory(path, embedder=StaticEmbedder(), clock=FixedClock(NOON))


def _filled() -> tuple[Memory, int]:
    memory = _memory()
    for text in OTHERS:
        memory.add(text, session=text)
    return memory, memory.add(LONG, session="diary").ids[0]


def test_a_long_text_is_found_by_what_one_passage_means() -> None:
    memory, diary = _filled()

    assert memory.search(QUESTION).ids[0] == diary


def test_its_one_vector_would_not_have_found_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "PASSAGE", len(LONG))
    memory, diary = _filled()

    assert memory.search(QUESTION).ids[0] != diary


def test_a_reindexing_and_an_export_bring_the_same_vectors(tmp_path: Path) -> None:
    memory, _ = _filled()
    before = [(hit.text, hit.score) for hit in memory.search(QUESTION)]

    memory.reindex()
    copy = _memory(tmp_path / "copy.db")
    copy.import_(json.dumps(line) for line in memory.export())

    assert [(hit.text, hit.score) for hit in memory.search(QUESTION)] == before
    assert [(hit.text, hit.score) for hit in copy.search(QUESTION)] == before


def test_another_text_has_other_passages() -> None:
    memory, diary = _filled()
    memory.update(diary, GARDEN * 12)

    assert memory.search(QUESTION).ids[0] != diary


def test_a_short_text_has_the_one_vector_and_a_long_one_more() -> None:
    embedder = HashingEmbedder()
    short, long = indexing.vectors_of([("Ana", KNEE), ("Ana", LONG)], embedder, ENGLISH)
    parts = indexing.passages(LONG, embedder, ENGLISH)
    expected = embedder.embed([f"Ana: {part}" for part in parts])

    assert short["passages"] == ()
    assert len(parts) > len(LONG) / indexing.PASSAGE
    assert max(map(len, parts)) <= indexing.PASSAGE
    np.testing.assert_allclose(long["passages"], indexing.SHARE * expected, rtol=1e-6)


def test_an_embedder_that_covers_less_gets_shorter_passages() -> None:
    embedder = HashingEmbedder()
    embedder.max_chars = 80

    assert max(map(len, indexing.passages(LONG, embedder, ENGLISH))) <= 80
    assert indexing.passages(KNEE, embedder, ENGLISH) == []
