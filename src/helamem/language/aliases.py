"""Words that may be another name of a person: guesses, which are shown and never acted upon.

Pure functions on strings, which raise on none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.language.names import SHORT_FORM, is_capital
from helamem.language.terms import folded, token_matches, tokens_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from helamem.language.language import Language


def called_in(text: str, language: Language) -> set[str]:
    """What a text says that somebody is called.

    >>> from helamem.language import ENGLISH
    >>> called_in("My friends call me Sunny.", ENGLISH)
    {'Sunny'}
    """
    return {match[1] for match in language.called.finditer(folded(text, language))}


def alias_finder(
    name: str, language: Language, *, called: Iterable[str] = ()
) -> Callable[[str, str], set[str]]:
    """A function from a text and its speaker to the words in them that may be another name of the person.

    That is a part of the name; one that begins it, or that it begins; one that begins as the name does and
    ends like a pet name; and a known nickname.

    Args:
        called: What the person is said to be called.

    >>> from helamem.language import ENGLISH
    >>> alias_finder("Melanie", ENGLISH)("I met Mel in Leeds.", "Ben")
    {'Mel'}
    """
    words = {word.casefold() for word in tokens_of(folded(name, language))}
    guesses = dict.fromkeys((each.casefold() for each in called), True)

    def may_be(written: str) -> bool:
        word = written.casefold()
        if word not in guesses:
            guesses[word] = _may_be(word, words, language)
        return guesses[word]

    def found(text: str, speaker: str) -> set[str]:
        plain = folded(text, language)
        capitals = {
            token[0] for token in token_matches(plain) if is_capital(token, plain, language)
        }
        spoken = tokens_of(folded(speaker, language))
        return {word for word in capitals.union(spoken) if may_be(word)}

    return found


def _may_be(word: str, names: set[str], language: Language) -> bool:
    if word in names:
        return len(names) > 1
    return any(
        _is_short_for(*pair, language) for each in names for pair in ((word, each), (each, word))
    )


def _is_short_for(short: str, name: str, language: Language) -> bool:
    if name in language.nicknames.get(short, ()):
        return True
    return any(
        len(stem) >= SHORT_FORM and name.startswith(stem) and name != stem
        for stem in (short, *_without_pet_ending(short, language))
    )


def _without_pet_ending(word: str, language: Language) -> list[str]:
    """What is left of a pet name: "benn" and "ben" of "benny"."""
    ending = language.pet_ending.search(word)
    stem = word[: ending.start()] if ending else ""
    doubled = len(stem) > 1 and stem[-1] == stem[-2]
    return [stem, stem[:-1]] if doubled else [stem]
