"""A whole memory as JSON lines, without its vectors, and back into another file.

The way from one embedder to another, from one store to another, and out of the product.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from helamem import identity, indexing, records
from helamem.errors import DataError
from helamem.exchange import formats
from helamem.protocols import CHANNELS, Edges, NewCue, NewEpisode, NewFact
from helamem.records import Episode, Fact, Receipt, Turn
from helamem.search import questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from helamem.language.language import Language
    from helamem.protocols import Embedder, Ints, Store

FORMAT = 1
LEARNED = CHANNELS.index("learned")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What an export holds, by type of line."""

    episodes: list[dict[str, Any]]
    facts: list[dict[str, Any]]
    cues: list[dict[str, Any]]
    edges: list[dict[str, Any]]
    clusters: list[bytes]


def export(store: Store, embedder_name: str) -> Iterator[dict[str, Any]]:
    """The lines of an export: a header, then episodes, facts, cues and learned edges, as of one moment."""
    with store.reading() as seen:
        ids = seen.ids(kinds=["episode"]).tolist()
        lessons, memories, origins = seen.lessons(), seen.get(ids), seen.origins(ids)
        facts, cues = seen.facts(superseded=True), seen.cues()
        edges, clusters = seen.all_edges(), sorted(seen.clusters())
    yield {
        "type": "helamem",
        "format": FORMAT,
        "namespace": store.namespace,
        "embedder": embedder_name,
        "lessons": lessons,
    }
    yield from (
        _episode_line(memory, *origin)
        for memory, origin in zip(memories, origins, strict=True)
        if isinstance(memory, Episode)
    )
    yield from (_fact_line(fact) for fact in facts)
    yield from (
        {"type": "cue", "id": id_, "text": words, "speaker": speaker, "at": at}
        for id_, words, speaker, at in cues
    )
    yield from _edge_lines(edges)
    yield from ({"type": "cluster", "digest": each.hex()} for each in clusters)


def read(lines: Iterable[str]) -> Export | list[Turn]:
    """An export, or the turns of a JSONL; everything is read and checked.

    Raises:
        DataError: A line is malformed; it says which.
    """
    stream = iter(lines)
    first = next((line for line in stream if line.strip()), "")
    if '"helamem"' not in first:
        return list(formats.read_jsonl(itertools.chain([first], stream)))
    header = _parsed(first, 1)
    if header.get("type") != "helamem" or header.get("format") != FORMAT:
        raise DataError(
            f"this export has format {header.get('format')!r}, and this version reads {FORMAT}",
            line=1,
        )
    found = Export(episodes=[], facts=[], cues=[], edges=[], clusters=[])
    for number, line in enumerate(stream, start=2):
        if line.strip():
            _sort_in(found, _parsed(line, number), number)
    _check_references(found)
    return found


def restore(
    content: Export,
    store: Store,
    embedder: Embedder,
    language: Language,
    *,
    names_apart: bool,
    batch_size: int,
    progress: Callable[[int], None] | None = None,
) -> Receipt:
    """Put an export into a store, embedding every text anew; ids change, and references follow them."""
    ids: dict[int, int] = {}
    new: list[int] = []
    for batch in _chunks(content.episodes, batch_size):
        added = store.add(_episodes(batch, embedder, language), link=0.0, now=0.0)
        ids.update({line["id"]: id_ for line, (id_, _) in zip(batch, added, strict=True)})
        new += [id_ for id_, is_new in added if is_new]
        if progress is not None:
            progress(len(ids))
    _restore_facts(content, store, embedder, language, ids)
    _restore_cues(content, store, embedder, language, ids, names_apart=names_apart)
    return Receipt(ids=tuple(ids[line["id"]] for line in content.episodes), stored=tuple(new))


