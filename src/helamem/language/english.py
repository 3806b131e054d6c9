"""Every English word list and pattern, as one `Language`."""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from Stemmer import Stemmer

from helamem.language.language import Language, Times
from helamem.language.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

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

# People write to an English agent in Chinese, too. A pronoun, particle, or preposition tells nothing alone; in a
# name, it is still found with its neighbour.
_CHINESE_STOP_WORDS = (
    "我你您他她它咱们自己这那哪此的地得了着过吗呢吧啊呀嘛啦之在从到向对把被给让跟和与或而但因为所以于如"
    "不没也都就才又再很还最只是有要会能可什么怎谁几多少个一上下里中来去其"
)

_FIRST_PERSON = "i me my myself we us our ours ourselves"
_SECOND_PERSON = "you your yours yourself yourselves"
_THIRD_PERSON = "he she they him her them his hers their theirs himself herself themselves"
_DETERMINERS = (
    "a an the this that these those which what my your his her its our their each every any some no"
)
_POINTING = "it its this that these those there then"
_TITLES = "mr mrs ms dr prof st mt no fig jr sr vs e.g i.e cf approx"
_MID_SENTENCE = "a.m p.m etc inc ltd u.s u.k"

_STEMMER = Stemmer("english")
_STEMMER_LOCK = threading.Lock()  # the stemmer keeps the word it works on in itself

