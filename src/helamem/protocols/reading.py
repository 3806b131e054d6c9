"""What a store can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.filters import Filter
    from helamem.protocols.graph import Edges, Floats, Ints, NodeKind, Nodes
    from helamem.protocols.regions import RegionQuery, RegionRows
    from helamem.protocols.values import Heard
    from helamem.records import Change, Episode, Fact
    from helamem.reports import Namespace, Stats


class Reading(Protocol):
    """The questions to a store; none of them changes anything."""

    def known(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """The ids of the episodes that have one of these keys, by key."""
        ...

    def origins(self, ids: Sequence[int]) -> list[tuple[bytes, int | None]]:
        """The key of each of these episodes, and its offset; see `NewEpisode`.

        Raises:
            NotFoundError: One of them is not there.
        """
        ...

    def heard(self, session: str, *, last: int) -> list[Heard]:
        """The latest turns of a session, at most `last`, oldest first, superseded ones before their successors."""
        ...

    def region(self, query: RegionQuery) -> RegionRows:
        """The region of a question: all that a search needs, as of one moment.

        Candidates are the `nearest` memories by vector and the `lexical` best by BM25 (none that has no term),
        of those that meet `where`, both once more among those said in one of the `periods`. The region has these, what edges from
        them and from the nearest `cues` lead to within two steps, and the turns up to `reach` away from each in their sessions.
        Superseded facts and quiet episodes are left out, and are nobody's neighbors. Of equals the older comes first.

        Raises:
            ValueError: The vector has the wrong length.
        """
        ...

    def nearest(self, vector: Floats, k: int, *, kinds: Sequence[NodeKind]) -> tuple[Ints, Floats]:
        """The active nodes with the highest similarity: ids and similarities, best first, ties by id.

        It is that of the most similar vector, as `RegionRows.similarity` is. A store may miss a few of the nearest in
        a large namespace; similarities are exact.

        Quiet episodes are not among them.
        """
        ...

    def nodes(self, ids: Ints) -> Nodes:
        """The columns of nodes, in the order of `ids`."""
        ...

    def edges(self, sources: Ints, *, superseded: bool = False) -> Edges:
        """The stored edges that leave these nodes; those of superseded nodes only if requested."""
        ...

    def all_edges(self, *, superseded: bool = False) -> Edges:
        """Every stored edge of the namespace; those of superseded nodes only if requested."""
        ...

    def ids(
        self, *, kinds: Sequence[NodeKind], where: Filter | None = None, superseded: bool = False
    ) -> Ints:
        """The ids of active nodes, or of superseded ones as well, ascending; `where` restricts memories."""
        ...

    def speakers(self) -> tuple[str, ...]:
        """The speakers, in the order of `Nodes.speakers`."""
        ...

    def get(self, ids: Sequence[int], *, skip_missing: bool = False) -> list[Episode | Fact]:
        """The memories, in the order of `ids`.

        Raises:
            NotFoundError: One of them is not there, and `skip_missing` is false.
        """
        ...

    def vectors(self, ids: Ints) -> Floats:
        """The vectors of the whole texts, shape (n, dimension), in the order of `ids`."""
        ...

    def joined(self, *, at_least: int) -> Ints:
        """The active nodes with at least this many learned edges to any node, ascending."""
        ...

    def facts(
        self, *, superseded: bool = False, resting_on: Sequence[int] | None = None
    ) -> list[Fact]:
        """All facts, oldest first; superseded ones only if requested.

        `resting_on` restricts them to those that rest on one of these episodes.
        """
        ...

    def cues(self, ids: Ints | None = None) -> list[tuple[int, str, float]]:
        """Every cue, or those with these ids, by id: id, text, epoch seconds."""
        ...

    def history(self, id_: int) -> list[Change]:
        """What happened to a memory, oldest first, even after it was removed."""
        ...

    def namespaces(self) -> list[Namespace]:
        """The namespaces of the file or database that are not empty, by name."""
        ...

    def lessons(self) -> int:
        """The number of lessons learned: the clock of decay by lessons."""
        ...

    def stats(self) -> Stats:
        """The sizes of the namespace."""
        ...

    def check(self) -> list[str]:
        """The defects of the file, one sentence each; none if it is sound."""
        ...
