from __future__ import annotations

import json
import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from helamem.errors import ConfigError
from helamem.server.dialects.entities import shown_id
from helamem.server.keys import Keys

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient

NOW = 1_700_000_000.0
OPEN = {
    "/health",
    "/healthz",
    "/readyz",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/redoc",
    "/docs/oauth2-redirect",
}


def made(keys: Keys, namespace: str = "ana", scope: Any = "write", **others: Any) -> str:
    return keys.create(namespaces=[namespace], scope=scope, now=NOW, **others)


class TestKeys:
    def test_a_key_is_found_until_it_is_revoked(self, keys: Keys) -> None:
        whole = made(keys)

        found = keys.find(whole, now=NOW)

        assert found is not None
        keys.revoke(found.prefix)
        assert keys.find(whole, now=NOW) is None

    @pytest.mark.skipif(sys.platform == "win32", reason="no lock between processes there")
    def test_who_changes_the_file_waits_for_others(self, keys: Keys) -> None:
        made(keys)
        others = [
            Keys(keys.file) for _ in range(4)
        ]  # each with a lock of its own, as processes have

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda each: [made(each) for _ in range(5)], others))

        assert 21 == len(keys.all())

    def test_it_is_revoked_by_another_process_within_a_tick_of_the_clock(self, keys: Keys) -> None:
        whole = made(keys)
        found = keys.find(whole, now=NOW)
        assert found is not None
        was = keys.file.stat()

        Keys(keys.file).revoke(found.prefix)
        os.utime(keys.file, ns=(was.st_atime_ns, was.st_mtime_ns))

        assert keys.find(whole, now=NOW) is None

    def test_the_file_is_private_and_holds_no_secret(self, keys: Keys) -> None:
        secret = made(keys).split("_", 2)[2]

        assert secret not in keys.file.read_text()
        assert 0o600 == stat.S_IMODE(keys.file.stat().st_mode)

    def test_an_expired_key_opens_nothing(self, keys: Keys) -> None:
        whole = made(keys, expires_at=NOW + 10)

        assert keys.find(whole, now=NOW + 9) is not None
        assert keys.find(whole, now=NOW + 10) is None

    @pytest.mark.parametrize("wrong", ["", "hm", "hm_", "hm__", "hm_abcdefgh_x", "x" * 10_000])
    def test_what_is_no_key_is_none(self, keys: Keys, wrong: str) -> None:
        whole = made(keys)

        assert keys.find(wrong, now=NOW) is None
        assert keys.find(whole[:-1], now=NOW) is None

    def test_a_scope_may_do_what_those_below_it_may(self, keys: Keys) -> None:
        key = keys.find(made(keys, "team-*", "write"), now=NOW)

        assert key is not None
        assert key.opens("team-a", "read")
        assert key.opens("team-a", "write")
        assert not key.opens("team-a", "admin")
        assert not key.opens("other", "read")

    def test_another_process_sees_a_new_key(self, keys: Keys) -> None:
        other = Keys(keys.file)
        assert not other
        whole = made(keys)

        assert other.find(whole, now=NOW) is not None

    def test_a_file_that_holds_no_keys_is_an_error(self, tmp_path: Path) -> None:
        file = tmp_path / "k.json"
        file.write_text("{}[")

        with pytest.raises(ConfigError, match="not a file of keys"):
            Keys(file).all()

    @pytest.mark.parametrize(
        "edited",
        [
            {"scope": "owner"},
            {"scope": ["admin"]},
            {"namespaces": "*"},
            {"namespaces": [1]},
            {"expires_at": "tomorrow"},
            {"prefix": None},
            {"hash": 7},
        ],
    )
    def test_a_value_that_was_edited_in_is_an_error(
        self, keys: Keys, edited: dict[str, Any]
    ) -> None:
        whole = made(keys)
        (record,) = json.loads(keys.file.read_text())
        keys.file.write_text(json.dumps([{**record, **edited}]))

        with pytest.raises(ConfigError, match="not a file of keys"):
            Keys(keys.file).find(whole, now=NOW)

    @pytest.mark.parametrize("loss", ["revoked", "removed"])
    def test_the_loss_of_the_last_one_opens_nothing(
        self, guarded: TestClient, keys: Keys, loss: str
    ) -> None:
        headers = {"Authorization": f"Bearer {made(keys, '*', 'admin')}"}
        assert guarded.get("/v1/namespaces", headers=headers).status_code == 200

        if loss == "revoked":
            keys.revoke(keys.all()[0].prefix)
        else:
            keys.file.unlink()

        for sent in ({}, headers):
            assert guarded.get("/v1/namespaces", headers=sent).status_code == 401


