"""A conversation that remembers: the model answers each message with the memories found for it.

The memories that served are inferred from words that the reply shares with them and not with the message.
Facts are distilled in the background (`Memory.reflect_every`).
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import closing, suppress
from dataclasses import field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from helamem import arguments
from helamem.answering import ask, showing
from helamem.errors import NotFoundError
from helamem.frozen import dataclass
from helamem.hints import helpful
from helamem.language import language_named
from helamem.language.sentences import is_question, sentences
from helamem.learning import implicit
from helamem.models import prompts
from helamem.models.metering import Meter
from helamem.plain import Record, fields, plain
from helamem.protocols import Request
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from helamem.engine import Engine
    from helamem.protocols import LLM, Message, Reply
    from helamem.records import Episode, Hit, Json
    from helamem.reports import Reinforcement
    from helamem.search.recall import Recall


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Exchange(Record):
    """One message, its reply, and the memories involved.

    Attributes:
        message: The id of the stored message.
        reply: The reply, as far as it came if it was interrupted.
        shown: The memories that the model was shown.
        used: The ids of those that the reply used.
        learned: What was reinforced; None if nothing was.
    """

    message: int
    reply: str
    recall: Recall
    shown: tuple[Hit, ...]
    used: tuple[int, ...] = ()
    learned: Reinforcement | None = None
    usage: Mapping[str, int] = field(default_factory=lambda: {"calls": 0, "tokens": 0})
    milliseconds: float = 0.0

    _shown: ClassVar = ("message", "reply", "used")

    def to_dict(self) -> dict[str, Json]:
        """The exchange as JSON: `hits` are the memories that the model was shown."""
        return {**fields(self, without=("recall", "shown")), "hits": plain(self.shown)}


@helpful
class Chat:
    """A conversation between a person and a model, with a memory behind it.

    Both sides' turns are stored: the person's before the model is called, the model's when its reply ends or is
    interrupted.

    Args:
        memory: The memory.
        llm: The model that answers.
        session: The conversation's name; a new one by default.
        speaker: The person's name as a speaker.
        name: The model's name as a speaker.
        window: How many turns of this conversation the model sees in full.
        instructions: Added to the system prompt.
        learn: Whether the memories that replies used are reinforced.
        recent: The latest turns of a conversation that is continued; those of systems and tools are left out.

    Example:
        >>> from helamem import Memory
        >>> from helamem.models.scripted import ScriptedLLM
        >>> memory = Memory(":memory:")
        >>> receipt = memory.add("Maya is allergic to peanuts.", speaker="Ana")
        >>> chat = Chat(memory, ScriptedLLM(["No peanuts: she is allergic."]))
        >>> "".join(chat.send("What should I not cook for Maya?"))
        'No peanuts: she is allergic.'
        >>> chat.last.used == receipt.ids
        True
    """

    def __init__(
        self,
        memory: Engine,
        llm: LLM,
        *,
        session: str | None = None,
        speaker: str = "user",
        name: str = "assistant",
        window: int = 12,
        instructions: str = "",
        learn: bool | None = None,
        recent: Sequence[Episode] = (),
    ) -> None:
        if window < 0:
            raise ValueError(f"window must not be negative, but is {window}")
        self.session = session
        self.last: Exchange | None = None
        self._memory = memory
        self._llm = arguments.model(llm, optional=False)
        self._speaker = speaker
        self._name = name
        self._window = window
        self._language = language_named(memory.config.language)
        rules = (prompts.CONVERSE, prompts.partners(speaker, name), instructions)
        self._rules = "\n\n".join(each for each in rules if each)
        self._learn = memory.config.ask.learn if learn is None else learn
        self._turns = deque(_spoken(recent), maxlen=max(window, 1))  # the time of one is needed

    def send(self, text: str, *, at: datetime | None = None) -> Generator[str, None, Exchange]:
        """Send a message; yields the reply piece by piece, and returns the exchange.

        Closing the generator interrupts the model.

        Args:
            text: The message.
            at: Its time; now by default.

        Raises:
            LLMError: The model failed. The message is stored, and the reply as far as it came.
        """
        started = time.perf_counter()
        meter, pieces = Meter(self._llm), list[str]()
        recall = self._memory.search(text, k=self._memory.config.ask.k, at=at)
        recent = list(self._in_window())
        shown = self._hits_to_show(recall, recent)
        request = Request(self._messages(text, recall.at, recent, shown))
        message = self._remember(text, self._speaker, "user", recall.at)
        whole = False
        try:
            yield from _recorded(meter.stream(request), pieces)
            whole = True
        finally:
            reply = "".join(pieces)
            self._remember_reply(reply, message.at, whole=whole)
            used = self._used(text, reply, shown) if whole else []
            self.last = Exchange(
                message=message.id,
                reply=reply,
                recall=recall,
                shown=tuple(shown),
                used=tuple(used),
                learned=self._reinforce(recall, used, at),
                usage=meter.usage,
                milliseconds=1e3 * (time.perf_counter() - started),
            )
        return self.last

    def _hits_to_show(self, recall: Recall, recent: Sequence[_Turn]) -> list[Hit]:
        """The hits that fit into the prompt, except turns that are in it already."""
        seen = {turn.id for turn in recent}
        hits = [hit for hit in recall.hits if hit.id not in seen]
        max_tokens = self._memory.config.ask.max_tokens
        return ask.fitting(hits, max_tokens, recall.query, self._language)

    def _messages(
        self, text: str, at: datetime, recent: Sequence[_Turn], shown: Sequence[Hit]
    ) -> list[Message]:
        """The rules, the latest turns, and the message after what it brought back.

        Without memories there are no tags, since a small model would reply in their form.
        """
        lines = [showing.shown_line(hit, text, self._language) for hit in showing.in_order(shown)]
        memories = prompts.quoted("memories", lines) + "\n" if lines else ""
        return [
            {"role": "system", "content": self._rules},
            *({"role": turn.role, "content": turn.text} for turn in recent),
            {"role": "user", "content": f"{memories}It is {prompts.moment(at)}.\n\n{text}"},
        ]

    def _in_window(self) -> Iterator[_Turn]:
        """The latest turns, which the model sees in full, as they read now; without those deleted meanwhile."""
        for turn in self._turns if self._window else ():
            with suppress(NotFoundError):
                yield replace(turn, text=self._memory.get(turn.id).text)

    def _remember(
        self,
        text: str,
        speaker: str,
        role: str,
        at: datetime,
        metadata: Mapping[str, Json] | None = None,
    ) -> _Turn:
        """Store a turn of either side; each is later than the one before, so that none passes for it."""
        if self.session is None:
            self.session = f"chat {at:%Y-%m-%d %H:%M:%S.%f}"
        if self._turns:
            at = max(at, self._turns[-1].at + TICK)
        turn = Turn(text, speaker, role, at, self.session, metadata or {})
        spoken = _Turn(id=self._memory.add(turn).ids[0], text=text, role=role, at=at)
        self._turns.append(spoken)
        return spoken

    def _remember_reply(self, reply: str, at: datetime, *, whole: bool) -> None:
        if reply.strip():
            cut: dict[str, Json] = {} if whole else {"interrupted": True}
            self._remember(reply, self._name, "assistant", at, cut)

    def _used(self, text: str, reply: str, shown: Sequence[Hit]) -> list[int]:
        """The ids of the memories that a reply used; a few words tell it only if they answer a question."""
        used = implicit.used(text, reply, shown, self._language)
        asked = any(is_question(each, self._language) for each in sentences(text, self._language))
        return used or (implicit.holding(text, reply, shown, self._language) if asked else [])

    def _reinforce(
        self, recall: Recall, used: Sequence[int], at: datetime | None
    ) -> Reinforcement | None:
        if not used or not self._learn:
            return None
        return self._memory.reinforce(recall, used=used, certainty=implicit.CERTAINTY, at=at)


TICK = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """A turn of this conversation, as the model sees it."""

    id: int
    text: str
    role: str
    at: datetime


def _spoken(turns: Iterable[Episode]) -> Iterator[_Turn]:
    """The turns of persons and models; servers refuse a tool's answer without the call before it."""
    for each in turns:
        if each.role in ("", "user", "assistant"):
            yield _Turn(id=each.id, text=each.text, role=each.role or "user", at=each.at)


def _recorded(
    stream: Generator[str, None, Reply], pieces: list[str]
) -> Generator[str, None, Reply]:
    """Pass the stream on, recording its pieces."""
    with closing(stream):
        while True:
            try:
                piece = next(stream)
            except StopIteration as end:
                reply: Reply = end.value
                return reply
            pieces.append(piece)
            yield piece