def _restore_facts(
    content: Export, store: Store, embedder: Embedder, language: Language, ids: dict[int, int]
) -> None:
    known = {fact.text: fact.id for fact in store.facts(superseded=True)}
    for line, fact in zip(
        content.facts, _facts(content.facts, embedder, language, ids), strict=True
    ):
        found = known.get(fact.text)
        ids[line["id"]] = (
            store.add_facts([fact], cluster=identity.digest("restored", line["id"], fact.text))[0]
            if found is None
            else found
        )
    for line in content.facts:
        if line.get("superseded_by") is not None:
            store.supersede(ids[line["id"]], ids[line["superseded_by"]], at=line["stored_at"])
    for digest in content.clusters:
        store.add_facts([], cluster=digest)


def _restore_cues(
    content: Export,
    store: Store,
    embedder: Embedder,
    language: Language,
    ids: dict[int, int],
    *,
    names_apart: bool,
) -> None:
    speakers = store.speakers()
    asked = [
        questions.telling(line["text"], speakers, language, names_apart=names_apart)
        for line in content.cues
    ]
    vectors = indexing.embed(embedder, asked)
    cues = [
        NewCue(
            key=identity.digest("cue", line["text"].casefold()),
            text=line["text"],
            speaker=line["speaker"],
            vector=vector,
            at=line["at"],
        )
        for line, vector in zip(content.cues, vectors, strict=True)
    ]

    def edges(cue_ids: Sequence[int]) -> Edges:
        renamed = ids | {line["id"]: id_ for line, id_ in zip(content.cues, cue_ids, strict=True)}
        return _edges(content.edges, renamed)

    if cues or content.edges:
        store.restore(cues, edges)


def _episodes(
    lines: Sequence[dict[str, Any]], embedder: Embedder, language: Language
) -> list[NewEpisode]:
    vectors = indexing.embed(embedder, [line["text"] for line in lines])
    return [
        NewEpisode(
            key=_key(line),
            offset=line.get("utc_offset"),
            **{
                name: line[name]
                for name in ("text", "speaker", "role", "session", "at", "stored_at", "metadata")
            },
            **{name: line[name] for name in ("uses", "used_at")},
            vector=vector,
            **indexing.indexed(line["text"], language, line["metadata"]),
        )
        for line, vector in zip(lines, vectors, strict=True)
    ]


def _key(line: dict[str, Any]) -> bytes:
    """What the turn was known by where it comes from; exports of older versions do not say."""
    if line.get("key") is not None:
        return _digest(line["key"], line["line"])
    if records.KEY in line["metadata"]:
        return identity.item(line["metadata"][records.KEY])
    said = line["role"], line["speaker"], line["text"]
    return identity.dated(line["session"], said, identity.settled(line["at"]), 0)


def _facts(
    lines: Sequence[dict[str, Any]],
    embedder: Embedder,
    language: Language,
    ids: dict[int, int],
) -> list[NewFact]:
    vectors = indexing.embed(embedder, [line["text"] for line in lines])
    return [
        NewFact(
            **{
                name: line[name]
                for name in ("text", "kind", "confidence", "speaker", "at", "stored_at", "metadata")
            },
            **{name: line[name] for name in ("uses", "used_at")},
            sources=tuple(ids[source] for source in line["sources"]),
            vector=vector,
            **indexing.indexed(line["text"], language),
        )
        for line, vector in zip(lines, vectors, strict=True)
    ]


def _edges(lines: Sequence[dict[str, Any]], ids: dict[int, int]) -> Edges:
    """Both directions of every learned edge."""
    forward = np.array([(ids[e["source"]], ids[e["target"]]) for e in lines], np.int64).reshape(
        -1, 2
    )
    weights = np.array([e["weight"] for e in lines], np.float32)
    touched = np.array([e["touched"] for e in lines], np.float64)
    return Edges(
        sources=np.concatenate([forward[:, 0], forward[:, 1]]),
        targets=np.concatenate([forward[:, 1], forward[:, 0]]),
        channels=np.full(2 * len(lines), LEARNED),
        weights=np.tile(weights, 2),
        touched=np.tile(touched, 2),
    )


