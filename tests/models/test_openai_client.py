"""What is asked, and the key, go to the server that was named and to no other; an answer has an end."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from helamem import Config, OpenAIChat, arguments
from helamem.errors import ConfigError, EmbedderError, LLMError
from helamem.models import openai_client
from helamem.models.embedders import OpenAIEmbedder
from helamem.protocols import Request
from llm_server import Fail, LLMServer, Raw, Say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llm_server import Handler

openai = pytest.importorskip("openai")

KEY = "sk-very-secret-1234567890abcdefghijklmno"
ASK: list[dict[str, str]] = [{"role": "user", "content": "What must Maya not eat?"}]


@dataclass(frozen=True)
class Redirect:
    """Sends the client elsewhere."""

    location: str
    status: int = 307

    def play(self, handler: Handler, request: dict[str, Any]) -> None:
        handler.send_body(self.status, b"", {"Location": self.location})


@dataclass(frozen=True)
class Events:
    """A stream of these events, then its proper end."""

    events: tuple[str, ...]

    def play(self, handler: Handler, request: dict[str, Any]) -> None:
        handler.start_stream()
        for event in self.events:
            handler.send_event(event)
        handler.send_event("[DONE]")
        handler.end_stream()


def chat(server: LLMServer, **options: Any) -> OpenAIChat:
    given: dict[str, Any] = {"api_key": KEY, "max_retries": 0, **options}
    return OpenAIChat("tiny", base_url=server.base_url, **given)


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error and all that hang on it."""
    for each in (error.__cause__, error.__context__):
        if each is not None:
            yield each
            yield from chain(each)


class TestKey:
    @pytest.mark.parametrize("n_before", range(240, 320, 8))
    def test_no_part_of_it_is_left_where_a_message_is_cut(self, n_before: int) -> None:
        with (
            LLMServer(Fail(401, "x" * n_before + KEY)) as server,
            pytest.raises(LLMError) as caught,
        ):
            chat(server).complete(Request(ASK))

        assert KEY[:6] not in str(caught.value)

    @pytest.mark.parametrize("written", [str, repr, json.dumps, quote, lambda key: quote(key, "")])
    def test_no_way_of_writing_it_shows_it(self, written: Callable[[str], str]) -> None:
        key = 'sk-very/secret+"1234567890"\\x'
        with LLMServer(Fail(401, f"wrong: {written(key)}!")) as server:
            with pytest.raises(LLMError) as chatting:
                chat(server, api_key=key).complete(Request(ASK))
            with pytest.raises(EmbedderError) as embedding:
                OpenAIEmbedder("m", base_url=server.base_url, api_key=key, max_retries=0).embed(
                    ["x"]
                )

        for error in (chatting.value, embedding.value):
            assert "1234567890" not in str(error)

    @pytest.mark.parametrize("key", ["a", "none", "ollama"])
    def test_a_placeholder_changes_no_text(self, key: str) -> None:
        with LLMServer(Say(f"There is {key} here."), Fail(401, f"no {key}")) as server:
            llm = chat(server, api_key=key)
            assert llm.complete(Request(ASK)).text == f"There is {key} here."
            with pytest.raises(LLMError, match=f"answered 401.*no {key}"):
                llm.complete(Request(ASK))

    def test_space_around_it_is_none_of_it(self) -> None:
        with LLMServer(Say("x")) as server:
            chat(server, api_key=f" {KEY}\n").complete(Request(ASK))

        assert f"Bearer {KEY}" in server.headers[0].values()

    @pytest.mark.parametrize("key", ["sk-secret\n-12345", "sk-secrét-12345", "sk-secret\0-12345"])
    @pytest.mark.parametrize("make", [OpenAIChat, OpenAIEmbedder])
    def test_what_no_header_can_hold_is_refused_unseen(self, make: Any, key: str) -> None:
        with pytest.raises(ValueError, match="copy the key anew") as caught:
            make("m", api_key=key)

        assert "12345" not in str(caught.value)

    @pytest.mark.parametrize("status", [400, 401, 422, 500])
    def test_no_error_hangs_on_ours_that_holds_it(self, status: int) -> None:
        with LLMServer(Fail(status, f"your key is {KEY}")) as server:
            llm = chat(server)
            with pytest.raises(LLMError) as caught:
                llm.complete(Request(ASK, schema={"type": "object"}))
            with pytest.raises(LLMError) as streamed:
                list(llm.stream(Request(ASK)))

        for error in (caught.value, streamed.value):
            assert KEY not in str(error)
            assert not [each for each in chain(error) if isinstance(each, openai.OpenAIError)]

    def test_a_server_that_gives_it_as_the_name_of_its_model(self) -> None:
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": f"m {KEY}",
                "choices": [{"index": 0, "finish_reason": "stop",
                             "message": {"role": "assistant", "content": f"It is {KEY}."}}]}  # fmt: skip
        with LLMServer(Raw(json.dumps(body))) as server:
            reply = chat(server).complete(Request(ASK))

        assert ("It is ***.", "m ***") == (reply.text, reply.model)

    @pytest.mark.parametrize("name", ["x" * 1000, "a\x1b[31m", "\n", 3, None, ["m"]])
    def test_what_is_no_name_is_not_taken_for_one(self, name: Any) -> None:
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": name,
                "choices": [{"index": 0, "finish_reason": "stop",
                             "message": {"role": "assistant", "content": "No."}}]}  # fmt: skip
        with LLMServer(Raw(json.dumps(body))) as server:
            given = chat(server).complete(Request(ASK)).model

        assert given.isprintable()
        assert 0 < len(given) <= 200


