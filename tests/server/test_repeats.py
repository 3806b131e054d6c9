from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from typing import TYPE_CHECKING, Any

from fastapi.testclient import TestClient

from helamem import Config
from helamem.models.embedders import HashingEmbedder
from helamem.server.app import create_app
from helamem.server.limits import Limits, TimeLimit
from helamem.server.memories import Memories

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from helamem.protocols import Floats
    from helamem.server.keys import Keys

ANA = "/v1/namespaces/ana"
ONCE = {"idempotency-key": "1"}


def add(client: TestClient, text: str, **headers: str) -> Any:
    return client.post(f"{ANA}/episodes", json={"messages": [text]}, headers=headers)


class TestWrites:
    def test_a_write_with_a_key_is_done_once(self, client: TestClient) -> None:
        first, again = (add(client, "One.", **ONCE) for _ in range(2))

        assert (201, first.content) == (again.status_code, again.content)
        assert "true" == again.headers["idempotency-replayed"]
        assert again.headers["x-request-id"]

    def test_another_write_needs_another_key(self, client: TestClient) -> None:
        add(client, "One.", **ONCE)

        assert 422 == add(client, "Two.", **ONCE).status_code
        assert [2] == add(client, "Two.", **{"idempotency-key": "2"}).json()["stored"]

    def test_a_refused_write_leaves_its_key_free(self, client: TestClient) -> None:
        refused = client.post(f"{ANA}/episodes", json={"messages": []}, headers=ONCE)

        assert (422, 201) == (refused.status_code, add(client, "One.", **ONCE).status_code)

    def test_a_key_is_its_senders_own_and_ends_with_the_senders_key(
        self, guarded: TestClient, keys: Keys
    ) -> None:
        ana, other = (keys.create(namespaces=["ana"], scope="write", now=0.0) for _ in range(2))
        add(guarded, "One.", **ONCE, **{"x-api-key": ana})

        by_another = add(guarded, "One.", **ONCE, **{"x-api-key": other})
        keys.revoke(ana.split("_")[1])
        afterwards = add(guarded, "One.", **ONCE, **{"x-api-key": ana})

        assert "idempotency-replayed" not in by_another.headers
        assert 401 == afterwards.status_code


class TestReads:
    def test_what_has_not_changed_is_not_sent_again(self, client: TestClient) -> None:
        add(client, "One.")
        tag = client.get(f"{ANA}/episodes/1").headers["etag"]

        same = client.get(f"{ANA}/episodes/1", headers={"if-none-match": tag})
        client.patch(f"{ANA}/episodes/1", json={"text": "Another."})
        changed = client.get(f"{ANA}/episodes/1", headers={"if-none-match": tag})

        assert (304, b"") == (same.status_code, same.content)
        assert (200, "Another.") == (changed.status_code, changed.json()["text"])

    def test_a_client_that_has_anything_is_told_that_there_is_something(
        self, client: TestClient
    ) -> None:
        add(client, "One.")

        statuses = [
            client.get(f"{ANA}/episodes/{id_}", headers={"if-none-match": "*"}).status_code
            for id_ in (1, 2)
        ]

        assert [304, 404] == statuses


class Held(HashingEmbedder):
    """An embedder that waits until it is let go on."""

    def __init__(self) -> None:
        super().__init__(64)
        self.go_on = threading.Event()

    def embed(self, texts: Sequence[str]) -> Floats:
        assert self.go_on.wait(60)
        return super().embed(texts)


class TestTime:
    def test_what_takes_too_long_is_told_so_and_is_done_all_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = Held()
        monkeypatch.setattr("helamem.server.memories.load_embedder", lambda _: held)
        memories = Memories(tmp_path / "slow.db", Config())
        with TestClient(create_app(memories, limits=Limits(seconds=0.05))) as client:
            answer = add(client, "One.")
            held.go_on.set()

        assert 504 == answer.status_code
        assert "may still be done" in answer.json()["detail"]

    def test_work_goes_on_if_its_request_is_cancelled(self) -> None:
        told: list[str] = []

        async def app(_scope: Any, _receive: Any, _send: Any) -> None:
            try:
                await asyncio.get_running_loop().create_future()  # nobody else holds it
            except GeneratorExit:
                told.append("collected")
                raise

        async def run() -> None:
            limited = TimeLimit(app, seconds=60)
            request = asyncio.ensure_future(limited({"type": "http"}, None, None))  # type: ignore[arg-type]
            await asyncio.sleep(0)
            request.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await request
            del request
            await asyncio.sleep(0)
            gc.collect()
            told.append("checked")

        asyncio.run(run())
        assert told == ["checked"]
