"""Regular expressions that are compiled when they are first used.

A language has some fifty, of which one question uses a part; compiling all took a tenth of the time of a short command.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """A regular expression, compiled when it is first used; an invalid one raises then.

    >>> pattern(r"[0-9]+").findall("9:40")
    ['9', '40']
    """
    return cast("re.Pattern[str]", _Later(text, flags))


class _Later:
    """Has the methods of the compiled expression, each looked up once."""

    def __init__(self, text: str, flags: int) -> None:
        self.pattern = text
        self._given = flags

    if not TYPE_CHECKING:  # type checkers see a `re.Pattern`

        def __getattr__(self, name: str) -> object:
            found = getattr(re.compile(self.pattern, self._given), name)
            setattr(self, name, found)
            return found