class TestAddress:
    @pytest.mark.parametrize("url", [f"http://{KEY}@host/v1", f"http://me:{KEY}@host/v1"])
    def test_credentials_in_it_are_refused_without_showing_them(self, url: str) -> None:
        for make in (
            lambda: OpenAIChat("tiny", base_url=url),
            lambda: OpenAIEmbedder("tiny", base_url=url),
            lambda: Config.of(**{"llm.base_url": url}),
            lambda: Config.load(environ={"HELAMEM_LLM_BASE_URL": url}),
        ):
            with pytest.raises((ValueError, ConfigError), match="holds a user name") as caught:
                make()
            assert KEY not in f"{caught.value!r} {[*map(repr, chain(caught.value))]}"

    @pytest.mark.parametrize("query", [f"key={KEY}", f"v=1&api-key={KEY}", f"Token={KEY}&v=1"])
    def test_a_key_in_its_query_is_refused_without_showing_it(self, query: str) -> None:
        with pytest.raises(ValueError, match="holds a key") as caught:
            OpenAIChat("tiny", base_url=f"https://host/v1?{query}")

        assert KEY not in str(caught.value)

    @pytest.mark.parametrize("url", ["localhost:11434/v1", "ftp://host/v1", f"me:{KEY}@host/v1"])
    def test_one_without_http_is_refused_without_showing_it(self, url: str) -> None:
        with pytest.raises(ValueError, match="begins with http:// or https://") as caught:
            arguments.server_address(url)

        assert KEY not in str(caught.value)

    def test_any_other_is_taken(self) -> None:
        for url in (
            "",
            "http://localhost:11434/v1",
            "https://host/v1?version=3",
            "http://[::1]:80/",
        ):
            assert url == arguments.server_address(url)


class TestOtherServers:
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_is_not_followed(self, status: int) -> None:
        with LLMServer(Say("Stolen.")) as other:
            with LLMServer(Redirect(f"{other.base_url}/chat/completions", status)) as server:
                llm = chat(server)
                with pytest.raises(LLMError, match=r"redirects to http://127.*nothing was sent"):
                    llm.complete(Request(ASK))
                with pytest.raises(LLMError, match="set HELAMEM_LLM_BASE_URL"):
                    list(llm.stream(Request(ASK)))

            assert [] == other.requests

    def test_an_embedder_follows_none_either(self) -> None:
        with LLMServer(Say("Stolen.")) as other:
            with LLMServer(Redirect(f"{other.base_url}/chat/completions")) as server:
                url = server.base_url + "/chat/completions?"  # the only path that this server knows
                embedder = OpenAIEmbedder("tiny", base_url=url, dimension=3, max_retries=0)
                with pytest.raises(EmbedderError):
                    embedder.embed(["a secret text"])

            assert [] == other.requests

    def test_what_the_environment_holds_for_openai_stays(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
            monkeypatch.setenv(name, "secret-of-openai")
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Team: secret-of-openai")
        with LLMServer(Say("Peanuts.")) as server:
            chat(server, api_key="").complete(Request(ASK))

        assert "secret-of-openai" not in json.dumps(server.headers)

    def test_openai_itself_gets_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
        client = openai_client.Server(
            openai_client.OPENAI_URL, KEY, timeout_s=5.0, max_retries=0
        ).client()

        assert "org-1" == client.organization

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://api.openai.com/v1", True),
            ("https://eu.api.openai.com/v1", True),
            ("https://api.openai.com.evil.org/v1", False),
            ("https://evilopenai.com/v1", False),
            ("http://localhost/api.openai.com", False),
        ],
    )
    def test_who_is_openai(self, url: str, expected: bool) -> None:
        assert expected == openai_client.is_openai(url)


