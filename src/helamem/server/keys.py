"""API keys: 256 random bits each, stored as hashes, scoped to namespaces and operations.

    hm_<prefix of 8 letters, by which it is listed and revoked>_<the secret>

The file holds no secrets: whoever reads it can list keys but not use them.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import hmac
import json
import secrets
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from helamem import private
from helamem.errors import ConfigError, DataError
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Scope: TypeAlias = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)  # each scope includes those before it
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key as it is stored.

    Attributes:
        prefix: Its name.
        hash: SHA-256 of the whole key, in hexadecimal digits.
        namespaces: Patterns of the namespaces that it opens, such as "maya" or "team-*".
        scope: What it may do there: "read", "write" or "admin"; each includes those before it.
        expires_at: When it expires, in epoch seconds; None for never.
    """

    prefix: str
    hash: str
    namespaces: tuple[str, ...]
    scope: Scope
    created_at: float
    expires_at: float | None = None

    def opens(self, namespace: str, scope: Scope) -> bool:
        """Whether it may do this in that namespace."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope) and any(
            fnmatch.fnmatchcase(namespace, pattern) for pattern in self.namespaces
        )


class Keys:
    """The keys of a server, in a JSON file that only its user can read.

    Args:
        file: The file; created with the first key.
    """

    def __init__(self, file: str | Path) -> None:
        self.file = Path(file)
        self._lock = threading.Lock()
        # Which version of the file was read, and its keys
        self._read: tuple[Any, dict[str, Key]] = (None, {})
        self._was_there = False

    def __bool__(self) -> bool:
        return bool(self.all())

    def are_needed(self) -> bool:
        """Whether a request needs a key: once one was made, also after the last one is revoked."""
        self._was_there = self._was_there or self.file.exists()
        return self._was_there

    def all(self) -> list[Key]:
        """Every key, in the order in which they were made.

        Raises:
            ConfigError: The file cannot be read.
        """
        return list(self._known().values())

    def create(
        self,
        *,
        namespaces: Sequence[str],
        scope: Scope,
        now: float,
        expires_at: float | None = None,
    ) -> str:
        """Make a key and return it; only its hash is stored.

        Raises:
            ValueError: No namespace is named, or the scope is unknown.
        """
        if not namespaces or not all(each.strip() for each in namespaces):
            raise ValueError("say which namespaces the key opens: a name, a pattern, or * for all")
        if scope not in SCOPES:
            raise ValueError(f"a key's scope is one of {', '.join(SCOPES)}, not {scope!r}")
        prefix = secrets.token_hex(4)
        whole = f"hm_{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
        key = Key(
            prefix=prefix,
            hash=_hash(whole),
            namespaces=tuple(namespaces),
            scope=scope,
            created_at=now,
            expires_at=expires_at,
        )
        with self._changing() as known:
            known[prefix] = key
        return whole

    def revoke(self, prefix: str) -> None:
        """Revoke a key.

        Raises:
            LookupError: There is no such key.
        """
        with self._changing() as known:
            if known.pop(prefix, None) is None:
                raise LookupError(f"there is no key {prefix!r}; `helamem keys list` lists them")

    def find(self, whole: str, *, now: float) -> Key | None:
        """The record of a valid key, or None; compared in constant time."""
        prefix = whole.split("_", 2)[1] if whole.count("_") >= 2 else ""
        key = self._known().get(prefix)
        if key is None or not hmac.compare_digest(key.hash, _hash(whole)):
            return None
        return None if key.expires_at is not None and key.expires_at <= now else key

    def _known(self) -> Mapping[str, Key]:
        """The keys of the file, read again if it has changed."""
        try:
            found = self.file.stat()
        except FileNotFoundError:
            return {}
        version = (found.st_mtime_ns, found.st_ino, found.st_size)  # two writes may share a time
        if version != self._read[0]:
            self._read = (version, _parsed(self.file))
        return self._read[1]

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        """The keys, written when the block ends; nobody else changes them meanwhile.

        On Windows, this holds for the threads of this process only.
        """
        private.make_folder(self.file.parent)
        with self._lock, private.locked(self.file.parent):
            keys = dict(self._known())
            yield keys
            self._write(keys)

    def _write(self, keys: Mapping[str, Key]) -> None:
        unfinished = self.file.with_name(f"{self.file.name}.{secrets.token_hex(4)}")
        private.make_file(unfinished)
        unfinished.write_text(
            json.dumps([asdict(key) for key in keys.values()], indent=1), encoding="utf-8"
        )
        unfinished.replace(self.file)
        self._read = (None, {})


def _hash(whole: str) -> str:
    return hashlib.sha256(whole.encode()).hexdigest()


def _parsed(file: Path) -> dict[str, Key]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        keys = [_key(each) for each in entries]
    except (OSError, ValueError, TypeError, KeyError, DataError) as error:
        raise ConfigError(
            f"{file} is not a file of keys ({error}); restore it, or delete it and make new keys"
        ) from error
    return {key.prefix: key for key in keys}


def _key(entry: dict[str, Any]) -> Key:
    """A key of the file, whatever edited it.

    Raises:
        KeyError, TypeError, ValueError: A value is none that `create` writes.
    """
    if entry["scope"] not in SCOPES:
        raise ValueError(f"the scope {entry['scope']!r} is none of {', '.join(SCOPES)}")
    namespaces = entry["namespaces"]
    if not isinstance(namespaces, list) or not all(isinstance(each, str) for each in namespaces):
        raise ValueError(f"{namespaces!r} is no list of namespaces")
    if not isinstance(entry["prefix"], str) or not isinstance(entry["hash"], str):
        raise TypeError("a key's prefix and hash are texts")
    if not isinstance(entry["expires_at"], int | float | None):
        raise TypeError(f"{entry['expires_at']!r} is no time in epoch seconds")
    return Key(**{**entry, "namespaces": tuple(namespaces)})
