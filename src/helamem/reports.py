"""Results of learning and upkeep: reinforce, undo, forget, erase, consolidate, repair, reindex and stats; all are frozen."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from helamem.frozen import dataclass
from helamem.plain import Record, fields, plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from helamem.plain import Json


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ForgetPlan(Record):
    """Which episodes may go, and why; `forget(dry_run=False)` does exactly this.

    Attributes:
        ids: The episodes that would go, and then what these have superseded.
        considered: How many episodes were looked at.
        kept_strong, kept_young, kept_used: How many each rule kept (the first that applies).
        kept_marked: How many are marked to be kept, or belong to a group of which something stays.
        left: How many more may go, beyond the largest share at once.
        refused: Why nothing goes although episodes are weak, old and unused; otherwise empty.
        done: Whether the plan has been carried out.
    """

    ids: tuple[int, ...]
    considered: int
    kept_strong: int = 0
    kept_young: int = 0
    kept_used: int = 0
    kept_marked: int = 0
    left: int = 0
    refused: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Erasure(Record):
    """Everything about a person that would be erased; `erase(dry_run=False)` does exactly this.

    Attributes:
        turns: The turns they said.
        facts: The facts about them, those that rest on their turns, and those that mention them.
        mentions: Turns of others that mention them, if requested, with their earlier versions.
        cues: The earlier questions that name them, or that the erased memories answered.
        history: How many old texts of other memories mention them and go.
        before, after: How many episodes, facts and cues there are, before and after.
        left: What still mentions them if `mentions` was not set.
        other_names: Words that may be other names of theirs, as "Mel" for Melanie, with the memories that have
            them. These are guesses and stay: `erase` each that is right.
        done: Whether it has been carried out.
    """

    name: str
    turns: tuple[int, ...]
    facts: tuple[int, ...]
    mentions: tuple[int, ...]
    cues: tuple[int, ...]
    history: int
    before: Mapping[str, int]
    after: Mapping[str, int]
    left: tuple[int, ...] = ()
    done: bool = False
    other_names: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    _shown: ClassVar = ("name", "before", "after", "other_names", "done")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Namespace(Record):
    """A namespace of a file, and its size."""

    name: str
    episodes: int
    facts: int
    cues: int
    last_at: datetime | None

    _shown: ClassVar = ("name", "episodes", "facts", "cues")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ConsolidationReport(Record):
    """The result of one `consolidate`.

    Attributes:
        hubs: How many hubs were found.
        clusters: How many clusters were distilled now.
        unchanged: How many clusters had been distilled before, and were left alone.
        facts_added: The ids of the new facts.
        pruned: How many faint edges were removed.
        refused: The rejected parts of a language model's answers, one sentence each.
        failed: The failures, one sentence each; the next `consolidate` tries again.
        left: How many clusters are left for the next time, because of `reflection.max_calls`.
        usage: Calls to the language model, and tokens in both directions.
        lesson: The id by which `undo` takes it back; None if nothing was distilled, or no journal is kept.
    """

    hubs: int
    clusters: int
    unchanged: int
    facts_added: tuple[int, ...] = ()
    facts_merged: int = 0
    facts_superseded: int = 0
    pruned: int = 0
    refused: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    left: int = 0
    usage: Mapping[str, int] = field(default_factory=lambda: {"calls": 0, "tokens": 0})
    lesson: int | None = None

    def to_dict(self) -> dict[str, Json]:
        """The report as JSON; `facts_added` is a count, and `facts` has the ids."""
        ids = plain(self.facts_added)
        return {**fields(self), "facts_added": len(ids), "facts": ids}

    @classmethod
    def _fields_from(cls, shape: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**shape, "facts_added": shape["facts"]}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RepairReport(Record):
    """The defects of a memory, and their repairs.

    Attributes:
        mended: One sentence for each kind of defect and its repair.
        left: What is still wrong and cannot be repaired here; after a dry run, what is wrong now.
        done: Whether the repair has been done.
    """

    mended: tuple[str, ...]
    left: tuple[str, ...]
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ReindexReport(Record):
    """The result of a reindexing.

    Attributes:
        memories: How many episodes, facts and earlier questions, of all namespaces in the file.
        language_version: The version of the language's analysis.
    """

    memories: int
    embedder: str
    dimension: int
    language: str
    language_version: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Copied(Record):
    """The result of copying one namespace.

    Attributes:
        episodes, facts, cues: How many the original has.
        stored: How many episodes were stored now; 0 where all were there already.
        searches: How many searches were compared.
        differences: What the copy has or finds otherwise, one line each.
    """

    namespace: str
    episodes: int
    facts: int
    cues: int
    stored: int
    searches: int
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Stats(Record):
    """The size of one namespace.

    Attributes:
        edges: By channel; "temporal" counts neighbouring turns, "learned" associations between
            memories, "cue" bindings of a question to what served it.
        language: The language that texts were read with.
        language_version: The version of the analysis; `reindex` brings it up to date.
        file_bytes: The size of the whole file, all namespaces together; 0 for a memory in RAM.
    """

    namespace: str
    embedder: str
    dimension: int
    language: str
    language_version: int
    episodes: int
    facts: int
    cues: int
    sessions: int
    speakers: tuple[str, ...]
    edges: Mapping[str, int]
    first_at: datetime | None
    last_at: datetime | None
    file_bytes: int
    path: str

    _shown: ClassVar = ("namespace", "episodes", "facts", "cues", "path")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reinforcement(Record):
    """What one `reinforce` changed.

    Attributes:
        cue: The id of the bound cue, or None if cues are off.
        strengthened: How many edges between memories grew.
        bound: How many edges from the cue grew.
        weakened: How many edges shrank.
        lesson: The id by which `undo` takes it back; None if no journal is kept.
    """

    cue: int | None
    strengthened: int
    bound: int
    weakened: int
    lesson: int | None = None

    _shown: ClassVar = ("cue", "strengthened", "bound", "weakened")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Lesson(Record):
    """A lesson or a consolidation that `undo` can undo.

    Attributes:
        kind: "lesson" for what one `reinforce` taught, "consolidation" for one `consolidate` that found something.
        at: When it was learned.
        question: The question that the lesson bound; None if it is gone.
        used: The ids of the memories that served.
        edges: How many edges it changed.
        facts: The ids of the facts that it added.
        undone: Whether it was undone; then it names no memories.
    """

    id: int
    kind: Literal["lesson", "consolidation"]
    at: datetime
    question: str | None = None
    used: tuple[int, ...] = ()
    edges: int = 0
    facts: tuple[int, ...] = ()
    undone: bool = False

    _shown: ClassVar = ("id", "kind", "at", "used", "facts", "undone")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ignored(Record):
    """A memory that was shown often and never used.

    Attributes:
        shown: How often it was a hit of a recall that `reinforce` was told about.
    """

    id: int
    shown: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Undone(Record):
    """The effect of one `undo`.

    Attributes:
        lesson: The id of the lesson.
        edges: How many edges are now as if the lesson had never been learned.
        left: How many edges or facts stay, because something else has changed them since.
        removed: The ids of the facts and earlier questions that went.
    """

    lesson: int
    edges: int = 0
    left: int = 0
    removed: tuple[int, ...] = ()
