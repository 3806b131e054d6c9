"""`Client` and `AsyncClient`: the methods of `Memory`, over HTTP to `helamem serve`.

Each method is a generator in `helamem.remote` that yields requests and is sent the answers; the two clients
do the I/O. `Memory` documents the methods.
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from helamem import arguments
from helamem.errors import MissingExtraError
from helamem.hints import helpful
from helamem.memory import DEFAULT_NAMESPACE, Memory
from helamem.remote.answers import answered, check, parsed, reported, unreachable
from helamem.remote.asking import Asking
from helamem.remote.requests import place

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Coroutine,
        Generator,
        Iterable,
        Iterator,
    )

    import httpx

    from helamem.remote.requests import Request

P = ParamSpec("P")
R = TypeVar("R")

URL = "http://127.0.0.1:8420"
TIMEOUT_S = 300.0


def _httpx() -> Any:  # noqa: ANN401  # a module
    """Import httpx.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import httpx
    except ImportError as error:
        raise MissingExtraError("httpx", "client") from error
    return httpx


def _options(url: str, namespace: str, api_key: str | None, timeout_s: float) -> dict[str, Any]:
    """The options of either HTTP client.

    Raises:
        TypeError, ValueError: The address holds credentials, the key is none, or the namespace is blank.
    """
    place(namespace)
    key = arguments.server_key(api_key)
    return {
        "base_url": arguments.server_address(url),
        "headers": {"Authorization": f"Bearer {key}"} if key else {},
        "timeout": timeout_s,
    }


def _sent(
    asking: Callable[Concatenate[Asking, P], Generator[Request, Any, R]],
) -> Callable[Concatenate[Client, P], R]:
    """The method that sends the requests of a generator."""

    @functools.wraps(asking)
    def method(self: Client, /, *args: P.args, **named: P.kwargs) -> R:
        return self._run(asking(self._asking, *args, **named))

    method.__doc__ = getattr(Memory, asking.__name__).__doc__
    return method


def _awaited(
    asking: Callable[Concatenate[Asking, P], Generator[Request, Any, R]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]]:
    """The same, to be awaited."""

    @functools.wraps(asking)
    async def method(self: AsyncClient, /, *args: P.args, **named: P.kwargs) -> R:
        return await self._run(asking(self._asking, *args, **named))

    method.__doc__ = getattr(Memory, asking.__name__).__doc__
    return method


