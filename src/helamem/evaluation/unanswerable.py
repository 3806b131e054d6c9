"""Questions that a memory cannot answer: those of other memories, those marked so, and words without sense. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from helamem.evaluation.datasets import UNANSWERABLE
from helamem.language.english import ENGLISH
from helamem.language.names import mentions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.evaluation.datasets import Conversation, Dataset, Question

OTHERS, MARKED, NONSENSE = "other memories", "unanswerable", "nonsense"
WORDS = (
    "Who wumbled the grexnop?",
    "When did the zibbleforth quanch?",
    "Why is the plimsoth dwerfing?",
    "What does the snarkwidget flurb?",
    "glorpnak vintezzo",
    "blorptang frimbulous wexle",
    "xq zzkl prtyu hjg",
    "asdf qwer zxcv",
)
POSSESSIVE = ("'s", "\u2019s")


def questions(dataset: Dataset, number: int, *, most: int) -> Mapping[str, list[Question]]:
    """Questions that the memory of a conversation cannot answer, by kind; at most `most` of other memories.

    Args:
        number: The conversation's place in the data set.
    """
    conversation = dataset.conversations[number]
    pattern = conversation.questions[0]
    return {
        OTHERS: _questions_of_others(dataset, number, most=most),
        MARKED: [q for q in conversation.questions if q.category == UNANSWERABLE],
        NONSENSE: [
            replace(pattern, id=f"nonsense/{i}", text=words) for i, words in enumerate(WORDS)
        ],
    }


def exchanged(text: str, theirs: Sequence[str], mine: Sequence[str]) -> str:
    """A question with the speakers whom it names exchanged for others, the first named for the first.

    Who is known here too stays.

    >>> exchanged("What did Cy tell Di about Cy's dog?", ["Cy", "Di"], ["Ana", "Ben"])
    "What did Ana tell Ben about Ana's dog?"
    """
    instead: dict[int, str] = {}
    written, end = "", 0
    for start, stop, speaker in mentions(text, theirs, ENGLISH):
        if start < end or not mine or theirs[speaker] in mine:
            continue
        name = instead.setdefault(speaker, mine[len(instead) % len(mine)])
        possessive = next((each for each in POSSESSIVE if text[start:stop].endswith(each)), "")
        written += text[end:start] + name + possessive
        end = stop
    return written + text[end:]


def _questions_of_others(dataset: Dataset, number: int, *, most: int) -> list[Question]:
    """Questions of the other conversations, drawn at random but always alike, about this one's speakers."""
    own = dataset.conversations[number]
    mine, at = _speakers(own), own.questions[0].at
    asked = [
        replace(each, text=exchanged(each.text, _speakers(other), mine), at=at)
        for i, other in enumerate(dataset.conversations)
        if i != number
        for each in dataset.scored(other)
    ]
    drawn = np.random.default_rng(number).permutation(len(asked))[:most]
    return [asked[i] for i in sorted(drawn.tolist())]


def _speakers(conversation: Conversation) -> list[str]:
    return list(dict.fromkeys(turn.speaker for turn in conversation.turns if turn.speaker))
