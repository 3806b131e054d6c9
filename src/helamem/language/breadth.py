"""How much a question asks for: one thing, or all there is of a kind.

Pure functions on text in one `Language`. "When did Ana buy the red kettle?" is answered by one turn, "What has
Ana bought?" by many that share few words with it; what finds the one is not what finds the many.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from helamem.language import dates
from helamem.language.english import ENGLISH

if TYPE_CHECKING:
    from helamem.language.language import Language

MAX_WORDS = 8  # what is added beyond these narrows a question no further
PER_WORD = 0.5  # how far one more word narrows it, a sign of one or many being 1


def breadth(question: str, n_words: int, language: Language = ENGLISH) -> float:
    """How broad a question is: near 0 where it asks for one thing, near 1 where it asks for many.

        1 / (1 + exp(-x)),   x = 1 - min(n, 8) / 2 + signs of many - signs of one

    Signs of many are a plural, "both", "would", "has"; signs of one are "when", "why", a date. The weights
    are those of a logistic regression on LoCoMo's development questions, rounded until all signs count alike.
    Without patterns of the language only the number of words counts.

    Args:
        question: Without "could you tell me" and the like (`helamem.search.questions.without_courtesy`).
        n_words: How many words of it tell something, without the names of speakers.

    >>> round(breadth("What has Ana bought?", 1), 2), round(breadth("When did Ana buy the kettle?", 2), 2)
    (0.82, 0.27)
    """
    many = sum(bool(sign.search(question)) for sign in language.asks_many)
    one = sum(
        (
            dates.asks_when(question, language),
            bool(language.asks_why.match(question)),
            _is_dated(question, language),
        )
    )
    return 1 / (1 + math.exp(PER_WORD * min(n_words, MAX_WORDS) - 1 - many + one))


def _is_dated(question: str, language: Language) -> bool:
    return bool(dates.dates_named(question, language) or language.lately.search(question))
