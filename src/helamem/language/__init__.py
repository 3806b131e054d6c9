"""Language analysis: terms, sentences, names, dates.

Every word list and pattern of a language is in a `Language`: `english.ENGLISH`, or `language.NEUTRAL`,
which has none. Raise its `version` with every change of terms or traits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.language.english import ENGLISH
from helamem.language.language import NEUTRAL

if TYPE_CHECKING:
    from helamem.language.language import Language

_LANGUAGES = {language.name: language for language in (ENGLISH, NEUTRAL)}


def language_named(name: str) -> Language:
    """The language with this name, as the setting `language` has it.

    Raises:
        KeyError: There is none; the settings allow only those that there are.
    """
    return _LANGUAGES[name]
