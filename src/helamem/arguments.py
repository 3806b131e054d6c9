"""Checks of arguments of public methods; each error says what to give."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import SupportsIndex, TypeVar
from urllib.parse import parse_qsl, urlsplit

from helamem.errors import NotFoundError

INT64 = 2**63
SECRET_NAMES = ("key", "token", "secret", "password", "signature")  # parts of names in a query
T = TypeVar("T")


def text(name: str, value: object, advice: str) -> str:
    """A text that is not blank.

    Args:
        name: The argument's name.
        advice: What to do if it is blank.

    Raises:
        TypeError: It is not a string.
        ValueError: It is blank.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"{name} is blank; {advice}")
    return value


def count(name: str, value: object, *, least: int) -> int:
    """A whole number, cut off at 64 bits.

    Raises:
        TypeError: It is not a whole number.
        ValueError: It is below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")
    number = operator.index(value)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return min(number, INT64 - 1)


def ids(name: str, value: object) -> list[int]:
    """The ids of memories, each once.

    Args:
        name: The argument's name.

    Raises:
        TypeError: They are not whole numbers.
        NotFoundError: One has more than 64 bits, so no memory has it.
    """
    if isinstance(value, str | bytes | bytearray | Mapping) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be ids, as in [1, 2], not {type(value).__name__}")
    return list(dict.fromkeys(id_(each) for each in value))


def id_(value: object) -> int:
    """The id of a memory.

    Raises:
        TypeError: It is not a whole number.
        NotFoundError: It has more than 64 bits, so no memory has it.
    """
    if isinstance(value, list | tuple | set | frozenset):
        raise TypeError(
            f"an id is one whole number, not a {type(value).__name__}; `delete(*ids)` takes several"
        )
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        more = "; give its `id`" if hasattr(value, "id") else ""
        raise TypeError(f"an id must be a whole number, not {type(value).__name__}{more}")
    id_ = operator.index(value)
    if not -INT64 <= id_ < INT64:
        raise NotFoundError("memory", id_)
    return id_


def text_lines(name: str, lines: Iterable[str]) -> Iterator[str]:
    """The lines of a text file, one by one.

    Raises:
        TypeError: It is not a sequence of lines, or one of them is not text.
    """
    if not isinstance(lines, Iterable):
        raise TypeError(f"{name} takes lines, such as an open file, not {type(lines).__name__}")
    for line in lines:
        if not isinstance(line, str):
            raise TypeError(f"{name} takes lines of text, not {type(line).__name__}")
        yield line


def certainty(value: float) -> float:
    """A certainty in (0, 1].

    Raises:
        TypeError: It is not a number.
        ValueError: It is outside of (0, 1].
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"certainty must be a number in (0, 1], not {type(value).__name__}")
    if not 0 < value <= 1:
        raise ValueError(f"certainty must lie in (0, 1], but is {value}")
    return float(value)


def fraction(name: str, value: object) -> float:
    """A share or a probability, in [0, 1].

    Raises:
        TypeError: It is not a number.
        ValueError: It is outside of [0, 1].
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number in [0, 1], not {type(value).__name__}")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in [0, 1], but is {value}")
    return float(value)


def embedder(value: T) -> T:
    """An embedder, or None for that of the settings.

    Raises:
        TypeError: It is something else, such as an embedder's name.
    """
    return _part("embedder", value, "embed", 'name one by config=Config.of(embedder="minilm")')


def reranker(value: T) -> T:
    """A reranker, or None for that of the settings.

    Raises:
        TypeError: It is something else, such as a reranker's name.
    """
    advice = 'name one by config=Config.of(**{"reranking.model": "cross-encoder:FOLDER"})'
    return _part("reranker", value, "scores", advice)


def model(value: T, *, optional: bool = True) -> T:
    """A language model, or None for that of the settings.

    Raises:
        TypeError: It is something else, such as a model's name; or it is None, and not optional.
    """
    advice = 'give one like OpenAIChat("gpt-4o-mini", api_key=...)'
    return _part("llm", value, "complete", advice, optional=optional)


def _part(name: str, value: T, method: str, advice: str, *, optional: bool = True) -> T:
    if value is None and optional:
        return value
    if isinstance(value, type) or not hasattr(value, method):
        shown = value.__name__ if isinstance(value, type) else type(value).__name__
        raise TypeError(f"{name} must be an object that can `{method}`, not {shown}; {advice}")
    return value


def epoch_seconds(value: float) -> float:
    """What a clock gives.

    Raises:
        TypeError: It is not a number.
        ValueError: It is outside of the years 1 to 9999.
    """
    clock_time(value)
    return value


def clock_time(seconds: float) -> datetime:
    """A clock's epoch seconds as a time.

    Raises:
        TypeError: It is not a number.
        ValueError: It is outside of the years 1 to 9999.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"clock must give epoch seconds, not {type(seconds).__name__}")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as exc:
        raise ValueError(
            f"clock gives {seconds!r}, which is not a time in the years 1 to 9999; it must return "
            f"epoch seconds, like time.time"
        ) from exc


def server_address(base_url: str) -> str:
    """The address of a server, without credentials, since the address is shown in errors and logs.

    Raises:
        ValueError: It is not an address, or holds a user name, a password or a key.
    """
    try:
        parts = urlsplit(base_url)
    except ValueError:
        raise ValueError("base_url must be an address like http://localhost:11434/v1") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "base_url holds a user name or a password, which errors and logs would show; leave "
            "them out, and give the key as api_key (HELAMEM_LLM_API_KEY)"
        )
    if any(word in name.casefold() for name, _ in parse_qsl(parts.query) for word in SECRET_NAMES):
        raise ValueError(
            "base_url holds a key or password behind its '?', which errors and logs would show; leave "
            "it out, and give the key as api_key (HELAMEM_LLM_API_KEY)"
        )
    if base_url and parts.scheme not in ("http", "https"):
        raise ValueError(
            "the address of a server begins with http:// or https://, as in http://localhost:11434/v1"
        )
    return base_url


def server_key(value: str | None) -> str:
    """The key of a server, without the space around it; empty if there is none.

    Raises:
        TypeError: It is not a string.
        ValueError: It has a character that no header can hold. The message does not show it.
    """
    if not isinstance(value, str | None):
        raise TypeError(f"api_key must be a string, not {type(value).__name__}")
    key = (value or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError(
            "api_key has a character that no key has, such as a line break; copy the key anew"
        )
    return key


def several(called: str, value: object, *, each: str, instead: str) -> None:
    """Refuse a single text or mapping as a list: its letters or keys would be taken for items.

    Args:
        called: The method.
        each: What it takes several of.
        instead: What to do.

    Raises:
        TypeError: It is a text or a mapping.
    """
    if isinstance(value, str | bytes | Mapping):
        raise TypeError(f"{called} takes {each}, not one {type(value).__name__}; {instead}")
