from __future__ import annotations

import json
import logging
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from helamem.errors import ConfigError, CutOffError, LLMError, MissingExtraError
from helamem.models import openai_chat, openai_client
from helamem.models.cached import Cached
from helamem.models.metering import Meter
from helamem.models.openai_chat import OpenAIChat
from helamem.models.scripted import ScriptedLLM
from helamem.protocols import Reply, Request
from llm_server import Disconnect, Fail, Hang, LLMServer, Raw, Say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llm_server import Act

pytest.importorskip("openai")

KEY = "sk-very-secret-1234"
ASK: list[dict[str, str]] = [{"role": "user", "content": "What must Maya not eat?"}]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"food": {"type": "string"}, "sure": {"type": "boolean"}},
    "required": ["food", "sure"],
    "additionalProperties": False,
}
GOOD = json.dumps({"food": "peanuts", "sure": True})


@contextmanager
def serving(
    *acts: Act, refuses: tuple[str, ...] = (), **options: Any
) -> Iterator[tuple[LLMServer, OpenAIChat]]:
    with LLMServer(*acts, refuses=refuses) as server:
        options = {"api_key": KEY, "max_retries": 0, "timeout_s": 5.0, **options}
        llm = OpenAIChat("tiny", base_url=server.base_url, **options)
        try:
            yield server, llm
        finally:
            llm.close()


def failure_of(*acts: Act, schema: dict[str, Any] | None = None, **options: Any) -> LLMError:
    with serving(*acts, **options) as (_, llm), pytest.raises(LLMError) as caught:
        llm.complete(Request(ASK, schema=schema, max_tokens=50))
    return caught.value


def drained(llm: OpenAIChat, request: Request | None = None) -> tuple[list[str], Reply]:
    """The pieces of a stream, and what it returned."""
    pieces: list[str] = []
    stream = llm.stream(request or Request(ASK))
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value


class TestComplete:
    def test_text_and_counts_arrive(self) -> None:
        with serving(Say("Peanuts.")) as (_, llm):
            assert Reply(
                text="Peanuts.", prompt_tokens=11, completion_tokens=7, model="tiny-1"
            ) == llm.complete(Request(ASK))

    def test_request_says_what_was_asked(self) -> None:
        with serving(Say("x")) as (server, llm):
            llm.complete(Request(ASK, max_tokens=50, temperature=0.5))
            assert [
                {"model": "tiny", "messages": ASK, "max_tokens": 50, "temperature": 0.5}
            ] == server.requests

    def test_every_answer_is_bounded(self) -> None:
        with serving(Say("x"), max_tokens=9) as (server, llm):
            llm.complete(Request(ASK))
            drained(llm)
            assert [9, 9] == [request["max_tokens"] for request in server.requests]

    def test_object_is_parsed(self) -> None:
        with serving(Say(GOOD)) as (server, llm):
            assert {"food": "peanuts", "sure": True} == llm.complete(
                Request(ASK, schema=SCHEMA)
            ).data
            form = server.requests[0]["response_format"]
            assert ("json_schema", SCHEMA) == (form["type"], form["json_schema"]["schema"])

    def test_fenced_object_is_parsed(self) -> None:
        with serving(Say(f"Here you are:\n```json\n{GOOD}\n```")) as (_, llm):
            assert {"food": "peanuts", "sure": True} == llm.complete(
                Request(ASK, schema=SCHEMA)
            ).data

    @pytest.mark.parametrize(
        ("refuses", "forms"),
        [
            (("json_schema",), ["json_schema", "json_object", "json_object"]),
            (("json_schema", "json_object"), ["json_schema", "json_object", None, None]),
        ],
    )
    def test_a_form_that_the_server_refuses_is_not_asked_for_again(
        self, refuses: tuple[str, ...], forms: list[str | None]
    ) -> None:
        with serving(Say(GOOD), refuses=refuses) as (server, llm):
            llm.complete(Request(ASK, schema=SCHEMA))
            assert {"food": "peanuts", "sure": True} == llm.complete(
                Request(ASK, schema=SCHEMA)
            ).data
            assert forms == [
                each.get("response_format", {}).get("type") for each in server.requests
            ]
            assert json.dumps(SCHEMA) in server.requests[-1]["messages"][0]["content"]

    def test_schema_joins_the_system_message_where_there_is_one(self) -> None:
        with serving(Say(GOOD), refuses=("json_schema",)) as (server, llm):
            llm.complete(Request([{"role": "system", "content": "Be brief."}, *ASK], schema=SCHEMA))
            sent = server.requests[-1]["messages"]
            assert ["system", "user"] == [each["role"] for each in sent]
            assert sent[0]["content"].startswith("Be brief.\n\n")

    @pytest.mark.parametrize("parameter", ["temperature", "max_tokens"])
    def test_a_parameter_that_the_server_refuses_is_left_out(self, parameter: str) -> None:
        with serving(Say("Peanuts."), refuses=(parameter,)) as (server, llm):
            llm.complete(Request(ASK, max_tokens=50))
            llm.complete(Request(ASK, max_tokens=50))
            assert [True, False, False] == [parameter in each for each in server.requests]

    def test_newer_models_get_their_own_name_for_the_limit(self) -> None:
        with serving(Say("Peanuts."), refuses=("max_tokens",)) as (server, llm):
            llm.complete(Request(ASK, max_tokens=50))
            assert 50 == server.requests[-1]["max_completion_tokens"]

    def test_a_request_that_is_malformed_in_every_form_fails_as_it_first_did(self) -> None:
        with serving(Fail(400, "context too long")) as (server, llm):
            with pytest.raises(LLMError, match=r"answered 400: .*context too long") as caught:
                llm.complete(Request(ASK, schema=SCHEMA))
            assert not caught.value.retryable
            assert 3 == len(server.requests)
            server.acts = (Say(GOOD),)
            llm.complete(Request(ASK, schema=SCHEMA))
            assert "json_schema" == server.requests[-1]["response_format"]["type"]


