"""Imports an export in one transaction: embeds texts, gives new ids, and updates references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from helamem import identity, indexing, records
from helamem.frozen import dataclass
from helamem.protocols import (
    CHANNELS,
    ChangedFact,
    Distillate,
    Edges,
    Handed,
    NewCue,
    NewEpisode,
    NewFact,
)
from helamem.records import Receipt
from helamem.search import questions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helamem.exchange.sound import Export
    from helamem.language.language import Language
    from helamem.protocols import Embedder, Floats, Store
    from helamem.records import Fact

LEARNED = CHANNELS.index("learned")
REFERENCES = ("contradicts",)  # metadata keys of facts that contain ids of facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An export with the vectors of its texts, one entry per line."""

    content: Export
    episodes: Sequence[indexing.Vectors]
    facts: Floats
    cues: Floats
    language: Language


def prepare(
    content: Export,
    embedder: Embedder,
    language: Language,
    *,
    speakers: Sequence[str],
    names_apart: bool,
    batch_size: int,
    progress: Callable[[int], None] | None = None,
) -> Prepared:
    """Embed an export's texts before the transaction, so that other writers need not wait.

    Args:
        speakers: Speakers that the store knows; their names are taken out of cues before embedding.
        progress: Called after each batch with the number of episodes done so far.
    """
    episodes: list[indexing.Vectors] = []
    for start in range(0, len(content.episodes), batch_size):
        batch = content.episodes[start : start + batch_size]
        turns = [(line["speaker"], line["text"]) for line in batch]
        episodes += indexing.vectors_of(turns, embedder, language)
        if progress is not None:
            progress(start + len(batch))
    names = tuple(dict.fromkeys([*speakers, *(line["speaker"] for line in content.episodes)]))
    asked = [
        questions.telling(
            line["text"], tuple(filter(None, names)), language, names_apart=names_apart
        )
        for line in content.cues
    ]
    return Prepared(
        content=content,
        episodes=episodes,
        facts=indexing.embed(embedder, [line["text"] for line in content.facts]),
        cues=indexing.embed(embedder, asked),
        language=language,
    )


def restore(prepared: Prepared, store: Store, *, by_lessons: bool) -> Receipt:
    """Put an export into a store.

    Args:
        store: In a write transaction.
        by_lessons: Whether edges decay by lessons; they keep their age in lessons.
    """
    content = prepared.content
    added = store.add(_episodes(prepared), link=0.0, now=0.0)
    ids = {line["id"]: id_ for line, (id_, _) in zip(content.episodes, added, strict=True)}
    _restore_facts(prepared, store, ids)
    lessons = max(store.lessons(), content.lessons)
    shift = lessons - content.lessons if by_lessons else 0

    def edges(cue_ids: Sequence[int]) -> Edges:
        ids.update({line["id"]: id_ for line, id_ in zip(content.cues, cue_ids, strict=True)})
        return _edges(content.edges, ids, shift)

    store.restore(_cues(prepared), edges, marks=content.clusters, lessons=lessons)
    _supersede(content, store, ids, shift)
    return Receipt(
        ids=tuple(id_ for id_, _ in added), stored=tuple(id_ for id_, is_new in added if is_new)
    )


def _episodes(prepared: Prepared) -> list[NewEpisode]:
    return [
        NewEpisode(
            key=_key(line),
            offset=line["utc_offset"],
            text=line["text"],
            speaker=line["speaker"],
            role=line["role"],
            session=line["session"],
            at=line["at"],
            stored_at=line["stored_at"],
            metadata=line["metadata"],
            uses=line["uses"],
            used_at=line["used_at"],
            **vectors,
            **indexing.indexed(line["text"], prepared.language, line["metadata"]),
        )
        for line, vectors in zip(prepared.content.episodes, prepared.episodes, strict=True)
    ]


def _key(line: dict[str, Any]) -> bytes:
    """The turn's key in the export; None in exports of older versions."""
    if line["key"] is not None:
        return bytes.fromhex(line["key"])
    if records.KEY in line["metadata"]:
        return identity.item(line["metadata"][records.KEY])
    utterance = line["role"], line["speaker"], line["text"]
    return identity.dated(line["session"], utterance, identity.settled(line["at"]), 0)


def _restore_facts(prepared: Prepared, store: Store, ids: dict[int, int]) -> None:
    """Add the unknown facts; their ids are added to `ids`."""
    lines, known = prepared.content.facts, store.facts(superseded=True)
    ids.update(_found(lines, known))
    new = [i for i, line in enumerate(lines) if line["id"] not in ids]
    facts = [_fact(lines[i], prepared.facts[i], prepared.language, ids) for i in new]
    at = max((line["stored_at"] for line in lines), default=0.0)
    added = store.distil(_distillate(at, facts=facts)) or []
    ids.update({lines[i]["id"]: id_ for i, id_ in zip(new, added, strict=True)})
    referring = [
        _referring(ids[lines[i]["id"]], fact, ids)
        for i, fact in zip(new, facts, strict=True)
        if set(REFERENCES) & set(fact.metadata)
    ]
    store.distil(_distillate(at, changed=referring))


