"""Superseding a memory, handing over its edges, and reverting that.

A superseded memory keeps its edges, invisible, and its successor gets copies. So reverting restores them to the
last digit, and takes back from the successor what was handed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.protocols import QUIET, Handed, Supersession
from helamem.stores.handing import (
    Copy,
    Forget,
    Put,
    Superseded,
    WayBack,
    handed,
    handed_edge,
    require_kinds,
    summing,
    supersessions,
    taken_back,
)
from helamem.stores.sqlite import edge_table, journal, node_table, posting_table
from helamem.stores.sqlite.edge_table import LEARNED
from helamem.stores.sqlite.namespace import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from helamem.protocols import EdgeRule
    from helamem.stores.handing import Change, Joined, Weight
    from helamem.stores.sqlite.namespace import Space


def supersede(
    space: Space,
    supersession: Supersession,
    at: float,
    rule: EdgeRule | None = None,
    now: float = 0.0,
) -> None:
    """Mark a memory as superseded, take it out of searches, and hand its edges over.

    Raises:
        NotFoundError: One of the two is not there, or is of a kind that cannot supersede the other.
        ValueError: The other one was superseded by this one, or is this one.
    """
    old, new = supersession.old, supersession.new
    _require_kinds(space, old, new)
    if old in _successors(space, new):
        raise ValueError(f"memory {new} cannot supersede {old}, which superseded it")
    was_active, place = _is_active(space, old), _place(space, old, new)
    _forget_handed(space, old)
    if rule is not None and was_active:
        hand_over(space, old, new, summing(rule, now))
    _write_handed(space, old, supersession.handed)
    space.db.execute(
        "INSERT OR REPLACE INTO superseded VALUES (?, ?, ?, ?, ?)",
        old, new, supersession.yields, supersession.because, place,
    )  # fmt: skip
    if _uses(space, old) == _uses(space, new):
        journal.copy_uses(space, old, new)
    set_active(space, [old], active=False)
    node_table.changed(space, [old, new])
    node_table.note(space, old, "superseded", at)


def revert(space: Space, id_: int, at: float) -> list[int]:
    """Make a memory valid again, with what was superseded because of it; return the ids of its successors.

    Raises:
        NotFoundError: There is no such memory.
        ValueError: It is not superseded.
    """
    return _WayBack(space, at).revert(id_)


class _WayBack(WayBack):
    def __init__(self, space: Space, at: float) -> None:
        self._space = space
        self._at = at

    def found(self, id_: int) -> Superseded | None:
        node_table.require(self._space, id_, None)
        found = self._space.db.find(
            "SELECT by, yields, place, active FROM superseded s JOIN node n ON n.id = by WHERE node = ?",
            id_,
        )
        if found is None:
            return None
        by, yields, place, active = found
        return Superseded(by, bool(yields), place, bool(active))

    def take_back(self, old: int, new: int, *, moves: bool) -> None:
        present = _learned(self._space, new)
        for edge in _handed(self._space, old):
            for change in taken_back(old, new, edge, present.get(edge.other), moves=moves):
                _apply(self._space, change)
        _forget_handed(self._space, old)

    def hold_again(self, old: int, new: int) -> None:  # noqa: ARG002  # places are read off `superseded`
        self._space.db.execute("DELETE FROM superseded WHERE node = ?", old)
        _hold_again(self._space, [old], self._at)

    def because_of(self, id_: int) -> list[int]:
        return self._space.db.column(
            "SELECT node FROM superseded WHERE because = ? ORDER BY node DESC", id_
        )

    def give_way(self, new: int, old: int, place: int | None) -> None:
        space = self._space
        hand_over(space, new, old, max)
        space.db.execute("INSERT INTO superseded VALUES (?, ?, 1, NULL, ?)", new, old, place)
        space.db.execute(
            "INSERT INTO usage SELECT ?1, uses, used_at FROM usage WHERE node = ?2"
            " ON CONFLICT (node) DO UPDATE SET used_at = CASE WHEN excluded.uses > uses"
            " THEN excluded.used_at ELSE used_at END, uses = max(uses, excluded.uses)",
            old,
            new,
        )
        journal.copy_uses(space, new, old)
        set_active(space, [new], active=False)
        node_table.changed(space, [new, old])
        node_table.note(space, new, "superseded", self._at)


def _apply(space: Space, change: Change) -> None:
    match change:
        case Put(node, other, weight):
            edge_table.put(space, node, other, weight)
        case Copy(source, target, other):
            journal.copy_edge(space, source, target, other)
        case Forget(node, other):
            journal.forget_edge(space, node, other)


def known(space: Space, among: Sequence[int] | None) -> list[Supersession]:
    """Supersessions by the id of the old memory: all, or those that involve some memories."""
    part = ""
    if among is not None:
        ids = "(SELECT value FROM json_each(?2))"
        part = f" AND (s.node IN {ids} OR s.by IN {ids})"
    values = (space.id,) if among is None else (space.id, listed(among))
    # The plus sign keeps SQLite from walking the whole namespace.
    of = f"superseded s JOIN node n ON n.id = s.node WHERE +n.namespace = ?1{part}"
    edges = space.db.rows(
        f"SELECT * FROM handed WHERE node IN (SELECT s.node FROM {of})",  # noqa: S608  # our own words
        *values,
    )
    rows = space.db.rows(
        f"SELECT s.node, s.by, s.yields, s.because FROM {of} ORDER BY s.node",  # noqa: S608
        *values,
    )
    return supersessions(rows, edges)


def relink(space: Space, going: list[int], at: float) -> None:
    """Before memories are removed, hand what they superseded to their successors, or make it valid again."""
    gone = "by IN (SELECT value FROM json_each(?1))"
    while rows := space.db.rows(
        f"SELECT s.node, s.by, n.by, n.yields FROM superseded s LEFT JOIN superseded n ON n.node = s.by WHERE s.{gone}",  # noqa: S608  # our own words
        listed(going),
    ):
        for node, by, newer, yields in rows:
            if newer is None:
                _forget_handed(space, node)
                space.db.execute("DELETE FROM superseded WHERE node = ?", node)
            else:
                _inherit(space, node, by, newer, yields=bool(yields))
        freed = [node for node, _, newer, _ in rows if newer is None]
        _hold_again(space, [node for node in freed if node not in going], at)


def _inherit(space: Space, node: int, by: int, newer: int, *, yields: bool) -> None:
    """Let a memory be superseded by the successor of what superseded it."""
    space.db.execute(
        "UPDATE superseded SET by = ?, yields = yields AND ? WHERE node = ?", newer, yields, node
    )
    _forget_handed(space, node)
    space.db.execute(
        "INSERT INTO handed SELECT ?, other, before, before_touched, weight, touched"
        " FROM handed WHERE node = ? AND other <> ?",
        node, by, node,
    )  # fmt: skip


def _hold_again(space: Space, ids: Sequence[int], at: float) -> None:
    set_active(space, ids, active=True)
    for id_ in ids:
        node_table.note(space, id_, "restored", at)


def set_active(space: Space, ids: Sequence[int], *, active: bool) -> None:
    """Remove memories from searches, or return them, and adjust the counts."""
    sign = 1 if active else -1
    flipped = space.db.rows(
        "SELECT id, length, traits FROM node"
        " WHERE active <> ? AND id IN (SELECT value FROM json_each(?))",
        active,
        listed(ids),
    )
    for id_, length, traits in flipped:
        space.db.execute("UPDATE node SET active = ? WHERE id = ?", active, id_)
        posting_table.count(space, id_, sign)
        if not traits & QUIET:
            node_table.count(space, sign, sign * length)
    if flipped:
        node_table.changed(space, [id_ for id_, *_ in flipped])


def hand_over(space: Space, old: int, new: int, joined: Joined) -> None:
    """Copy the learned edges of a memory to its successor, and record what the successor had before.

    Args:
        joined: The weight of an edge that both have, from the successor's and the other's.
    """
    edges = handed(_learned(space, old), _learned(space, new), new, joined)
    for each in edges:
        edge_table.put(space, new, each.other, each.after)
        if each.before is None:
            journal.copy_edge(space, old, new, each.other)
    _write_handed(space, old, edges)


def _handed(space: Space, old: int) -> Iterator[Handed]:
    for edge in space.db.rows(
        "SELECT other, before, before_touched, weight, touched FROM handed WHERE node = ?", old
    ):
        yield handed_edge(*edge)


def _write_handed(space: Space, old: int, handed: Iterable[Handed]) -> None:
    space.db.many(
        "INSERT OR REPLACE INTO handed VALUES (?, ?, ?, ?, ?, ?)",
        [(old, each.other, *(each.before or (None, None)), *each.after) for each in handed],
    )


def _forget_handed(space: Space, old: int) -> None:
    space.db.execute("DELETE FROM handed WHERE node = ?", old)


def _learned(space: Space, id_: int) -> dict[int, Weight]:
    """The learned edges of a memory, by the id at the other end, ascending."""
    return {
        other: (weight, touched)
        for other, weight, touched in space.db.rows(
            "SELECT target, weight, touched FROM edge"
            " WHERE source = ? AND channel = ? ORDER BY target",
            id_,
            LEARNED,
        )
    }


def _require_kinds(space: Space, old: int, new: int) -> None:
    for id_ in (old, new):
        node_table.require(space, id_, None)
    kinds = dict(space.db.rows("SELECT id, kind FROM node WHERE id IN (?, ?)", old, new))
    require_kinds(kinds, old, new)


def _uses(space: Space, id_: int) -> tuple[int, float | None] | None:
    """How often a memory was used, and when last; None if never."""
    return space.db.find("SELECT uses, used_at FROM usage WHERE node = ?", id_)


def _is_active(space: Space, id_: int) -> bool:
    return bool(space.db.row("SELECT active FROM node WHERE id = ?", id_)[0])


def _successors(space: Space, id_: int) -> Iterator[int]:
    """A memory, what superseded it, and so on."""
    found: tuple[int, ...] | None = (id_,)
    while found is not None:
        yield found[0]
        found = space.db.find("SELECT by FROM superseded WHERE node = ?", found[0])


def _place(space: Space, old: int, new: int) -> int | None:
    """The place of the new turn: that of the old one, if session and time are the same."""
    found = space.db.find(
        "SELECT coalesce((SELECT min(place) FROM superseded WHERE by = o.id), o.id)"
        " FROM node o JOIN node n ON n.session = o.session AND n.at = o.at"
        " WHERE o.id = ? AND n.id = ?",
        old,
        new,
    )
    return None if found is None else int(found[0])
