"""Every English word list and pattern, as one `Language`."""

from __future__ import annotations

import re
import threading
from functools import lru_cache

from snowballstemmer.english_stemmer import EnglishStemmer

from helamem.language.language import Language

_MONTH_NAMES = """
January February March April May June July August September October November December
"""
MONTHS = tuple(_MONTH_NAMES.split())  # `calendar` and `strftime` follow the machine's language

# Written without apostrophes, as `terms.folded` leaves them.
_STOP_WORDS = """
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

_FIRST_PERSON = "i me my myself we us our ours ourselves"
_SECOND_PERSON = "you your yours yourself yourselves"
_THIRD_PERSON = "he she they him her them his hers their theirs himself herself themselves"
_POINTING = "it its this that these those there then"
_TITLES = "mr mrs ms dr prof st mt no fig jr sr vs e.g i.e cf approx"
_MID_SENTENCE = "a.m p.m etc inc ltd u.s u.k"

# Not `stemmer("english")`: that is another program where PyStemmer is installed.
_STEMMER = EnglishStemmer()
_STEMMER_LOCK = threading.Lock()  # the stemmer keeps the word it works on in itself

_CONTRACTION = re.compile(r"\b[^\W_]+n't\b|(?<=[^\W_])'(?:s|d|ll|m|re|ve)\b", re.IGNORECASE)
_QUESTION_OPENING = re.compile(
    r"\s*(?:and |but |so |or )?(?:(?:do|did|are|were|have|can|could|would|will|should)(?:n't)? you\b"
    r"|(?:what|who|where|when|why|how)(?:['\u2019]s| is| are| was| were| do| does| did) (?:you|your|the|that|it|he|she|they)\b)",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"^\W*(?:(?:please|and|so|ok|okay|well)\W+)*"
    r"(?:(?:can|could|will|would) you (?:please |kindly )?(?:tell|remind) (?:me|us)|(?:please )?(?:tell|remind) (?:me|us)"
    r"|do you (?:still )?(?:know|remember|recall)|i(?: would|['\u2019]d) like to know)\b(?: again| about)?\W*(?=\w)",
    re.IGNORECASE,
)
_PLEASANTRY = re.compile(
    r"\W*(?:(?:oh|wow|aww?|yay|yeah|yes|well|so|and|but|haha),?\s+)*"
    r"(?:thanks|thank|thx|congrat\w*|hi|hey|hello|bye|goodbye|good (?:luck|morning|night|evening)|sorry|welcome"
    r"|(?:so |i am |i'm |i was )?(?:glad|happy|sorry|proud|excited|grateful)"
    r"|(?:i )?(?:hope|wish|love|appreciate|agree|totally|absolutely|sounds?|can't wait|miss|bet|guess)"
    r"|nice|great|awesome|cool|amazing|sure|no (?:worries|problem))\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:not|no|never|nobody|nothing|none|neither|nor|without|stopped|\w+n['\u2019]t)\b"
)
_LEADS_TO_NAME = re.compile(
    r"\b(?:a|an|the|of|in|on|at|to|from|with|by|for|about|and|or)$", re.IGNORECASE
)

_LONG_MONTHS = [name.lower() for name in MONTHS]
_MONTH_NUMBERS = {name: i for i, name in enumerate(_LONG_MONTHS, start=1)}
_MONTH_NUMBERS |= {name[:3]: i for name, i in _MONTH_NUMBERS.items()} | {"sept": 9}
# "may", "mar", "jan" and the like are also words and names: in lower case only the long names count.
_ANY_MONTH = "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True))
_DAY = r"(?P<{0}>\d{{1,2}})(?:st|nd|rd|th)?"
_MONTH_DATE = re.compile(
    rf"(?:\b{_DAY.format('before')}(?:\s+of)?\s+)?\b(?P<month>{_ANY_MONTH})\b\.?"
    rf"(?:\s+{_DAY.format('after')}\b(?!\d))?(?:,?\s+(?P<year>(?:19|20)\d\d)\b)?",
    re.IGNORECASE | re.ASCII,  # or a dotless i would count as one
)
_TIME_WORDS = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|recently|soon|since|ago|upcoming|"
    r"(?:last|next|this|past|every)\s+\w+|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:week|month|year|weekend|day|morning|evening|night)s?|"
    r"summer|winter|spring|fall|autumn|(?:19|20)\d\d|" + "|".join(_LONG_MONTHS) + r")\b",
    re.IGNORECASE,
)
_ASKS_WHEN = re.compile(
    r"\W*(?:when|since when|how long|(?:in |on )?(?:what|which) (?:year|month|week|day|date|time))\b",
    re.IGNORECASE,
)

_VERB = r"(?:do|does|did|is|are|was|were|has|have|had|can|could|will|would)\b"
# A plural and then a verb: "what kinds of outdoor activities has ...", but not "what happens".
_PLURAL = re.compile(
    rf"\A\W*(?:how many|what are|(?:what|which)\s+(?:(?!{_VERB})[\w\-+]+\s+){{0,5}}?"
    rf"(?:[a-z]+(?<![siu])s|people|children)(?=(?:\s+[\w.'\-]+){{0,4}}?\s+{_VERB}))\b",
    re.IGNORECASE,
)
_SHARED = re.compile(r"\b(?:both|in common)\b", re.IGNORECASE)
_SUPPOSED = re.compile(r"\b(?:would|could|might|likely)\b", re.IGNORECASE)
_EVER = re.compile(r"\b(?:has|have)\b", re.IGNORECASE)
_ASKS_WHY = re.compile(r"\W*(?:why|how (?:did|does))\b", re.IGNORECASE)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The Snowball stem of a lower-case word; safe from several threads.

    >>> stem("leaves")
    'leav'
    """
    with _STEMMER_LOCK:
        stemmed: str = _STEMMER.stemWord(word)
    return stemmed


ENGLISH = Language(
    name="english",
    version=2,
    stop_words=frozenset(_STOP_WORDS.split()),
    stem=stem,
    contraction=_CONTRACTION,
    capitals_name=True,
    titles=frozenset(_TITLES.split()),
    mid_sentence=frozenset(_MID_SENTENCE.split()),
    one_letter_words=frozenset("i"),
    question_opening=_QUESTION_OPENING,
    courtesy=_COURTESY,
    negation=_NEGATION,
    leads_to_name=_LEADS_TO_NAME,
    possessive=re.compile(r"'s\b", re.IGNORECASE),
    first_person=frozenset(_FIRST_PERSON.split()),
    second_person=frozenset(_SECOND_PERSON.split()),
    third_person=frozenset(_THIRD_PERSON.split()),
    pointing=frozenset(_POINTING.split()),
    demonstrative=frozenset(["these", "this", "those"]),
    pleasantry=_PLEASANTRY,
    months=_MONTH_NUMBERS,
    month_words=frozenset(_LONG_MONTHS),
    month_date=_MONTH_DATE,
    time_words=_TIME_WORDS,
    asks_when=_ASKS_WHEN,
    asks_many=(_PLURAL, _SHARED, _SUPPOSED, _EVER),
    asks_why=_ASKS_WHY,
    lately=re.compile(r"\b(?:recently|yesterday|last)\b", re.IGNORECASE),
)