class _Common:
    """The common part of both clients."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url, self._namespace = url, namespace
        self._asking = Asking()

    @property
    def url(self) -> str:
        """The address of the service."""
        return self._url

    @property
    def namespace(self) -> str:
        """The namespace of this memory."""
        return self._namespace

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url!r}, namespace={self._namespace!r})"


@helpful
class Client(_Common):
    """The memory of one namespace on a service, with the methods, values and errors of `Memory`.

    A service that cannot be reached is a `StoreError`, a wrong key a `ConfigError`. Settings, embedder and
    language model are the service's.

    Args:
        url: The address of `helamem serve`.
        namespace: Whose memory: a user, an agent, a project.
        api_key: A key of `helamem keys create`, if the service requires one.
        timeout_s: Seconds to wait for an answer.
        transport: An httpx transport, for tests and proxies.

    Raises:
        MissingExtraError: httpx is not installed.
        TypeError, ValueError: The address or the namespace is not valid.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        api_key: str | None = None,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        options = _options(url, namespace, api_key, timeout_s)
        super().__init__(url, namespace)
        self._http: httpx.Client = _httpx().Client(**options, transport=transport)

    now = _sent(Asking.now)
    add = _sent(Asking.add)
    add_many = _sent(Asking.add_many)
    put = _sent(Asking.put)
    get_by_key = _sent(Asking.get_by_key)
    annotate = _sent(Asking.annotate)
    search = _sent(Asking.search)
    reinforce = _sent(Asking.reinforce)
    ask = _sent(Asking.ask)
    consolidate = _sent(Asking.consolidate)
    ignored = _sent(Asking.ignored)
    lessons = _sent(Asking.lessons)
    undo = _sent(Asking.undo)
    sever = _sent(Asking.sever)
    reindex = _sent(Asking.reindex)
    forget = _sent(Asking.forget)
    get = _sent(Asking.get)
    list = _sent(Asking.list)
    update = _sent(Asking.update)
    correct = _sent(Asking.correct)
    revert = _sent(Asking.revert)
    delete = _sent(Asking.delete)
    history = _sent(Asking.history)
    facts = _sent(Asking.facts)
    profile = _sent(Asking.profile)
    cues = _sent(Asking.cues)
    stats = _sent(Asking.stats)
    import_ = _sent(Asking.import_)
    check = _sent(Asking.check)
    repair = _sent(Asking.repair)
    erase = _sent(Asking.erase)
    namespaces = _sent(Asking.namespaces)
    drop_namespace = _sent(Asking.drop_namespace)

    def export(self, *, all_namespaces: bool = False) -> Iterator[dict[str, Any]]:
        """Everything but the vectors, one JSON object at a time; `import_` reads it, with one namespace.

        Args:
            all_namespaces: One export after the other, of each namespace of the service.
        """
        with self._open(Asking.export(all_namespaces=all_namespaces)) as response:
            check(response)
            for line in response.iter_lines():
                yield parsed(line)

    def close(self) -> None:
        """Close the connections. A closed client raises StoreError."""
        self._http.close()

    def _run(self, asking: Generator[Request, Any, R]) -> R:
        """Send the requests one after the other, and return the result."""
        answer = None
        try:
            while True:
                answer = self._answer(asking.send(answer))
        except StopIteration as end:
            result: R = end.value
            return result

    def _answer(self, request: Request) -> Any:  # noqa: ANN401  # JSON
        with self._open(request) as response:
            if request.progress is None or response.is_error:
                response.read()
                return answered(response)
            return reported(map(request.event, response.iter_lines()))

    @contextlib.contextmanager
    def _open(self, request: Request) -> Iterator[httpx.Response]:
        with (
            unreachable(_httpx(), self._url),
            self._http.stream(
                **request.options(self._namespace), content=request.content
            ) as response,
        ):
            if response.is_error:
                response.read()
            yield response

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@helpful
class AsyncClient(_Common):
    """The methods of `Client` as coroutines; `export` is an asynchronous generator.

    Args:
        url, namespace, api_key, timeout_s: As for `Client`.
        transport: An asynchronous httpx transport, for tests and proxies.

    Raises:
        MissingExtraError: httpx is not installed.
        TypeError, ValueError: The address or the namespace is not valid.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        api_key: str | None = None,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        options = _options(url, namespace, api_key, timeout_s)
        super().__init__(url, namespace)
        self._http: httpx.AsyncClient = _httpx().AsyncClient(**options, transport=transport)

    now = _awaited(Asking.now)
    add = _awaited(Asking.add)
    add_many = _awaited(Asking.add_many)
    put = _awaited(Asking.put)
    get_by_key = _awaited(Asking.get_by_key)
    annotate = _awaited(Asking.annotate)
    search = _awaited(Asking.search)
    reinforce = _awaited(Asking.reinforce)
    ask = _awaited(Asking.ask)
    consolidate = _awaited(Asking.consolidate)
    ignored = _awaited(Asking.ignored)
    lessons = _awaited(Asking.lessons)
    undo = _awaited(Asking.undo)
    sever = _awaited(Asking.sever)
    reindex = _awaited(Asking.reindex)
    forget = _awaited(Asking.forget)
    get = _awaited(Asking.get)
    list = _awaited(Asking.list)
    update = _awaited(Asking.update)
    correct = _awaited(Asking.correct)
    revert = _awaited(Asking.revert)
    delete = _awaited(Asking.delete)
    history = _awaited(Asking.history)
    facts = _awaited(Asking.facts)
    profile = _awaited(Asking.profile)
    cues = _awaited(Asking.cues)
    stats = _awaited(Asking.stats)
    import_ = _awaited(Asking.import_)
    check = _awaited(Asking.check)
    repair = _awaited(Asking.repair)
    erase = _awaited(Asking.erase)
    namespaces = _awaited(Asking.namespaces)
    drop_namespace = _awaited(Asking.drop_namespace)

    async def export(self, *, all_namespaces: bool = False) -> AsyncGenerator[dict[str, Any], None]:
        """Everything but the vectors, one JSON object at a time; `import_` reads it, with one namespace.

        Args:
            all_namespaces: One export after the other, of each namespace of the service.
        """
        async with self._open(Asking.export(all_namespaces=all_namespaces)) as response:
            check(response)
            async for line in response.aiter_lines():
                yield parsed(line)

    async def close(self) -> None:
        """Close the connections. A closed client raises StoreError."""
        await self._http.aclose()

    async def _run(self, asking: Generator[Request, Any, R]) -> R:
        answer = None
        try:
            while True:
                answer = await self._answer(asking.send(answer))
        except StopIteration as end:
            result: R = end.value
            return result

    async def _answer(self, request: Request) -> Any:  # noqa: ANN401  # JSON
        async with self._open(request) as response:
            if request.progress is None or response.is_error:
                await response.aread()
                return answered(response)
            return reported([request.event(line) async for line in response.aiter_lines()])

    @contextlib.asynccontextmanager
    async def _open(self, request: Request) -> AsyncIterator[httpx.Response]:
        content = None if request.content is None else _chunks(request.content)
        with unreachable(_httpx(), self._url):
            async with self._http.stream(
                **request.options(self._namespace), content=content
            ) as response:
                if response.is_error:
                    await response.aread()
                yield response

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _chunks(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in content:
        yield chunk
