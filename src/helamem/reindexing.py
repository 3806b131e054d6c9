"""Recomputes vectors, terms and traits, also for another embedder or language, while the store is in use.

Results are staged in batches and replace the old ones in one transaction; an interrupted run loses nothing, and
the next one continues it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem import indexing
from helamem.protocols import Analysis, Reindexed
from helamem.search import questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from helamem.language.language import Language
    from helamem.protocols import Embedder, Reindexing, Store, Unindexed


def analysis_of(embedder: Embedder, language: Language) -> Analysis:
    """The analysis of an embedder and a language."""
    return Analysis(
        embedder=embedder.name,
        dimension=embedder.dimension,
        language=language.name,
        version=language.version,
    )


def reindex(
    store: Store,
    embedder: Embedder,
    language: Language,
    *,
    names_apart: bool,
    batch_size: int,
    progress: Callable[[int], None] | None = None,
) -> tuple[Store, int]:
    """Reindex a store's file; return the store with the new analysis, and the number of nodes.

    Args:
        names_apart: Whether names of speakers and times are left out of the vectors of cues.
        batch_size: Nodes per transaction.
        progress: Called after each batch with the number of nodes done in this run.

    Raises:
        EmbedderError: The embedder failed; what was staged is kept for the next run.
        StoreError: Another reindexing has started.
    """
    making = store.reindexing(analysis_of(embedder, language))
    done = 0
    adopted = None
    while adopted is None:
        for batch in _batches(making, batch_size):
            making.stage(_made(batch, embedder, language, names_apart=names_apart))
            done += len(batch)
            if progress is not None:
                progress(done)
        adopted = making.adopt()
    return adopted, done


def _batches(making: Reindexing, size: int) -> Iterator[list[Unindexed]]:
    after = 0
    while batch := making.unindexed(after=after, limit=size):
        yield batch
        after = batch[-1].id


def _made(
    nodes: Sequence[Unindexed], embedder: Embedder, language: Language, *, names_apart: bool
) -> list[Reindexed]:
    episodes = [each for each in nodes if each.kind == "episode"]
    others = [each for each in nodes if each.kind != "episode"]
    spoken = [("".join(each.speakers), each.text) for each in episodes]
    texts = [_embedded(each, language, names_apart=names_apart) for each in others]
    return [
        *(
            Reindexed(id=each.id, **vectors, **_indexed(each, language))
            for each, vectors in zip(
                episodes, indexing.vectors_of(spoken, embedder, language), strict=True
            )
        ),
        *(
            Reindexed(id=each.id, vector=vector, **_indexed(each, language))
            for each, vector in zip(others, indexing.embed(embedder, texts), strict=True)
        ),
    ]


def _embedded(node: Unindexed, language: Language, *, names_apart: bool) -> str:
    """The text that the vector of a fact or cue is computed from."""
    if node.kind == "fact":
        return node.text
    return questions.telling(node.text, node.speakers, language, names_apart=names_apart)


def _indexed(node: Unindexed, language: Language) -> indexing.Indexed:
    """The terms and traits of a node; a cue has none."""
    if node.kind == "cue":
        return {"terms": (), "length": 0, "traits": 0}
    return indexing.indexed(node.text, language, node.metadata)