class TestFailures:
    def test_malformed_json(self) -> None:
        error = failure_of(Say('{"food": "pea'), schema=SCHEMA)

        assert "is not JSON" in str(error)
        assert error.retryable

    def test_wrong_schema(self) -> None:
        error = failure_of(Say('{"food": "peanuts"}'), schema=SCHEMA)

        assert "in another form than requested: the reply has no sure" in str(error)
        assert error.retryable

    def test_refusal(self) -> None:
        error = failure_of(Say("", refusal="I cannot help with that."))

        assert "refused to answer: I cannot help with that." in str(error)
        assert not error.retryable

    def test_content_filter(self) -> None:
        assert "refused to answer" in str(failure_of(Say("Pea", finish="content_filter")))

    def test_truncation(self) -> None:
        error = failure_of(Say('{"food": "pea', finish="length"), schema=SCHEMA)

        assert isinstance(error, CutOffError)
        assert ('{"food": "pea', (11, 7), "tiny-1") == (error.text, error.tokens, error.model)
        assert "was cut off: the answer is longer than max_tokens = 50 allows" in str(error)
        assert not error.retryable

    def test_server_error(self) -> None:
        error = failure_of(Fail(500))

        assert "answered 500" in str(error)
        assert error.retryable

    def test_wrong_key(self) -> None:
        error = failure_of(Fail(401, f"Incorrect API key provided: {KEY}"))

        assert "HELAMEM_LLM_API_KEY" in str(error)
        assert not error.retryable

    def test_wrong_path(self) -> None:
        with LLMServer(Say("x")) as server:
            llm = OpenAIChat("tiny", base_url=server.base_url[:-3], max_retries=0)
            with pytest.raises(LLMError, match="usually ends in /v1"):
                llm.complete(Request(ASK))
            llm.close()

    def test_silence(self) -> None:
        error = failure_of(Hang(), timeout_s=0.2)

        assert "was silent for 0.2 s" in str(error)
        assert error.retryable

    def test_disconnect(self) -> None:
        error = failure_of(Disconnect())

        assert "could not be asked" in str(error)
        assert error.retryable

    def test_nobody_there(self) -> None:
        llm = OpenAIChat("tiny", base_url="http://127.0.0.1:9/v1", max_retries=0)
        with pytest.raises(LLMError, match=r"could not be asked: .*refused.*does it run") as caught:
            llm.complete(Request(ASK))
        assert caught.value.retryable
        llm.close()

    @pytest.mark.parametrize("body", ["<html>busy</html>", "[]", '{"object": "list"}', '"hello"'])
    def test_a_body_that_is_no_completion(self, body: str) -> None:
        for content_type in ("application/json", "text/html"):
            error = failure_of(Raw(body, content_type))

            assert "tiny at http://127.0.0.1" in str(error)
            assert isinstance(error, LLMError)

    def test_long_error_pages_are_shortened(self) -> None:
        assert len(str(failure_of(Fail(400, "x" * 10_000)))) < 500

    def test_cause_is_kept_where_it_holds_no_key(self) -> None:
        assert failure_of(Fail(500), api_key="").__cause__ is not None


