"""Nodes of all kinds: rows, vectors, uses, history, and the namespace's counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from helamem.errors import NotFoundError, StoreError
from helamem.protocols import NODE_KINDS, QUIET, Heard, NewEpisode
from helamem.stores import encoding
from helamem.stores.sqlite import edge_table, packs, posting_table, rows
from helamem.stores.sqlite.edge_table import LEARNED
from helamem.stores.sqlite.namespace import CHANGES_KEPT, grew, listed, moved
from helamem.stores.sqlite.rows import CUE, EPISODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from helamem.protocols import Ints, NewCue, NewMemory
    from helamem.records import Episode, Fact, Json
    from helamem.stores.sqlite.namespace import Space

MAX_BOUND = 500  # bound values per statement
ROOM = 8  # bytes by which the numbers of a row may grow

Event: TypeAlias = "tuple[Any, ...]"  # its name, when, and the old text


def find(space: Space, kind: int, key: bytes) -> int | None:
    """The id of the node of a kind that has this key."""
    found = space.db.find(
        "SELECT id FROM node WHERE namespace = ? AND kind = ? AND key = ?",
        space.id,
        kind,
        key,
    )
    return None if found is None else int(found[0])


def known(space: Space, keys: Sequence[bytes]) -> dict[bytes, int]:
    """The ids of the episodes that have one of these keys, by key."""
    found: dict[bytes, int] = {}
    for start in range(0, len(keys), MAX_BOUND):
        wanted = keys[start : start + MAX_BOUND]
        marks = ",".join("?" * len(wanted))
        found |= space.db.rows(
            f"SELECT key, id FROM node WHERE namespace = ? AND kind = ? AND key IN ({marks})",  # noqa: S608
            space.id,
            EPISODE,
            *wanted,
        )
    return found


def origins(space: Space, ids: Sequence[int]) -> list[tuple[bytes, int | None]]:
    """The key of each of these episodes, and its offset.

    Raises:
        NotFoundError: One of them is not there.
    """
    found = {
        id_: (key, offset)
        for id_, key, offset in space.db.rows(
            "SELECT id, key, utc_offset FROM node WHERE id IN (SELECT value FROM json_each(?))"
            " AND +namespace = ? AND +kind = ?",
            listed(ids),
            space.id,
            EPISODE,
        )
    }
    missing = [id_ for id_ in ids if id_ not in found]
    if missing:
        raise NotFoundError("memory", missing[0])
    return [found[id_] for id_ in ids]


def heard(space: Space, session: str, last: int) -> list[Heard]:
    """The latest turns of a session, `last` of them at most, oldest first."""
    found = space.db.rows(
        "SELECT coalesce((SELECT min(place) FROM superseded WHERE by = n.id), id), id, active,"
        " key, role, speaker, text, at FROM node n WHERE session ="
        " (SELECT id FROM session WHERE namespace = ? AND digest = ?) ORDER BY id DESC LIMIT ?",
        space.id,
        encoding.digest(session),
        last,
    )
    return [
        Heard(
            key=key,
            role=role,
            speaker=speaker,
            text=text,
            at=at,
            is_superseded=not active,
            is_instead=place != id_,
        )
        for place, id_, active, key, role, speaker, text, at in sorted(found)
    ]


def texts(space: Space, ids: Ints) -> tuple[str, ...]:
    """The texts of nodes that are there, in the order of `ids`."""
    if not len(ids):
        return ()
    found = dict(
        space.db.rows(
            "SELECT id, text FROM node WHERE id IN (SELECT value FROM json_each(?))",
            listed(ids.tolist()),
        )
    )
    return tuple(found[id_] for id_ in ids.tolist())


def memories(space: Space, ids: Sequence[int], zone: tzinfo) -> dict[int, Episode | Fact]:
    """The memories that are there, by id, ascending; times are in `zone` unless a turn brought its own."""
    found = space.db.rows(rows.MEMORIES, listed(ids), space.id)
    return {row[0]: rows.memory(row, zone) for row in sorted(found)}


def history(space: Space, id_: int) -> tuple[Event | None, list[Event]]:
    """When a memory was added, if it is there; and what happened to it, oldest first."""
    changes: list[Event] = space.db.rows(
        "SELECT event, at, text FROM history WHERE namespace = ? AND node = ?"
        " ORDER BY event <> 'added', id",
        space.id,
        id_,
    )
    added = space.db.find(
        "SELECT 'added', stored_at, NULL FROM node WHERE namespace = ? AND id = ? AND kind < 2",
        space.id,
        id_,
    )
    return added, changes


def require(space: Space, id_: int, kind: int | None) -> tuple[str, int]:
    """The text and length of a node of this kind.

    Raises:
        NotFoundError: There is none.
    """
    found = space.db.find(
        "SELECT kind, text, length FROM node WHERE namespace = ? AND id = ?",
        space.id,
        id_,
    )
    if found is None or kind not in (None, found[0]):
        raise NotFoundError("memory" if kind is None else NODE_KINDS[kind], id_)
    return found[1], found[2]


def require_all(space: Space, ids: set[int]) -> None:
    """Refuse ids that this namespace does not have.

    Raises:
        NotFoundError: It names the lowest of them.
    """
    found = space.db.column(
        "SELECT id FROM node WHERE namespace = ? AND id IN (SELECT value FROM json_each(?))",
        space.id,
        listed(ids),
    )
    if len(found) < len(ids):
        raise NotFoundError("memory", min(ids - set(found)))


def add_episode(space: Space, episode: NewEpisode, link: float, now: float) -> int:
    """Insert a turn at the end of its session; `add_contents` must follow."""
    session = _session(space, episode.session)
    before = _last_of(space, session) if link > 0 and not episode.traits & QUIET else None
    id_ = insert(space,
        EPISODE, episode.key, episode.text, episode.speaker, episode.role, session, episode.at,
        episode.stored_at, encoding.dumped(episode.metadata), episode.length, episode.traits,
        episode.offset,
    )  # fmt: skip
    if before is not None:
        edge_table.link(space, before, id_, LEARNED, weight=link, touched=now)
    return id_


def add_cue(space: Space, cue: NewCue) -> int:
    """Insert a cue, or find it by its key."""
    known = find(space, CUE, cue.key)
    if known is not None:
        return known
    id_ = insert(space,
        CUE, cue.key, cue.text, "", "", None, cue.at, cue.at, "{}", 0, 0, None
    )  # fmt: skip
    _add_vectors(space, [(id_, rows.blob(cue.vector, (), space.dimension))])
    space.db.execute("UPDATE namespace SET last_node = ? WHERE id = ?", id_, space.id)
    packs.keep_up(space)
    return id_


def insert(space: Space, kind: int, *values: str | bytes | float | None) -> int:
    """Insert one row; return its id."""
    added = space.db.execute(
        "INSERT INTO node (namespace, kind, key, text, speaker, role, session, at, stored_at,"
        " metadata, length, traits, utc_offset) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        space.id,
        kind,
        *values,
    )
    return int(added.lastrowid or 0)


def add_contents(space: Space, added: Sequence[tuple[int, NewMemory]]) -> None:
    """Insert the vectors and terms of episodes and facts, in bulk."""
    if not added:
        return
    _add_vectors(space, [(id_, _blob(each, space.dimension)) for id_, each in added])
    posting_table.add(space, [(id_, each.terms, each.length) for id_, each in added])
    heard = [each for _, each in added if not each.traits & QUIET]
    count(space, len(heard), sum(each.length for each in heard), last=added[-1][0])
    space.db.many(
        "INSERT OR IGNORE INTO usage VALUES (?, ?, ?)",
        [(id_, each.uses, each.used_at) for id_, each in added if each.uses],
    )
    packs.keep_up(space)


def _add_vectors(space: Space, blobs: Sequence[tuple[int, bytes]]) -> None:
    space.db.many("INSERT OR REPLACE INTO vector VALUES (?, ?)", blobs)


def _blob(memory: NewMemory, dimension: int) -> bytes:
    passages = memory.passages if isinstance(memory, NewEpisode) else ()
    return rows.blob(memory.vector, passages, dimension)


def _session(space: Space, name: str) -> int:
    """The number of a session, inserted if it is new."""
    find = "SELECT id FROM session WHERE namespace = ? AND digest = ?"
    digest = encoding.digest(name)
    found = space.db.find(find, space.id, digest)
    if found is None:
        added = space.db.execute(
            "INSERT INTO session (namespace, digest, name) VALUES (?, ?, ?)",
            space.id,
            digest,
            name,
        )
        return int(added.lastrowid or 0)
    return int(found[0])


def _last_of(space: Space, session: int) -> int | None:
    heard = f"SELECT max(id) FROM node WHERE session = ? AND active AND NOT traits & {QUIET}"  # noqa: S608
    last: int | None = space.db.row(heard, session)[0]
    return last


def use(space: Space, id_: int, at: float) -> None:
    """Count that a memory was used."""
    space.db.execute(
        "INSERT INTO usage VALUES (?, 1, ?)"
        " ON CONFLICT (node) DO UPDATE SET uses = uses + 1, used_at = excluded.used_at",
        id_,
        at,
    )
    note(space, id_, "used", at)


def note(space: Space, id_: int, event: str, at: float, text: str | None = None) -> None:
    """Add an event to a memory's history."""
    space.db.execute(
        "INSERT INTO history (namespace, node, event, at, text) VALUES (?, ?, ?, ?, ?)",
        space.id, id_, event, at, text,
    )  # fmt: skip


