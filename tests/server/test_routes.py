"""The routes that the client has no need of, and what streams look like."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from fastapi.testclient import TestClient

from helamem import Config, LLMError, ScriptedLLM
from helamem.server import streams
from helamem.server.app import create_app
from helamem.server.memories import Memories

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANA = "/v1/namespaces/ana"
NDJSON = {"content-type": "application/x-ndjson"}


def said(client: TestClient, *texts: str) -> None:
    client.post(f"{ANA}/episodes", json={"messages": list(texts)})


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Server-sent events, by name."""
    blocks = [
        dict(line.split(": ", 1) for line in each.split("\n"))
        for each in text.split("\n\n")
        if each
    ]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


class TestStreams:
    def test_lines_go_in_and_progress_comes_out(self, client: TestClient) -> None:
        body = "".join(json.dumps({"text": f"Turn {i}."}) + "\n" for i in range(5))

        answer = client.post(
            f"{ANA}/episodes/stream", params={"batch_size": 2}, content=body, headers=NDJSON
        )

        told = [json.loads(line) for line in answer.text.splitlines()]
        assert [{"done": 2}, {"done": 4}, {"done": 5}] == told[:-1]
        assert [1, 2, 3, 4, 5] == told[-1]["result"]["stored"]

    @pytest.mark.parametrize("route", ["episodes/stream", "import"])
    def test_a_wrong_line_is_told_by_its_number_and_nothing_is_stored(
        self, client: TestClient, route: str
    ) -> None:
        answer = client.post(f"{ANA}/{route}", content='{"text": "a"}\n{"text": \n')

        assert (422, "DataError", 2) == (
            answer.status_code, answer.json()["error"], answer.json()["line"]
        )  # fmt: skip
        assert 0 == client.get(f"{ANA}/stats").json()["episodes"]

    def test_a_message_that_says_nothing_is_told(self, client: TestClient) -> None:
        body = '{"role": "user", "content": "Hello."}\n{"role": "system", "content": "Be kind."}\n'

        told = client.post(f"{ANA}/episodes/stream", content=body).text.splitlines()

        assert [1] == [each["index"] for each in json.loads(told[-1])["result"]["skipped"]]

    def test_bytes_that_are_no_text_are_refused(self, client: TestClient) -> None:
        assert 422 == client.post(f"{ANA}/import", content=b"\xff\xfe\n").status_code

    def test_an_export_goes_into_another_namespace(self, client: TestClient) -> None:
        said(client, "One.", "Two.")

        lines = client.get(f"{ANA}/export").text
        client.post("/v1/namespaces/copy/import", content=lines)

        copied = client.get("/v1/namespaces/copy/episodes").json()
        assert ["One.", "Two."] == [each["text"] for each in copied["items"]]