class TestRetries:
    def test_server_error_is_asked_again(self) -> None:
        with serving(Fail(500), Say("Peanuts."), max_retries=1) as (server, llm):
            assert "Peanuts." == llm.complete(Request(ASK)).text
            assert 2 == len(server.requests)

    def test_retry_after_is_respected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slow_down = Fail(429, headers={"Retry-After": "7"})
        slept: list[float] = []
        with serving(slow_down, Say("Peanuts."), max_retries=1) as (_, llm):
            monkeypatch.setattr("time.sleep", slept.append)

            assert "Peanuts." == llm.complete(Request(ASK)).text
            assert [7.0] == slept

    def test_a_very_long_retry_after_is_an_error_at_once(self) -> None:
        error = failure_of(Fail(429, headers={"Retry-After": "3600"}), max_retries=2)

        assert "answered 429 (too many requests" in str(error)
        assert error.retryable


class TestStream:
    def test_pieces_arrive_in_order_and_the_whole_is_returned(self) -> None:
        with serving(Say(pieces=("Pea", "nut", "s."))) as (_, llm):
            pieces, reply = drained(llm)
        assert ["Pea", "nut", "s."] == pieces
        assert (
            Reply(text="Peanuts.", prompt_tokens=11, completion_tokens=7, model="tiny-1") == reply
        )

    def test_a_server_that_does_not_count_is_asked_without(self) -> None:
        with serving(Say("Peanuts."), refuses=("stream_options",)) as (_, llm):
            _, reply = drained(llm)
        assert ("Peanuts.", 0) == (reply.text, reply.completion_tokens)

    def test_an_object_may_come_in_pieces(self) -> None:
        request = Request(ASK, schema=SCHEMA)
        with serving(Say(pieces=(GOOD[:9], GOOD[9:]))) as (_, llm):
            _, reply = drained(llm, request)
        assert {"food": "peanuts", "sure": True} == reply.data
        assert GOOD == reply.text

    def test_an_object_in_pieces_is_checked_too(self) -> None:
        with serving(Say(pieces=("Pea", "nuts"))) as (_, llm), pytest.raises(LLMError):
            drained(llm, Request(ASK, schema=SCHEMA))

    @pytest.mark.parametrize("length", [1, 5, 100])
    def test_a_key_in_pieces_is_not_passed_on(self, length: int) -> None:
        text = f"The key is {KEY}, not {KEY[:-1]}. {KEY} {KEY[:5]}"
        pieces = tuple(text[start : start + length] for start in range(0, len(text), length))
        with serving(Say(text, pieces=pieces)) as (_, llm):
            passed, reply = drained(llm)
            whole = llm.complete(Request(ASK))

        assert f"The key is ***, not {KEY[:-1]}. *** {KEY[:5]}" == reply.text == whole.text
        assert reply.text == "".join(passed)

    def test_disconnect_in_mid_stream(self) -> None:
        with serving(Say(pieces=("Pea", "nuts", "."), cut_after=2)) as (_, llm):
            stream = llm.stream(Request(ASK))
            assert ["Pea", "nut", "s"] == [next(stream) for _ in range(3)]  # KEY begins so
            with pytest.raises(LLMError) as caught:
                next(stream)
        assert caught.value.retryable

    def test_an_end_without_a_reason_is_not_taken_for_the_end(self) -> None:
        with (
            serving(Say("Peanuts.", finish=None)) as (_, llm),
            pytest.raises(LLMError, match="in the middle of its answer"),
        ):
            list(llm.stream(Request(ASK)))

    @pytest.mark.parametrize(
        ("act", "message"),
        [
            (Say("Pea", finish="length"), "cut off"),
            (Say("", refusal="I cannot."), "refused to answer: I cannot."),
            (Fail(500), "answered 500"),
            (
                Raw('data: {"error": {"message": "overloaded"}}\n\n', "text/event-stream"),
                "overloaded",
            ),
            (Raw("data: pea\n\n", "text/event-stream"), "could not be asked"),
        ],
    )
    def test_failures_are_ours(self, act: Act, message: str) -> None:
        with serving(act) as (_, llm), pytest.raises(LLMError, match=message):
            list(llm.stream(Request(ASK)))

    def test_closing_the_stream_closes_the_connection(self) -> None:
        with serving(Say(pieces=("x" * 1000,) * 20_000)) as (server, llm):
            stream = llm.stream(Request(ASK))
            next(stream)
            stream.close()
            assert server.broken.wait(5)

    def test_silence_in_mid_stream_ends(self) -> None:
        class Stall(Say):
            def play(self, handler: Any, request: dict[str, Any]) -> None:
                handler.start_stream()
                handler.send_chunk(
                    {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "t",
                     "choices": [{"index": 0, "delta": {"content": "Pea"}, "finish_reason": None}]}
                )  # fmt: skip
                handler.server.closing.wait(30)

        with serving(Stall(), timeout_s=0.2) as (_, llm):
            stream = llm.stream(Request(ASK))
            assert "Pea" == next(stream)
            with pytest.raises(LLMError, match="silent"):
                next(stream)


