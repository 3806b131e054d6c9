from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from helamem import Memory
from helamem.server.app import create_app
from helamem.server.limits import Limits

if TYPE_CHECKING:
    from helamem.server.keys import Keys
    from helamem.server.memories import Memories

ANA = "/v1/namespaces/ana"
SAID = {
    "messages": [
        {"role": "user", "content": "Maya is allergic to peanuts.", "name": "Ana"},
        "The gate needs a lock.",
    ]
}


def searched(client: TestClient, query: str = "What is Maya allergic to?") -> dict[str, Any]:
    found: dict[str, Any] = client.post(f"{ANA}/search", json={"query": query}).json()
    return found


class TestTheDayOfAMemory:
    def test_what_was_added_is_found_and_learned_from(self, client: TestClient) -> None:
        receipt = client.post(f"{ANA}/episodes", json=SAID)
        recall = searched(client)
        learned = client.post(f"{ANA}/reinforce", json={"recall": recall, "used": [1, 2]})
        again = searched(client, "Maya is allergic to what?")

        assert (201, [1, 2]) == (receipt.status_code, receipt.json()["stored"])
        assert 1 == recall["hits"][0]["id"]
        assert (1, 2) == (learned.json()["strengthened"], learned.json()["bound"])
        assert [learned.json()["cue"]] == [cue["id"] for cue in again["cues"]]

    def test_a_memory_is_read_corrected_and_removed(self, client: TestClient) -> None:
        client.post(f"{ANA}/episodes", json=SAID)

        changed = client.patch(f"{ANA}/episodes/2", json={"text": "The gate has a new lock."})
        events = client.get(f"{ANA}/episodes/2/history").json()["items"]
        gone = client.delete(f"{ANA}/episodes/2").json()

        assert "The gate has a new lock." == changed.json()["text"]
        assert ["added", "updated"] == [each["event"] for each in events]
        assert {"deleted": [2]} == gone
        assert 404 == client.get(f"{ANA}/episodes/2").status_code

    def test_pages_follow_one_another(self, client: TestClient) -> None:
        client.post(f"{ANA}/episodes", json={"messages": [f"Turn {i}." for i in range(5)]})

        first = client.get(f"{ANA}/episodes", params={"limit": 3}).json()
        second = client.get(f"{ANA}/episodes", params={"limit": 3, "cursor": first["next"]}).json()

        assert [1, 2, 3] == [each["id"] for each in first["items"]]
        assert [4, 5] == [each["id"] for each in second["items"]]
        assert (5, None) == (second["total"], second["next"])

    def test_what_is_forgotten_is_only_listed_unless_asked_for(self, client: TestClient) -> None:
        client.post(f"{ANA}/episodes", json=SAID)

        plan = client.post(f"{ANA}/forget").json()

        assert plan["done"] is False
        assert 2 == client.get(f"{ANA}/stats").json()["episodes"]

    def test_what_is_not_sure_enough_is_held_back(self, client: TestClient) -> None:
        client.post(f"{ANA}/episodes", json=SAID)
        asked = {"query": "What is Maya allergic to?", "min_confidence": 1}

        found = client.post(f"{ANA}/search", json=asked).json()

        assert ([], True) == (found["hits"], 0 < found["confidence"] < 1)
        assert "" == client.post(f"{ANA}/context", json=asked).json()["text"]

    def test_namespaces_share_a_file_and_nothing_else(self, client: TestClient) -> None:
        client.post(f"{ANA}/episodes", json=SAID)

        assert [] == client.post("/v1/namespaces/ben/search", json={"query": "Maya"}).json()["hits"]
        assert 404 == client.get("/v1/namespaces/ben/episodes/1").status_code


