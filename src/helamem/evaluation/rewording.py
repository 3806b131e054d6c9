"""Rewords questions by rules, reproducibly for a seeded generator."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from helamem.language.english import ENGLISH
from helamem.language.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from helamem.evaluation.datasets import Question

# Synonyms, one group per line; a reworded question uses another word of the group.
_LINES = """
big large huge
buy purchase get
begin start
kind type sort
job work occupation
movie film
trip journey travel
child kid
children kids
friend buddy pal
picture photo image
photos pictures
house home
talk chat speak
like enjoy love
plan intend
happy glad pleased
hobby pastime
hobbies pastimes
make create
made created
learn study
help support
activity pursuit
activities pursuits
recently lately
gift present
event occasion
store shop
meet encounter
goal aim
goals aims
favorite preferred
near close
receive get
join enter
attend visit
visit see
share show
reason motive
feel felt
name title
pet animal
pets animals
town city
car vehicle
food meal
"""


def _alternatives(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """For each word, the other words of its groups; a word may be in several."""
    others: dict[str, dict[str, None]] = {}
    for line in map(str.split, lines):
        for word in line:
            others.setdefault(word, {}).update(dict.fromkeys(o for o in line if o != word))
    return {word: tuple(each) for word, each in others.items()}


SYNONYMS: Mapping[str, tuple[str, ...]] = _alternatives(_LINES.strip().splitlines())

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_OPENINGS = (
    "Remind me: {}?",
    "I forgot. {}?",
    "Could you tell me about {}?",
    "What do you know about {}?",
    "We talked about {}, what was it again?",
)


def reworded(question: Question, rng: np.random.Generator) -> Question:
    """The question reworded, with the same evidence, answer and time.

    One of three ways is drawn: synonyms and another opening, only the telling words in another order, or
    a follow-up with only half of them.
    """
    ways: Sequence[Callable[[list[str], np.random.Generator], list[str]]] = (
        _with_exchanged_word,
        _shuffled,
        _halved,
    )
    words = [word for word in _WORD.findall(question.text) if terms_of(word, ENGLISH)]
    chosen = ways[int(rng.integers(len(ways)))](words, rng) or words or [question.text]
    opening = _OPENINGS[int(rng.integers(len(_OPENINGS)))]
    return replace(question, text=opening.format(" ".join(chosen)))


def _with_exchanged_word(words: list[str], rng: np.random.Generator) -> list[str]:
    return [_another_word(word, rng) for word in words]


def _another_word(word: str, rng: np.random.Generator) -> str:
    others = SYNONYMS.get(word.lower(), ())
    return str(rng.choice(others)) if others else word


def _shuffled(words: list[str], rng: np.random.Generator) -> list[str]:
    return [words[i] for i in rng.permutation(len(words))]


def _halved(words: list[str], rng: np.random.Generator) -> list[str]:
    kept = sorted(rng.permutation(len(words))[: (len(words) + 1) // 2])
    return [words[i] for i in kept]
