"""Superseding a memory, handing over its edges, and reverting that.

A superseded memory keeps its edges, invisible, and its successor gets copies. So reverting restores them to the
last digit, and takes back from the successor what was handed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.protocols import Handed, Supersession
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
from helamem.stores.postgres import edge_table, journal, node_table, passage_table, posting_table
from helamem.stores.postgres.edge_table import LEARNED
from helamem.stores.postgres.rows import IS_DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helamem.protocols import EdgeRule
    from helamem.stores.handing import Change, Joined, Weight
    from helamem.stores.postgres.database import Scope, Statement


_SUCCESSORS = (
    "WITH RECURSIVE later AS (SELECT %(id)s::bigint AS node UNION"
    " SELECT s.by FROM later JOIN helamem.superseded s ON s.namespace = %(ns)s AND s.node = later.node)"
    " SELECT node FROM later"
)
_RECORD = (
    "INSERT INTO helamem.superseded (namespace, node, by, yields, because, place)"
    " VALUES (%(ns)s, %(old)s, %(new)s, %(yields)s, %(because)s, %(place)s)"
    " ON CONFLICT (namespace, node) DO UPDATE SET by = excluded.by, yields = excluded.yields,"
    " because = excluded.because, place = excluded.place"
)
# In whose place the new turn stands: that of the old one, if it belongs to the same session and moment.
_PLACE = (
    "SELECT o.turn FROM helamem.node o JOIN helamem.node n"
    " ON n.namespace = %(ns)s AND n.session = o.session AND n.at = o.at"
    " WHERE o.namespace = %(ns)s AND o.id = %(old)s AND n.id = %(new)s"
)
_SEAT = (
    "UPDATE helamem.node n SET turn = coalesce((SELECT min(s.place) FROM helamem.superseded s"
    "  WHERE s.namespace = %(ns)s AND s.by = n.id), n.id)"
    " WHERE n.namespace = %(ns)s AND n.id = ANY(%(ids)s::bigint[])"
)
_USES = (
    "INSERT INTO helamem.usage AS u (namespace, node, uses, used_at)"
    " SELECT %(ns)s, %(old)s, uses, used_at FROM helamem.usage WHERE namespace = %(ns)s AND node = %(new)s"
    " ON CONFLICT (namespace, node) DO UPDATE SET used_at = CASE WHEN excluded.uses > u.uses"
    " THEN excluded.used_at ELSE u.used_at END, uses = greatest(u.uses, excluded.uses)"
)
_INHERIT = (
    "INSERT INTO helamem.handed (namespace, node, other, before, before_touched, weight, touched)"
    " SELECT %(ns)s, %(node)s, other, before, before_touched, weight, touched FROM helamem.handed"
    " WHERE namespace = %(ns)s AND node = %(by)s AND other <> %(node)s"
)
_COUNT_AGAIN = (
    "UPDATE helamem.namespace SET n_documents = n_documents + x.n, total_length = total_length + x.length"
    " FROM (SELECT count(*) AS n, coalesce(sum(length), 0) AS length FROM helamem.node"
    f"  WHERE namespace = %(ns)s AND id = ANY(%(ids)s::bigint[]) AND {IS_DOCUMENT}) x"
    " WHERE namespace = %(ns)s"
)


def supersede(
    scope: Scope,
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
    was_active = _require_kinds(scope, old, new)
    if old in scope.column(_SUCCESSORS, id=new):
        raise ValueError(f"memory {new} cannot supersede {old}, which superseded it")
    place = scope.find(_PLACE, old=old, new=new)
    before = scope.column(
        "SELECT by FROM helamem.superseded WHERE namespace = %(ns)s AND node = %(old)s",
        old=old,
    )
    scope.batch(_forgetting(old))
    if rule is not None and was_active:
        hand_over(scope, old, new, summing(rule, now))
    scope.batch(
        *_writing(old, supersession.handed),
        *_recording(supersession, place[0] if place else None),
        (_SEAT, {"ids": [new, *before]}),
    )
    if _have_same_uses(scope, old, new):
        scope.batch(journal.copying_uses(old, new))
    set_active(scope, [old], active=False)
    scope.batch(node_table.noting([old], "superseded", at))


def revert(scope: Scope, id_: int, at: float) -> list[int]:
    """Make a memory valid again, with what was superseded because of it; return the ids of its successors.

    Raises:
        NotFoundError: There is no such memory.
        ValueError: It is not superseded.
    """
    return _WayBack(scope, at).revert(id_)


class _WayBack(WayBack):
    def __init__(self, scope: Scope, at: float) -> None:
        self._scope = scope
        self._at = at

    def found(self, id_: int) -> Superseded | None:
        node_table.require(self._scope, [id_])
        found = self._scope.find(
            "SELECT s.by, s.yields, s.place, n.active FROM helamem.superseded s"
            " JOIN helamem.node n ON n.namespace = %(ns)s AND n.id = s.by"
            " WHERE s.namespace = %(ns)s AND s.node = %(id)s",
            id=id_,
        )
        return None if found is None else Superseded(*found)

    def take_back(self, old: int, new: int, *, moves: bool) -> None:
        present = _learned(self._scope, new)
        statements = [
            _applying(change)
            for edge in _handed(self._scope, old)
            for change in taken_back(old, new, edge, present.get(edge.other), moves=moves)
        ]
        self._scope.batch(*statements, _forgetting(old))

    def hold_again(self, old: int, new: int) -> None:
        self._scope.batch(_holding(old), (_SEAT, {"ids": [new]}))
        _hold_again(self._scope, [old], self._at)

    def because_of(self, id_: int) -> list[int]:
        return self._scope.column(
            "SELECT node FROM helamem.superseded WHERE namespace = %(ns)s AND because = %(id)s"
            " ORDER BY node DESC",
            id=id_,
        )

    def give_way(self, new: int, old: int, place: int | None) -> None:
        scope = self._scope
        hand_over(scope, new, old, max)
        scope.batch(
            *_recording(Supersession(old=new, new=old), place),
            (_SEAT, {"ids": [old]}),
            (_USES, {"old": old, "new": new}),
            journal.copying_uses(new, old),
        )
        set_active(scope, [new], active=False)
        scope.batch(node_table.noting([new], "superseded", self._at))


def _applying(change: Change) -> Statement:
    match change:
        case Put(node, other, weight):
            return edge_table.putting(node, other, weight)
        case Copy(source, target, other):
            return journal.copying_edge(source, target, other)
        case Forget(node, other):
            return journal.forgetting_edge(node, other)


def known(scope: Scope, among: Sequence[int] | None) -> list[Supersession]:
    """Supersessions by the id of the old memory: all, or those that involve some memories."""
    values = {"ids": None if among is None else list(among)}
    some = "%(ids)s::bigint[] IS NULL OR {0}.node = ANY(%(ids)s::bigint[]) OR {0}.by = ANY(%(ids)s::bigint[])"
    rows, edges = scope.batch(
        (
            "SELECT s.node, s.by, s.yields, s.because FROM helamem.superseded s"
            f" WHERE s.namespace = %(ns)s AND ({some.format('s')}) ORDER BY s.node",
            values,
        ),
        (
            "SELECT h.node, h.other, h.before, h.before_touched, h.weight, h.touched"
            " FROM helamem.handed h JOIN helamem.superseded s"
            " ON s.namespace = %(ns)s AND s.node = h.node"
            f" WHERE h.namespace = %(ns)s AND ({some.format('s')}) ORDER BY h.node, h.other",
            values,
        ),
    )
    return supersessions(rows, edges)


def relink(scope: Scope, going: Sequence[int], at: float) -> None:
    """Before memories are removed, hand what they superseded to their successors, or make it valid again."""
    while rows := scope.rows(
        "SELECT s.node, s.by, n.by, n.yields FROM helamem.superseded s"
        " LEFT JOIN helamem.superseded n ON n.namespace = %(ns)s AND n.node = s.by"
        " WHERE s.namespace = %(ns)s AND s.by = ANY(%(ids)s::bigint[]) ORDER BY s.node",
        ids=list(going),
    ):
        for node, by, newer, yields in rows:
            if newer is None:
                scope.batch(_forgetting(node), _holding(node))
            else:
                _inherit(scope, node, by, newer, yields=yields)
        freed = [node for node, _, newer, _ in rows if newer is None and node not in going]
        _hold_again(scope, freed, at)


def _inherit(scope: Scope, node: int, by: int, newer: int, *, yields: bool) -> None:
    """Let a memory be superseded by the successor of what superseded it."""
    scope.batch(
        (
            "UPDATE helamem.superseded SET by = %(newer)s, yields = yields AND %(yields)s"
            " WHERE namespace = %(ns)s AND node = %(node)s",
            {"newer": newer, "yields": yields, "node": node},
        ),
        _forgetting(node),
        (_INHERIT, {"node": node, "by": by}),
        (_SEAT, {"ids": [newer]}),
    )


def _hold_again(scope: Scope, ids: Sequence[int], at: float) -> None:
    if ids:
        set_active(scope, ids, active=True)
        scope.batch(node_table.noting(ids, "restored", at))


def set_active(scope: Scope, ids: Sequence[int], *, active: bool) -> None:
    """Remove memories from searches, or return them, and adjust the counts."""
    flipped = scope.column(
        "SELECT id FROM helamem.node WHERE namespace = %(ns)s AND id = ANY(%(ids)s::bigint[])"
        " AND active <> %(active)s ORDER BY id",
        ids=list(ids),
        active=active,
    )
    if not flipped:
        return
    values = {"ids": flipped, "active": active}
    switch: Statement = (
        "UPDATE helamem.node SET active = %(active)s WHERE namespace = %(ns)s AND id = ANY(%(ids)s::bigint[])",
        values,
    )
    hearing = passage_table.hearing(flipped)
    if active:
        counting = [(_COUNT_AGAIN, values), node_table.speaking(flipped)]
        scope.batch(switch, hearing, posting_table.counting(flipped, 1), *counting)
    else:
        counting = node_table.uncounting(flipped)
        scope.batch(posting_table.counting(flipped, -1), *counting, switch, hearing)


def hand_over(scope: Scope, old: int, new: int, joined: Joined) -> None:
    """Copy the learned edges of a memory to its successor, and record what the successor had before.

    Args:
        joined: The weight of an edge that both have, from the successor's and the other's.
    """
    edges = handed(_learned(scope, old), _learned(scope, new), new, joined)
    if edges:
        puts = [edge_table.putting(new, each.other, each.after) for each in edges]
        copies = [
            journal.copying_edge(old, new, each.other) for each in edges if each.before is None
        ]
        scope.batch(*puts, *copies, *_writing(old, edges))


def _handed(scope: Scope, old: int) -> list[Handed]:
    return [
        handed_edge(*row)
        for row in scope.rows(
            "SELECT other, before, before_touched, weight, touched FROM helamem.handed"
            " WHERE namespace = %(ns)s AND node = %(old)s ORDER BY other",
            old=old,
        )
    ]


def _recording(supersession: Supersession, place: int | None) -> list[Statement]:
    values = {
        "old": supersession.old,
        "new": supersession.new,
        "yields": supersession.yields,
        "because": supersession.because,
        "place": place,
    }
    return [(_RECORD, values)]


def _writing(old: int, handed: Iterable[Handed]) -> list[Statement]:
    return [
        (
            "INSERT INTO helamem.handed (namespace, node, other, before, before_touched, weight, touched)"
            " VALUES (%(ns)s, %(old)s, %(other)s, %(before)s, %(since)s, %(weight)s, %(touched)s)"
            " ON CONFLICT (namespace, node, other) DO UPDATE SET before = excluded.before,"
            " before_touched = excluded.before_touched, weight = excluded.weight, touched = excluded.touched",
            {
                "old": old,
                "other": each.other,
                "before": None if each.before is None else each.before[0],
                "since": None if each.before is None else each.before[1],
                "weight": each.after[0],
                "touched": each.after[1],
            },
        )
        for each in handed
    ]


def _forgetting(old: int) -> Statement:
    return "DELETE FROM helamem.handed WHERE namespace = %(ns)s AND node = %(old)s", {"old": old}


def _holding(id_: int) -> Statement:
    return "DELETE FROM helamem.superseded WHERE namespace = %(ns)s AND node = %(id)s", {"id": id_}


def _learned(scope: Scope, id_: int) -> dict[int, Weight]:
    """The learned edges of a memory, by the id at the other end, ascending."""
    return {
        other: (weight, touched)
        for other, weight, touched in scope.rows(
            "SELECT target, weight, touched FROM helamem.edge"
            f" WHERE namespace = %(ns)s AND source = %(id)s AND channel = {LEARNED} ORDER BY target",
            id=id_,
        )
    }


def _have_same_uses(scope: Scope, a: int, b: int) -> bool:
    """Whether two memories were used as often as each other, and last at the same time."""
    uses = dict.fromkeys((a, b), (0, None))
    for id_, *use in scope.rows(
        "SELECT node, uses, used_at FROM helamem.usage WHERE namespace = %(ns)s AND node = ANY(%(ids)s::bigint[])",
        ids=[a, b],
    ):
        uses[id_] = tuple(use)
    return uses[a] == uses[b]


def _require_kinds(scope: Scope, old: int, new: int) -> bool:
    """Refuse what cannot be superseded, or by that; whether the old one is active."""
    node_table.require(scope, [old, new])
    found = {
        id_: (kind, active)
        for id_, kind, active in scope.rows(
            "SELECT id, kind, active FROM helamem.node WHERE namespace = %(ns)s AND id = ANY(%(ids)s::bigint[])",
            ids=[old, new],
        )
    }
    require_kinds({id_: kind for id_, (kind, _) in found.items()}, old, new)
    return bool(found[old][1])
