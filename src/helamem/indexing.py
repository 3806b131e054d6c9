"""Prepares turns for a store: cleaned text, terms, vectors, traits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from itertools import islice
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from helamem import records
from helamem.core.arrays import real_numbers
from helamem.errors import EmbedderError
from helamem.identity import day
from helamem.language import characters
from helamem.language.sentences import is_question, sentences, stretches
from helamem.language.terms import index_terms
from helamem.protocols import ASKS, QUIET, WISHES, NewEpisode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.language.language import Language
    from helamem.protocols import Embedder, Floats, Term
    from helamem.records import Json, Turn


MAX_DEPTH = 50  # of metadata
PASSAGE = 300  # characters that one vector describes well
SHARE = 0.8  # how a passage counts: the best of many is near a question by chance
MAX_TEXT = 10_000_000  # characters of a turn, and of its metadata as JSON
_NOTE = re.compile(r"\[[^\[\]]*\]$")  # "[image: a dog]" at the end of a turn was not said


def cleaned(turn: Turn) -> tuple[Turn, list[str]]:
    """The turn as it can be stored, and one reason per loss.

    Raises:
        ValueError: Its metadata is not JSON, or one of the two is longer than `MAX_TEXT`.
    """
    if len(turn.text) > MAX_TEXT:
        raise ValueError(
            f"the text has {len(turn.text):,} characters, and a turn at most {MAX_TEXT:,}; split it"
        )
    clean, reasons = characters.clean(turn.text)
    names = {name: characters.clean(getattr(turn, name)) for name in ("speaker", "role", "session")}
    reasons += [f"{each} in the {name}" for name, (_, lost) in names.items() for each in lost]
    return replace(
        turn,
        text=clean,
        speaker=names["speaker"][0],
        role=names["role"][0],
        session=names["session"][0],
        metadata=plain_json(turn.metadata),
    ), reasons


def prepare(
    turns: Sequence[Turn],
    keys: Sequence[bytes],
    embedder: Embedder,
    language: Language,
    *,
    now: float,
    zone: tzinfo = UTC,
) -> list[NewEpisode]:
    """Prepare one episode per turn.

    Args:
        turns: `cleaned`.
        keys: Their keys; see `helamem.identity`.
        now: When a turn without a time happened, in epoch seconds.
        zone: The zone of the days that are sessions of turns that name none.

    Raises:
        EmbedderError: The embedder failed.
    """
    vectors = vectors_of([(turn.speaker, turn.text) for turn in turns], embedder, language)
    return [
        NewEpisode(
            key=key,
            text=turn.text,
            speaker=turn.speaker,
            role=turn.role,
            session=session_of(turn, now, zone),
            at=moment_of(turn, now),
            stored_at=now,
            metadata=turn.metadata,
            offset=offset_of(turn),
            **vector,
            **indexed(turn.text, language, turn.metadata),
        )
        for turn, key, vector in zip(turns, keys, vectors, strict=True)
    ]


class Vectors(TypedDict):
    """The vector of a whole turn, and those of the passages of a long one; see `protocols.NewEpisode`."""

    vector: Floats
    passages: Sequence[Floats]


def vectors_of(
    turns: Sequence[tuple[str, str]], embedder: Embedder, language: Language
) -> list[Vectors]:
    """The vectors of turns, each given as its speaker and its text.

    Raises:
        EmbedderError: The embedder failed.
    """
    parts = [passages(text, embedder, language) for _, text in turns]
    wholes = [spoken(speaker, text) for speaker, text in turns]
    pieces = [
        spoken(speaker, part)
        for (speaker, _), own in zip(turns, parts, strict=True)
        for part in own
    ]
    made = embed(embedder, [*wholes, *pieces])
    of_passages = iter(SHARE * made[len(turns) :])
    return [
        Vectors(vector=whole, passages=tuple(islice(of_passages, len(own))))
        for whole, own in zip(made[: len(turns)], parts, strict=True)
    ]


def passages(text: str, embedder: Embedder, language: Language) -> list[str]:
    """The passages that a long text has vectors of; none of a short one."""
    size = min(PASSAGE, embedder.max_chars or PASSAGE)
    return stretches(text, size, language) if len(text) > size else []


def spoken(speaker: str, text: str) -> str:
    """A turn as it is embedded: with its speaker's name.

    >>> spoken("Ana", "I moved to Leeds."), spoken("", "The gate is open.")
    ('Ana: I moved to Leeds.', 'The gate is open.')
    """
    return f"{speaker}: {text}" if speaker else text


def embed(embedder: Embedder, texts: Sequence[str]) -> Floats:
    """The vectors of texts in NFC, checked; shape (n, dimension).

    Raises:
        EmbedderError: The embedder returned the wrong shape, or values that are not finite.
    """
    if not texts:
        return np.zeros((0, embedder.dimension), np.float32)
    return checked(
        embedder.embed([characters.composed(text) for text in texts]), len(texts), embedder
    )


def checked(returned: object, n: int, embedder: Embedder) -> Floats:
    """Check an embedder's vectors, and return them.

    Raises:
        EmbedderError: They have the wrong shape, or values that are not finite.
    """
    vectors = real_numbers(returned)
    if vectors is None:
        raise EmbedderError(
            f"{embedder.name} returned {type(returned).__name__}, expected one vector of numbers per text",
            provider=embedder.name,
        )
    if vectors.shape != (n, embedder.dimension):
        raise EmbedderError(
            f"{embedder.name} returned vectors of shape {vectors.shape}, expected {(n, embedder.dimension)}",
            provider=embedder.name,
        )
    if not np.isfinite(vectors).all():
        bad = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise EmbedderError(
            f"{embedder.name} returned NaN or infinity for text {bad}", provider=embedder.name
        )
    return vectors


def plain_json(metadata: Mapping[str, Json]) -> dict[str, Json]:
    """The metadata as the store will return it.

    Raises:
        ValueError: It holds something that JSON cannot express, or keys that are not strings.
    """
    _check_json(metadata)
    try:
        encoded = json.dumps(dict(metadata), allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise ValueError(f"metadata must be JSON: {exc}") from exc
    if len(encoded) > MAX_TEXT:
        raise ValueError(
            f"the metadata has {len(encoded):,} characters as JSON, and may have {MAX_TEXT:,}"
        )
    decoded: dict[str, Json] = json.loads(encoded)
    return decoded


def _check_json(value: object, depth: int = 0) -> None:
    """Refuse metadata that JSON would change silently, or that is nested too deep.

    Raises:
        ValueError: A key is not a string, or something is nested too deep.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"metadata must be JSON that is nested at most {MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        for key, each in value.items():
            if not isinstance(key, str):
                raise ValueError(  # noqa: TRY004  # metadata that are no JSON are a ValueError, all of them
                    f"metadata must be JSON: its keys must be strings, and {key!r} is not"
                )
            _check_json(each, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            _check_json(each, depth + 1)


def moment_of(turn: Turn, now: float) -> float:
    """When a turn was said, in epoch seconds; `now` if it has no time."""
    return now if turn.at is None else turn.at.timestamp()


def session_of(turn: Turn, now: float, zone: tzinfo) -> str:
    """The session of a turn: the one it names, else its day.

    The day is that of the turn's own zone, or of `zone` if its time is in UTC.
    """
    if turn.session:
        return turn.session
    own = turn.at.tzinfo if turn.at is not None and offset_of(turn) is not None else None
    return day(moment_of(turn, now), own or zone)


def offset_of(turn: Turn) -> int | None:
    """The offset of a turn's clock, in seconds east of UTC; None for UTC and unknown.

    A time in UTC says nothing about the place: most programs write all times so.
    """
    offset = turn.at.utcoffset() if turn.at is not None else None
    return round(offset.total_seconds()) if offset else None


class Indexed(TypedDict):
    """The terms and traits of a text; see `protocols.NewEpisode`."""

    terms: Sequence[Term]
    length: int
    traits: int


def indexed(words: str, language: Language, metadata: Mapping[str, Json] | None = None) -> Indexed:
    """The terms of a text, their number, and its traits.

    A quiet turn has none.
    """
    if metadata and metadata.get(records.QUIET) is True:
        return {"terms": (), "length": 0, "traits": QUIET}
    terms = index_terms(words, language)
    return {
        "terms": terms,
        "length": sum(term.count for term in terms),
        "traits": traits(words, language),
    }


def traits(words: str, language: Language) -> int:
    """The traits of a turn or fact: a sum of the codes in `protocols`."""
    spoken = _NOTE.sub("", words.rstrip())
    found = sentences(spoken, language)
    asks = bool(found) and is_question(found[-1], language)
    wishes = any(language.wish.search(sentence) for sentence in found)
    return ASKS * asks + WISHES * wishes
