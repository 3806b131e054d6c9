"""The methods of a memory as requests to a service. No I/O.

Every method is a generator: it yields requests, is sent the answers as JSON, and returns the value.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from helamem import arguments
from helamem.answering.ask import Answer
from helamem.consolidation.profiles import MAX_CHARS, Profile
from helamem.errors import NotFoundError
from helamem.exchange import messages as messages_
from helamem.indexing import plain_json
from helamem.plain import plain
from helamem.records import Change, Cue, Degraded, Episode, Fact, Listing, Receipt, Turn
from helamem.remote import requests
from helamem.reports import (
    ConsolidationReport,
    Erasure,
    ForgetPlan,
    Ignored,
    Lesson,
    Namespace,
    ReindexReport,
    Reinforcement,
    RepairReport,
    Stats,
    Undone,
)
from helamem.search.recall import Recall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from helamem.exchange.reading import Reading
    from helamem.records import Json
    from helamem.remote.requests import Asks

R = TypeVar("R")
_Memories: TypeAlias = "list[Episode | Fact]"  # where `list` is a method
PAGE = 1000  # memories per page


def _read(messages: object) -> Reading:
    """The turns, as `add` and `add_many` read them, with JSON metadata.

    Raises:
        TypeError, ValueError: An item is not a turn.
    """
    reading = messages_.take(messages)
    turns = [replace(turn, metadata=plain_json(turn.metadata)) for turn in reading.turns]
    return replace(reading, turns=tuple(turns))


def _receipt(reading: Reading, receipt: Receipt) -> Receipt:
    """The receipt for all items, of which the service received those that are turns."""
    there = [replace(each, index=reading.places[each.index]) for each in receipt.skipped]
    known = {each.index for each in receipt.skipped}
    lost = [
        Degraded(index=i, id=receipt.ids[i], reason=reason)
        for i, reasons in reading.losses.items()
        for reason in reasons
        if i not in known
    ]
    degraded = sorted([*lost, *receipt.degraded], key=lambda each: each.index)
    return replace(
        receipt,
        skipped=tuple(sorted([*there, *reading.left_out], key=lambda each: each.index)),
        degraded=tuple(replace(each, index=reading.places[each.index]) for each in degraded),
    )


def _memory(shape: Mapping[str, Any]) -> Episode | Fact:
    return Episode.from_dict(shape) if shape["kind"] == "episode" else Fact.from_dict(shape)


def _needed_for_learning(recall: Recall) -> dict[str, Any]:
    """The parts of a recall that learning needs."""
    return {
        "query": recall.query,
        "at": requests.moment(recall.at),
        "hits": [{"id": hit.id, "score": hit.score} for hit in recall.hits],
        "cues": recall.cues,
    }


def _refuse_model(llm: object) -> None:
    """Refuse a model, which cannot be sent to a service.

    Raises:
        TypeError: A model is given.
    """
    if llm is not None:
        raise TypeError(
            "a service has its own language model; name it in the settings of `helamem serve`"
        )


class Asking:
    """The methods of a memory, as generators of requests."""

    def now(self) -> Asks[datetime]:
        return datetime.fromisoformat((yield requests.get("now"))["now"])

    def add(
        self,
        messages: str | Turn | Mapping[str, Json] | Sequence[str | Turn | Mapping[str, Json]],
        *,
        speaker: str | None = None,
        role: str | None = None,
        at: datetime | None = None,
        session: str | None = None,
        metadata: Mapping[str, Json] | None = None,
        supersedes: int | None = None,
    ) -> Asks[Receipt]:
        reading = _read(messages)
        if supersedes is not None:
            supersedes = requests.checked_id(supersedes)
            if len(reading.turns) != 1:
                raise ValueError(f"one turn supersedes another; here are {len(reading.turns)}")
        if not reading.turns:
            return _receipt(reading, Receipt(ids=(), stored=()))
        common = Turn("-", speaker or "", role or "", None, session or "", metadata or {})
        answer = yield requests.post(
            "episodes",
            messages=reading.turns,
            speaker=speaker,
            role=role,
            at=requests.moment(at),
            session=session,
            metadata=plain_json(common.metadata),
            supersedes=supersedes,
        )
        return _receipt(reading, Receipt.from_dict(answer))

    def add_many(
        self,
        turns: Iterable[str | Turn | Mapping[str, Json]],
        *,
        batch_size: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Asks[Receipt]:
        arguments.several("add_many", turns, each="turns", instead="`add` takes one")
        if batch_size is not None:
            batch_size = arguments.count("batch_size", batch_size, least=1)
        reading = _read(list(turns))
        answer = yield requests.Request(
            method="POST",
            path="episodes/stream",
            params={"batch_size": batch_size},
            content=[requests.encoded(turn) + b"\n" for turn in reading.turns],
            progress=progress or requests.no_progress,
        )
        return _receipt(reading, Receipt.from_dict(answer))

    def put(self, key: str, turn: Turn) -> Asks[int]:
        if not isinstance(turn, Turn):
            raise TypeError(f"put takes a Turn, not {type(turn).__name__}")
        name = arguments.text("key", key, "name the turn")
        answer = yield requests.with_body("PUT", "items", _read(turn).turns[0].to_dict(), key=name)
        return int(answer["id"])

    def get_by_key(self, key: str) -> Asks[Episode | None]:
        answer = yield requests.get("items", key=arguments.text("key", key, "name the turn"))
        return None if answer["item"] is None else Episode.from_dict(answer["item"])

    def annotate(self, episode: Episode, metadata: Mapping[str, Json]) -> Asks[bool]:
        path = f"episodes/{requests.checked_id(episode.id)}/annotate"
        answer = yield requests.post(path, metadata=plain_json(metadata), was=episode.metadata)
        return bool(answer["done"])

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        filters: Mapping[str, Json] | None = None,
        at: datetime | None = None,
        min_confidence: float = 0.0,
    ) -> Asks[Recall]:
        answer = yield requests.post(
            "search",
            query=arguments.text("query", query, "ask something"),
            k=arguments.count("k", k, least=1),
            filters=filters,
            at=requests.moment(at),
            min_confidence=arguments.fraction("min_confidence", min_confidence),
        )
        return Recall.from_dict(answer)

    def reinforce(
        self,
        recall: Recall,
        used: Iterable[int] | None = None,
        *,
        unhelpful: Iterable[int] = (),
        certainty: float = 1.0,
        at: datetime | None = None,
    ) -> Asks[Reinforcement]:
        if not isinstance(recall, Recall):
            raise TypeError(
                f"reinforce takes what `search` returned, not {type(recall).__name__}: "
                "`recall = client.search(...)`"
            )
        answer = yield requests.post(
            "reinforce",
            recall=_needed_for_learning(recall),
            used=None if used is None else requests.checked_ids("used", used),
            unhelpful=requests.checked_ids("unhelpful", unhelpful),
            certainty=arguments.certainty(certainty),
            at=requests.moment(at),
        )
        return Reinforcement.from_dict(answer)

    def ask(
        self,
        question: str,
        *,
        llm: None = None,
        filters: Mapping[str, Json] | None = None,
        at: datetime | None = None,
        k: int | None = None,
        max_tokens: int | None = None,
        min_confidence: float | None = None,
        plan: bool | None = None,
        select: bool | None = None,
        investigate: bool | None = None,
        verify: bool | None = None,
        learn: bool | None = None,
    ) -> Asks[Answer]:
        _refuse_model(llm)
        answer = yield requests.post(
            "ask",
            question=arguments.text("query", question, "ask something"),
            filters=filters,
            at=requests.moment(at),
            k=k,
            max_tokens=max_tokens,
            min_confidence=min_confidence,
            plan=plan,
            select=select,
            investigate=investigate,
            verify=verify,
            learn=learn,
        )
        return Answer.from_dict(answer)

    def consolidate(
        self, *, llm: Literal[False] | None = None, at: datetime | None = None
    ) -> Asks[ConsolidationReport]:
        _refuse_model(None if llm is False else llm)
        answer = yield requests.post("consolidate", llm=llm is None, at=requests.moment(at))
        return ConsolidationReport.from_dict(answer)

    def ignored(self, *, at_least: int = 5) -> Asks[tuple[Ignored, ...]]:
        times = arguments.count("at_least", at_least, least=1)
        answer = yield requests.get("ignored", at_least=times)
        return tuple(map(Ignored.from_dict, answer["items"]))

    def lessons(self, *, limit: int | None = None) -> Asks[tuple[Lesson, ...]]:
        most = {} if limit is None else {"limit": arguments.count("limit", limit, least=0)}
        answer = yield requests.get("lessons", **most)
        return tuple(map(Lesson.from_dict, answer["items"]))

    def undo(self, lesson: int) -> Asks[Undone]:
        wanted = arguments.id_(lesson)
        if wanted < 1:
            raise NotFoundError("lesson", wanted)
        return Undone.from_dict((yield requests.post(f"lessons/{wanted}/undo")))

    def sever(self, a: int, b: int) -> Asks[bool]:
        one, other = requests.checked_id(a), requests.checked_id(b)
        if one == other:
            raise ValueError(f"no edge joins memory {one} to itself")
        return bool((yield requests.post("sever", a=one, b=other))["severed"])

    def reindex(
        self, *, embedder: None = None, progress: Callable[[int], None] | None = None
    ) -> Asks[ReindexReport]:
        if embedder is not None:
            raise TypeError(
                "a service has its own embedder; `helamem reindex` changes that of a file"
            )
        answer = yield requests.Request(
            method="POST", path="/v1/reindex", params={}, progress=progress or requests.no_progress
        )
        return ReindexReport.from_dict(answer)

    def forget(
        self,
        *,
        dry_run: bool = True,
        at: datetime | None = None,
        max_share: float | None = None,
        ignored: int | None = None,
    ) -> Asks[ForgetPlan]:
        answer = yield requests.post(
            "forget",
            dry_run=dry_run,
            at=requests.moment(at),
            max_share=max_share,
            ignored=None if ignored is None else arguments.count("ignored", ignored, least=1),
        )
        return ForgetPlan.from_dict(answer)

    def get(self, id_: int) -> Asks[Episode | Fact]:
        return _memory((yield requests.get(f"episodes/{requests.checked_id(id_)}")))

    def list(
        self,
        *,
        filters: Mapping[str, Json] | None = None,
        limit: int | None = None,
        offset: int = 0,
        superseded: bool = False,
    ) -> Asks[Listing]:
        most = None if limit is None else arguments.count("limit", limit, least=0)
        start = arguments.count("offset", offset, least=0)
        conditions = None if filters is None else json.dumps(plain(filters))
        found: _Memories = []
        while True:
            size = PAGE if most is None else min(PAGE, most - len(found))
            page = yield requests.get(
                "episodes",
                filters=conditions,
                limit=size,
                cursor=str(start + len(found)),
                superseded=superseded or None,
            )
            found += map(_memory, page["items"])
            if page["next"] is None or len(found) == most:
                break
        return Listing(found, total=page["total"], offset=start, notes=tuple(page["notes"]))

    def update(
        self, id_: int, words: str | None = None, *, metadata: Mapping[str, Json] | None = None
    ) -> Asks[Episode]:
        path = f"episodes/{requests.checked_id(id_)}"
        new = None if metadata is None else plain_json(metadata)
        answer = yield requests.with_body("PATCH", path, {"text": words, "metadata": new})
        return Episode.from_dict(answer)

    def correct(self, id_: int, words: str) -> Asks[Episode | Fact]:
        path = f"episodes/{requests.checked_id(id_)}/correct"
        answer = yield requests.post(path, text=arguments.text("words", words, "say what is right"))
        return _memory(answer)

    def revert(self, id_: int) -> Asks[Episode | Fact]:
        answer = yield requests.post(f"episodes/{requests.checked_id(id_)}/revert")
        return _memory(answer)

    def delete(
        self,
        *ids: int,
        filters: Mapping[str, Json] | None = None,
        dry_run: bool | None = None,
    ) -> Asks[tuple[int, ...]]:
        wanted = requests.checked_ids("ids", ids)
        if not wanted and filters is None:
            return ()
        answer = yield requests.post("delete", ids=wanted, filters=filters, dry_run=dry_run)
        return tuple(answer["deleted"])

    def repair(self, *, dry_run: bool = True) -> Asks[RepairReport]:
        answer = yield requests.post("/v1/repair", dry_run=dry_run)
        return RepairReport.from_dict(answer)

    def erase(self, name: str, *, mentions: bool = False, dry_run: bool = True) -> Asks[Erasure]:
        whom = arguments.text("name", name, "name the person to erase")
        answer = yield requests.post("erase", name=whom, mentions=mentions, dry_run=dry_run)
        return Erasure.from_dict(answer)

    def history(self, id_: int) -> Asks[tuple[Change, ...]]:
        answer = yield requests.get(f"episodes/{requests.checked_id(id_)}/history")
        return tuple(map(Change.from_dict, answer["items"]))

    def facts(
        self, *, superseded: bool = False, as_of: datetime | None = None
    ) -> Asks[tuple[Fact, ...]]:
        answer = yield requests.get("facts", superseded=superseded, as_of=requests.moment(as_of))
        return tuple(map(Fact.from_dict, answer["items"]))

    def profile(
        self, name: str | None = None, *, max_chars: int = MAX_CHARS
    ) -> Asks[tuple[Profile, ...]]:
        answer = yield requests.get("profile", name=name, max_chars=max_chars)
        return tuple(map(Profile.from_dict, answer["items"]))

    def cues(self) -> Asks[tuple[Cue, ...]]:
        return tuple(map(Cue.from_dict, (yield requests.get("cues"))["items"]))

    def stats(self) -> Asks[Stats]:
        return Stats.from_dict((yield requests.get("stats")))

    def import_(
        self, lines: Iterable[str], *, progress: Callable[[int], None] | None = None
    ) -> Asks[Receipt]:
        arguments.several("import_", lines, each="lines", instead="open the file and pass it")
        answer = yield requests.Request(
            method="POST",
            path="import",
            params={},
            content=requests.encoded_lines(arguments.text_lines("import_", lines)),
            progress=progress or requests.no_progress,
        )
        return Receipt.from_dict(answer)

    def check(self) -> Asks[tuple[str, ...]]:
        return tuple((yield requests.get("/v1/check"))["items"])

    def namespaces(self) -> Asks[tuple[Namespace, ...]]:
        return tuple(map(Namespace.from_dict, (yield requests.get("/v1/namespaces"))["items"]))

    def drop_namespace(self, name: str) -> Asks[Namespace]:
        wanted = arguments.text("name", name, "name a namespace")
        path = requests.place(wanted)
        return Namespace.from_dict((yield requests.Request(method="DELETE", path=path, params={})))

    @staticmethod
    def export(*, all_namespaces: bool) -> requests.Request:
        """The request for an export, which is read line by line."""
        return requests.get("/v1/export" if all_namespaces else "export")