class TestProblems:
    def test_what_is_not_there_is_a_problem_with_its_id(self, client: TestClient) -> None:
        answer = client.get(f"{ANA}/episodes/99")

        assert "application/problem+json" == answer.headers["content-type"]
        assert (404, "NotFoundError", 99) == tuple(
            answer.json()[k] for k in ("status", "error", "id")
        )

    @pytest.mark.parametrize(
        ("route", "body"),
        [
            ("search", {"query": ""}),
            ("search", {"query": "Maya", "top_k": 3}),
            ("search", {"query": "Maya", "k": 0}),
            ("search", {"query": "Maya", "k": 100_000}),
            ("search", {"query": "Maya", "k": "3"}),
            ("search", {"query": "Maya", "k": True}),
            ("search", {"query": "Maya", "at": 1714989600}),
            ("search", {"query": "Maya", "at": "1714989600"}),
            ("forget", {"dry_run": 0}),
            ("search", {"query": "Maya", "filters": {"at": {"gte": "yesterday"}}}),
            ("episodes", {"messages": []}),
            ("episodes", {"messages": [{"role": "user", "content": 7}]}),
            ("episodes", {"messages": ["x"], "at": "2024-05-06T10:00:00"}),
            ("reinforce", {"recall": {"query": "x"}, "used": [1]}),
        ],
    )
    def test_a_wrong_request_is_told_what_is_wrong(
        self, client: TestClient, route: str, body: dict[str, Any]
    ) -> None:
        answer = client.post(f"{ANA}/{route}", json=body)

        assert 422 == answer.status_code
        assert answer.json()["detail"]

    @pytest.mark.parametrize("number", ["+1", "1_0", " 1", "1.0", "-1", "\u0661"])
    def test_a_number_in_an_address_is_written_in_digits(
        self, client: TestClient, number: str
    ) -> None:
        client.post(f"{ANA}/episodes", json={"messages": ["One."]})

        answers = [
            client.get(f"{ANA}/episodes/{quote(number)}"),
            client.get(f"{ANA}/episodes", params={"limit": number}),
        ]

        assert [422, 422] == [each.status_code for each in answers]
        assert all("digits" in each.json()["detail"] for each in answers)

    def test_without_a_model_a_question_says_how_to_name_one(self, client: TestClient) -> None:
        answer = client.post(f"{ANA}/ask", json={"question": "Who is Maya?"})

        assert 501 == answer.status_code
        assert "HELAMEM_LLM_MODEL" in answer.json()["detail"]

    def test_an_unknown_route_is_a_problem_too(self, client: TestClient) -> None:
        assert 404 == client.get("/v2").json()["status"]

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ('{"top_k": 3}', "query is missing; there is no 'top_k'; here it is `k`"),
            ('{"query": "x", "quer": "y"}', "there is no 'quer'; did you mean `query`?"),
            (
                '{"query": "x", "why": 1}',
                "there is no 'why'; there are query, k, filters, at, min_confidence",
            ),
            ('{"query": 3}', "query must be a string"),
            ('{"query": ""}', "query needs at least 1 character"),
            ('{"query": "x", "k": 0}', "k must be at least 1"),
            ('{"query": "x", "k": "3"}', "k must be a whole number"),
            (
                '{"query": "x", "at": "yesterday"}',
                "at is not valid: write a time in ISO 8601, such as 2024-05-06T10:00:00Z",
            ),
            ("[]", "the body must be an object"),
            ("", "the body is missing"),
            (
                '{"query" "x"}',
                "the body is not JSON: Expecting ':' delimiter, at character 9",
            ),
        ],
    )
    def test_what_is_malformed_is_said_in_plain_words(
        self, client: TestClient, body: str, said: str
    ) -> None:
        answer = client.post(
            f"{ANA}/search", content=body, headers={"content-type": "application/json"}
        )

        assert (422, said) == (answer.status_code, answer.json()["detail"])

    def test_all_that_is_malformed_is_listed(self, client: TestClient) -> None:
        body = {"query": 1, "k": 0, "min_confidence": 2, "at": 5}
        answer = client.post(f"{ANA}/search", json=body).json()

        assert ["body/query", "body/k", "body/at", "body/min_confidence"] == [
            each["at"] for each in answer["errors"]
        ]
        assert 2 == answer["detail"].count("; ")
        assert "must be a string" == answer["errors"][0]["detail"]

    def test_a_message_that_is_none_is_named_once(self, client: TestClient) -> None:
        answer = client.post(f"{ANA}/episodes", json={"messages": ["Hi.", 3]}).json()

        assert "messages.1 is not valid: a message is a text or an object" == answer["detail"]

    def test_a_malformed_part_is_named_by_its_place(self, client: TestClient) -> None:
        answer = client.post(f"{ANA}/feedback", json={"query": "x", "used": [1, "2"]}).json()

        assert "used.1 must be a whole number" == answer["detail"]


