"""Records as JSON: the shapes that `--json` prints, and that programs may rely on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from helamem.records import Fact

if TYPE_CHECKING:
    from helamem.records import Episode, Hit, Json
    from helamem.search.recall import Recall


def plain(value: Any) -> Any:
    """A record as JSON: its fields by name, times in ISO 8601."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no infinity
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def memory(kept: Episode | Fact) -> dict[str, Json]:
    """An episode or a fact; `kind` says which, and `fact_kind` what sort of fact."""
    fields = plain(kept)
    if isinstance(kept, Fact):
        return {**fields, "kind": "fact", "fact_kind": kept.kind}
    return {**fields, "kind": "episode"}


def fact(kept: Fact) -> dict[str, Json]:
    """A fact where only facts are listed: `kind` is what sort it is, `valid_from` since when it holds."""
    fields: dict[str, Json] = plain(kept)
    return {**fields, "valid_from": fields["at"]}


def hit(found: Hit) -> dict[str, Json]:
    """One memory that came back, and why."""
    return {
        "id": found.id,
        "kind": found.kind,
        "text": found.text,
        "speaker": found.speaker,
        "session": "" if isinstance(found.memory, Fact) else found.memory.session,
        "at": plain(found.at),
        "stored_at": plain(found.stored_at),
        "score": found.score,
        "path": found.path,
        "parts": plain(found.parts),
        "via": plain(found.via),
        "sources": list(found.sources),
        "metadata": plain(found.memory.metadata),
    }


def recall(found: Recall) -> dict[str, Json]:
    """What a question brought back."""
    return {
        "query": found.query,
        "at": plain(found.at),
        "hits": [hit(each) for each in found.hits],
        "cues": plain(found.cues),
        "notes": list(found.notes),
    }
