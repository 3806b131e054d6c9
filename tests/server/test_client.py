"""`Client` and `AsyncClient` do what `Memory` does: one script against all of them, and its values compared."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi.testclient import TestClient

from helamem import (
    AsyncClient,
    Client,
    Config,
    ConfigError,
    Memory,
    MissingExtraError,
    NotFoundError,
    ScriptedLLM,
    StoreError,
    Turn,
)
from helamem.server.app import create_app
from helamem.server.limits import Limits
from helamem.server.memories import Memories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from helamem.records import Json
    from helamem.server.keys import Keys

CONFIG = Config.of(embedder="hashing:64")
MAY = datetime(2024, 5, 6, 10, 0, tzinfo=UTC)
LATER = datetime(2024, 6, 1, 10, 0, tzinfo=UTC)
REPLY: dict[str, Json] = {"citations": [1], "answer": "Peanuts."}

# What a service keeps to itself, and where a service is, which a file has no need of.
NOT_OVER_HTTP = {"path", "config", "llm", "reflect_every", "reflector"}
ONLY_OVER_HTTP = {"url"}


def public(cls: type) -> set[str]:
    """The public names of a class."""
    return {name for name in dir(cls) if not name.startswith("_")}


METHODS = sorted(
    name for name in public(Memory) - NOT_OVER_HTTP if inspect.isfunction(getattr(Memory, name))
)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[TestClient]:
    """A service with a language model that says what it is told."""
    memories = Memories(tmp_path / "served.db", CONFIG, llm=ScriptedLLM(lambda _: REPLY))
    with TestClient(create_app(memories)) as opened:
        yield opened


def connected(served: TestClient, **others: Any) -> Client:
    """A client of a service that runs in this process."""

    def passed_on(request: httpx.Request) -> httpx.Response:
        answer = served.request(
            request.method, str(request.url), content=request.read(), headers=dict(request.headers)
        )
        return httpx.Response(answer.status_code, content=answer.content)

    given = {"namespace": "ana", **others}
    return Client("http://testserver", transport=httpx.MockTransport(passed_on), **given)


@pytest.fixture
def client(served: TestClient) -> Client:
    return connected(served)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    llm = ScriptedLLM(lambda _: REPLY)
    with Memory(tmp_path / "own.db", namespace="ana", config=CONFIG, llm=llm) as opened:
        yield opened


@pytest.fixture(scope="class")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Memory, Client]]:
    """A memory and a client of a service, for calls that change nothing."""
    folder = tmp_path_factory.mktemp("both")
    llm = ScriptedLLM(lambda _: REPLY)
    memories = Memories(folder / "served.db", CONFIG, llm=llm)
    with (
        TestClient(create_app(memories)) as opened,
        Memory(folder / "own.db", namespace="ana", config=CONFIG, llm=llm) as memory,
    ):
        yield memory, connected(opened)


def changes(memory: Any) -> Iterator[object]:
    """A memory is changed, put right twice, and both are taken back."""
    yield timeless(memory.update(2, "The gate has a lock.", metadata={"done": True}))
    corrected = memory.correct(2, "The gate has two locks.")
    yield timeless(corrected), memory.get(2).superseded_by, timeless(memory.revert(2))
    receipt = memory.add("The gate is gone.", at=LATER, supersedes=2)
    yield receipt, [timeless(each) for each in memory.list(superseded=True)]
    yield timeless(memory.revert(2))
    yield [dataclasses.replace(change, at=MAY) for change in memory.history(2)]


def unlearning(memory: Any) -> Iterator[object]:
    """What was learned is listed, taken back and severed."""
    lesson = memory.reinforce(memory.search("Chess?", at=LATER), used=[1, 3], at=LATER).lesson
    yield [dataclasses.replace(each, at=MAY) for each in memory.lessons(limit=2)]
    yield memory.ignored(at_least=1), memory.forget(ignored=1, at=LATER)
    yield memory.undo(lesson), memory.sever(1, 3), memory.cues()


def day(memory: Any) -> Iterator[object]:
    """A day of a memory: what each call gives, in turn."""
    progress: list[int] = []
    yield memory.namespace
    yield memory.add("Maya is allergic to peanuts.", speaker="Ana", at=MAY, session="tea")
    yield memory.add("Maya is allergic to peanuts.", speaker="Ana", at=MAY, session="tea")
    yield memory.add(
        [
            {"role": "user", "content": "The gate needs a lock.", "name": "Ben", "timestamp": 1.0},
            Turn("Maya likes chess.", "Ben", at=MAY, metadata={"tags": ["games"]}),
        ],
        metadata={"seen": True},
    )
    yield memory.add([])
    mixed: list[Any] = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "Look."}]},
        "Maya sails.\x00",
    ]
    yield memory.add(mixed, at=MAY, session="tea")
    yield memory.add_many([{**mixed[1], "timestamp": 5.0}, mixed[0]])
    turns = [Turn(f"Ben counts sheep {i}.", "Ben", at=MAY) for i in range(5)]
    yield memory.add_many(turns, batch_size=2, progress=progress.append)
    yield progress
    yield memory.put("gate", Turn("The code is 4711.", "Ben", at=MAY))
    yield memory.put("gate", Turn("The code is 4712.", "Ben", at=MAY))
    yield timeless(memory.get_by_key("gate")), memory.get_by_key("fence")
    recall = memory.search("What is Maya allergic to?", k=3, at=LATER)
    yield timeless(recall)
    yield recall.context(50)
    yield memory.reinforce(recall, used=[1], unhelpful=[recall.hits[-1].id], at=LATER)
    yield timeless(memory.search("Maya is allergic to what?", at=LATER))
    yield memory.cues()
    yield from unlearning(memory)
    yield timeless(memory.search("Maya?", min_confidence=0.99, at=LATER))
    yield memory.search("gate", filters={"speaker": "Ben", "at": {"lt": MAY}}, at=LATER).ids
    answer = memory.ask("What is Maya allergic to?", k=4, at=LATER)
    yield timeless(dataclasses.replace(answer, milliseconds=0.0))
    yield from changes(memory)
    episode = memory.get(3)
    yield memory.annotate(episode, {"tags": []}), memory.annotate(episode, {"tags": [1]})
    found = memory.list(filters={"speaker": "Ben"}, limit=2, offset=1)
    yield [timeless(each) for each in found], found.total, found.more, found.notes
    yield memory.list(filters={"speaker": "Nobody"}).notes
    yield dataclasses.replace(memory.consolidate(llm=False, at=LATER), usage={})
    yield [timeless(each) for each in memory.facts()], memory.facts(as_of=MAY)
    yield memory.profile(), memory.profile("Maya", max_chars=20)
    yield memory.forget(at=LATER, max_share=0.5)
    yield memory.delete(filters={"speaker": "Ana"}), memory.delete(5, 6), memory.delete()
    yield memory.erase("Ben"), memory.erase("Maya", mentions=True, dry_run=False)
    yield dataclasses.replace(memory.stats(), path="", file_bytes=0, last_at=None)
    lines = [json.dumps(line) for line in memory.export()]
    yield [line.get("text") for line in map(json.loads, lines)]
    yield memory.check(), memory.repair()
    yield [each.name for each in memory.namespaces()]
    yield memory.reindex(progress=progress.append), progress
    yield len([*memory.export(all_namespaces=True)]) == len(lines)
    yield memory.drop_namespace("ana").episodes
    yield memory.import_(lines, progress=progress.append), progress
    yield dataclasses.replace(memory.stats(), path="", file_bytes=0, last_at=None)
    yield memory.close()


def timeless(value: Any) -> Any:
    """The same, stored at a time that can be compared."""
    if isinstance(value, tuple):
        return tuple(map(timeless, value))
    if not dataclasses.is_dataclass(value):
        return value
    names = {spec.name for spec in dataclasses.fields(value)}
    new: dict[str, Any] = {"stored_at": MAY} if "stored_at" in names else {}
    new |= {name: timeless(getattr(value, name)) for name in names & {"memory", "hits", "recall"}}
    return dataclasses.replace(value, **new)  # type: ignore[type-var]


class TestTheSame:
    def test_a_day_gives_the_same_values(self, client: Client, memory: Memory) -> None:
        for i, (theirs, ours) in enumerate(zip(day(memory), day(client), strict=True)):
            assert theirs == ours, f"step {i}"
            assert type(theirs) is type(ours)

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda memory: memory.add(" "),
            lambda memory: memory.add(7),
            lambda memory: memory.add({"role": "user"}),
            lambda memory: memory.add("x", at=datetime(2024, 1, 1)),  # noqa: DTZ001
            lambda memory: memory.add("x", metadata={"a": {1, 2}}),
            lambda memory: memory.add_many("x"),
            lambda memory: memory.add_many(["x"], batch_size=0),
            lambda memory: memory.put(" ", Turn("x")),
            lambda memory: memory.put("x", "x"),
            lambda memory: memory.search(" "),
            lambda memory: memory.search("x", k=0),
            lambda memory: memory.search("x", k="1"),
            lambda memory: memory.search("x", filters={"at": {"gte": "yesterday"}}),
            lambda memory: memory.search("x", filters=7),
            lambda memory: memory.search("x", at="now"),
            lambda memory: memory.search("x", at=datetime(2024, 1, 1)),  # noqa: DTZ001
            lambda memory: memory.facts(as_of=datetime(2024, 1, 1)),  # noqa: DTZ001
            lambda memory: memory.search("x", top_k=3),
            lambda memory: memory.reinforce("x"),
            lambda memory: memory.reinforce(memory.search("x")),
            lambda memory: memory.reinforce(memory.search("x"), used=[99]),
            lambda memory: memory.reinforce(memory.search("x"), used=[1], certainty=2),
            lambda memory: memory.get(99),
            lambda memory: memory.get(-1),
            lambda memory: memory.get("1"),
            lambda memory: memory.get(2**70),
            lambda memory: memory.list(limit=-1),
            lambda memory: memory.update(1, " "),
            lambda memory: memory.correct(1, " "),
            lambda memory: memory.correct(99, "x"),
            lambda memory: memory.revert(1),
            lambda memory: memory.undo(99),
            lambda memory: memory.ignored(at_least=0),
            lambda memory: memory.forget(ignored=0),
            lambda memory: memory.undo(0),
            lambda memory: memory.sever(1, 1),
            lambda memory: memory.sever(1, 99),
            lambda memory: memory.lessons(limit=-1),
            lambda memory: memory.add(["x", "y"], supersedes=1),
            lambda memory: memory.add("x", supersedes=99),
            lambda memory: memory.delete(1, filters={"speaker": "Ana"}),
            lambda memory: memory.delete(filters={}),
            lambda memory: memory.history(99),
            lambda memory: memory.erase(" "),
            lambda memory: memory.forget(max_share=2),
            lambda memory: memory.drop_namespace("nobody"),
            lambda memory: memory.import_(['{"text": 7}']),
            lambda memory: memory.import_("x"),
            lambda memory: memory.remember("x"),
        ],
    )
    def test_a_mistake_gives_the_same_error(
        self, both: tuple[Memory, Client], wrong: Callable[[Any], object]
    ) -> None:
        raised = []
        for each in both:
            each.add("Maya is allergic to peanuts.", at=MAY)
            with pytest.raises(Exception) as caught:  # noqa: PT011  # whichever it is
                wrong(each)
            raised.append(caught.value)

        assert type(raised[0]) is type(raised[1])
        assert vars(raised[0]) == vars(raised[1]) or isinstance(raised[0], AttributeError)

    def test_an_error_says_the_same(self, client: Client, memory: Memory) -> None:
        said = []
        for each in (memory, client):
            with pytest.raises(NotFoundError) as caught:
                each.get(99)
            said.append((str(caught.value), caught.value.kind, caught.value.id))

        assert said[0] == said[1]

    def test_awaited_it_is_the_same(self, served: TestClient) -> None:
        async def live() -> None:
            transport = httpx.ASGITransport(app=served.app)
            url = "http://testserver"
            async with AsyncClient(url, namespace="ana", transport=transport) as client:
                progress: list[int] = []
                receipt = await client.add("Maya is allergic to peanuts.", speaker="Ana")
                await client.add_many(["Hello.", "Bye."], batch_size=1, progress=progress.append)
                recall = await client.search("What is Maya allergic to?")
                learned = await client.reinforce(recall, used=receipt.ids)
                lines = [json.dumps(line) async for line in client.export()]
                assert ((1,), 1, 1, [1, 2]) == (
                    receipt.ids,
                    recall.hits[0].id,
                    learned.bound,
                    progress,
                )
                assert (4, 3) == (1 + (await client.stats()).episodes, len(await client.list()))
                assert () == (await client.import_(lines)).stored
                with pytest.raises(NotFoundError):
                    await client.get(99)
                wrong: Any = client
                with pytest.raises(TypeError, match="here it is `k`"):
                    await wrong.search("q", top_k=3)

        asyncio.run(live())


class TestParity:
    @pytest.mark.parametrize("cls", [Client, AsyncClient])
    def test_it_has_what_memory_has_but_for_what_a_service_keeps(self, cls: type) -> None:
        assert NOT_OVER_HTTP == public(Memory) - public(cls)
        assert ONLY_OVER_HTTP == public(cls) - public(Memory)

    @pytest.mark.parametrize("cls", [Client, AsyncClient])
    @pytest.mark.parametrize("name", METHODS)
    def test_each_method_takes_the_same(self, cls: type, name: str) -> None:
        ours, theirs = (
            [*inspect.signature(getattr(each, name)).parameters.values()] for each in (cls, Memory)
        )

        assert [(p.name, p.kind, p.default) for p in theirs] == [
            (p.name, p.kind, p.default) for p in ours
        ]

    @pytest.mark.parametrize("name", sorted(set(METHODS) - {"close", "export"}))
    def test_each_method_is_documented_alike(self, name: str) -> None:
        documented = getattr(Memory, name).__doc__

        assert documented == getattr(Client, name).__doc__ == getattr(AsyncClient, name).__doc__

    @pytest.mark.parametrize("name", sorted(set(METHODS) - {"export"}))
    def test_each_method_is_awaited(self, name: str) -> None:
        assert inspect.iscoroutinefunction(getattr(AsyncClient, name))


class TestService:
    def test_a_key_that_does_not_do_is_a_wrong_setting(
        self, guarded: TestClient, keys: Keys
    ) -> None:
        mine = keys.create(namespaces=["ana"], scope="write", now=0.0)

        assert 0 == connected(guarded, api_key=mine).stats().episodes
        with pytest.raises(ConfigError, match="may not read in the namespace 'ben'"):
            connected(guarded, api_key=mine, namespace="ben").stats()
        with pytest.raises(ConfigError, match="Send a valid key"):
            connected(guarded).stats()

    def test_a_service_that_is_not_there_is_told(self) -> None:
        def refuse(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

        with pytest.raises(StoreError, match=r"did not answer \(refused\); check that it runs"):
            Client(transport=httpx.MockTransport(refuse)).stats()

    @pytest.mark.parametrize("status", [200, 404, 500])
    def test_a_server_of_something_else_is_told(self, status: int) -> None:
        def page(request: httpx.Request) -> httpx.Response:
            return httpx.Response(status, text="<html>Hello.</html>")

        client = Client(transport=httpx.MockTransport(page))
        for call in (client.stats, lambda: client.add_many(["x"]), lambda: list(client.export())):
            with pytest.raises(StoreError, match="not a helamem service"):
                call()

    def test_its_hints_are_for_a_client(self, client: Any) -> None:
        with pytest.raises(TypeError, match=r"it is `Client\(namespace=\.\.\.\)`"):
            client.add("x", user_id="ana")
        with pytest.raises(TypeError, match="it is a setting of the service"):
            client.search("x", config=1)
        with pytest.raises(TypeError, match=r"Client has no len\(\); here it is `stats\(\)`"):
            len(client)

    def test_a_closed_client_says_so(self, client: Client) -> None:
        client.close()

        with pytest.raises(StoreError, match="closed"):
            client.stats()

    def test_who_asks_too_often_is_told_when_to_come_back(self, memories: Memories) -> None:
        with TestClient(create_app(memories, limits=Limits(per_second=0.001, burst=1))) as served:
            client = connected(served)
            client.stats()

            with pytest.raises(StoreError, match="Too many requests"):
                client.stats()

    def test_a_list_is_as_long_as_it_is(self, client: Client) -> None:
        client.add_many([f"Turn {i}." for i in range(1200)])

        assert (1200, 1200, 0) == ((found := client.list()).total, len(found), found.more)

    @pytest.mark.parametrize("name", ["", " ", "a/b", ".", ".."])
    def test_a_namespace_has_to_fit_into_an_address(self, name: str) -> None:
        with pytest.raises(ValueError, match="namespace"):
            Client(namespace=name)

    def test_an_address_says_how_to_talk_to_it(self) -> None:
        with pytest.raises(ValueError, match="begins with http:// or https://"):
            Client("127.0.0.1:8420")

    def test_an_address_holds_no_credentials(self) -> None:
        with pytest.raises(ValueError, match="user name or a password"):
            Client("http://ana:secret@localhost")

    def test_it_says_where_it_is(self) -> None:
        assert "Client('http://127.0.0.1:8420', namespace='maya')" == repr(Client(namespace="maya"))

    def test_a_model_stays_where_the_service_is(self, client: Any) -> None:
        with pytest.raises(TypeError, match="its own language model"):
            client.ask("Who?", llm=ScriptedLLM(["x"]))

    def test_without_httpx_it_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "httpx", None)

        with pytest.raises(MissingExtraError, match=r"helamem\[client\]"):
            Client()
