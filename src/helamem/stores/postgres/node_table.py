"""Nodes of all kinds: rows with vectors, uses, history, and the namespace's counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem.errors import NotFoundError, StoreError
from helamem.protocols import NODE_KINDS, QUIET, Heard
from helamem.stores import encoding
from helamem.stores.postgres import namespace, passage_table, posting_table, rows
from helamem.stores.postgres.edge_table import LEARNED
from helamem.stores.postgres.rows import CUE, EPISODE, IS_DOCUMENT
from helamem.stores.postgres.texts import restored, stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from helamem.protocols import NewCue, NewEpisode, NewMemory
    from helamem.records import Json
    from helamem.stores.postgres.database import Scope, Statement

BY_KEY = (
    "SELECT key, id FROM helamem.node"
    " WHERE namespace = %(ns)s AND kind = %(kind)s AND key = ANY(%(keys)s::bytea[])"
)
_COLUMNS = {
    "id": "bigint", "kind": "smallint", "key": "bytea", "text": "text", "speaker": "text", "role": "text",
    "session": "bigint", "turn": "bigint", "at": "float8", "stored_at": "float8", "metadata": "text", "length": "int",
    "traits": "int", "utc_offset": "int", "vector": "text",
}  # fmt: skip
_INSERT = (
    f"INSERT INTO helamem.node (namespace, {', '.join(_COLUMNS)})"
    f" SELECT %(ns)s, {', '.join(list(_COLUMNS)[:-1])}, vector::vector"
    f" FROM unnest({', '.join(f'%({name})s::{type_}[]' for name, type_ in _COLUMNS.items())})"
    f" AS new({', '.join(_COLUMNS)}) ORDER BY id"
)
_SESSIONS = (
    "INSERT INTO helamem.session (namespace, id, name)"
    " SELECT %(ns)s, * FROM unnest(%(sessions)s::bigint[], %(names)s::text[])"
    " ON CONFLICT (namespace, id) DO NOTHING"
)
# Between each new turn and the one before it in its session.
_LINK = (
    "INSERT INTO helamem.edge (namespace, source, target, channel, weight, touched)"
    f" SELECT %(ns)s, d.source, d.target, {LEARNED}, %(link)s::float8, %(now)s::float8"
    " FROM helamem.node n CROSS JOIN LATERAL"
    "  (SELECT b.id FROM helamem.node b WHERE b.namespace = %(ns)s AND b.session = n.session AND b.id < n.id"
    f"   AND b.heard ORDER BY b.id DESC LIMIT 1) before,"
    " LATERAL (VALUES (before.id, n.id), (n.id, before.id)) AS d(source, target)"
    f" WHERE n.namespace = %(ns)s AND n.id = ANY(%(ids)s::bigint[]) AND n.heard ORDER BY 2, 3"
)
_USES = (
    "INSERT INTO helamem.usage (namespace, node, uses, used_at)"
    " SELECT %(ns)s, * FROM unnest(%(ids)s::bigint[], %(uses)s::bigint[], %(used_at)s::float8[])"
    " ON CONFLICT (namespace, node) DO NOTHING"
)
_COUNT = (
    "UPDATE helamem.namespace SET n_documents = n_documents + %(documents)s, total_length = total_length + %(length)s"
    " WHERE namespace = %(ns)s"
)
_UNCOUNT = (
    "UPDATE helamem.namespace SET n_documents = n_documents - x.n, total_length = total_length - x.length"
    " FROM (SELECT count(*) AS n, coalesce(sum(length), 0) AS length FROM helamem.node"
    f"  WHERE namespace = %(ns)s AND id = ANY(%(ids)s::bigint[]) AND {IS_DOCUMENT}) x WHERE namespace = %(ns)s"
)
_SPOKE = (
    "INSERT INTO helamem.speaker AS s (namespace, name, first, memories)"
    " SELECT %(ns)s, speaker, min(id), count(*) FROM helamem.node WHERE namespace = %(ns)s"
    f" AND id = ANY(%(ids)s::bigint[]) AND speaker <> '' AND kind < {CUE} GROUP BY speaker ORDER BY speaker"
    " ON CONFLICT (namespace, name) DO UPDATE SET memories = s.memories + excluded.memories"
)
_UNSPOKE = (
    "UPDATE helamem.speaker s SET memories = s.memories - x.n FROM"
    " (SELECT speaker, count(*) AS n FROM helamem.node WHERE namespace = %(ns)s AND id = ANY(%(ids)s::bigint[])"
    f"  AND speaker <> '' AND kind < {CUE} AND active GROUP BY speaker ORDER BY speaker) x"
    " WHERE s.namespace = %(ns)s AND s.name = x.speaker"
)
_SILENT = "DELETE FROM helamem.speaker WHERE namespace = %(ns)s AND memories = 0"
_USE = (
    "INSERT INTO helamem.usage AS u (namespace, node, uses, used_at)"
    " SELECT %(ns)s, id, count(*), %(at)s::float8 FROM unnest(%(ids)s::bigint[]) AS w(id) GROUP BY id ORDER BY id"
    " ON CONFLICT (namespace, node) DO UPDATE SET uses = u.uses + excluded.uses, used_at = excluded.used_at"
)
# An event of each of some nodes; one named twice has two.
_NOTE = (
    "INSERT INTO helamem.history (namespace, node, n, event, at, text)"
    " SELECT %(ns)s, w.id, coalesce((SELECT max(h.n) FROM helamem.history h WHERE h.namespace = %(ns)s AND h.node = w.id), 0)"
    "  + row_number() OVER (PARTITION BY w.id), %(event)s, {at}, {text}"
    " FROM unnest(%(ids)s::bigint[]) AS w(id) JOIN helamem.node m ON m.namespace = %(ns)s AND m.id = w.id"
)
_BOUND = (
    "DELETE FROM helamem.history h USING (SELECT node, count(*) AS n FROM helamem.history"
    "  WHERE namespace = %(ns)s AND node = ANY(%(ids)s::bigint[]) GROUP BY node HAVING count(*) > 2 * %(most)s::int) x"
    " WHERE h.namespace = %(ns)s AND h.node = x.node AND h.n <="
    "  (SELECT n FROM helamem.history l WHERE l.namespace = %(ns)s AND l.node = x.node"
    "   ORDER BY n DESC OFFSET %(most)s LIMIT 1)"
)


def known(scope: Scope, keys: Sequence[bytes]) -> dict[bytes, int]:
    """The ids of the episodes that have one of these keys, by key."""
    return dict(scope.rows(BY_KEY, kind=EPISODE, keys=list(keys)))


def require(scope: Scope, ids: Iterable[int], kind: int | None = None) -> None:
    """Refuse ids that this namespace does not have, or not as this kind.

    Raises:
        NotFoundError: It names the lowest of them.
    """
    wanted = {int(id_) for id_ in ids}
    found = scope.column(
        "SELECT id FROM helamem.node WHERE namespace = %(ns)s AND id = ANY(%(ids)s::bigint[])"
        " AND (%(kind)s::int IS NULL OR kind = %(kind)s::int)",
        ids=sorted(wanted),
        kind=kind,
    )
    if len(found) < len(wanted):
        missing = min(wanted - set(found))
        raise NotFoundError("memory" if kind is None else NODE_KINDS[kind], missing)


def numbering(n: int) -> Statement:
    """The statement that gives the next `n` ids; those that are not used are never used."""
    return "SELECT nextval('helamem.node_id') FROM generate_series(1, %(n)s)", {"n": n}


def add(
    scope: Scope, episodes: Sequence[NewEpisode], dimension: int, *, link: float, now: float
) -> list[tuple[int, bool]]:
    """Insert the turns that are not known; for each its id, and whether it is new."""
    found, spare = scope.batch(
        (BY_KEY, {"kind": EPISODE, "keys": [each.key for each in episodes]}),
        numbering(len(episodes)),
    )
    ids: dict[bytes, int] = dict(found)
    new = {each.key: each for each in reversed(episodes) if each.key not in ids}
    ordered = list(dict.fromkeys(each.key for each in episodes if each.key in new))
    if ordered:
        added = {key: id_ for key, (id_,) in zip(ordered, spare, strict=False)}
        ids |= added
        scope.batch(*adding([(added[key], new[key]) for key in ordered], dimension, link, now))
    outcome = []
    for each in episodes:
        outcome.append((ids[each.key], each.key in new))
        new.pop(each.key, None)
    return outcome


def adding(
    added: Sequence[tuple[int, NewEpisode]], dimension: int, link: float, now: float
) -> list[Statement]:
    """The statements that insert turns at the end of their sessions."""
    names = {rows.session_id(each.session): stored(each.session) for _, each in added}
    ids = [id_ for id_, _ in added]
    linking = [(_LINK, {"ids": ids, "link": link, "now": now})] if link > 0 else []
    return [
        (_SESSIONS, {"sessions": sorted(names), "names": [names[id_] for id_ in sorted(names)]}),
        inserting([_row(id_, each, dimension) for id_, each in added]),
        *passage_table.adding(added, dimension),
        *linking,
        *adding_contents(added),
        namespace.NEWS,
    ]


def _row(id_: int, episode: NewEpisode, dimension: int) -> dict[str, Any]:
    return {
        **text_columns(episode, dimension),
        "id": id_,
        "kind": EPISODE,
        "key": episode.key,
        "role": stored(episode.role),
        "session": rows.session_id(episode.session),
        "utc_offset": episode.offset,
    }


def text_columns(memory: NewMemory, dimension: int) -> dict[str, Any]:
    """The columns that episodes and facts have in common."""
    return {
        "text": stored(memory.text),
        "speaker": stored(memory.speaker),
        "at": memory.at,
        "stored_at": memory.stored_at,
        "metadata": encoding.dumped(memory.metadata),
        "length": memory.length,
        "traits": memory.traits,
        "vector": rows.literal(memory.vector, dimension),
    }


def inserting(table: Sequence[Mapping[str, Any]]) -> Statement:
    """The statement that inserts rows; missing values are empty."""
    empty = {"key": None, "role": "", "session": None, "utc_offset": None}
    full = [{**empty, "turn": row["id"], **row} for row in table]
    return _INSERT, {name: [row[name] for row in full] for name in _COLUMNS}


def adding_contents(added: Sequence[tuple[int, NewMemory]]) -> list[Statement]:
    """The statements that follow the insertion of episodes and facts: terms, counts, uses, speakers."""
    heard = [each for _, each in added if not each.traits & QUIET]
    used = [(id_, each) for id_, each in added if each.uses]
    statements = [
        *posting_table.adding([(id_, each.terms, each.length) for id_, each in added]),
        counting(len(heard), sum(each.length for each in heard)),
        (_SPOKE, {"ids": [id_ for id_, _ in added]}),
    ]
    if used:
        values = {
            "ids": [id_ for id_, _ in used],
            "uses": [each.uses for _, each in used],
            "used_at": [each.used_at for _, each in used],
        }
        statements.append((_USES, values))
    return statements


def counting(documents: int, length: int) -> Statement:
    """The statement that adjusts the counts of active episodes and facts."""
    return _COUNT, {"documents": documents, "length": length}


def uncounting(ids: Sequence[int]) -> list[Statement]:
    """The statements that take nodes out of the counts and the speakers, while they are still there."""
    values = {"ids": list(ids)}
    return [(_UNCOUNT, values), (_UNSPOKE, values), (_SILENT, {})]


def speaking(ids: Sequence[int]) -> Statement:
    """The statement that counts the speakers of nodes."""
    return _SPOKE, {"ids": list(ids)}


def add_cue(scope: Scope, cue: NewCue, dimension: int) -> int:
    """Insert a cue, or find it by its key."""
    vector = rows.literal(cue.vector, dimension)
    there, [(id_,)] = scope.batch((BY_KEY, {"kind": CUE, "keys": [cue.key]}), numbering(1))
    if there:
        return int(there[0][1])
    scope.batch(
        inserting(
            [
                {
                    "id": id_, "kind": CUE, "key": cue.key, "text": stored(cue.text), "speaker": "", "at": cue.at,
                    "stored_at": cue.at, "metadata": "{}", "length": 0, "traits": 0, "vector": vector,
                }
            ]
        )
    )  # fmt: skip
    return int(id_)


def using(ids: Sequence[int], at: float, most: int) -> list[Statement]:
    """The statements that count that memories were used, and note it in their history."""
    values = {"ids": list(ids), "at": at}
    return [(_USE, values), noting(ids, "used", at), bounding(ids, most)]


def noting(ids: Sequence[int], event: str, at: float) -> Statement:
    """The statement that adds an event to the history of memories."""
    return _NOTE.format(at="%(at)s::float8", text="NULL"), {
        "ids": list(ids),
        "event": event,
        "at": at,
    }


def noting_text(id_: int, event: str, at: float) -> Statement:
    """The same for one memory, with the text that it has now."""
    return _NOTE.format(at="%(at)s::float8", text="m.text"), {
        "ids": [id_],
        "event": event,
        "at": at,
    }


def noting_end(ids: Sequence[int], at: float) -> list[Statement]:
    """The statements that note when memories were added and deleted, and forget their old texts."""
    return [
        (_NOTE.format(at="m.stored_at", text="NULL") + f" WHERE m.kind < {CUE}", {"ids": list(ids), "event": "added"}),
        (_NOTE.format(at="%(at)s::float8", text="NULL") + f" WHERE m.kind < {CUE}", {"ids": list(ids), "event": "deleted", "at": at}),
        ("UPDATE helamem.history SET text = NULL WHERE namespace = %(ns)s AND node = ANY(%(ids)s::bigint[])", {"ids": list(ids)}),
    ]  # fmt: skip


def bounding(ids: Sequence[int], most: int) -> Statement:
    """The statement that trims the history of memories that have twice as many events as are kept."""
    return _BOUND, {"ids": list(ids), "most": most}


def _require_no_twin(scope: Scope, id_: int, text: str) -> None:
    """Refuse a text that another turn with the same session, speaker, role and time has.

    Raises:
        NotFoundError: There is no such episode.
        StoreError: There is such a turn.
    """
    found = scope.find(
        "SELECT a.text, (SELECT min(b.id) FROM helamem.node b WHERE b.namespace = %(ns)s AND b.session = a.session"
        "  AND b.at = a.at AND b.speaker = a.speaker AND b.role = a.role AND b.id <> a.id AND b.text = %(text)s)"
        f" FROM helamem.node a WHERE a.namespace = %(ns)s AND a.id = %(id)s AND a.kind = {EPISODE}",
        id=id_,
        text=stored(text),
    )
    if found is None:
        raise NotFoundError(NODE_KINDS[EPISODE], id_)
    old, twin = found
    if twin is not None and old != stored(text):
        raise StoreError(f"Memory {twin} says the same already. Delete one of the two.")


def update(
    scope: Scope, id_: int, episode: NewEpisode, dimension: int, *, at: float, most: int
) -> None:
    """Replace an episode's text; its history keeps the old one."""
    _require_no_twin(scope, id_, episode.text)
    before = [noting_text(id_, "updated", at), bounding([id_], most)]
    replace(scope, id_, episode, dimension, before)