class TestOddBodies:
    @pytest.mark.parametrize("path", ["search", "import", "episodes"])
    def test_one_that_is_compressed_is_refused_unread(self, client: TestClient, path: str) -> None:
        answer = client.post(
            f"{ANA}/{path}", content=gzip.compress(b"{}"), headers={"content-encoding": "gzip"}
        )

        assert 415 == answer.status_code
        assert "The body is encoded as gzip; send it unencoded." == answer.json()["detail"]

    @pytest.mark.parametrize("path", ["import", "episodes/stream"])
    def test_a_line_that_is_nested_too_deep_is_refused(self, client: TestClient, path: str) -> None:
        answer = client.post(f"{ANA}/{path}", content="[" * 100_000, headers=NDJSON)

        assert 422 == answer.status_code
        assert 1 == answer.json()["line"]

    def test_conditions_that_are_nested_too_deep_are_refused(self, client: TestClient) -> None:
        answer = client.get(f"{ANA}/episodes", params={"filters": "[" * 20_000})

        assert 422 == answer.status_code
        assert "filters must be a JSON object" in answer.json()["detail"]

    def test_a_line_has_a_limit(self, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(streams, "MAX_LINE", 100)
        lines = '{"text": "a"}\n' + json.dumps({"text": "b" * 200}) + "\n"

        answer = client.post(f"{ANA}/import", content=lines, headers=NDJSON)

        assert "line 2: it is longer than 100 characters" in answer.text
        assert 0 == client.get(f"{ANA}/stats").json()["episodes"]

    @pytest.mark.parametrize(
        ("route", "body"),
        [
            ("delete", lambda odd: {"ids": [odd]}),
            ("sever", lambda odd: {"a": odd, "b": 2}),
            ("episodes", lambda odd: {"messages": ["Newer."], "supersedes": odd}),
        ],
    )
    def test_what_is_no_id_is_refused(
        self, client: TestClient, route: str, body: Callable[[Any], Any]
    ) -> None:
        said(client, "One.", "Two.")
        odd: list[Any] = [True, "1", 1.5, 0, -1, 2**63, [1]]

        answers = {str(each): client.post(f"{ANA}/{route}", json=body(each)) for each in odd}
        without = client.post(f"{ANA}/{route}", json=body(None)).status_code

        assert dict.fromkeys(answers, 422) == {k: v.status_code for k, v in answers.items()}
        optional = route == "episodes"
        assert (201 if optional else 422) == without
        assert optional + 2 == client.get(f"{ANA}/stats").json()["episodes"]


class TestQueries:
    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ("speaker=Ana", "unknown query parameter 'speaker'; there are: cursor, filters, limit"),
            ("limits=5", "unknown query parameter 'limits'; did you mean `limit`?"),
            ("limit=5&limit=6", "the query parameter 'limit' is given more than once"),
        ],
    )
    def test_what_no_route_reads_is_refused(
        self, client: TestClient, query: str, told: str
    ) -> None:
        answer = client.get(f"{ANA}/episodes?{query}")

        assert 422 == answer.status_code
        assert told in answer.json()["detail"]

    def test_an_address_may_take_none(self, client: TestClient) -> None:
        answer = client.get(f"{ANA}/stats?limit=5")

        assert "unknown query parameter 'limit'; this address takes none" == answer.json()["detail"]


class TestNaiveTimes:
    """A time without a zone is the setting's, where somebody set it; a sentence says what to do otherwise."""

    NOON = "2024-05-06T12:00:00"
    REQUESTS: ClassVar = [
        ("post", "episodes", {"messages": [{"content": "A", "timestamp": NOON}]}),
        ("post", "episodes", {"messages": ["A"], "at": NOON}),
        ("post", "search", {"query": "A", "at": NOON}),
        ("post", "search", {"query": "A", "filters": {"at": {"gte": NOON}}}),
        ("post", "forget", {"at": NOON}),
        ("get", f"facts?as_of={NOON}", None),
    ]

    def asked(self, tmp_path: Path, zone: str, method: str, path: str, body: Any) -> Any:
        memories = Memories(tmp_path / "a.db", Config.of(embedder="hashing:64", timezone=zone))
        with TestClient(create_app(memories)) as client:
            return client.request(method, f"/v1/namespaces/ana/{path}", json=body)

    @pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
    def test_they_are_by_the_clock_of_the_setting(
        self, tmp_path: Path, method: str, path: str, body: Any
    ) -> None:
        answer = self.asked(tmp_path, "Asia/Tokyo", method, path, body)

        assert answer.is_success, answer.text

    @pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
    def test_they_are_refused_without_it(
        self, tmp_path: Path, method: str, path: str, body: Any
    ) -> None:
        answer = self.asked(tmp_path, "UTC", method, path, body)

        assert 400 <= answer.status_code < 500
        assert f"{self.NOON} has no time zone; say which" in answer.json()["detail"]


class TestFeedback:
    def test_it_teaches_as_reinforce_does(self, client: TestClient) -> None:
        said(client, "Maya is allergic to peanuts.", "The gate needs a lock.")

        learned = client.post(f"{ANA}/feedback", json={"query": "What of Maya?", "used": [1]})

        assert 1 == learned.json()["bound"]
        assert ["What of Maya?"] == [
            each["text"] for each in client.get(f"{ANA}/cues").json()["items"]
        ]