def needed(about: dict[str, Any]) -> str:
    """The query that a route cannot do without."""
    names = [p["name"] for p in about.get("parameters", []) if p["in"] == "query"]
    if "user_id" in names:
        return "?user_id=ben"
    return "?key=x" if "key" in names else ""


def routes(client: TestClient) -> list[tuple[str, str]]:
    """Every route that is about a namespace, with its method."""
    schema = client.app.openapi()  # type: ignore[attr-defined]
    filled = {
        "id": "1",
        "namespace": "ben",
        "memory_id": shown_id("ben", 1),
        "kind": "user",
        "name": "ben",
    }
    return [
        (method.upper(), path.format(**filled) + needed(about))
        for path, methods in schema["paths"].items()
        for method, about in methods.items()
        if path not in OPEN
    ]


MINE = {"memory_id": shown_id("ben", 1)}

# A body for each route that wants one; the access test fails on a route whose body is refused.
BODIES: dict[str, Any] = {
    "correct": {"text": "x"},
    "sever": {"a": 1, "b": 2},
    "episodes": {"messages": ["x"]},
    "search": {"query": "secret"},
    "context": {"query": "secret"},
    "ask": {"question": "secret"},
    "chat": {"message": "secret"},
    "reinforce": {"recall": {"query": "x", "at": "2024-01-01T00:00:00Z"}, "used": []},
    "feedback": {"query": "secret", "used": [1]},
    "erase": {"name": "Ben", "dry_run": False},
    "delete": {"ids": [1]},
    "forget": {"dry_run": False},
    "repair": {"dry_run": False},
    "annotate": {"metadata": {"mine": True}, "was": {}},
    "items?key=x": {"text": "x"},
    # mem0's dialect, and the leaderboard's
    "/mem0/memories": {"messages": [{"role": "user", "content": "x"}], "user_id": "ben"},
    "/mem0/search": {"query": "secret", "user_id": "ben"},
    "/mem0/v3/memories/add/": {"messages": [{"role": "user", "content": "x"}], "user_id": "ben"},
    "/mem0/v3/memories/search/": {"query": "secret", "filters": {"user_id": "ben"}},
    "/mem0/v3/memories/": {"filters": {"AND": [{"user_id": "ben"}]}},
    "/mem0/v1/batch/": {"memories": [MINE]},
    "/mem0/v1/feedback/": {**MINE, "feedback": "POSITIVE"},
    "/v1/memories/add": {"request_id": "1", "scope": "ben", "messages": [{"content": "x"}]},
    "/v1/memories/search": {"query": "secret", "scope": "ben"},
}


def body(path: str) -> Any:
    """A body for a route."""
    return BODIES.get(path, BODIES.get(path.rsplit("/", 1)[-1], {}))


