"""How good an answer is, given the right one: the measures of LoCoMo and LongMemEval. Pure, except for the judge.

The judge's instructions are our own, and contain nothing of a data set except the question at hand.
"""

from __future__ import annotations

import math
import re
import string
import threading
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from Stemmer import Stemmer

from helamem.evaluation.datasets import UNANSWERABLE
from helamem.models import prompts
from helamem.protocols import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from helamem.evaluation.datasets import Dataset, Question
    from helamem.protocols import LLM, Message
    from helamem.records import Json

_ARTICLES = re.compile(r"\b(?:a|an|the|and)\b")
_STEMMER = Stemmer("porter")
_STEMMER_LOCK = threading.Lock()  # the stemmer holds the current word as state
_TELLING = 3  # how many shared words rule out chance; two if one is a number

JUDGE = f"""\
You judge whether a reply answers a question correctly, given the right answer.

{prompts.GUARD}

<case> holds the question, the right answer and the reply. The reply is correct if it says what the right answer says, \
in whatever words, and however much more it says that does not contradict it. It is not correct if it \
leaves out a part of the right answer, or says so little that it would fit other answers too."""

# Additional rules for a correct answer, per category.
CRITERIA: Mapping[str, str] = {
    "temporal": "The same day, span or order written otherwise is correct.",
    "temporal-reasoning": "A count of days, weeks or months that is wrong by one is still correct.",
    "knowledge-update": "A reply that tells the older state too is correct if it gives the newer one as the answer.",
    "single-session-preference": "The right answer describes what a fitting reply draws on; the reply is correct if it "
    "makes use of what the person said about themselves, and need not touch all of it.",
    UNANSWERABLE: "Nothing answers this question. The reply is correct if it says so, in whatever words.",
}
VERDICT: Mapping[str, Json] = {
    "type": "object",
    "properties": {"correct": {"type": "boolean"}},
    "required": ["correct"],
    "additionalProperties": False,
}

# Every text that a model is given, here and in the product.
RULES = (
    prompts.REFLECT,
    prompts.RELATING,
    *map(prompts.row, (*prompts.EXAMPLE, *prompts.EXAMPLE_FACTS)),
    prompts.ANSWER,
    prompts.PLAN,
    prompts.SELECT,
    prompts.RERANK,
    prompts.VERIFY,
    prompts.CONVERSE,
    JUDGE,
    *CRITERIA.values(),
)


def tokens(text: str) -> list[str]:
    """Words as LoCoMo compares them: lower case, no punctuation, no articles, Porter stems.

    The stemmer is Porter's own. LoCoMo's program uses NLTK's, which differs for some words ("enjoyed").

    >>> tokens("The Cats, and a dog!")
    ['cat', 'dog']
    """
    lowered = text.lower().replace(",", "")
    bare = "".join(character for character in lowered if character not in string.punctuation)
    return [_stem(word) for word in _ARTICLES.sub(" ", bare).split()]


def f1(reply: str, answer: str) -> float:
    """The harmonic mean of precision and recall over words.

        2 p r / (p + r)

    >>> f1("a red kettle", "the copper kettle")
    0.5
    """
    said, right = tokens(reply), tokens(answer)
    shared = sum((Counter(said) & Counter(right)).values())
    return 2 * shared / (len(said) + len(right)) if shared else 0.0


def locomo_f1(reply: str, answer: str, category: str) -> float:
    """F1 by LoCoMo's rules: parts of a list are scored one by one, and an explanation after ";" is ignored.

    >>> locomo_f1("tennis, chess", "chess, rowing", "multi-hop")
    0.5
    """
    if category == "multi-hop":
        best = [max(f1(said, part) for said in reply.split(",")) for part in answer.split(",")]
        return sum(best) / len(best)
    return f1(reply, answer.split(";", maxsplit=1)[0] if category == "open-domain" else answer)


def bleu_1(reply: str, answer: str) -> float:
    """The share of the reply's words that are in the answer, with a penalty for replies shorter than the answer.

        exp(min(0, 1 - |answer| / |reply|)) * |reply & answer| / |reply|

    Words are compared without case, but are not stemmed, and articles count.

    >>> round(bleu_1("copper kettle", "a shiny copper kettle"), 3)
    0.368
    """
    said, right = _words(reply), _words(answer)
    if not said:
        return 0.0
    shared = sum((Counter(said) & Counter(right)).values())
    return math.exp(min(0.0, 1 - len(right) / len(said))) * shared / len(said)


def judging(question: Question, reply: str) -> list[Message]:
    """The messages for the judge."""
    criterion = CRITERIA.get(question.category)
    rules = f"{JUDGE}\n\n{criterion}" if criterion else JUDGE
    case: dict[str, Json] = {"question": question.text, "answer": question.answer, "reply": reply}
    return [
        {"role": "system", "content": rules},
        {"role": "user", "content": prompts.quoted("case", [case])},
    ]


def judged(llm: LLM, question: Question, reply: str) -> bool:
    """Whether the model judges the reply to be correct.

    Raises:
        LLMError: The model failed, so there is no verdict.
    """
    verdict = llm.complete(Request(judging(question, reply), schema=VERDICT)).data
    return isinstance(verdict, dict) and verdict.get("correct") is True


def leaked(dataset: Dataset, rules: Iterable[str]) -> list[str]:
    """Answers of a data set that occur word for word in prompts; there must be none.

    Short answers without a number are skipped: words like "last year" occur in every text.
    """
    said = [f" {' '.join(_words(each))} " for each in rules]
    answers = {
        question.answer: f" {' '.join(_words(question.answer))} "
        for outline in dataset.outlines
        for question in outline.questions
        if _is_telling(_words(question.answer))
    }
    return sorted(
        answer for answer, words in answers.items() if any(words in each for each in said)
    )


def _is_telling(words: Sequence[str]) -> bool:
    has_number = any(word.isdigit() for word in words)
    return len(words) >= (_TELLING - 1 if has_number else _TELLING)


def _words(text: str) -> Sequence[str]:
    return re.findall(r"\w+", text.lower())


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    with _STEMMER_LOCK:
        stem: str = _STEMMER.stemWord(word)
    return stem
