"""How long a text is for a language model, by one documented tokenizer.

It is Llama 2's byte-pair encoding with 32,000 tokens, which the package wordllama ships. Other models
count a little differently; a budget of N tokens here is about N tokens there.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from helamem.errors import ConfigError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "llama-2-32k"  # what results that count tokens should name

_LONG = 4000  # characters; counts of longer texts are not kept
_lock = threading.Lock()


def count_tokens(text: str) -> int:
    """The number of tokens of a text; the marks of its beginning and end do not count.

    Time grows with the length of the text: about half a second for a million characters.

    >>> count_tokens("Maya is allergic to peanuts.")
    11
    """
    return _count_short(text) if len(text) <= _LONG else _count(text)


def bundled_file(folder: str, name: str) -> Path:
    """A file inside the package wordllama, which is not imported: that would configure logging.

    Raises:
        ConfigError: The file is not there.
    """
    spec = find_spec("wordllama")
    for place in (spec.submodule_search_locations or []) if spec else []:
        file = Path(place, folder, name)
        if file.is_file():
            return file
    raise ConfigError(
        f"{folder}/{name} of the package wordllama is not installed. "
        f"Install it with: pip install --force-reinstall 'wordllama>=0.3.9,<0.5'"
    )


def _count(text: str) -> int:
    known = text.encode("utf-8", errors="replace").decode()  # no tokenizer takes lone surrogates
    return len(_tokenizer().encode(known, add_special_tokens=False).ids)


_count_short = lru_cache(maxsize=8192)(_count)


def _tokenizer() -> Tokenizer:
    with _lock:
        return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(
        str(bundled_file("tokenizers", "l2_supercat_tokenizer_config.json"))
    )
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True  # "</s>" in a memory is text like any other
    return tokenizer
