"""mem0's dialects and the leaderboard's, as their clients speak them; no package of theirs is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi import HTTPException

from helamem.server.dialects.entities import namespace_of, place_of, shown_id, whose

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

ANA: dict[str, Any] = {"filters": {"user_id": "ana"}}


def add(client: TestClient, text: str, **whom: Any) -> str:
    body = {"messages": [{"role": "user", "content": text}], **(whom or {"user_id": "ana"})}
    answer = client.post("/mem0/v3/memories/add/", json=body)
    assert 200 == answer.status_code, answer.text
    id_: str = answer.json()["results"][0]["id"]
    return id_


def found(client: TestClient, **body: Any) -> list[dict[str, Any]]:
    answer = client.post("/mem0/v3/memories/", json=body)
    assert 200 == answer.status_code, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


class TestPlatform:
    def test_what_is_added_is_found(self, client: TestClient) -> None:
        id_ = add(client, "I am allergic to peanuts.")

        (hit,) = client.post("/mem0/v3/memories/search/", json={"query": "peanuts?", **ANA}).json()[
            "results"
        ]

        assert (id_, "I am allergic to peanuts.", "ana", None) == (
            hit["id"], hit["memory"], hit["user_id"], hit["agent_id"]
        )  # fmt: skip
        assert hit["score"] > 0

    def test_it_is_the_same_memory_as_over_our_own_routes(self, client: TestClient) -> None:
        add(client, "I am allergic to peanuts.")

        assert 1 == client.get("/v1/namespaces/ana/stats").json()["episodes"]

    def test_pages_have_addresses(self, client: TestClient) -> None:
        for i in range(3):
            add(client, f"Number {i}.")

        first = client.post("/mem0/v3/memories/", params={"page_size": 2}, json=ANA).json()
        second = client.post(first["next"], json=ANA).json()

        assert (3, 2, None) == (first["count"], len(first["results"]), first["previous"])
        assert (["Number 2."], None) == (
            [each["memory"] for each in second["results"]], second["next"]
        )  # fmt: skip

    def test_runs_agents_and_metadata_narrow_what_is_listed(self, client: TestClient) -> None:
        add(client, "One.", user_id="ana", run_id="r1", metadata={"topic": "food"})
        add(client, "Two.", user_id="ana", agent_id="cook")
        add(client, "Three.", agent_id="cook")

        def texts(**filters: Any) -> list[str]:
            return [each["memory"] for each in found(client, filters=filters)]

        assert ["One."] == texts(user_id="ana", run_id="r1")
        assert ["Two."] == texts(AND=[{"user_id": "ana"}, {"agent_id": "cook"}])
        assert ["Three."] == texts(agent_id="cook")
        assert ["One."] == texts(user_id="ana", metadata={"topic": "food"})
        assert ["Two."] == texts(user_id="ana", NOT=[{"run_id": "r1"}])
        assert ["cook"] == [
            each["agent_id"] for each in found(client, filters={"agent_id": "cook"})
        ]

    def test_a_memory_is_read_corrected_and_removed(self, client: TestClient) -> None:
        id_ = add(client, "The gate needs a lock.", user_id="ana", agent_id="smith")
        place = f"/mem0/v1/memories/{id_}/"

        changed = client.put(place, json={"text": "The gate has a lock.", "metadata": {"a": 1}})
        read = client.get(place).json()
        events = client.get(f"{place}history/").json()
        client.delete(place)
        afterwards = client.get(f"{place}history/").json()

        assert 200 == changed.status_code
        assert ("The gate has a lock.", "smith", {"a": 1}) == (
            read["memory"], read["agent_id"], read["metadata"]
        )  # fmt: skip
        assert [
            ("ADD", None, "The gate needs a lock."),
            ("UPDATE", "The gate needs a lock.", "The gate has a lock."),
        ] == [(each["event"], each["old_memory"], each["new_memory"]) for each in events]
        assert ["ADD", "UPDATE", "DELETE"] == [each["event"] for each in afterwards]
        assert "gate" not in str(afterwards)
        assert 404 == client.get(place).status_code

    def test_all_of_somebody_goes_and_nothing_of_others(self, client: TestClient) -> None:
        for whom in ({"user_id": "ana"}, {"user_id": "ana", "run_id": "r"}, {"user_id": "ben"}):
            add(client, "Hello.", **whom)

        client.delete("/mem0/v1/memories/", params={"user_id": "ana", "run_id": "r"})
        left = len(found(client, **ANA))
        client.delete("/mem0/v1/memories/", params={"user_id": "ana"})

        assert (1, 0) == (left, len(found(client, **ANA)))
        assert 1 == len(found(client, filters={"user_id": "ben"}))

    def test_entities_are_listed_and_dropped(self, client: TestClient) -> None:
        add(client, "One.")
        add(client, "Two.", run_id="r1")

        def listed() -> list[tuple[str, str]]:
            return [
                (each["type"], each["name"])
                for each in client.get("/mem0/v1/entities/").json()["results"]
            ]

        before = listed()
        client.delete("/mem0/v2/entities/run/r1/")

        assert ([("user", "ana"), ("run", "r1")], [("user", "ana")]) == (before, listed())

    def test_several_are_changed_at_once(self, client: TestClient) -> None:
        ids = [add(client, text) for text in ("One.", "Two.")]

        client.put("/mem0/v1/batch/", json={"memories": [{"memory_id": ids[0], "text": "1"}]})
        client.request("DELETE", "/mem0/v1/batch/", json={"memories": [{"memory_id": ids[1]}]})

        assert ["1"] == [each["memory"] for each in found(client, **ANA)]

    def test_feedback_teaches_the_search_that_showed_it(self, client: TestClient) -> None:
        id_ = add(client, "I am allergic to peanuts.")
        judged = {"memory_id": id_, "feedback": "POSITIVE"}

        too_early = client.post("/mem0/v1/feedback/", json=judged)
        client.post("/mem0/v3/memories/search/", json={"query": "What may I eat?", **ANA})
        learned = client.post("/mem0/v1/feedback/", json=judged)

        assert (422, 200, 1) == (
            too_early.status_code, learned.status_code, learned.json()["learned"]["bound"]
        )  # fmt: skip
        cues = client.get("/v1/namespaces/ana/cues").json()["items"]
        assert ["What may I eat?"] == [each["text"] for each in cues]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"filters": {}},
            {"filters": {"user_id": "*"}},
            {"filters": {"user_id": {"in": ["ana", "ben"]}}},
            {"filters": {"OR": [{"user_id": "ana"}, {"user_id": "ben"}]}},
            {"filters": {"user_id": "agent:cook"}},
            {"filters": {"AND": ["ana"]}},
        ],
    )
    def test_it_has_to_say_whose(self, client: TestClient, wrong: dict[str, Any]) -> None:
        assert 422 == client.post("/mem0/v3/memories/", json=wrong).status_code

    def test_a_promise_that_is_not_kept_is_refused(self, client: TestClient) -> None:
        body = {"messages": [{"role": "user", "content": "x"}], "user_id": "ana"}

        answer = client.post(
            "/mem0/v3/memories/add/", json={**body, "expiration_date": "2030-01-01"}
        )

        assert 422 == answer.status_code


class TestSelfHosted:
    def test_a_day(self, client: TestClient) -> None:
        body = {"messages": [{"role": "user", "content": "I like tea."}], "user_id": "ana"}
        (made,) = client.post("/mem0/memories", json=body).json()["results"]
        place = f"/mem0/memories/{made['id']}"

        hits = client.post("/mem0/search", json={"query": "tea", "user_id": "ana"}).json()
        listed = client.get("/mem0/memories", params={"user_id": "ana"}).json()
        client.put(place, json={"text": "I like coffee."})
        read = client.get(place).json()["memory"]
        told = client.delete(place).json()["message"]

        assert ("ADD", ["I like tea."], ["I like tea."], "I like coffee.") == (
            made["event"],
            [each["memory"] for each in hits["results"]],
            [each["memory"] for each in listed["results"]],
            read,
        )
        assert told.startswith("Memory deleted successfully")
        assert 3 == len(client.get(f"{place}/history").json())
        assert 422 == client.get("/mem0/memories").status_code


class TestIds:
    @pytest.mark.parametrize("namespace", ["ana", "agent:cook", "Łukasz", "a/b.c"])
    def test_an_id_says_where_its_memory_is(self, namespace: str) -> None:
        assert (namespace, 7) == place_of(shown_id(namespace, 7))

    @pytest.mark.parametrize(
        "wrong", ["", ".", "YW5h", "YW5h.", "YW5h.-1", "YW5h.07", "§.1", "x" * 99]
    )
    def test_what_is_no_id_is_not_there(self, wrong: str) -> None:
        with pytest.raises(HTTPException):
            place_of(wrong)

    def test_kinds_do_not_meet(self) -> None:
        assert (
            "agent:cook" == namespace_of("agent", "cook") == whose({"agent_id": "cook"}).namespace
        )
        with pytest.raises(ValueError, match="cannot be called"):
            namespace_of("user", "agent:cook")


class TestLeaderboard:
    def test_what_is_added_is_found_at_once(self, client: TestClient) -> None:
        said = {"role": "user", "content": "I like tea.", "ts": 1_700_000_000_000}

        told = client.post(
            "/v1/memories/add",
            json={"request_id": "7", "scope": "s", "conversation_id": "c", "messages": [said]},
        ).json()
        hits = client.post(
            "/v1/memories/search", json={"query": "tea", "scope": "s", "top_k": 90}
        ).json()
        nothing = client.post("/v1/memories/search", json={"query": "tea", "scope": "t"}).json()

        assert {"request_id": "7", "status": "ok"} == told
        assert [("I like tea.", 1_700_000_000_000)] == [
            (each["text"], each["ts"]) for each in hits["results"]
        ]
        assert {"results": []} == nothing
        assert 200 == client.get("/health").status_code