def count(space: Space, documents: int, length: int, *, last: int = 0) -> None:
    """Adjust the counts of active episodes and facts."""
    space.db.execute(
        "UPDATE namespace SET n_documents = n_documents + ?, total_length = total_length + ?,"
        " last_node = max(last_node, ?) WHERE id = ?",
        documents, length, last, space.id,
    )  # fmt: skip


def uncount(space: Space, id_: int) -> None:
    """Subtract one episode or fact from the counts, if it is active."""
    counted = f"SELECT length FROM node WHERE id = ? AND {rows.IS_DOCUMENT}"  # noqa: S608  # our own words
    found = space.db.find(counted, id_)
    if found is not None:
        count(space, -1, -found[0])


def changed(space: Space, ids: Iterable[int]) -> None:
    """Invalidate every cache, in this and other processes, for changed or removed nodes."""
    ids = list(ids)
    packs.empty(space, ids)
    space.db.execute(
        "UPDATE namespace SET generation = generation + 1,"
        " last_node = coalesce((SELECT max(id) FROM node WHERE namespace = ?1), 0)"
        " WHERE id = ?1",
        space.id,
    )
    space.db.execute(
        "INSERT INTO change SELECT n.id, n.generation, j.value FROM namespace n, json_each(?) j"
        " WHERE n.id = ?",
        listed(ids),
        space.id,
    )
    space.db.execute(
        "DELETE FROM change WHERE namespace = ?1 AND generation <="
        " (SELECT generation FROM namespace WHERE id = ?1) - ?2",
        space.id,
        CHANGES_KEPT,
    )