class TestAccess:
    def test_without_a_key_no_route_answers(self, guarded: TestClient, keys: Keys) -> None:
        made(keys)

        for method, path in routes(guarded):
            assert 401 == guarded.request(method, path, json={}).status_code or (
                422 == guarded.request(method, path, json={}).status_code
            ), (method, path)

    def test_a_key_of_one_namespace_opens_no_route_of_another(
        self, guarded: TestClient, keys: Keys
    ) -> None:
        mine = {"authorization": f"Bearer {made(keys, 'ana', 'admin')}"}
        bens = {"authorization": f"Bearer {made(keys, 'ben', 'admin')}"}
        guarded.post(
            "/v1/namespaces/ben/episodes", json={"messages": ["Ben's secret."]}, headers=bens
        )
        found = routes(guarded)
        answers = {
            (method, path): guarded.request(method, path, json=body(path), headers=mine)
            for method, path in found
        }
        listed = answers.pop(("GET", "/v1/namespaces"))
        people = answers.pop(("GET", "/mem0/v1/entities/"))
        assert (
            200 == answers.pop(("GET", "/mem0/v1/ping/")).status_code
        )  # it says nothing of anybody

        assert len(found) > 30
        assert {} == {route: a.text for route, a in answers.items() if a.status_code != 403}
        assert ({"items": []}, []) == (listed.json(), people.json()["results"])
        assert all("secret" not in answer.text for answer in answers.values())
        left = guarded.get("/v1/namespaces/ben/episodes", headers=bens).json()["items"]
        assert [("Ben's secret.", {}, 0)] == [(e["text"], e["metadata"], e["uses"]) for e in left]

    def test_a_namespace_that_is_not_there_tells_no_names_of_others(
        self, guarded: TestClient, keys: Keys
    ) -> None:
        for name in ("ana", "ben"):
            guarded.post(
                f"/v1/namespaces/{name}/episodes",
                json={"messages": ["Hi."]},
                headers={"x-api-key": made(keys, name, "write")},
            )
        mine = {"x-api-key": made(keys, "ana", "admin")}

        said = [
            guarded.delete(path, headers=mine).json()
            for path in ("/v1/namespaces/ana", "/v1/namespaces/ana", "/mem0/v2/entities/user/ana/")
        ]

        nothing = "there is no namespace 'ana'; GET /v1/namespaces lists yours"
        assert ["ana", nothing, nothing] == [each.get("name") or each["detail"] for each in said]

    def test_what_concerns_the_whole_file_takes_a_key_to_everything(
        self, guarded: TestClient, keys: Keys
    ) -> None:
        some, every = made(keys, "a*", "admin"), made(keys, "*", "admin")
        writer = made(keys, "*", "write")
        whole = ("/v1/check", "/v1/export")

        answers = {
            key: [guarded.get(path, headers={"x-api-key": key}).status_code for path in whole]
            for key in (some, writer, every)
        }

        assert {some: [403, 403], writer: [403, 403], every: [200, 200]} == answers

    def test_namespaces_are_listed_and_dropped_by_who_administers_them(
        self, guarded: TestClient, keys: Keys
    ) -> None:
        admin, writer = ({"x-api-key": made(keys, "a*", scope)} for scope in ("admin", "write"))
        bens = {"x-api-key": made(keys, "ben")}
        for who, key in (("ana", writer), ("ben", bens)):
            guarded.post(f"/v1/namespaces/{who}/episodes", json={"messages": ["x"]}, headers=key)

        refused = guarded.delete("/v1/namespaces/ana", headers=writer)
        seen = guarded.get("/v1/namespaces", headers=admin).json()["items"]
        dropped = guarded.delete("/v1/namespaces/ana", headers=admin)

        assert ["ana"] == [each["name"] for each in seen]
        assert (403, 200, 1) == (
            refused.status_code, dropped.status_code, dropped.json()["episodes"]
        )  # fmt: skip
        assert 0 == guarded.get("/v1/namespaces/ana/stats", headers=writer).json()["episodes"]

    def test_a_key_to_read_may_not_write(self, guarded: TestClient, keys: Keys) -> None:
        reader = {"x-api-key": made(keys, "ana", "read")}

        written = guarded.post(
            "/v1/namespaces/ana/episodes", json={"messages": ["x"]}, headers=reader
        )
        read = guarded.post("/v1/namespaces/ana/search", json={"query": "x"}, headers=reader)

        assert (403, 200) == (written.status_code, read.status_code)
