"""Names in a text: those of speakers in a question, and any name in a turn.

Pure functions on strings. A look-up costs the same however many speakers there are.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from helamem.language.characters import APOSTROPHES
from helamem.language.sentences import opens_sentence
from helamem.language.terms import folded, is_unspaced, token_matches, tokens_of

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping, Sequence

    from helamem.language.language import Language

# Within these first words, a name followed by punctuation is a form of address: "Oh hey Ana, ...", not "In Leeds."
OPENING = 2
LOOK_BACK = 16  # most characters before a name that decide its meaning
_SET_OFF = ",.!?;:\u2026"
SHORT_FORM = 3  # least letters of a short form, such as "Mel" for Melanie
MISSPELT = 5  # least letters of a name whose misspelling is recognized


def mentions(
    query: str,
    speakers: Sequence[str],
    language: Language,
    *,
    after_articles: bool = False,
) -> list[tuple[int, int, int]]:
    """Where a query in NFC names speakers: (start, end, index of the speaker), in order, with a possessive 's.

    A speaker is named by any word of the name, or by its beginning if only one name begins so; an initial or a
    digit counts beside another word of the name, and "Grad E" is not Grad F. Accents do not matter. An ordinary
    word is not a name: one after "the" or "which", in lower case beside names in capitals, or in an identifier
    such as `get_user`. A name that is also a stop word or a month, such as Will or April, needs a capital that
    does not just begin a sentence.

    Args:
        after_articles: Whether a word after "the" can be a name, as it is in "the assistant wants".

    >>> from helamem.language import ENGLISH
    >>> mentions("What did Zoe tell Ben Ode?", ["Ben Ode", "Zoë"], ENGLISH)
    [(9, 12, 1), (18, 21, 0), (22, 25, 0)]
    >>> mentions("How high was the bill that Ana paid?", ["Bill", "Ana"], ENGLISH)
    [(27, 30, 1)]
    """
    plain = query.translate(APOSTROPHES)
    known = _known(tuple(speakers), language)
    tokens = list(token_matches(plain))
    capitals = language.capitals_name and any(
        is_capital(token, plain, language) for token in tokens
    )
    read: list[list[_Reading]] = []
    before = ""
    for token in tokens:
        word = folded(token[0], language).casefold()
        small = capitals and token[0].islower() and word not in known.small
        ordinary = small or (before in language.determiners and not after_articles)
        named = _named_by(token, word, plain, known, language, ordinary=ordinary)
        read.append([] if _is_in_identifier(token) and word not in known.joined else list(named))
        before = word
    return sorted((each.start, each.stop, i) for each in _agreed(read) for i in each.named)


def misspelt(query: str, speakers: Sequence[str], language: Language) -> list[tuple[str, int]]:
    """The words of a query that nearly match the name of one speaker, with the speaker's index.

    Such a word has a capital inside a sentence, and one letter more, less, replaced or swapped.

    >>> from helamem.language import ENGLISH
    >>> misspelt("What does Carolin like?", ["Caroline", "Melanie"], ENGLISH)
    [('Carolin', 0)]
    """
    known = _known(tuple(speakers), language)
    found = []
    for token in token_matches(query.translate(APOSTROPHES)):
        word = folded(token[0], language).casefold()
        if word in known.words or not is_capital(token, query, language):
            continue
        near = {i for each in _nearly(word) for i in known.nearly.get(each, ())}
        if len(near) == 1:
            found.append((token[0], near.pop()))
    return found


def names_something(text: str, language: Language) -> bool:
    """Whether a text names something: a place, a title, a brand, somebody who is absent.

    It needs a capital inside a sentence, in a language that has them. Words in capitals only, and forms of address
    as in "Thanks, Ana!" and "Hey Ana, ...", do not count.

    >>> from helamem.language import ENGLISH
    >>> names_something("We saw Carmen in Leeds, Ana!", ENGLISH), names_something("Thanks, Ana! I AM glad.", ENGLISH)
    (True, False)
    """
    if not language.capitals_name:
        return False
    plain = folded(text, language)
    place = 0  # in the sentence
    for token in token_matches(plain):
        place = 0 if opens_sentence(plain, token.start()) else place + 1
        if (
            place
            and _is_proper(token[0], language)
            and not _is_called_out(plain, token, place, language)
        ):
            return True
    return False


class _Known:
    """The speakers by the words of their names, their beginnings, and their near spellings.

    Attributes:
        words, begun, nearly: The speakers that a word, a beginning or a near spelling may mean.
        small: The words that the names themselves write in lower case.
        joined: The words of names such as ana_b.
        initials: The speakers whose names have a letter or digit alone.
        longest: The length of the longest word of a script without spaces.
    """

    __slots__ = ("begun", "initials", "joined", "longest", "nearly", "small", "words")

    def __init__(self, speakers: Sequence[str], language: Language) -> None:
        self.words: dict[str, set[int]] = {}
        self.begun: dict[str, set[int]] = {}
        self.nearly: dict[str, set[int]] = {}
        self.small: set[str] = set()
        self.joined: set[str] = set()
        self.initials: dict[str, set[int]] = {}
        for i, name in enumerate(speakers):
            for written in tokens_of(folded(name, language)):
                word = written.casefold()
                self.joined |= {word} if "_" in name else set()
                if len(word) == 1:
                    self.initials.setdefault(word, set()).add(i)
                else:
                    self._add(word, i)
                    self.small |= {word} if written.islower() else set()
        self.longest = max((len(w) for w in self.words if is_unspaced(w)), default=0)

    def _add(self, word: str, i: int) -> None:
        self.words.setdefault(word, set()).add(i)
        for n in range(SHORT_FORM, len(word)):
            self.begun.setdefault(word[:n], set()).add(i)
        for each in _nearly(word):
            self.nearly.setdefault(each, set()).add(i)


@lru_cache(maxsize=16)
def _known(speakers: tuple[str, ...], language: Language) -> _Known:
    return _Known(speakers, language)


class _Reading(NamedTuple):
    """A part of a query and the speakers whom it may name; an initial does so only beside another word."""

    start: int
    stop: int
    named: set[int]
    initial: bool


def _named_by(
    token: re.Match[str],
    whole: str,
    text: str,
    known: _Known,
    language: Language,
    *,
    ordinary: bool,
) -> Iterator[_Reading]:
    """The speakers that a token names; if `ordinary`, it needs a capital inside a sentence."""
    telling = is_capital(token, text, language)
    for word, start, end in _readings(token, whole, known.longest, language):
        possessive = language.possessive.match(text, end)
        if word in language.stop_words or word in language.month_words:
            means_a_name = telling
        else:
            means_a_name = telling or bool(possessive) or not ordinary
        initial = len(word) == 1
        names = known.initials if initial else known.words
        named = names[word] if word in names else _short_for(word, known.begun, telling=telling)
        if named and means_a_name:
            yield _Reading(start, possessive.end() if possessive else end, named, initial)


def _agreed(read: Sequence[Sequence[_Reading]]) -> Iterator[_Reading]:
    """The readings of each token, without the speakers whom the token beside it rules out."""
    for place, readings in enumerate(read):
        beside = [*(read[place - 1] if place else ()), *chain(*read[place + 1 : place + 2])]
        for each in readings:
            both = set().union(*(each.named & other.named for other in beside))
            if both or not each.initial:
                yield each._replace(named=both or each.named)


def _readings(
    token: re.Match[str], word: str, longest: int, language: Language
) -> Iterator[tuple[str, int, int]]:
    """The parts of a token that may be names, with places: the whole, or any part of a run without spaces."""
    if not is_unspaced(word):
        yield word, *token.span()
        return
    spans = _spans(token, word, language)
    for start in range(len(word)):
        for end in range(start + 2, min(start + longest, len(word)) + 1):
            yield word[start:end], spans[start][0], spans[end - 1][1]


def _spans(token: re.Match[str], word: str, language: Language) -> list[tuple[int, int]]:
    """Where each character of a folded token stands; one may fold to several, and several to one."""
    pieces = [folded(character, language).casefold() for character in token[0]]
    if "".join(pieces) != word:
        return [token.span()] * len(word)
    places = [token.start() + i for i, piece in enumerate(pieces) for _ in piece]
    return [(place, place + 1) for place in places]


def _is_in_identifier(token: re.Match[str]) -> bool:
    start, end = token.span()
    return "_" in token.string[max(0, start - 1) : start] + token.string[end : end + 1]


def _short_for(word: str, begun: Mapping[str, set[int]], *, telling: bool) -> set[int]:
    """The only speaker whose name begins with a word written as a name, if there is one."""
    named = begun.get(word, set()) if telling else set()
    return named if len(named) == 1 else set()


def is_capital(token: re.Match[str], text: str, language: Language) -> bool:
    """Whether a token has a capital that does not just begin a sentence, and is not "I"."""
    if not token[0][0].isupper() or opens_sentence(text, token.start()):
        return False
    return len(token[0]) > 1 or token[0].casefold() not in language.one_letter_words


def _nearly(word: str) -> set[str]:
    """The word, and the word without each of its letters: near spellings share one of these."""
    if len(word) < MISSPELT - 1:
        return set()
    return {word} | {word[:i] + word[i + 1 :] for i in range(len(word))}


def _is_proper(token: str, language: Language) -> bool:
    capital = token[0].isupper() and (len(token) == 1 or not token.isupper())
    return capital and token.casefold() not in language.stop_words


def _is_called_out(text: str, token: re.Match[str], place: int, language: Language) -> bool:
    """Whether a name is a form of address: before punctuation, and after a comma or at the start."""
    before = text[max(0, token.start() - LOOK_BACK) : token.start()].rstrip()
    after = text[token.end() : token.end() + 1]
    opens = place <= OPENING and not language.leads_to_name.search(before)
    return (not after or after in _SET_OFF) and (opens or before.endswith(","))