_CONTRACTION = pattern(r"\b[^\W_]+n't\b|(?<=[^\W_])'(?:s|d|ll|m|re|ve)\b", re.IGNORECASE)
_QUESTION_OPENING = pattern(
    r"\s*(?:and |but |so |or )?(?:(?:do|did|are|were|have|can|could|would|will|should)(?:n't)? you\b"
    r"|(?:what|who|where|when|why|how)(?:['\u2019]s| is| are| was| were| do| does| did) (?:you|your|the|that|it|he|she|they)\b)",
    re.IGNORECASE,
)
_COURTESY = pattern(
    r"^\W*(?:(?:please|and|so|ok|okay|well)\W+)*"
    r"(?:(?:(?:can|could|will|would) you (?:please |kindly )?|please )?"
    r"(?:(?:tell|remind|show|give|help)(?: me| us)|(?:list|provide|summari[sz]e|outline|recap|walk (?:me|us) through))"
    r"|do you (?:still )?(?:know|remember|recall)|i(?: would|['\u2019]d) like to know)\b(?: again| about)?\W*(?=\w)",
    re.IGNORECASE,
)
_ASKING = pattern(
    rf"{_COURTESY.pattern}|^\W*(?:what|wh(?:o|om|ose|ich|en|ere|y)|how)\b", re.IGNORECASE
)
_NAME = r"[A-Z][a-z]+(?: [A-Z][a-z]+)?"
_AUXILIARIES = "do|does|did|is|are|was|were|has|have|had|can|could|will|would|should"
_SUBJECT = pattern(rf"\b((?i:{_AUXILIARIES}) ){_NAME}(?:['\u2019]s)?\b ?|\b{_NAME}['\u2019]s\b ?")
_SHOWING = pattern(
    r"\bhere(?:['\u2019]s| is| are)\b|\bcheck (?:(?:it|this|that|them) )?out\b|^\W*(?:check|look at)\b"
    r"|\b(?:this|that|these|those) (?:pic|photo|picture|image|video|clip|link|shot|painting)\w*"
    r"|\b(?:this|that) (?:same|movie|film|book|song|show|game)\b"
    r"|\b(?:read|seen|watched|heard|tried|done|did|do|know|about|of|like) that(?=\W*(?:yet|too|before)?\W*$|\W+(?:yet|too)\b)",
    re.IGNORECASE,
)
_PLEASANTRY = pattern(
    r"\W*(?:(?:oh|wow|aww?|yay|yeah|yes|well|so|and|but|haha),?\s+)*"
    r"(?:thanks|thank|thx|congrat\w*|hi|hey|hello|bye|goodbye|good (?:luck|morning|night|evening)|sorry|welcome"
    r"|(?:so |i am |i'm |i was )?(?:glad|happy|sorry|proud|excited|grateful)"
    r"|(?:i )?(?:hope|wish|love|appreciate|agree|totally|absolutely|sounds?|can't wait|miss|bet|guess)"
    r"|nice|great|awesome|cool|amazing|sure|no (?:worries|problem))\b",
    re.IGNORECASE,
)
_REPORTING = pattern(
    r"\W*(?:(?:is|was|has|had|also|just|then|first|really|been) )*"
    r"(?:(?:agree|thank|greet|mention|ask|praise|compliment|respond|repl[iy]|comment|wonder|chat)(?:e?s|e?d|ing)?\b"
    r"|(?:shar(?:es?|ed|ing)|express(?:es|ed|ing)?|discuss(?:es|ed|ing)?)"
    r"(?: (?:his|her|their|its|a|an|the|some|more))? (?:thoughts?|feelings?|opinions?|views?|plans?|ideas?|thanks"
    r"|admiration|gratitude|appreciation|excitement)\b)",
    re.IGNORECASE,
)
_INTENTION = pattern(
    r"\b(?:wan(?:t|ts|na)|gonna|going to|hop(?:e|es|ing)|plan(?:s|ning)?|thinking (?:about|of)|will|would|might|may|should"
    r"|could|dream(?:s|ing)?|wish(?:es|ing)?|(?:like|love|need) to|considering|aim(?:s|ing)?|look(?:ing)? forward to"
    r"|can['\u2019]t wait|let['\u2019]s)\b|['\u2019](?:ll|d)\b"
    r"|(?:\b(?:am|is|are)|['\u2019](?:m|re|s)) (?:(?:now|currently|just|also|still) )?$",  # "I'm starting a choir"
    re.IGNORECASE,
)
_IRREGULAR = """
begin began begun, break broke broken, bring brought, build built, buy bought, catch caught, choose chose chosen,
come came, do did done, draw drew drawn, drive drove driven, eat ate eaten, fall fell fallen, find found,
fly flew flown, get got gotten, give gave given, go went gone, grow grew grown, hold held, keep kept, lead led,
leave left, lose lost, make made, meet met, pay paid, ride rode ridden, run ran, see saw seen, sell sold, send sent,
sing sang sung, speak spoke spoken, spend spent, swim swam swum, take took taken, teach taught, tell told, win won,
write wrote written
"""
_KIN = pattern(
    r"(?:(?P<whose>\b(?:my|our|your|his|her|their|(?:i|we|you|he|she|they) (?:have|has|had|got))|['\u2019]s)\s+"
    r"(?:\w+\s+){0,2}|\bthe\s+(?:\w+\s+){0,2})?\b(?P<kin>kids?|child|children|sons?|daughters?|bab(?:y|ies)|husband|wife|partner|boyfriend"
    r"|girlfriend|brothers?|sisters?|mom|mum|mother|dad|father|parents|grand(?:ma|pa|mother|father|parents|child|children)"
    r"|aunt|uncle|cousins?|nieces?|nephews?|family)\b",
    re.IGNORECASE,
)
_FRAMING = pattern(
    r"\b(?:(?:an? |the )?(?:(?:clear|comprehensive|complete|brief|short|detailed|full|concise) )*"
    r"(?:summary|overview|recap|list) of"
    r"|the order in which|in (?:chronological )?order"
    r"|(?:throughout|across|in|during|over|from) (?:our|my|these|those)(?: \w+)? (?:conversation|chat|discussion|talk|message)s?"
    r"|(?:i|we|you)(?:['\u2019]ve| have| had)? (?:brought up|mentioned|discussed|talked about|asked about|told you|said)"
    r"|(?:did|have|had) (?:i|we) (?:say|mention|tell you|ask|discuss|talk about)"
    r"|(?:mention|list|name) only(?: and only)? \w+(?: items?| things?)?"
    r"|(?:different|various|several) (?:aspects|topics|things|points)(?: of| about)?)\b",
    re.IGNORECASE,
)
_NEGATION = pattern(
    r"\b(?:not|no|never|nobody|nothing|none|neither|nor|without|stopped|\w+n['\u2019]t)\b"
)
_LEADS_TO_NAME = pattern(
    r"\b(?:a|an|the|of|in|on|at|to|from|with|by|for|about|and|or)$", re.IGNORECASE
)


def _one_of(words: Iterable[str]) -> str:
    """A pattern for any of some words, the longest first; hyphens may stand for spaces."""
    longest_first = sorted(words, key=len, reverse=True)
    return "|".join(word.replace(" ", r"[\s-]+") for word in longest_first)


