"""From turns to what a store keeps: cleaned text, terms, vectors, and the key that tells two turns apart."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from helamem import records
from helamem.errors import EmbedderError
from helamem.language import characters, dates, names
from helamem.language.sentences import is_question, sentences
from helamem.language.terms import index_terms
from helamem.protocols import ASKS, NAMES, NAMES_TIME, QUIET, NewEpisode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.language.language import Language
    from helamem.protocols import Embedder, Floats, Term
    from helamem.records import Json, Turn


MAX_DEPTH = 50  # of metadata
_NOTE = re.compile(r"\[[^\[\]]*\]$")  # "[image: a dog]" at the end of a turn is not said


def prepare(
    turns: Sequence[Turn], embedder: Embedder, language: Language, *, now: float
) -> tuple[list[NewEpisode], list[list[str]]]:
    """One episode a turn, and for each turn the reasons why it is not kept exactly as it came.

    Args:
        now: When a turn without a time happened, in epoch seconds.

    Raises:
        EmbedderError: The embedder failed.
        ValueError: A turn's metadata is not JSON.
    """
    cleaned = [characters.clean(turn.text) for turn in turns]
    vectors = embed(embedder, [clean for clean, _ in cleaned])
    episodes = [
        _episode(turn, clean, vector, language, now)
        for turn, (clean, _), vector in zip(turns, cleaned, vectors, strict=True)
    ]
    losses = [[*reasons, *_uncovered(clean, embedder)] for clean, reasons in cleaned]
    return episodes, losses


def embed(embedder: Embedder, texts: Sequence[str]) -> Floats:
    """The vectors of texts, checked.

    The speaker of a turn is no part of what is embedded: in a talk of two people a name in every vector
    tells nothing apart.

    Raises:
        EmbedderError: The embedder answered with the wrong shape, or with something not finite.
    """
    return checked(embedder.embed(list(texts)), len(texts), embedder)


def checked(vectors: Floats, n: int, embedder: Embedder) -> Floats:
    """The vectors themselves, if they are what an embedder has to give.

    Raises:
        EmbedderError: They have the wrong shape, or hold something not finite.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.shape != (n, embedder.dimension):
        raise EmbedderError(
            f"{embedder.name} gave vectors of shape {vectors.shape}, expected {(n, embedder.dimension)}",
            provider=embedder.name,
        )
    if not np.isfinite(vectors).all():
        bad = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise EmbedderError(
            f"{embedder.name} gave NaN or infinity for text {bad}", provider=embedder.name
        )
    return vectors


def digest(*parts: Json) -> bytes:
    """Sixteen bytes that are the same for the same parts, and for no others."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).digest()


def plain_json(metadata: Mapping[str, Json]) -> dict[str, Json]:
    """The metadata as it will come back from the store.

    Raises:
        ValueError: It holds something that JSON cannot express, or keys that are not strings.
    """
    _check_json(metadata)
    try:
        encoded = json.dumps(dict(metadata), allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise ValueError(f"metadata must be JSON: {exc}") from exc
    decoded: dict[str, Json] = json.loads(encoded)
    return decoded


def _check_json(value: object, depth: int = 0) -> None:
    """Refuse what JSON would change without a word, or nobody could read again.

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


def _episode(turn: Turn, clean: str, vector: Floats, language: Language, now: float) -> NewEpisode:
    at = now if turn.at is None else turn.at.timestamp()
    speaker, session = (
        characters.clean(turn.speaker)[0],
        characters.clean(turn.session)[0] or day(at),
    )
    metadata = plain_json(turn.metadata)
    return NewEpisode(
        key=key(metadata, session, speaker, at, clean),
        text=clean,
        speaker=speaker,
        role=characters.clean(turn.role)[0],
        session=session,
        at=at,
        stored_at=now,
        metadata=metadata,
        vector=vector,
        **indexed(clean, language, metadata),
    )


def key(metadata: Mapping[str, Json], *said: Json) -> bytes:
    """What makes two turns the same: what was said, unless the metadata identify the turn by a key."""
    given = metadata.get(records.KEY)
    return digest(*said) if given is None else item_key(given)


def item_key(given: Json) -> bytes:
    """What a store knows the episode by whose metadata have this key."""
    return digest("key", given)


def day(at: float) -> str:
    """The session of a turn that names none: the day on which it was said (UTC).

    So what is added one by one still has neighbours, but not those of last year.

    >>> day(0.0)
    '1970-01-01'
    """
    return datetime.fromtimestamp(at, UTC).date().isoformat()


class Indexed(TypedDict):
    """What a store keeps of a text for searching, beside its vector; see `protocols.NewEpisode`."""

    terms: Sequence[Term]
    length: int
    traits: int


def indexed(words: str, language: Language, metadata: Mapping[str, Json] | None = None) -> Indexed:
    """The terms of a text, how many they are, and what kind of turn or fact it is.

    A turn whose metadata call it quiet has none.
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
    """What kind of turn or fact this is: a sum of the codes in `protocols`."""
    said = _NOTE.sub("", words.rstrip())
    found = sentences(said, language)
    asks = bool(found) and is_question(found[-1], language)
    calls = names.names_something(said, language)
    return ASKS * asks + NAMES_TIME * dates.names_time(said, language) + NAMES * calls


def _uncovered(clean: str, embedder: Embedder) -> list[str]:
    if embedder.max_chars is None or len(clean) <= embedder.max_chars:
        return []
    return [
        f"the text has {len(clean)} characters, and {embedder.name} covers about the first "
        f"{embedder.max_chars}; words are indexed in full"
    ]