def replace(
    scope: Scope, id_: int, episode: NewEpisode, dimension: int, before: Sequence[Statement] = ()
) -> None:
    """Replace an episode's text, after some other statements.

    Raises:
        StoreError: It was superseded.
    """
    newer = scope.find(
        "SELECT by FROM helamem.superseded WHERE namespace = %(ns)s AND node = %(id)s", id=id_
    )
    if newer is not None:
        raise StoreError(
            f"Memory {id_} was superseded by {newer[0]}. Change that one, or revert({id_}) first."
        )
    changed = {
        **text_columns(episode, dimension),
        "id": id_,
    }
    scope.batch(
        *before,
        *uncounting([id_]),
        *posting_table.removing([id_], [id_], posting_table.terms_of(scope, [id_])),
        (
            "UPDATE helamem.node SET text = %(text)s, metadata = %(metadata)s, length = %(length)s,"
            " traits = %(traits)s, vector = %(vector)s::vector WHERE namespace = %(ns)s AND id = %(id)s",
            changed,
        ),
        passage_table.removing([id_]),
        *passage_table.adding([(id_, episode)], dimension),
        unstaging([id_]),
        *adding_contents([(id_, episode)]),
        namespace.NEWS,
    )


def unstaging(ids: Sequence[int]) -> Statement:
    """The statement that drops what a reindexing has made of nodes that change or go."""
    return (
        "DELETE FROM helamem.staged WHERE namespace = %(ns)s AND node = ANY(%(ids)s::bigint[])",
        {"ids": list(ids)},
    )