def bound_history(space: Space, ids: Iterable[int], most: int) -> None:
    """Trim the history of memories that have twice as many events as are kept."""
    for id_ in ids:
        (n,) = space.db.row("SELECT count(*) FROM history WHERE node = ?", id_)
        if n > 2 * most:
            moved(space.db)
            space.db.execute(
                "DELETE FROM history WHERE id IN"
                " (SELECT id FROM history WHERE node = ? ORDER BY id LIMIT ?)",
                id_,
                n - most,
            )


def _twin(space: Space, id_: int, text: str) -> int | None:
    """Another turn with the same session, speaker, role, time and text."""
    found = space.db.find(
        "SELECT b.id FROM node a JOIN node b ON b.session = a.session AND b.at = a.at"
        " AND b.speaker = a.speaker AND b.role = a.role AND b.id <> a.id"
        " WHERE a.id = ? AND b.text = ?",
        id_,
        text,
    )
    return None if found is None else int(found[0])


def note_update(space: Space, id_: int, episode: NewEpisode, at: float) -> None:
    """Store an episode's current text in its history.

    Raises:
        NotFoundError: There is no such episode.
        StoreError: Another turn has the same session, speaker, role, time and text.
    """
    old_text, *_ = require(space, id_, EPISODE)
    twin = _twin(space, id_, episode.text)
    if twin is not None and episode.text != old_text:
        raise StoreError(f"Memory {twin} says the same already. Delete one of the two.")
    note(space, id_, "updated", at, old_text)


def replace(space: Space, id_: int, episode: NewEpisode) -> None:
    """Replace an episode's text.

    Raises:
        StoreError: It was superseded.
    """
    _require_active(space, id_)
    note_growth(space, id_, episode.text, encoding.dumped(episode.metadata))
    (before,) = space.db.row("SELECT length(value) FROM vector WHERE node = ?", id_)
    if len(_blob(episode, space.dimension)) > before:
        grew(space.db, id_)
    uncount(space, id_)
    posting_table.remove(space, id_, was_active=True)
    space.db.execute(
        "UPDATE node SET text = ?, metadata = ?, length = ?, traits = ? WHERE id = ?",
        episode.text,
        encoding.dumped(episode.metadata),
        episode.length,
        episode.traits,
        id_,
    )
    add_contents(space, [(id_, episode)])
    changed(space, [id_])


def _require_active(space: Space, id_: int) -> None:
    found = space.db.find("SELECT by FROM superseded WHERE node = ?", id_)
    if found is not None:
        raise StoreError(
            f"Memory {id_} was superseded by {found[0]}. Change that one, or revert({id_}) first."
        )


def note_growth(space: Space, id_: int, *texts: str) -> None:
    """Record that rows may have moved if these new texts make a row grow."""
    (before,) = space.db.find(
        "SELECT length(CAST(text AS BLOB)) + length(CAST(metadata AS BLOB)) FROM node WHERE id = ?",
        id_,
    ) or (0,)
    if sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) + ROOM > before:
        grew(space.db, id_)


def annotate(space: Space, id_: int, metadata: Mapping[str, Json], was: Mapping[str, Json]) -> bool:
    """Compare-and-set an episode's metadata; return whether it was set."""
    note_growth(space, id_, "", encoding.dumped(metadata))
    done = space.db.execute(
        "UPDATE node SET metadata = ? WHERE namespace = ? AND id = ? AND kind = ? AND metadata = ?",
        encoding.dumped(metadata),
        space.id,
        id_,
        EPISODE,
        encoding.dumped(was),
    )
    return done.rowcount > 0
