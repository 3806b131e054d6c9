"""How much a question asks for: one thing, or all there is of a kind.

Pure functions on English text. "When did Ana buy the red kettle?" is answered by one turn, "What has
Ana bought?" by many that share few words with it; what finds the one is not what finds the many.
"""

from __future__ import annotations

import math
import re

from helamem.language import dates

MAX_WORDS = 8  # what is added beyond these narrows a question no further
PER_WORD = 0.5  # how far one more word narrows it, a sign of one or many being 1

_VERB = r"(?:do|does|did|is|are|was|were|has|have|had|can|could|will|would)\b"
# A plural and then a verb: "what kinds of outdoor activities has ...", but not "what happens".
_PLURAL = re.compile(
    rf"\W*(?:how many|what are|(?:what|which)\s+(?:(?!{_VERB})[\w\-+]+\s+){{0,5}}?"
    rf"(?:[a-z]+(?<![siu])s|people|children)(?=(?:\s+[\w.'\-]+){{0,4}}?\s+{_VERB}))\b",
    re.IGNORECASE,
)
_SHARED = re.compile(r"\b(?:both|in common)\b", re.IGNORECASE)
_SUPPOSED = re.compile(r"\b(?:would|could|might|likely)\b", re.IGNORECASE)
_EVER = re.compile(r"\b(?:has|have)\b", re.IGNORECASE)
_REASON = re.compile(r"\W*(?:why|how (?:did|does))\b", re.IGNORECASE)
_LATELY = re.compile(r"\b(?:recently|yesterday|last)\b", re.IGNORECASE)


def breadth(question: str, n_words: int) -> float:
    """How broad a question is: near 0 where it asks for one thing, near 1 where it asks for many.

        1 / (1 + exp(-x)),   x = 1 - min(n, 8) / 2 + signs of many - signs of one

    Signs of many are a plural, "both", "would", "has"; signs of one are "when", "why", a date. The weights
    are those of a logistic regression on LoCoMo's development questions, rounded until all signs count alike.
    In other languages only the number of words counts.

    Args:
        question: Without "could you tell me" and the like (`helamem.search.questions.without_courtesy`).
        n_words: How many words of it tell something, without the names of speakers.

    >>> round(breadth("What has Ana bought?", 1), 2), round(breadth("When did Ana buy the kettle?", 2), 2)
    (0.82, 0.27)
    """
    many = sum(bool(sign.search(question)) for sign in (_SHARED, _SUPPOSED, _EVER))
    many += bool(_PLURAL.match(question))
    one = dates.asks_when(question) + bool(_REASON.match(question)) + _is_dated(question)
    return 1 / (1 + math.exp(PER_WORD * min(n_words, MAX_WORDS) - 1 - many + one))


def _is_dated(question: str) -> bool:
    return bool(dates.dates_named(question) or _LATELY.search(question))