class TestLimits:
    def endless(self) -> Iterator[bytes]:
        return itertools.repeat(b"x" * 100)

    def stream(self, chunks: Iterator[bytes]) -> Any:
        response = openai.DefaultHttpxClient  # the library that the SDK uses
        library = __import__(response.__mro__[1].__module__.partition(".")[0])

        class Chunks(library.SyncByteStream):  # type: ignore[misc, name-defined]
            closed = False

            def __iter__(self) -> Iterator[bytes]:
                return chunks

            def close(self) -> None:
                self.closed = True

        Chunks.__module__ = library.__name__
        return Chunks()

    def test_an_answer_without_end_is_cut_by_size(self) -> None:
        bounded = openai_client.bounded(self.stream(self.endless()), most_s=1e9, most_bytes=1000)

        with pytest.raises(ValueError, match="longer than 1,000 bytes"):
            list(bounded)

    def test_one_that_drips_by_time(self) -> None:
        seconds = itertools.count()
        bounded = openai_client.bounded(
            self.stream(self.endless()), most_s=10, most_bytes=10**9, clock=lambda: next(seconds)
        )

        with pytest.raises(ValueError, match="took longer than 10 s"):
            list(bounded)

    def test_what_ends_comes_whole_and_is_closed(self) -> None:
        stream = self.stream(iter([b"ab", b"c"]))
        bounded = openai_client.bounded(stream, most_s=10)

        assert [b"ab", b"c"] == list(bounded)
        bounded.close()
        assert stream.closed

    def test_a_server_that_does_not_end_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(openai_client.bounded, "__kwdefaults__",
                            {**(openai_client.bounded.__kwdefaults__ or {}), "most_bytes": 5000})  # fmt: skip
        with LLMServer(Say("word " * 5000), Say("word " * 5000)) as server:
            llm = chat(server)
            with pytest.raises(LLMError, match="longer than 5,000 bytes"):
                llm.complete(Request(ASK))
            with pytest.raises(LLMError, match="longer than 5,000 bytes"):
                list(llm.stream(Request(ASK)))


class TestOddReplies:
    @pytest.mark.parametrize(
        "choices", [["x"], "x", [None], [{}], [{"message": None, "finish_reason": "stop"}], 3, {}]
    )
    def test_no_message(self, choices: Any) -> None:
        body = json.dumps({"id": "1", "object": "chat.completion", "choices": choices})
        with LLMServer(Raw(body)) as server, pytest.raises(LLMError):
            chat(server).complete(Request(ASK))

    @pytest.mark.parametrize("count", ["abc", 1e999, -1, None, [1], 10**40, True, 1.5])
    def test_counts_that_are_none(self, count: Any) -> None:
        usage = {"prompt_tokens": count, "completion_tokens": count, "total_tokens": count}
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "No."},
        }
        body = json.dumps(
            {"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}
        )
        with LLMServer(Raw(body)) as server:
            reply = chat(server).complete(Request(ASK))

        assert "No." == reply.text
        assert reply.prompt_tokens in (0, 1)

    @pytest.mark.parametrize(
        "event",
        ["null", "3", '"x"', "[]", "{}", '{"choices": ["x"]}', '{"choices": [{"delta": null}]}',
         '{"choices": [{"delta": {"content": 3}}]}', "{", "[" * 5000],
    )  # fmt: skip
    def test_chunks_that_are_none(self, event: str) -> None:
        with LLMServer(Events((event,))) as server, pytest.raises(LLMError):
            list(chat(server).stream(Request(ASK)))

    @pytest.mark.parametrize(
        "text", ["[" * 100_000, '{"a":' * 100_000, '{"a": ' + "9" * 5000 + "}"]
    )
    def test_answers_that_cannot_be_read(self, text: str) -> None:
        with LLMServer(Say(text)) as server, pytest.raises(LLMError):
            chat(server).complete(
                Request(ASK, schema={"type": "object", "additionalProperties": False})
            )
