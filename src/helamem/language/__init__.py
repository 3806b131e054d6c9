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
    """The language with this name, as in the setting `language`.

    Raises:
        KeyError: It is unknown; the settings allow known names only.
    """
    return _LANGUAGES[name]