def _distillate(
    at: float, *, facts: Sequence[NewFact] = (), changed: Sequence[ChangedFact] = ()
) -> Distillate:
    return Distillate(marks=[], facts=facts, changed=changed, superseded=[], at=at)


def _fact(
    line: dict[str, Any], vector: Floats, language: Language, ids: Mapping[int, int]
) -> NewFact:
    return NewFact(
        text=line["text"],
        kind=line["kind"],
        confidence=line["confidence"],
        sources=tuple(ids[source] for source in line["sources"]),
        speaker=line["speaker"],
        at=line["at"],
        stored_at=line["stored_at"],
        metadata=line["metadata"],
        uses=line["uses"],
        used_at=line["used_at"],
        vector=vector,
        **indexing.indexed(line["text"], language),
    )


def _referring(id_: int, fact: NewFact, ids: Mapping[int, int]) -> ChangedFact:
    """A fact whose metadata refer to other facts, with their new ids; absent facts are dropped."""
    metadata = dict(fact.metadata)
    for name in set(REFERENCES) & set(metadata):
        other = metadata.pop(name)
        if isinstance(other, int) and other in ids:
            metadata[name] = ids[other]
    return ChangedFact(id=id_, confidence=fact.confidence, sources=fact.sources, metadata=metadata)


def _supersede(content: Export, store: Store, ids: Mapping[int, int], shift: float) -> None:
    """Supersede memories as the export says, unless the store has superseded them already."""
    newer = {each.old: each.new for each in store.supersessions()}
    stored = {line["id"]: line["stored_at"] for line in (*content.episodes, *content.facts)}
    for line in _superseded(content):
        old, new = ids[line["old"]], ids[line["new"]]
        if old not in newer and old not in _successors(new, newer):
            store.supersede(
                old,
                new,
                at=stored[line["new"]],
                yields=line["yields"],
                because=line["because"] and ids[line["because"]],
                handed=_handed(line["handed"], new, ids, shift),
            )
            newer[old] = new


def _superseded(content: Export) -> list[dict[str, Any]]:
    """The supersessions in an export; exports of older versions have those of facts only."""
    listed = {line["old"] for line in content.superseded}
    return [
        *content.superseded,
        *(
            {
                "old": line["id"],
                "new": line["superseded_by"],
                "yields": True,
                "because": None,
                "handed": [],
            }
            for line in content.facts
            if line["superseded_by"] is not None and line["id"] not in listed
        ),
    ]


def _handed(
    lines: Sequence[dict[str, Any]], new: int, ids: Mapping[int, int], shift: float
) -> list[Handed]:
    """The edges that were handed over; none joins the new memory to itself."""

    def moved(weight: Sequence[float]) -> tuple[float, float]:
        return weight[0], weight[1] + shift

    return [
        Handed(
            other=ids[each["other"]],
            before=moved(each["before"]) if each["before"] else None,
            after=moved(each["after"]),
        )
        for each in lines
        if ids[each["other"]] != new
    ]


def _successors(memory: int, newer: Mapping[int, int]) -> list[int]:
    """A memory and its chain of successors."""
    found = [memory]
    while (later := newer.get(found[-1])) is not None:
        found.append(later)
    return found


def _found(lines: Sequence[dict[str, Any]], known: Sequence[Fact]) -> dict[int, int]:
    """The facts that the store already has: identical ones, and valid ones with the same text.

    Each known fact is found once: a fact that was replaced and came back is two.
    """
    same: dict[tuple[str, float, float], list[int]] = {}
    for fact in reversed(known):
        same.setdefault((fact.text, fact.at.timestamp(), fact.stored_at.timestamp()), []).append(
            fact.id
        )
    found: dict[int, int] = {}
    for line in lines:
        left = same.get((line["text"], line["at"], line["stored_at"]))
        if left:
            found[line["id"]] = left.pop()
    taken = set(found.values())
    holding = {
        fact.text: fact.id for fact in known if fact.superseded_by is None and fact.id not in taken
    }
    for line in lines:
        if line["superseded_by"] is None and line["id"] not in found and line["text"] in holding:
            found[line["id"]] = holding.pop(line["text"])
    return found


def _cues(prepared: Prepared) -> list[NewCue]:
    return [
        NewCue(key=identity.cue(line["text"]), text=line["text"], vector=vector, at=line["at"])
        for line, vector in zip(prepared.content.cues, prepared.cues, strict=True)
    ]


def _edges(lines: Sequence[dict[str, Any]], ids: Mapping[int, int], shift: int) -> Edges:
    """Both directions of every learned edge, shifted on the learning clock.

    Lines with the same text become one memory, and an edge between them is dropped.
    """
    lines = [e for e in lines if ids[e["source"]] != ids[e["target"]]]
    forward = np.array([(ids[e["source"]], ids[e["target"]]) for e in lines], np.int64).reshape(
        -1, 2
    )
    weights = np.array([e["weight"] for e in lines], np.float32)
    touched = np.array([e["touched"] for e in lines], np.float64) + shift
    return Edges(
        sources=np.concatenate([forward[:, 0], forward[:, 1]]),
        targets=np.concatenate([forward[:, 1], forward[:, 0]]),
        channels=np.full(2 * len(lines), LEARNED),
        weights=np.tile(weights, 2),
        touched=np.tile(touched, 2),
    )
