"""What the memory reads out of a text without understanding it: terms, and sentences.

Pure functions on strings. Nothing here raises on any string, however odd: a lone surrogate, a control
character or a million characters without a space are all just text.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from snowballstemmer.english_stemmer import EnglishStemmer

from helamem.protocols import Term

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TERM = 64  # characters; longer runs without a space are cut, in texts and queries alike

_FUNCTION_WORDS = """
i me my mine myself you your yours yourself yourselves he him his himself she her hers herself
it its itself we us our ours ourselves they them their theirs themselves a an the this that
these those such same own other another any each few more most some both all am is are was were
be been being have has had having do does did doing done can could will would shall should must
might cannot and or but nor so if then than because while until although though as of at by for
with about against between into through during before after above below to from up down in out
on off over under again further once upon onto within without who whom whose which what when
where why how whether not no yes only just very too also there here now ever im ive id dont
didnt doesnt cant couldnt wouldnt shouldnt isnt arent wasnt werent havent hasnt hadnt thats
whats theres let lets
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())

_MONTH_NAMES = """
January February March April May June July August September October November December
"""
MONTHS = tuple(_MONTH_NAMES.split())  # `calendar` and `strftime` follow the machine's language

APOSTROPHES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\uff07": "'"})
# Accents, Hebrew and Arabic vowel points, joiners, direction marks and skin tones: people search without them.
_UNSEEN = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u0610-\u061a\u064b-\u065f\u0670"
    "\u00ad\u200c-\u200f\u202a-\u202e\u2060-\u2069\ufe0e\ufe0f\ufeff\U0001f3fb-\U0001f3ff]"
)
# Normalizing sorts marks in quadratic time, so a hostile run of them must come in pieces.
_NOT_ASCII = re.compile(r"[^\x00-\x7f]{1,256}")
_CONTRACTION = re.compile(
    r"\b[^\W_]+n't\b|(?<=[^\W_])'(?:s|d|ll|m|re|ve)\b",
    re.IGNORECASE,
)
_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Scripts that put no space between words, or glue particles to them: Thai to Myanmar, kana, Hangul, Han.
_UNSPACED = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17dd\u3040-\u30ff\uac00-\ud7af" + _HAN
_INDIC = "\u0900-\u0963\u0966-\u096f\u0971-\u0dff"  # their vowel signs are not letters to `re`
_EMOJI = "\u2600-\u27bf\U0001f000-\U0001faff"
TOKEN = re.compile(
    r"\d{1,3}(?:,\d{3})+(?!\d)"  # 1,000
    r"|\d+(?:[:.]\d+)+"  # 9:40, 3.14
    rf"|[{_UNSPACED}]+"
    rf"|[{_EMOJI}]"
    rf"|[^\W_{_UNSPACED}]+(?:[{_INDIC}]+[^\W_{_UNSPACED}]*)*"  # words, 42P07, b12
)
_EMOJI_ALONE = re.compile(rf"[{_EMOJI}]")
UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]+")
_HAN_CHARACTER = re.compile(rf"[{_HAN}]")
_DIGIT = re.compile(r"\d")

_STEMMER = (
    EnglishStemmer()
)  # not `stemmer("english")`: that is another program where PyStemmer is installed
_STEMMER_LOCK = threading.Lock()  # the stemmer keeps the word it works on in itself


def terms(text: str) -> list[str]:
    """The terms of a text, in order and with repetitions: what words are compared by.

    Words are lower-cased, stripped of accents and stemmed; stop words and contractions such as "don't"
    go. Scripts without spaces give pairs of characters, and each Han character alone besides.

    >>> terms("Maya's flight leaves from gate B12 at 9:40, error 42P07!")
    ['maya', 'flight', 'leav', 'gate', 'b12', '9:40', 'error', '42p07']
    """
    return [term for token in TOKEN.findall(folded(text)) for term in _terms_of(token)]


def index_terms(text: str) -> list[Term]:
    """The different terms of a text with their counts, the most telling first.

    Terms with digits lead, then those written with a capital inside a sentence, then the longer
    words, then the earlier ones.
    """
    counts: dict[str, int] = {}
    tellings: dict[str, int] = {}
    plain = folded(text)
    for match in TOKEN.finditer(plain):
        telling = _telling(match[0], plain, match.start())
        for term in _terms_of(match[0]):
            counts[term] = counts.get(term, 0) + 1
            tellings[term] = min(telling, tellings.get(term, telling))
    ranked = sorted(counts, key=lambda term: (tellings[term], -len(term)))
    return [Term(term=term, count=counts[term], rank=rank) for rank, term in enumerate(ranked)]


