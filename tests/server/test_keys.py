from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING, Any

import pytest

from helamem.errors import ConfigError
from helamem.server.keys import Keys

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient

NOW = 1_700_000_000.0
OPEN = {
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

        with pytest.raises(ConfigError, match="no file of keys"):
            Keys(file).all()


def routes(client: TestClient) -> list[tuple[str, str]]:
    """Every route that is about a namespace, with its method."""
    schema = client.app.openapi()  # type: ignore[attr-defined]
    return [
        (method.upper(), re.sub(r"\{id_\}", "1", path).replace("{namespace}", "ben"))
        for path, methods in schema["paths"].items()
        for method in methods
        if path not in OPEN
    ]


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
        bodies: dict[str, Any] = {
            "episodes": {"messages": ["x"]},
            "search": {"query": "secret"},
            "context": {"query": "secret"},
            "ask": {"question": "secret"},
            "reinforce": {"recall": {"query": "x", "at": "2024-01-01T00:00:00Z"}, "used": []},
        }

        found = routes(guarded)
        answers = {
            (method, path): guarded.request(
                method, path, json=bodies.get(path.rsplit("/", 1)[-1], {}), headers=mine
            )
            for method, path in found
        }

        assert len(found) > 10
        assert {403} == {answer.status_code for answer in answers.values()}
        assert all("secret" not in answer.text for answer in answers.values())

    def test_a_key_to_read_may_not_write(self, guarded: TestClient, keys: Keys) -> None:
        reader = {"x-api-key": made(keys, "ana", "read")}

        written = guarded.post(
            "/v1/namespaces/ana/episodes", json={"messages": ["x"]}, headers=reader
        )
        read = guarded.post("/v1/namespaces/ana/search", json={"query": "x"}, headers=reader)

        assert (403, 200) == (written.status_code, read.status_code)
