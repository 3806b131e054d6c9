"""One namespace of a database, and the metadata of the whole database."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from uuid import UUID

from helamem.errors import (
    CorruptError,
    EmbedderMismatchError,
    LanguageMismatchError,
    StoreError,
)
from helamem.frozen import dataclass
from helamem.protocols import Analysis
from helamem.stores.postgres.database import (
    EVERYTHING,
    READ_ONE_STATE,
    WRITE,
    Opening,
)
from helamem.stores.postgres.texts import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.stores.postgres.database import Database, Row, Scope, Statement

META: Statement = ("SELECT key, value FROM helamem.meta", {})
BORN = "SELECT born FROM helamem.namespace WHERE namespace = %(ns)s"
COUNT_LESSON = (
    "UPDATE helamem.namespace SET lessons = lessons + 1, news = true WHERE namespace = %(ns)s"
)
AT_LEAST_LESSONS = "UPDATE helamem.namespace SET lessons = greatest(lessons, %(lessons)s), news = true WHERE namespace = %(ns)s"
# For workers: turns came in, as lessons do above.
NEWS: Statement = (
    "UPDATE helamem.namespace SET news = true WHERE namespace = %(ns)s AND NOT news",
    {},
)
NOBODY = UUID(int=0)  # stands for a namespace where all are meant
# Makes the namespace where it is new, and holds other writers off.
CLAIM = (
    "INSERT INTO helamem.namespace (namespace, name) VALUES (%(ns)s, %(name)s)"
    " ON CONFLICT (namespace) DO UPDATE SET name = excluded.name RETURNING born"
)


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace in a database whose vectors and terms were made by one analysis.

    Attributes:
        born: The number of its birth; None as long as this handle knows none.
    """

    name: str
    analysis: Analysis
    shown: str
    born: int | None

    @property
    def ns(self) -> UUID:
        """The namespace's digest, which is part of every key."""
        return key_of(self.name)

    @property
    def dimension(self) -> int:
        """The length of the vectors."""
        return self.analysis.dimension

    def reading(self, command: str = "") -> Opening:
        """How a transaction begins that reads."""
        return Opening(ns=self.ns, statements=[META], opened=self._require_fit, command=command)

    def reading_one_state(self) -> Opening:
        """The same, for several reads that see one state."""
        return self.reading(READ_ONE_STATE)

    def writing(self) -> Opening:
        """How a transaction begins that writes: nobody else writes to the namespace until it ends."""
        return Opening(
            ns=self.ns,
            statements=[(CLAIM, {"name": stored(self.name)}), META],
            opened=self._require_mine,
            command=WRITE,
        )

    def _require_mine(self, results: list[list[Row]]) -> None:
        [(born,)], meta = results
        self._require_fit([meta])
        if self.born not in (None, born):
            raise self.dropped()

    def dropped(self) -> StoreError:
        """The error of who writes to it after it was dropped."""
        return StoreError(
            f"The namespace {self.name!r} was dropped. Nothing was stored; open it again with Memory(...) "
            "to begin it anew."
        )

    def _require_fit(self, results: list[list[Row]]) -> None:
        """Refuse a database that was reindexed with another embedder or language since."""
        kept = analysis_of(results[-1])
        if kept is not None:
            require_fit(self.shown, kept, self.analysis)


def born(scope: Scope) -> int:
    """The number of the namespace's birth, in a transaction that writes."""
    if not scope.began:
        scope.batch()
    return int(scope.began[0][0][0])


def key_of(name: str) -> UUID:
    """The namespace in every key: a digest of its name."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return UUID(bytes=digest)


def everything(command: str) -> Opening:
    """How a transaction begins that concerns the whole database."""
    return Opening(
        ns=NOBODY, statements=[META], opened=lambda _: None, command=command, scope=EVERYTHING
    )


def claimed(db: Database, name: str, mine: Analysis | None) -> Space:
    """The namespace of this name; a new database records this analysis.

    Args:
        mine: None takes the database as it is, whatever made it.

    Raises:
        EmbedderMismatchError: The database was made with another embedder.
        LanguageMismatchError: It was read with another language.
    """
    kept, born = _met(db, name)
    if kept is None:
        if mine is None:
            raise StoreError(f"{db.shown} is empty: nothing has been stored in it yet.")
        kept = _recorded(db, mine)
    if mine is not None:
        require_fit(db.shown, kept, mine)
    return Space(name, kept if mine is None else mine, db.shown, born)


def _met(db: Database, name: str) -> tuple[Analysis | None, int | None]:
    """Who made the database, and when the namespace was born."""
    found: list[list[Row]] = []
    begin = Opening(ns=key_of(name), statements=[META], opened=found.extend)
    born = db.read(begin, lambda scope: scope.find(BORN))
    return analysis_of(found[-1]), None if born is None else int(born[0])


def _recorded(db: Database, mine: Analysis) -> Analysis:
    """The analysis of a new database: this one, unless another process was quicker."""
    with db.transaction(everything(WRITE)) as scope:
        scope.batch(*recording(mine, "ON CONFLICT (key) DO NOTHING"))
        kept = analysis_of(scope.rows(*META[:1]))
    if kept is None:
        raise _damaged(db.shown)
    return kept


def recording(
    analysis: Analysis, known: str = "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
) -> Sequence[tuple[str, dict[str, str]]]:
    """The statements that record who made the vectors and terms."""
    values = {
        "embedder": analysis.embedder,
        "dimension": str(analysis.dimension),
        "language": analysis.language,
        "version": str(analysis.version),
    }
    return [
        (
            f"INSERT INTO helamem.meta VALUES (%(key)s, %(value)s) {known}",
            {"key": key, "value": value},
        )
        for key, value in sorted(values.items())
    ]


def analysis_of(meta: list[Row]) -> Analysis | None:
    """Who made a database, from its metadata; None for a new one."""
    kept: dict[str, str] = dict(meta)
    if "embedder" not in kept:
        return None
    return Analysis(
        embedder=kept["embedder"],
        dimension=int(kept["dimension"]),
        language=kept["language"],
        version=int(kept["version"]),
    )


def require_fit(shown: str, kept: Analysis, mine: Analysis) -> None:
    """Refuse a database whose vectors or terms cannot be compared with those of an analysis.

    Raises:
        EmbedderMismatchError, LanguageMismatchError: It is another one's.
    """
    if (kept.embedder, kept.dimension) != (mine.embedder, mine.dimension):
        raise EmbedderMismatchError(expected=_spelled(kept), actual=_spelled(mine), path=shown)
    if kept.language != mine.language:
        raise LanguageMismatchError(expected=kept.language, actual=mine.language, path=shown)


def _spelled(analysis: Analysis) -> str:
    return f"{analysis.embedder} ({analysis.dimension} dimensions)"


def _damaged(shown: str) -> CorruptError:
    return CorruptError(
        f"{shown} is damaged: it does not say which embedder made it. Restore a backup."
    )


def lessons(scope: Scope) -> int:
    """The number of lessons learned."""
    found = scope.find("SELECT lessons FROM helamem.namespace WHERE namespace = %(ns)s")
    return int(found[0]) if found else 0
