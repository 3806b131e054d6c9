"""How memories are shown to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.models import prompts
from helamem.records import Fact
from helamem.search.passages import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helamem.language.language import Language
    from helamem.plain import Json
    from helamem.records import Hit

MAX_MEMORY = 2000  # most characters of a memory in the prompt


def memory_line(hit: Hit, question: str) -> dict[str, Json]:
    """A memory as it is quoted; a long one is cut to its beginning and the passage that fits."""
    memory = hit.memory
    line = prompts.fact_line(memory) if isinstance(memory, Fact) else prompts.episode_line(memory)
    return line | {"text": excerpt(str(line["text"]), question, MAX_MEMORY)}


def shown_line(hit: Hit, question: str, language: Language) -> dict[str, Json]:
    """A memory as a model is shown it: with the dates that its "yesterday" and "last week" mean."""
    line = memory_line(hit, question)
    if hit.kind == "fact":
        return line
    return line | {"text": prompts.with_dates(str(line["text"]), hit.at.date(), language)}


def in_order(hits: Iterable[Hit]) -> list[Hit]:
    """The hits: facts first, then episodes by time."""
    return sorted(hits, key=lambda hit: (hit.kind == "episode", hit.at, hit.id))
