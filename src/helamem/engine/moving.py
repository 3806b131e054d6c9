"""Exporting and importing whole memories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem import arguments
from helamem.engine.adding import Adding
from helamem.hints import helpful

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from helamem.records import Receipt


@helpful
class Moving(Adding):
    """The methods that export and import whole memories."""

    def export(self) -> Iterator[dict[str, Any]]:
        """Yield everything in this namespace but the vectors, as JSON objects that `import_` reads."""
        from helamem.exchange import export

        return export.export(self._store, self._embedder.name)

    def import_(
        self, lines: Iterable[str], *, progress: Callable[[int], None] | None = None
    ) -> Receipt:
        """Import an export, with its facts, cues and learned edges, or a JSONL of turns.

        Everything is read, checked and embedded, then stored in one transaction.

        Args:
            progress: Called with the number of turns embedded so far.

        Raises:
            DataError: A line is malformed; `line` says which.
            HelaMemError: The import failed.

        Nothing was stored in any of these cases.
        """
        from helamem.exchange import export, restoring
        from helamem.exchange.reading import Reading

        arguments.several("import_", lines, each="lines", instead="open the file and pass it")
        content = export.read(arguments.text_lines("import_", lines), self._config.naive_zone)
        if isinstance(content, Reading):
            return self._add(content, progress=progress)
        store, embedder = self._parts
        prepared = restoring.prepare(
            content,
            embedder,
            self._language,
            speakers=store.speakers(),
            names_apart=self._config.activation.names_apart,
            batch_size=self._config.storage.batch_size,
            progress=progress,
        )
        by_lessons = self._config.learning.decay_by == "lessons"
        with store.transaction() as inside:
            return restoring.restore(prepared, inside, by_lessons=by_lessons)