def _episode_line(episode: Episode, key: bytes, offset: int | None) -> dict[str, Any]:
    return {
        "type": "episode",
        "id": episode.id,
        "text": episode.text,
        "speaker": episode.speaker,
        "role": episode.role,
        "session": episode.session,
        "at": episode.at.timestamp(),
        "utc_offset": offset,
        "key": key.hex(),
        "stored_at": episode.stored_at.timestamp(),
        "metadata": dict(episode.metadata),
        "uses": episode.uses,
        "used_at": _seconds(episode.used_at),
    }


def _fact_line(fact: Fact) -> dict[str, Any]:
    return {
        "type": "fact",
        "id": fact.id,
        "text": fact.text,
        "kind": fact.kind,
        "confidence": fact.confidence,
        "sources": list(fact.sources),
        "speaker": fact.speaker,
        "at": fact.at.timestamp(),
        "stored_at": fact.stored_at.timestamp(),
        "superseded_by": fact.superseded_by,
        "metadata": dict(fact.metadata),
        "uses": fact.uses,
        "used_at": _seconds(fact.used_at),
    }


def _edge_lines(edges: Edges) -> Iterator[dict[str, Any]]:
    """One line an undirected learned edge; the other edges follow from episodes and facts."""
    keep: Ints = np.flatnonzero((edges.channels == LEARNED) & (edges.sources < edges.targets))
    for i in keep:
        yield {
            "type": "edge",
            "source": int(edges.sources[i]),
            "target": int(edges.targets[i]),
            "weight": float(edges.weights[i]),
            "touched": float(edges.touched[i]),
        }


# What each type of line must hold, and of which type each value is.
_NUMBER = (int, float)
_MEMORY = {
    "id": int,
    "text": str,
    "speaker": str,
    "at": _NUMBER,
    "stored_at": _NUMBER,
    "metadata": dict,
    "uses": int,
}
_FORMS: dict[str, dict[str, Any]] = {
    "episode": {**_MEMORY, "role": str, "session": str},
    "fact": {**_MEMORY, "kind": str, "confidence": _NUMBER, "sources": list},
    "cue": {"id": int, "text": str, "speaker": str, "at": _NUMBER},
    "edge": {"source": int, "target": int, "weight": _NUMBER, "touched": _NUMBER},
    "cluster": {"digest": str},
}


def _sort_in(found: Export, line: dict[str, Any], number: int) -> None:
    kind = line.get("type")
    form = _FORMS.get(str(kind))
    if form is None:
        raise DataError(f"type {kind!r} is none of {', '.join(_FORMS)}", line=number)
    for name, type_ in form.items():
        if not isinstance(line.get(name), type_):
            raise DataError(
                f"{kind}: {name} is {line.get(name)!r}, which is not what an export holds",
                line=number,
            )
    if kind == "cluster":
        found.clusters.append(_digest(line["digest"], number))
    else:
        getattr(found, f"{kind}s").append({**line, "line": number})


def _digest(text_: str, number: int) -> bytes:
    try:
        return bytes.fromhex(text_)
    except ValueError as exc:
        raise DataError(f"digest is {text_!r}, which is not hexadecimal", line=number) from exc


def _check_references(found: Export) -> None:
    """Refuse what refers to something that the export does not hold.

    Raises:
        DataError: A line does; it says which.
    """
    episodes = {line["id"] for line in found.episodes}
    facts = {line["id"] for line in found.facts}
    nodes = episodes | facts | {line["id"] for line in found.cues}
    for line in found.facts:
        newer = line.get("superseded_by")
        _require(line, set(line["sources"]), episodes)
        _require(line, set() if newer is None else {newer}, facts)
    for line in found.edges:
        _require(line, {line["source"], line["target"]}, nodes)


def _require(line: dict[str, Any], wanted: set[Any], known: set[int]) -> None:
    missing = wanted - known
    if missing:
        raise DataError(
            f"{line['type']}: it refers to {sorted(missing, key=str)[0]!r}, which this export does not hold",
            line=line["line"],
        )


def _parsed(line: str, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as exc:
        raise DataError(f"this is not JSON: {exc.msg}", line=number) from exc
    if not isinstance(value, dict):
        raise DataError("expected a JSON object", line=number)
    return value


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.astimezone(UTC).timestamp()


def _chunks(items: Sequence[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