class TestLimits:
    def test_a_body_that_is_too_long_is_refused(self, memories: Memories) -> None:
        with TestClient(create_app(memories, limits=Limits(body_bytes=1000))) as client:
            told = client.post(f"{ANA}/episodes", json={"messages": ["x" * 2000]})
            silent = client.post(f"{ANA}/episodes", content=(b"x" * 600 for _ in range(3)))

        assert (413, 413) == (told.status_code, silent.status_code)

    @pytest.mark.parametrize("path", ["episodes", "episodes/stream", "import"])
    def test_so_is_one_that_does_not_say_its_length(self, memories: Memories, path: str) -> None:
        limits = Limits(body_bytes=1000, stream_bytes=1000)
        with TestClient(create_app(memories, limits=limits)) as client:
            answers = [
                client.post(f"{ANA}/{path}", content=(b"x" * 600 for _ in range(3)), headers=sent)
                for sent in ({}, {"idempotency-key": "1"})
            ]
            counted = client.get("/metrics").text

        assert [413, 413] == [each.status_code for each in answers]
        assert all(each.headers["x-request-id"] for each in answers)
        assert 2 == sum(map(float, re.findall(r'requests_total{.*status="413"} (.*)', counted)))

    def test_only_routes_of_json_lines_take_long_bodies(self, memories: Memories) -> None:
        with TestClient(create_app(memories, limits=Limits(body_bytes=1000))) as client:
            answer = client.put("/mem0/memories/import", json={"text": "x" * 2000})

        assert 413 == answer.status_code

    def test_made_up_keys_are_counted_together(self, memories: Memories, keys: Keys) -> None:
        limits = Limits(per_second=0.001, burst=2)
        own = keys.create(namespaces=["ana"], scope="read", now=time.time())
        with TestClient(create_app(memories, keys, limits)) as client:
            answers = [
                client.get("/healthz", headers={"authorization": f"Bearer {key}"})
                for key in ("hm_1_1", "hm_2_2", "hm_3_3", own)
            ]

        assert [200, 200, 429, 200] == [answer.status_code for answer in answers]

    def test_who_asks_too_often_is_told_when_to_come_back(self, memories: Memories) -> None:
        limits = Limits(per_second=0.001, burst=2)
        with TestClient(create_app(memories, limits=limits)) as client:
            answers = [client.get("/healthz") for _ in range(3)]

        assert [200, 200, 429] == [answer.status_code for answer in answers]
        assert int(answers[2].headers["retry-after"]) > 1


class TestService:
    def test_it_says_that_it_lives_and_is_ready(self, client: TestClient) -> None:
        assert {"status": "ok"} == client.get("/healthz").json()
        assert {"status": "ready"} == client.get("/readyz").json()

    def test_requests_are_counted_by_route_and_not_by_namespace(self, client: TestClient) -> None:
        searched(client)

        told = client.get("/metrics").text

        assert 'route="/v1/namespaces/{namespace}/search",status="200"} 1.0' in told
        assert "ana" not in told.replace("namespace", "")

    def test_a_failure_is_counted_and_has_an_id(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(*_: object, **__: object) -> None:
            raise RuntimeError("Maya is allergic to peanuts.")

        monkeypatch.setattr(Memory, "search", failing)

        answer = client.post(f"{ANA}/search", json={"query": "What is Maya allergic to?"})

        assert (500, False) == (answer.status_code, "peanuts" in answer.text)
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert '/search",status="500"} 1.0' in client.get("/metrics").text

    def test_a_request_keeps_the_id_that_it_came_with(self, client: TestClient) -> None:
        assert (
            "abc" == client.get("/healthz", headers={"x-request-id": "abc"}).headers["x-request-id"]
        )
        assert client.get("/healthz").headers["x-request-id"]

    def test_an_address_that_is_none_says_where_they_are_listed(self, client: TestClient) -> None:
        answers = client.get("/"), client.get(f"{ANA}/search")

        assert [404, 405] == [answer.status_code for answer in answers]
        assert all("/docs" in answer.json()["detail"] for answer in answers)

    def test_a_body_that_does_not_say_that_it_is_json_is_told_to(self, client: TestClient) -> None:
        answer = client.post(f"{ANA}/search", content=b'{"query": "Maya"}')

        assert 422 == answer.status_code
        assert "content-type: application/json" in answer.json()["detail"]

    def test_the_page_of_routes_has_every_operation_and_nothing_from_elsewhere(
        self, client: TestClient
    ) -> None:
        answer = client.get("/docs")

        operations = [
            f"<code>{method.upper()} {path}</code>"
            for path, each in client.get("/openapi.json").json()["paths"].items()
            for method in each
        ]
        assert [] == [each for each in operations if each not in answer.text]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"<script|<link|src=|https?://(?!localhost)", answer.text)

    def test_the_page_begins_with_storing_and_says_what_each_does_before_it_is_opened(
        self, client: TestClient
    ) -> None:
        (first, *_) = re.findall(r"<summary>.*?</summary>", client.get("/docs").text)

        assert "POST /v1/namespaces/{namespace}/episodes<" in first
        assert "Store turns" in first