def annotate(scope: Scope, id_: int, metadata: Mapping[str, Json], was: Mapping[str, Json]) -> bool:
    """Compare-and-set an episode's metadata; return whether it was set."""
    done, _ = scope.batch(
        (
            "UPDATE helamem.node SET metadata = %(metadata)s WHERE namespace = %(ns)s AND id = %(id)s"
            f" AND kind = {EPISODE} AND metadata = %(was)s RETURNING 1",
            {"metadata": encoding.dumped(metadata), "id": id_, "was": encoding.dumped(was)},
        ),
        unstaging([id_]),
    )
    return bool(done)


def origins(scope: Scope, ids: Sequence[int]) -> list[tuple[bytes, int | None]]:
    """The key of each of these episodes, and its offset.

    Raises:
        NotFoundError: One of them is not there.
    """
    found = {
        id_: (key, offset)
        for id_, key, offset in scope.rows(
            "SELECT id, key, utc_offset FROM helamem.node WHERE namespace = %(ns)s AND id = ANY(%(ids)s::bigint[])"
            f" AND kind = {EPISODE}",
            ids=list(ids),
        )
    }
    missing = [id_ for id_ in ids if id_ not in found]
    if missing:
        raise NotFoundError("memory", missing[0])
    return [found[id_] for id_ in ids]


def heard(scope: Scope, session: str, last: int) -> list[Heard]:
    """The latest turns of a session, `last` of them at most, oldest first."""
    found = scope.rows(
        "SELECT turn, id, active, key, role, speaker, text, at FROM helamem.node"
        " WHERE namespace = %(ns)s AND session = %(session)s ORDER BY id DESC LIMIT %(last)s",
        session=rows.session_id(session),
        last=last,
    )
    return [
        Heard(
            key=key,
            role=restored(role),
            speaker=restored(speaker),
            text=restored(text),
            at=at,
            is_superseded=not active,
            is_instead=turn != id_,
        )
        for turn, id_, active, key, role, speaker, text, at in sorted(found)
    ]
