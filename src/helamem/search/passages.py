"""What is shown of a long text: its beginning, and the passage that fits a question. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter, deque
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Place: TypeAlias = (
    "tuple[int, str, float]"  # a word of the question in the text: place, word, weight
)

CUT = "[...]"  # marks omitted text
_WORD = re.compile(r"[^\W_]+")
_TWO_PARTS = 300  # characters from which the beginning is shown beside the passage
_MOST = 2000  # most places of one word that are considered
_END = re.compile(r"(?:[.!?]['\")\]]*\s+|[\u3002\uff01\uff1f]|\n)")


def excerpt(text: str, query: str, size: int) -> str:
    """The beginning of a text and its passage for a question, half of the room each.

    Long turns begin with what matters: in published conversations, the beginning holds more of the answers than
    the passage that is nearest by words or by meaning. With little room, the passage is shown alone.

    Args:
        size: The most characters, with the marks of omissions.
    """
    found = passage(text, query, size)
    if size < _TWO_PARTS or not found.startswith(CUT):
        return found
    end = _opening(text, size // 2)
    rest = passage(text[end:], query, size - end - 1)
    return f"{text[:end].rstrip()} {rest}" if rest.startswith(CUT) else text[:end] + rest


def passage(text: str, query: str, size: int) -> str:
    """The passage of a text with most of the question's words, rare ones counting more.

    Args:
        size: The most characters, with the marks of omissions.

    >>> passage("We went home. The safe's password is 1234. It rained.", "Which password?", 50)
    "[...] The safe's password is 1234. [...]"
    """
    if len(text) <= size:
        return text
    room = max(1, size - 2 * (len(CUT) + 1))
    places = _places(text, query)
    begin, end = _around(text, _heaviest(places, room), places, room)
    before = f"{CUT} " if text[:begin].strip() else ""
    after = f" {CUT}" if text[end:].strip() else ""
    return f"{before}{text[begin:end].strip()}{after}"


def _opening(text: str, size: int) -> int:
    """The end of the sentences that fit into `size`, or of the words if these fill less than half of it."""
    ends = [match.end() for match in _END.finditer(text, 0, size)]
    return ends[-1] if ends and ends[-1] > size // 2 else _words_from(text, 0, size)[1]


def _places(text: str, query: str) -> list[Place]:
    """The places of the question's words in the text, in order, with weights: rarer words weigh more."""
    words = [word.lower() for word in _WORD.findall(query) if len(word) > 1 or not word.isascii()]
    stems = set(map(_stem, words))
    sizes, openings = sorted(set(map(len, stems))), {stem[:2] for stem in stems}
    starts: dict[str, list[int]] = {}
    for match in _WORD.finditer(text):
        word = match[0].lower()
        if word[:2] in openings or word[:1] in openings:
            for stem in {word[:size] for size in sizes if size <= len(word)} & stems:
                starts.setdefault(stem, [])
                if len(starts[stem]) < _MOST:
                    starts[stem].append(match.start())
    return sorted((start, stem, 1 / len(some)) for stem, some in starts.items() for start in some)


def _stem(word: str) -> str:
    """The beginning that a word's other forms share; words with digits have none."""
    return word[: max(4, len(word) - 3)] if word.isalpha() else word


def _heaviest(places: Sequence[Place], size: int) -> int:
    """The place of the rarest word in the window of this size whose distinct words weigh most."""
    window: deque[Place] = deque()
    inside: Counter[str] = Counter()
    weights = {word: weight for _, word, weight in places}
    best, anchor = 0.0, 0
    for place in places:
        window.append(place)
        inside[place[1]] += 1
        while window[0][0] < place[0] - size:
            gone = window.popleft()[1]
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
        total = math.fsum(map(weights.__getitem__, inside))
        if total > best:
            best, anchor = total, max(window, key=lambda each: each[2])[0]
    return anchor


def _around(text: str, anchor: int, places: Sequence[Place], size: int) -> tuple[int, int]:
    """The sentence at a place, and neighbouring ones that fit, those with more words of the question first."""
    low, high = max(0, anchor - size), min(len(text), anchor + size)
    ends = [low, *(match.end() for match in _END.finditer(text, low, high)), high]
    first = last = next(
        i for i in range(len(ends) - 1) if anchor < ends[i + 1] or ends[i + 1] == high
    )
    if ends[last + 1] - ends[first] > size or (low > 0 and first == 0):
        return _words_from(text, max(ends[first], anchor - size // 4), size)

    def weight(sentence: int) -> float:
        a, b = ends[sentence], ends[sentence + 1]
        return sum(weight for place, _, weight in places if a <= place < b)

    while True:
        beside = [i for i in (last + 1, first - 1) if 0 <= i < len(ends) - 1]
        fitting = [
            i
            for i in beside
            if max(ends[i + 1], ends[last + 1]) - min(ends[i], ends[first]) <= size
            and not (i == 0 and low > 0)  # its beginning is outside
            and not (i == len(ends) - 2 and high < len(text))  # its end is outside
        ]
        if not fitting:
            return ends[first], ends[last + 1]
        chosen = max(fitting, key=weight)
        first, last = min(first, chosen), max(last, chosen)


def _words_from(text: str, begin: int, size: int) -> tuple[int, int]:
    """Whole words from a place on, if there are any."""
    if begin > 0 and not text[begin - 1].isspace():
        space = text.find(" ", begin, begin + size // 4)
        begin = space + 1 if space >= 0 else begin
    end = min(len(text), begin + size)
    space = text.rfind(" ", begin + 1, end) if end < len(text) else -1
    return begin, space if space > begin else end