class TestDeleting:
    def test_by_conditions_it_only_lists_unless_told_otherwise(self, client: TestClient) -> None:
        said(client, "One.", "Two.")
        wanted = {"filters": {"text": {"contains": "One"}}}

        planned = client.post(f"{ANA}/delete", json=wanted).json()
        done = client.post(f"{ANA}/delete", json={**wanted, "dry_run": False}).json()

        assert {"deleted": [1], "done": False} == planned
        assert {"deleted": [1], "done": True} == done
        assert 1 == client.get(f"{ANA}/stats").json()["episodes"]

    def test_several_go_together_or_not_at_all(self, client: TestClient) -> None:
        said(client, "One.", "Two.")

        assert 404 == client.post(f"{ANA}/delete", json={"ids": [1, 99]}).status_code
        assert [1, 2] == client.post(f"{ANA}/delete", json={"ids": [1, 2]}).json()["deleted"]


class TestPages:
    def test_the_total_is_of_what_fits(self, client: TestClient) -> None:
        said(client, *(f"Turn {i}." for i in range(5)), "Other.")

        page = client.get(
            f"{ANA}/episodes",
            params={"filters": '{"text": {"contains": "Turn"}}', "limit": 2, "cursor": "3"},
        ).json()

        assert (5, None, [4, 5]) == (
            page["total"], page["next"], [each["id"] for each in page["items"]]
        )  # fmt: skip


class TestChat:
    def talking(self, tmp_path: Path, replies: Any) -> TestClient:
        llm = ScriptedLLM(replies)
        config = Config.of(embedder="hashing:64")
        return TestClient(create_app(Memories(tmp_path / "chat.db", config, llm=llm)))

    def test_a_reply_comes_piece_by_piece_and_is_remembered(self, tmp_path: Path) -> None:
        with self.talking(tmp_path, ["No peanuts: she is allergic."]) as client:
            said(client, "Maya is allergic to peanuts.")
            answer = client.post(f"{ANA}/chat", json={"message": "What should I cook for Maya?"})
            kept = client.get(f"{ANA}/episodes").json()["items"]

        *pieces, (name, done) = events(answer.text)
        assert "text/event-stream" == answer.headers["content-type"].partition(";")[0]
        assert "No peanuts: she is allergic." == "".join(data["text"] for _, data in pieces)
        assert ("done", [1]) == (name, done["used"])
        assert ["user", "assistant"] == [each["role"] for each in kept[1:]]

    def test_a_conversation_is_taken_up_again(self, tmp_path: Path) -> None:
        seen: list[list[str]] = []

        def reply(messages: Any) -> str:
            seen.append([each["content"].splitlines()[-1] for each in messages[1:]])
            return f"Reply {len(seen)}."

        with self.talking(tmp_path, reply) as client:
            for text in ("Hello.", "And now?"):
                client.post(f"{ANA}/chat", json={"message": text, "session": "tea"})

        assert ["Hello.", "Reply 1.", "And now?"] == seen[1]

    def test_a_model_that_fails_ends_it_with_a_problem(self, tmp_path: Path) -> None:
        with self.talking(tmp_path, [LLMError("it sleeps")]) as client:
            answer = client.post(f"{ANA}/chat", json={"message": "Hello."})

        assert [("problem", 502, "LLMError")] == [
            (name, data["status"], data["error"]) for name, data in events(answer.text)
        ]

    def test_without_a_model_it_is_an_error_before_the_answer(self, client: TestClient) -> None:
        assert 501 == client.post(f"{ANA}/chat", json={"message": "Hello."}).status_code


class TestExports:
    def test_an_export_is_written_before_it_is_read(self, client: TestClient) -> None:
        """A client that reads slowly holds neither a thread nor the memory."""
        said(client, *(f"Turn {i}: {'tea ' * 2000}" for i in range(30)))

        with client.stream("GET", f"{ANA}/export") as answer:
            pieces = answer.iter_text()
            first = next(pieces)
            client.delete(ANA)
            lines = (first + "".join(pieces)).splitlines()

        assert 31 == len([json.loads(line) for line in lines])
