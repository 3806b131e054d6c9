"""Caches a language model's answers in a folder."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from helamem import private
from helamem.errors import LLMError
from helamem.protocols import Reply

if TYPE_CHECKING:
    from collections.abc import Generator, MutableMapping

    from helamem.protocols import LLM, Request


class Cached:
    """An LLM that caches another one's answers, keyed by the whole request.

    Args:
        llm: The wrapped model.
        cache: A folder, made if it is not there, or any mapping of strings to strings. What is kept
            there contains what was asked and answered, memories included.
        read_only: Whether new answers are not stored.
    """

    def __init__(
        self,
        llm: LLM,
        cache: str | Path | MutableMapping[str, str],
        *,
        read_only: bool = False,
    ) -> None:
        self._llm = llm
        self._read_only = read_only
        self._kept = _Folder(Path(cache)) if isinstance(cache, str | Path) else cache

    @property
    def name(self) -> str:
        """The name of the model behind."""
        return self._llm.name

    def close(self) -> None:
        """Close the wrapped model's connections, if it has any."""
        close = getattr(self._llm, "close", None)
        if close is not None:
            close()

    def complete(self, request: Request) -> Reply:
        """The cached answer, or the wrapped model's; failures are not cached.

        Raises:
            LLMError: The model failed, or the cached answer is damaged.
        """
        key = self._key(request)
        reply = self._kept_reply(key)
        if reply is None:
            reply = self._llm.complete(request)
            self._keep(key, reply)
        return reply

    def stream(self, request: Request) -> Generator[str, None, Reply]:
        """The cached answer in one piece, or the wrapped model's pieces."""
        key = self._key(request)
        reply = self._kept_reply(key)
        if reply is not None:
            yield reply.text
            return reply
        reply = yield from self._llm.stream(request)
        self._keep(key, reply)
        return reply

    def _kept_reply(self, key: str) -> Reply | None:
        try:
            stored = self._kept.get(key)
            return None if stored is None else replace(Reply(**json.loads(stored)), cached=True)
        except (ValueError, TypeError) as error:
            place = self._kept.file(key) if isinstance(self._kept, _Folder) else key
            raise LLMError(
                f"the cached answer {place} is damaged ({error}); delete it, and the model is asked again",
                provider=self.name,
            ) from error

    def _keep(self, key: str, reply: Reply) -> None:
        if not self._read_only:
            self._kept[key] = json.dumps(asdict(reply))

    def _key(self, request: Request) -> str:
        asked = [self.name, *(getattr(request, each.name) for each in fields(request))]
        return hashlib.sha256(json.dumps(asked, default=dict).encode()).hexdigest()


class _Folder:
    """A folder as a mapping: one file per key, readable only by its owner."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> str | None:
        file = self.file(key)
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def file(self, key: str) -> Path:
        """The file of a key."""
        return self._path / f"{key}.json"

    def __setitem__(self, key: str, value: str) -> None:
        """Write the file atomically, also with several writers."""
        private.make_folder(self._path)
        private.tighten(self._path)
        descriptor, name = tempfile.mkstemp(dir=self._path)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(value)
        Path(name).replace(self.file(key))