def clean(text: str) -> tuple[str, list[str]]:
    """The text as it can be kept in UTF-8, and what had to be replaced for it, one sentence each.

    Everything but lone surrogates stays as it is: NUL, control characters and direction marks too.
    """
    if text.isascii():
        return text, []
    joined = _SURROGATE_PAIR.sub(_join_surrogates, text)
    replaced, n = _SURROGATE.subn("\ufffd", joined)
    if not n:
        return replaced, []
    return replaced, [f"{n} lone {'surrogate was' if n == 1 else 'surrogates were'} replaced"]


def count_words(text: str) -> int:
    """How many words of a text tell something; what has no spaces between words counts as one.

    >>> count_words("What did the old baker tell Ana?")
    4
    """
    return sum(any(True for _ in _terms_of(token)) for token in TOKEN.findall(folded(text)))


def folded(text: str) -> str:
    """The text with one kind of apostrophe, no contractions, and nothing that people search without."""
    text = text.translate(APOSTROPHES)
    if not text.isascii():
        text = _NOT_ASCII.sub(_plain, text)
    return _CONTRACTION.sub("", text) if "'" in text else text


def sentences(text: str) -> list[str]:
    """The sentences of a text, stripped, none of them blank; a line break ends a sentence.

    >>> sentences("Dr. Lee called at 3 p.m. today. Great! Now what?")
    ['Dr. Lee called at 3 p.m. today.', 'Great!', 'Now what?']
    """
    found = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if _is_abbreviation(text, start, match):
            continue
        found.append(text[start : match.end()].strip())
        start = match.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


def opens_sentence(text: str, start: int) -> bool:
    """Whether what begins at `start` is the first word of a sentence."""
    before = text[max(0, start - 8) : start]
    stripped = before.rstrip(" \t\"'([*_-")
    return (
        not stripped
        or stripped[-1] in ".!?:\n\r\u2026\u3002\uff01\uff1f"
        or bool(_EMOJI_ALONE.match(stripped[-1]))
    )


def is_question(sentence: str) -> bool:
    """Whether a sentence asks: it ends with a question mark, or begins as only a question does."""
    return bool(_QUESTION_MARK.search(sentence.rstrip()[-64:]) or _INVERSION.match(sentence))


_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_CLOSERS = "\"'\u201d\u2019\u00bb)\\]\u300d\u300f"
_SENTENCE_END = re.compile(
    rf"(?<![.!?\u2026])[.!?\u2026]+[{_CLOSERS}]*(?=\s)|[\u3002\uff01\uff1f]+[{_CLOSERS}]*|\n+"
)
_QUESTION_MARK = re.compile(rf"[?\uff1f\u061f][!?{_CLOSERS}\s]*(?:[{_EMOJI}\ufe0f\u200d\s])*$")
_INVERSION = re.compile(
    r"\s*(?:and |but |so |or )?(?:(?:do|did|are|were|have|can|could|would|will|should)(?:n't)? you\b"
    r"|(?:what|who|where|when|why|how)(?:['\u2019]s| is| are| was| were| do| does| did) (?:you|your|the|that|it|he|she|they)\b)",
    re.IGNORECASE,
)
_TITLE_WORDS = "mr mrs ms dr prof st mt no fig jr sr vs e.g i.e cf approx"
_TITLES = frozenset(_TITLE_WORDS.split())
_MID_SENTENCE = frozenset({"a.m", "p.m", "etc", "inc", "ltd", "u.s", "u.k"})  # may end one too


def _plain(run: re.Match[str]) -> str:
    stripped = _UNSEEN.sub("", unicodedata.normalize("NFKD", run[0]))
    return unicodedata.normalize("NFC", stripped)


def _terms_of(token: str) -> Iterator[str]:
    if UNSPACED_RUN.match(token):
        yield from _character_terms(token)
    else:
        word = token.casefold()
        if word not in STOP_WORDS:
            yield _stem(word[:MAX_TERM])


def _character_terms(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
        return
    yield from map("".join, pairwise(run))
    yield from _HAN_CHARACTER.findall(run)


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    if _DIGIT.search(word):
        return word.replace(",", "")
    with _STEMMER_LOCK:
        stem: str = _STEMMER.stemWord(word)
    return stem


def _telling(token: str, text: str, start: int) -> int:
    """0 for a token with a digit, 1 for a capital that does not just open a sentence, else 2."""
    if _DIGIT.search(token):
        return 0
    if not token[0].isupper():
        return 2
    return 1 if token[1:].isupper() or not opens_sentence(text, start) else 2


def _join_surrogates(match: re.Match[str]) -> str:
    return match[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _is_abbreviation(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether the full stop of `end` belongs to an abbreviation or an initial."""
    if end[0] != ".":
        return False
    before = text[max(start, end.start() - 8) : end.start()].rpartition(" ")[2].lower()
    if before in _TITLES or (len(before) == 1 and before.isalpha() and before != "i"):
        return True
    return before in _MID_SENTENCE and text[end.end() : end.end() + 2].strip()[:1].islower()