class TestSecrets:
    @pytest.mark.parametrize(
        "act",
        [Fail(401, f"Incorrect API key provided: {KEY}"), Fail(500, KEY), Disconnect(), Raw("[]")],
    )
    def test_key_is_in_no_error_and_no_log(
        self, act: Act, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG), serving(act) as (server, llm):
            with pytest.raises(LLMError) as caught:
                llm.complete(Request(ASK))
            assert f"Bearer {KEY}" == server.headers[0]["authorization"]
        shown = "".join(traceback.format_exception(caught.value)) + repr(llm)

        assert KEY not in shown
        assert KEY not in str(vars(caught.value))
        if KEY not in getattr(act, "message", ""):  # the SDK logs what a server says
            assert KEY not in caplog.text

    def test_key_of_the_environment_is_not_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-someone-else")
        with serving(Say("x"), api_key="") as (server, llm):
            llm.complete(Request(ASK))
            assert "sk-of-someone-else" not in str(server.headers)


class TestConnect:
    def test_without_a_model_the_variables_are_named(self) -> None:
        with pytest.raises(ConfigError, match="HELAMEM_LLM_MODEL"):
            openai_chat.connect(model="")

    def test_without_a_key_openai_is_not_asked(self) -> None:
        with pytest.raises(ConfigError, match="HELAMEM_LLM_API_KEY"):
            openai_chat.connect(model="gpt-4o-mini")

    def test_a_local_server_needs_no_key(self) -> None:
        llm = openai_chat.connect(model="llama3.2", base_url="http://localhost:11434/v1")

        assert "OpenAIChat('llama3.2', base_url='http://localhost:11434/v1')" == repr(llm)
        assert "openai/llama3.2" == llm.name

    def test_missing_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(openai_client, "find_spec", lambda name: None)
        with pytest.raises(MissingExtraError, match=r"pip install 'helamem\[openai\]'"):
            OpenAIChat("tiny")


class TestMeter:
    def test_calls_and_tokens_add_up(self) -> None:
        with serving(Say("Peanuts.")) as (_, llm):
            meter = Meter(llm)
            meter.complete(Request(ASK))
            assert "Peanuts." == "".join(meter.stream(Request(ASK)))
        assert {"calls": 2, "tokens": 36} == meter.usage
        assert (22, 14, "openai/tiny") == (
            meter.prompt_tokens,
            meter.completion_tokens,
            meter.name,
        )

    def test_a_failed_call_counts_as_a_call(self) -> None:
        meter = Meter(ScriptedLLM([LLMError("down")]))
        with pytest.raises(LLMError):
            meter.complete(Request(ASK))
        assert {"calls": 1, "tokens": 0} == meter.usage

    def test_a_cached_answer_costs_nothing(self) -> None:
        meter = Meter(Cached(ScriptedLLM(["Peanuts."]), {}))
        meter.complete(Request(ASK))
        before = meter.usage
        meter.complete(Request(ASK))
        assert before == meter.usage


