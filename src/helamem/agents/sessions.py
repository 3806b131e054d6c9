"""The memories shown in a host's session, until a reply tells which were used. One small file per session."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, field, replace
from typing import TYPE_CHECKING, Any

from helamem import private
from helamem.frozen import dataclass
from helamem.identity import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from helamem.records import Hit
    from helamem.search.recall import Recall

KEPT_S = 30 * 86_400.0  # age at which a session's file is removed


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The memories shown for one question.

    Attributes:
        scores: The score of each memory, by id.
    """

    query: str
    at: str
    scores: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The state of a host's session that hooks need.

    Attributes:
        prompt: The last prompt, until its reply comes; then empty.
        at: When it was sent, in ISO 8601.
        reply: The id of its reply, once it is stored; until then 0.
        shown: The memories shown since that prompt.
        seen: The ids shown in this session, which are not shown again until it is compacted.
    """

    prompt: str = ""
    at: str = ""
    reply: int = 0
    shown: tuple[Shown, ...] = ()
    seen: tuple[int, ...] = field(default=())

    def showing(self, shown: Shown) -> Session:
        """The session after memories were shown in it."""
        seen = dict.fromkeys((*self.seen, *shown.scores))
        return replace(self, shown=(*self.shown, shown), seen=tuple(seen))


def shown_of(recall: Recall, hits: Sequence[Hit]) -> Shown:
    """The parts of a recall that learning needs later."""
    scores = {hit.id: hit.score for hit in hits}
    return Shown(query=recall.query, at=recall.at.isoformat(), scores=scores)


class Sessions:
    """The sessions in a folder.

    Args:
        folder: The folder; created with the first session.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> Session:
        """A session by the host's id; a new one if there is no sound file."""
        try:
            content = json.loads(self._file(name).read_text(encoding="utf-8"))
            return _session(content)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return Session()  # a lost session costs only what it would have taught

    def write(self, name: str, session: Session) -> None:
        """Write a session, whole or not at all."""
        private.make_folder(self._folder)
        part = self._folder / f"{os.urandom(8).hex()}.part"
        private.make_file(part)
        part.write_text(json.dumps(asdict(session)), encoding="utf-8")
        part.replace(self._file(name))

    def clear(self, *, now: float) -> None:
        """Remove sessions that have not changed for a month."""
        for file in self._folder.glob("*"):
            with suppress(FileNotFoundError):  # another hook removed it
                if file.stat().st_mtime < now - KEPT_S:
                    file.unlink()

    def _file(self, name: str) -> Path:
        return self._folder / f"{digest('session', name).hex()}.json"


def _session(content: Mapping[str, Any]) -> Session:
    shown = tuple(
        Shown(**each | {"scores": {int(id_): score for id_, score in each["scores"].items()}})
        for each in content["shown"]
    )
    return Session(**{**content, "shown": shown, "seen": tuple(content["seen"])})


@dataclass(frozen=True, slots=True)
class Tie:
    """Connects a server to a host's session, to learn from what its tools showed as from hooks."""

    sessions: Sessions
    name: str

    def show(self, shown: Shown) -> None:
        """Keep what a tool showed, if the session's hooks run."""
        session = self.sessions.read(self.name)
        if session.prompt:
            self.sessions.write(self.name, session.showing(shown))

    def judge(self, query: str) -> None:
        """Drop what was shown for a question, since `feedback` has said what served."""
        session = self.sessions.read(self.name)
        left = tuple(each for each in session.shown if each.query != query)
        if left != session.shown:
            self.sessions.write(self.name, replace(session, shown=left))
