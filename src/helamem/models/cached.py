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
        """The cached answer, or the wrapped model's; failures are not cached."""
        key = self._key(request)
        kept = self._kept.get(key)
        if kept is not None:
            return replace(Reply(**json.loads(kept)), cached=True)
        reply = self._llm.complete(request)
        self._keep(key, reply)
        return reply

    def stream(self, request: Request) -> Generator[str, None, Reply]:
        """The cached answer in one piece, or the wrapped model's pieces."""
        key = self._key(request)
        kept = self._kept.get(key)
        if kept is not None:
            reply = replace(Reply(**json.loads(kept)), cached=True)
            yield reply.text
            return reply
        reply = yield from self._llm.stream(request)
        self._keep(key, reply)
        return reply

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
        file = self._path / f"{key}.json"
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def __setitem__(self, key: str, value: str) -> None:
        """Write the file atomically, also with several writers."""
        private.make_folder(self._path)
        private.tighten(self._path)
        descriptor, name = tempfile.mkstemp(dir=self._path)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(value)
        Path(name).replace(self._path / f"{key}.json")