class TestCached:
    def test_the_same_question_is_asked_once(self) -> None:
        llm = ScriptedLLM(["Peanuts."])
        cached = Cached(llm, {})

        first, second = cached.complete(Request(ASK)), cached.complete(Request(ASK))

        assert (first.text, False) == (second.text, first.cached)
        assert second.cached
        assert 1 == len(llm.calls)

    @pytest.mark.parametrize(
        "options", [{"schema": SCHEMA}, {"max_tokens": 5}, {"temperature": 0.5}]
    )
    def test_anything_else_asked_is_another_question(self, options: dict[str, Any]) -> None:
        llm = ScriptedLLM([GOOD, GOOD])
        cached = Cached(llm, {})
        cached.complete(Request(ASK))
        cached.complete(Request(ASK, **options))
        assert 2 == len(llm.calls)

    def test_another_model_has_its_own_answers(self) -> None:
        kept: dict[str, str] = {}
        Cached(ScriptedLLM(["a"], name="one"), kept).complete(Request(ASK))
        assert "b" == Cached(ScriptedLLM(["b"], name="two"), kept).complete(Request(ASK)).text

    def test_a_folder_outlives_the_process(self, tmp_path: Path) -> None:
        folder = tmp_path / "answers"
        first = Cached(ScriptedLLM([GOOD]), folder).complete(Request(ASK, schema=SCHEMA))
        again = Cached(ScriptedLLM([]), str(folder)).complete(Request(ASK, schema=SCHEMA))

        assert first.data == again.data
        assert again.cached
        assert [0o600] == [file.stat().st_mode & 0o777 for file in folder.iterdir()]

    def test_streams_are_remembered_too(self) -> None:
        cached = Cached(ScriptedLLM(["Peanuts, of course."]), {})
        assert ["Peanuts,", " of", " course."] == list(cached.stream(Request(ASK)))
        assert ["Peanuts, of course."] == list(cached.stream(Request(ASK)))

    @pytest.mark.parametrize("damaged", [b"", b'{"tex', b"[]", b'{"words": "no"}', b"\xff"])
    def test_a_damaged_file_is_named(self, tmp_path: Path, damaged: bytes) -> None:
        cached = Cached(ScriptedLLM(["Peanuts."]), tmp_path)
        cached.complete(Request(ASK))
        (file,) = tmp_path.iterdir()
        file.write_bytes(damaged)

        for call in (cached.complete, lambda request: list(cached.stream(request))):
            with pytest.raises(LLMError, match=rf"answer {file} is damaged \(.*\); delete it"):
                call(Request(ASK))

    def test_failures_are_not_remembered(self) -> None:
        cached = Cached(ScriptedLLM([LLMError("down"), "Peanuts."]), {})
        with pytest.raises(LLMError):
            cached.complete(Request(ASK))
        assert "Peanuts." == cached.complete(Request(ASK)).text


class TestScripted:
    def test_answers_may_be_objects(self) -> None:
        llm = ScriptedLLM([{"food": "peanuts", "sure": True}])
        assert {"food": "peanuts", "sure": True} == llm.complete(Request(ASK, schema=SCHEMA)).data

    def test_an_answer_that_is_not_json_is_refused(self) -> None:
        with pytest.raises(LLMError, match="not JSON"):
            ScriptedLLM(["no"]).complete(Request(ASK, schema=SCHEMA))

    def test_an_answer_that_does_not_fit_is_refused(self) -> None:
        with pytest.raises(LLMError, match="of type string"):
            ScriptedLLM([{"food": 3, "sure": True}]).complete(Request(ASK, schema=SCHEMA))

    def test_a_function_sees_the_messages(self) -> None:
        llm = ScriptedLLM(lambda messages: messages[0]["content"].upper())
        assert "WHAT MUST MAYA NOT EAT?" == llm.complete(Request(ASK)).text

    def test_the_end_of_the_script_is_told(self) -> None:
        with pytest.raises(LLMError, match="has 0 answers, but was asked 1 times"):
            ScriptedLLM([]).complete(Request(ASK))

    def test_calls_are_kept_from_every_thread(self) -> None:
        llm = ScriptedLLM(lambda messages: "x")
        threads = [threading.Thread(target=llm.complete, args=(Request(ASK),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 8 == len(llm.calls)
