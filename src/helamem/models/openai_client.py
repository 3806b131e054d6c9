"""OpenAI's SDK client, restricted for privacy and safety.

Requests hold memories, and the key opens an account: both go to the named server and no other. So redirects
are not followed, OpenAI's environment variables are used for OpenAI alone, answers are limited in size and time,
and no error holds the SDK's own, whose request has the key in its headers.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import weakref
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from helamem import arguments
from helamem.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPENAI_URL = "https://api.openai.com/v1"
MAX_BYTES = 64 * 2**20  # of an answer
PATIENCE = 12  # total time of an answer, as a multiple of the timeout
MIN_SECRET = 8  # characters of a key that is kept out of texts
MAX_SHOWN = 300  # characters kept of a server's error; some send whole pages
# Environment variables, besides the key, that the SDK would send to any server.
FROM_ENVIRONMENT = ("organization", "project", "admin_api_key", "webhook_secret")


class Server:
    """A server that speaks OpenAI's protocol, with connections that are opened on first use.

    May be used from several threads.

    Args:
        url: The server's address, with its "/v1".
        key: The server's key; it is sent there, and never shown.
        timeout_s: Seconds without data from the server before a request fails.
        max_retries: How often the SDK retries after a temporary failure.

    Raises:
        MissingExtraError: The openai package is not installed.
        ValueError: `url` holds credentials, or `key` has a character that no key has.
    """

    def __init__(self, url: str, key: str, *, timeout_s: float, max_retries: int) -> None:
        if find_spec("openai") is None:
            raise MissingExtraError("openai", "openai")
        self.url = arguments.server_address(url)
        self.key = arguments.server_key(key)
        self.timeout_s = timeout_s
        self._max_retries = max_retries
        self._client: Any = None
        self._lock = threading.Lock()

    def client(self) -> Any:
        """The SDK's client for this server."""
        with self._lock:
            if self._client is None:
                self._client = _connect(self.url, self.key, self.timeout_s, self._max_retries)
            return self._client

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None


def _connect(base_url: str, api_key: str, timeout_s: float, max_retries: int) -> Any:
    import openai

    def bound(response: Any) -> None:
        response.stream = bounded(response.stream, most_s=PATIENCE * timeout_s)

    http = openai.DefaultHttpxClient(
        timeout=timeout_s, follow_redirects=False, event_hooks={"response": [bound]}
    )
    client = openai.OpenAI(
        api_key=api_key or "none",  # without one, the SDK looks in the environment
        base_url=base_url,
        timeout=timeout_s,
        max_retries=max_retries,
        http_client=http,
    )
    weakref.finalize(client, http.close)  # as the SDK does with a client of its own
    if not is_openai(base_url):
        for name in FROM_ENVIRONMENT:
            if hasattr(client, name):
                setattr(client, name, None)
        client._custom_headers = {}  # OPENAI_CUSTOM_HEADERS
    return client


def is_openai(base_url: str) -> bool:
    """Whether a server is OpenAI's own."""
    host = urlsplit(base_url).hostname or ""
    return host == "openai.com" or host.endswith(".openai.com")


class Withholding:
    """Keeps a key out of a text that comes in pieces, which may split it."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._forms = _forms(key)
        self._longest = max(map(len, self._forms), default=0)
        self._held = ""  # may be the beginning of the key

    def take(self, piece: str) -> str:
        """The text up to here that has not been given yet, except an end that may begin the key."""
        text = without(self._key, self._held + piece)
        ends = range(max(len(text) - self._longest, 0), len(text))
        start = next((at for at in ends if self._may_begin(text[at:])), len(text))
        self._held = text[start:]
        return text[:start]

    def rest(self) -> str:
        """What was held back at the end of the text."""
        held, self._held = self._held, ""
        return held

    def _may_begin(self, text: str) -> bool:
        return any(form.startswith(text) for form in self._forms)


def without(key: str, text: str) -> str:
    """The text without the key, as it is or as JSON, Python and addresses write it.

    A key of a few letters is no secret but a placeholder ("none", "ollama"), and stays.

    Example:
        >>> without('sk-12"345', 'the key sk-12"345, in an address sk-12%22345')
        'the key ***, in an address ***'
        >>> without("a", "a name")
        'a name'
    """
    for form in _forms(key):
        text = text.replace(form, "***")
    return text


def _forms(key: str) -> list[str]:
    """How texts write a key, longest first; none if it is no secret."""
    if len(key) < MIN_SECRET:
        return []
    as_json = json.dumps(key)[1:-1]
    forms = {key, as_json, json.dumps(as_json)[1:-1], repr(key)[1:-1], quote(key), quote(key, "")}
    return sorted(forms, key=len, reverse=True)


def said(key: str, text: str) -> str:
    """A server's message on one line, shortened and without the key."""
    return " ".join(without(key, text).split())[:MAX_SHOWN]


def redirected(error: Exception, key: str) -> str:
    """A sentence about a server's redirect; empty if it did not redirect."""
    location = getattr(getattr(error, "response", None), "headers", {}).get("location")
    if not location or not 300 <= getattr(error, "status_code", 0) < 400:
        return ""
    return (
        f" (it redirects to {said(key, str(location))}; nothing was sent there, since what is asked holds "
        "memories. If that is the server that you mean, set HELAMEM_LLM_BASE_URL to it)"
    )


class TooMuchError(ValueError):
    """An answer does not end."""


def bounded(
    stream: Any,
    *,
    most_s: float,
    most_bytes: int = MAX_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> Any:
    """Limit a response's stream in time and size.

    Args:
        stream: The bytes of a response, of the SDK's HTTP library.
        most_s: The total seconds it may take.
        most_bytes: The number of bytes it may have.
        clock: Seconds.
    """
    started = clock()
    library = sys.modules[type(stream).__module__.partition(".")[0]]

    class Bounded(library.SyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[bytes]:
            n_bytes = 0
            for chunk in stream:
                n_bytes += len(chunk)
                if n_bytes > most_bytes:
                    raise TooMuchError(f"the answer is longer than {most_bytes:,} bytes")
                if clock() - started > most_s:
                    raise TooMuchError(f"the answer took longer than {most_s:g} s")
                yield chunk

        def close(self) -> None:
            stream.close()

    return Bounded()