_FIRST = "first second third fourth fifth sixth seventh eighth ninth"
_TENTH = """
tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
"""
_LATER = [*(f"twenty {word}" for word in _FIRST.split()), "thirtieth", "thirty first"]
_ORDINALS = {word: n for n, word in enumerate([*_FIRST.split(), *_TENTH.split(), *_LATER], start=1)}
_LONG_MONTHS = [name.lower() for name in MONTHS]
_MONTH_NUMBERS = {name: i for i, name in enumerate(_LONG_MONTHS, start=1)}
_MONTH_NUMBERS |= {name[:3]: i for name, i in _MONTH_NUMBERS.items()} | {"sept": 9}
# "may", "mar", "jan" and the like are also words and names: in lower case only the long names count.
_ANY_MONTH = "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True))
_DAY = r"(?P<{0}>\d{{1,2}})(?:st|nd|rd|th)?"
_WHICH = {"last": -1, "past": -1, "previous": -1, "this": 0, "next": 1}
_MONTH_DATE = pattern(
    rf"(?:\b{_DAY.format('before')}(?:\s+of)?(?:\s+|-)|\b(?P<ordinal>{_one_of(_ORDINALS)})\s+of\s+"
    rf"|\b(?P<which>{_one_of(_WHICH)})\s+)?"
    rf"\b(?P<month>{_ANY_MONTH})\b\.?(?:\s+{_DAY.format('after')}\b(?!\d))?"
    rf"(?:(?:,?\s+(?:of\s+)?|-)(?P<year>(?:19|20)\d\d|['\u2019]\d\d)\b)?",
    re.IGNORECASE | re.ASCII,  # or a dotless i would count as one
)
_TO = r"\s*(?:[-\u2013]|to|until|till|through)\s*"
_MONTH_DAYS = pattern(
    rf"(?:\bbetween\s+{_DAY.format('since')}\s+and\s+|(?:\bfrom\s+|\b){_DAY.format('start')}{_TO})"
    rf"{_DAY.format('end')}(?:\s+of)?\s+(?P<month>{_ANY_MONTH})\b\.?(?:,?\s+(?P<year>(?:19|20)\d\d)\b)?"
    rf"|(?:\bfrom\s+|\b)(?P<in>{_ANY_MONTH})\b\.?\s+{_DAY.format('first')}{_TO}{_DAY.format('last')}"
    rf"(?![\w-])(?:,?\s+(?P<of>(?:19|20)\d\d)\b)?",
    re.IGNORECASE | re.ASCII,
)
_DAYS = {
    "yesterday": -1, "last night": -1, "day before yesterday": -2, "today": 0, "tonight": 0,
    "this morning": 0, "this afternoon": 0, "this evening": 0, "tomorrow": 1, "day after tomorrow": 2,
}  # fmt: skip
_COUNTED = """
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBERS = {word: n for n, word in enumerate(_COUNTED.split(), start=1)}
_NUMBERS |= {
    f"{ten} {word}".strip(): n + digit
    for n, ten in zip(range(20, 100, 10), _TENS.split(), strict=True)
    for digit, word in enumerate(["", *_COUNTED.split()[:9]])
}
_FEW = {
    "a": 1,
    "an": 1,
    "a couple of": 2,
    "couple of": 2,
    "a few": 3,
    "few": 3,
    "several": 4,
}
_NUMBER = (  # "seventy three" is put together: a pattern of all numbers takes long to compile
    rf"(?P<number>\d{{1,3}}|(?:{_one_of(_TENS.split())})(?:[\s-]+(?:{_one_of(_COUNTED.split()[:9])}))?"
    rf"|{_one_of([*_COUNTED.split(), *_FEW])})"
)
_UNITS = {unit: unit for unit in ("hour", "day", "week", "weekend", "fortnight", "month", "year")}
_UNITS |= {
    "minute": "hour",
    "min": "hour",
    "hr": "hour",
    "night": "day",
    "wk": "week",
    "yr": "year",
}
_UNIT = rf"(?P<unit>{_one_of(_UNITS)})"
_LONG_UNIT = rf"(?P<unit>{_one_of(word for word, unit in _UNITS.items() if unit != 'hour')})"  # no "last minute"
_ONE_UNIT = rf"(?P<one>{_one_of(unit for unit in _UNITS if unit != 'weekend')})"
_PART_OF_DAY = r"(?:morning|afternoon|evening|night)"
_WEEKDAY = (
    r"(?:(?P<weekday>mon|tues|wednes|thurs|fri|satur|sun)days?"
    r"|(?P<short>mon|tues?|wed|thu(?:rs?)?|fri|(?-i:Sat|Sun)))\b"
)
_BARE_WEEKDAY = (  # "What happened Monday?", "Monday night", but not "the Monday club"
    rf"(?P<bare>(?-i:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun))day(?=\s+{_PART_OF_DAY}\b|\W*$)"
)
_AFTER_BOUND = "|".join(
    rf"(?<=\b{word} )"
    for word in ("since", "from", "after", "before", "until", "till", "by", "to", "through", "and")
)
_TIMES = Times(
    days=_DAYS,
    weekdays={name: n for n, name in enumerate(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])},
    numbers=_NUMBERS | _FEW,
    ordinals=_ORDINALS,
    units=_UNITS,
    which=_WHICH,
    day=pattern(rf"\b(?P<day>{_one_of(_DAYS)})\b", re.IGNORECASE),
    ago=pattern(
        rf"(?<!\bhalf )\b{_NUMBER}\s+(?:{_UNIT}s?|{_WEEKDAY})\s+(?:ago|back)\b(?:\s+(?P<from>today|yesterday)\b)?",
        re.IGNORECASE,
    ),
    past=pattern(
        rf"\b(?:(?:last|past|previous)\s+{_NUMBER}\s+{_UNIT}s?"
        rf"|(?:past|(?:in|over|during|within|for|of)\s+the\s+(?:last|previous))\s+{_ONE_UNIT})\b",
        re.IGNORECASE,
    ),
    before_last=pattern(rf"\b(?:{_UNIT}|{_WEEKDAY})\s+before\s+last\b", re.IGNORECASE),
    unit=pattern(
        rf"\b(?:(?P<which>{_one_of(_WHICH)})\s+{_LONG_UNIT}|(?:on|at|over|during)\s+the\s+(?P<latest>weekend))\b",
        re.IGNORECASE,
    ),
    weekday=pattern(
        rf"\b(?:(?:(?P<which>{_one_of(_WHICH)})\s+|on\s+|{_AFTER_BOUND}){_WEEKDAY}|{_BARE_WEEKDAY})",
        re.IGNORECASE,
    ),
    day_of_month=pattern(  # but not "on the 18th floor"
        r"\bon\s+the\s+(?P<day>\d{1,2})(?:st|nd|rd|th)\b(?=\s*(?:[?.,;:!)]|$)|\s+(?:and|at|in|did|do|was|were|had|have"
        r"|we|i|you|he|she|they|with|about|to|or)\b)",
        re.IGNORECASE,
    ),
    bound=pattern(
        r"\b(?:(?P<since>since|from)|(?P<after>after)|(?P<before>before)|(?P<until>until|till|up\s+to)"
        r"|(?P<between>between))\s+(?:the\s+)?$",
        re.IGNORECASE,
    ),
    link=pattern(
        r"\s*(?:(?P<and>and|&)|(?P<to>to|until|till|through|[-\u2013]))\s*(?:the\s+)?",
        re.IGNORECASE,
    ),
)
_TIME_WORDS = pattern(
    r"\b(?:yesterday|today|tonight|tomorrow|recently|soon|since|ago|upcoming|"
    r"(?:last|next|this|past|every)\s+\w+|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:week|month|year|weekend|day|morning|evening|night)s?|"
    r"summer|winter|spring|fall|autumn|(?:19|20)\d\d|" + "|".join(_LONG_MONTHS) + r")\b",
    re.IGNORECASE,
)

_TELLING = (
    r"(?:said|told|suggested|recommended|advised|proposed|mentioned|explained|described|listed|gave|given|"
    r"provided|showed|shown|created|outlined|offered|made|wrote|written|answered|replied|helped)"
)
_ASKS_REPLY = pattern(
    rf"\b(?:(?:did|have|had|were) you\b|you (?:\w+ly )?(?:(?:had|have|['\u2019]ve) )?{_TELLING}\b"
    r"|your (?:\w+ )?(?:suggestion|recommendation|advice|answer|reply|explanation|response|proposal)s?\b)",
    re.IGNORECASE,
)
_ASKS_HELP = pattern(
    r"\b(?:(?:should|can|could|do|would|shall|may) (?:i|we)|(?:can|could|would|will) you|i should|suggest|recommend"
    r"|help me)\b",
    re.IGNORECASE,
)
_WISH = pattern(
    r"^\W{0,3}(?:(?:please|also|and|but)\W{1,2})?"
    r"(?:always|never|don['\u2019]?t ever|from now on|going forward|in (?:the )?future|whenever i|every time i"
    r"|(?:remember|make sure) (?:to|that|you))\b"
    r"|\bi(?: would|['\u2019]d)?(?: \w+ly)? (?:prefer|rather)\b|\bmy preferences?\b",
    re.IGNORECASE,
)

# Nicknames that do not begin as the name does.
_NICKNAMES = {
    "bess": "elizabeth", "beth": "elizabeth bethany", "betty": "elizabeth", "bill": "william",
    "billy": "william", "bob": "robert", "bobby": "robert", "chuck": "charles", "dick": "richard",
    "drew": "andrew", "gus": "augustus angus", "hank": "henry", "harry": "harold henry",
    "jack": "john jackson", "jake": "jacob", "jim": "james", "jimmy": "james", "kate": "katherine catherine",
    "kathy": "catherine", "kitty": "katherine catherine", "larry": "lawrence", "lena": "helena magdalena",
    "libby": "elizabeth", "lisa": "elizabeth", "liz": "elizabeth", "lizzie": "elizabeth", "maggie": "margaret",
    "meg": "margaret megan", "mike": "michael", "molly": "mary margaret", "nell": "eleanor helen",
    "ned": "edward edmund", "peggy": "margaret", "polly": "mary pauline", "rick": "richard frederick",
    "sally": "sarah", "sasha": "alexander alexandra", "ted": "edward theodore", "tina": "christina martina",
    "tony": "anthony antonio", "trish": "patricia", "trixie": "beatrice", "wendy": "gwendolyn", "xander": "alexander",
}  # fmt: skip
_CALLED = pattern(
    r"\b(?:[Cc]all(?:s|ed)? (?:me|her|him|them)|[Gg]o(?:es)? by|(?:also )?known as|nicknamed?(?: is)?) "
    r"['\"\u201c]?([A-Z]\w+)"
)


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
    version=5,
    stop_words=frozenset([*_STOP_WORDS.split(), *_CHINESE_STOP_WORDS]),
    stem=stem,
    contraction=_CONTRACTION,
    capitals_name=True,
    titles=frozenset(_TITLES.split()),
    mid_sentence=frozenset(_MID_SENTENCE.split()),
    one_letter_words=frozenset("i"),
    question_opening=_QUESTION_OPENING,
    courtesy=_COURTESY,
    asking=_ASKING,
    negation=_NEGATION,
    leads_to_name=_LEADS_TO_NAME,
    determiners=frozenset(_DETERMINERS.split()),
    possessive=pattern(r"'s\b", re.IGNORECASE),
    first_person=frozenset(_FIRST_PERSON.split()),
    second_person=frozenset(_SECOND_PERSON.split()),
    third_person=frozenset(_THIRD_PERSON.split()),
    pointing=frozenset(_POINTING.split()),
    together=frozenset(["we", "us", "our", "ours", "ourselves"]),
    demonstrative=frozenset(["these", "this", "those", "here"]),
    neuter=frozenset(["it", "its", "itself"]),
    subject=_SUBJECT,
    showing=_SHOWING,
    pleasantry=_PLEASANTRY,
    reporting=_REPORTING,
    clause=pattern(r",? (?:and|but)(?: (?:he|she|they))?\b"),
    intention=_INTENTION,
    past=pattern(r"[^\W_]{2,}ed$"),
    irregular={
        past: plain
        for plain, *forms in (verb.split() for verb in _IRREGULAR.split(","))
        for past in forms
    },
    kin=_KIN,
    months=_MONTH_NUMBERS,
    month_words=frozenset(_LONG_MONTHS),
    month_date=_MONTH_DATE,
    month_days=_MONTH_DAYS,
    times=_TIMES,
    time_words=_TIME_WORDS,
    framing=_FRAMING,
    asks_reply=_ASKS_REPLY,
    asks_help=_ASKS_HELP,
    wish=_WISH,
    nicknames={nickname: frozenset(names.split()) for nickname, names in _NICKNAMES.items()},
    pet_ending=pattern(r"(?:ie|ey|y|i)$"),
    called=_CALLED,
)
