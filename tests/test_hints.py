"""What a wrong call says: for every public method of every class that users call."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from helamem import AsyncMemory, Chat, Memory, hints
from helamem.config import Ask
from helamem.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLASSES: list[type] = [Engine, Memory, AsyncMemory, Chat]


def methods(cls: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public methods of a class, with its constructor."""
    for name, value in inspect.getmembers(cls, inspect.isfunction):
        if name == "__init__" or not name.startswith("_"):
            yield name, value


ALL = [(cls, name) for cls in CLASSES for name, _ in methods(cls)]


def parameters(cls: type, name: str) -> list[inspect.Parameter]:
    """What a method takes, without self."""
    return [*inspect.signature(getattr(cls, name)).parameters.values()][1:]


def call(cls: type, name: str, *args: object, **named: object) -> None:
    """Call a method that will look no further than its arguments; what is awaited, to the end."""
    if name == "__init__":
        cls(*args, **named)
        return
    instance: Any = object.__new__(cls)
    instance._memory, instance._closed = instance, True  # so that AsyncMemory calls without threads
    outcome = getattr(instance, name)(*args, **named)
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)


class TestEveryMethod:
    @pytest.mark.parametrize(("cls", "name"), ALL)
    def test_its_signature_is_exact(self, cls: type, name: str) -> None:
        kinds = {each.kind for each in parameters(cls, name)}

        assert inspect.Parameter.VAR_KEYWORD not in kinds

    @pytest.mark.parametrize(("cls", "name"), ALL)
    def test_an_argument_that_it_does_not_take_is_named(self, cls: type, name: str) -> None:
        called = cls.__name__ if name == "__init__" else name

        with pytest.raises(TypeError, match=f"^{called} takes no 'flavour'; it takes "):
            call(cls, name, flavour="sweet")

    @pytest.mark.parametrize(("cls", "name"), ALL)
    def test_a_misspelled_argument_is_guessed(self, cls: type, name: str) -> None:
        for each in parameters(cls, name):
            if len(each.name) > 3 and each.kind is not each.VAR_POSITIONAL:
                wrong = f"{each.name[:-1]}x"
                with pytest.raises(TypeError, match=f"did you mean `{each.name}`"):
                    call(cls, name, **{wrong: 1})

    @pytest.mark.parametrize(("cls", "name"), ALL)
    def test_too_much_by_position_says_what_is_taken(self, cls: type, name: str) -> None:
        if all(each.kind is not each.VAR_POSITIONAL for each in parameters(cls, name)):
            with pytest.raises(TypeError, match=r" takes (only `\w+`(, `\w+`)*|nothing)"):
                call(cls, name, *range(9))

    @pytest.mark.parametrize("cls", CLASSES)
    def test_a_misspelled_method_is_guessed(self, cls: type) -> None:
        instance: object = object.__new__(cls)
        for name, _ in methods(cls):
            if len(name) > 3 and name != "__init__":
                wrong = name[:-1] + ("q" if name.endswith("x") else "x")
                with pytest.raises(AttributeError, match=f"{wrong}'; (did you mean|here it is) `"):
                    getattr(instance, wrong)


class TestMemory:
    @pytest.mark.parametrize(
        ("call", "sentence"),
        [
            (lambda m: m.search("q", top_k=3), "search takes no 'top_k'; here it is `k`"),
            (lambda m: m.search("q", limit=3), "search takes no 'limit'; here it is `k`"),
            (lambda m: m.list(k=3), "list takes no 'k'; here it is `limit`"),
            (lambda m: m.add("x", spaeker="Ana"), "did you mean `speaker`?"),
            (lambda m: m.add("x", user_id="ana"), "here it is `Memory(namespace=...)`"),
            (lambda m: m.add("x", session_id="tea"), "here it is `session`"),
            (lambda m: m.add("x", infer=True), "`consolidate()`, which distils facts"),
            (lambda m: m.search("q", speaker="Ana"), "here it is `filters={'speaker': ...}`"),
            (lambda m: m.search("q", session_id="tea"), "here it is `filters={'session': ...}`"),
            (lambda m: m.search("q", user_id="ana"), "here it is `Memory(namespace=...)`"),
            (lambda m: m.search("q", 3), "search takes only `query` by position; name the others: k="),
            (lambda m: m.search(), "search needs `query`"),
            (lambda m: m.search("q", query="q"), "search is given `query` twice"),
            (lambda m: m.ask("q", verfy=True), "did you mean `verify`?"),
            (lambda m: m.ask("q", model="gpt"), "here it is `llm`"),
            (lambda m: m.export("x.jsonl"), "file.write(json.dumps(line)"),
            (lambda m: m.update(1, text="x"), "here it is `words`"),
            (lambda m: m.get(memory_id=1), "here it is `id_`"),
            (lambda m: m.profile(speaker="Ana"), "here it is `name`"),
            (lambda m: m.stats(1), "stats takes nothing by position"),
            (lambda m: m.delete([1, 2]), "not a list; `delete(*ids)` takes several"),
            (lambda m: m.get("1"), "an id must be a whole number, not str"),
            (lambda m: m.delete(True), "an id must be a whole number, not bool"),
            (lambda m: m.history(1.0), "an id must be a whole number, not float"),
            (lambda m: m.reinforce(m.search("q"), m.search("q").hits), "give its `id`"),
            (lambda m: m.reinforce(m.search("q"), used=1), "used must be ids, as in [1, 2], not int"),
            (lambda m: m.reinforce("q", used=[1]), "reinforce takes what `search` returned, not str"),
            (lambda m: m.search("q", k="3"), "k must be a whole number, not str"),
            (lambda m: m.list(limit=2.5), "limit must be a whole number, not float"),
            (lambda m: m.import_("x.jsonl"), "takes lines, not one str; open the file"),
            (lambda m: m.add_many("Hello."), "takes turns, not one str; `add` takes one"),
        ],
    )  # fmt: skip
    def test_a_wrong_call_says_what_to_write(
        self, memory: Memory, call: Callable[[Any], object], sentence: str
    ) -> None:
        memory.add("Maya is allergic to peanuts.")

        with pytest.raises(TypeError) as raised:
            call(memory)
        assert sentence in str(raised.value)

    def test_its_length_is_not_one_number(self, memory: Memory) -> None:
        with pytest.raises(TypeError, match=r"Memory has no len\(\); here it is `stats\(\)`"):
            len(memory)  # type: ignore[arg-type]
        assert bool(memory)

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("statts", "Memory has no 'statts'; did you mean `stats`?"),
            ("remember", "Memory has no 'remember'; here it is `add`"),
            ("clear", "Memory has no 'clear'; here it is `drop_namespace(memory.namespace)`, or `delete(filters=...)`"),
            ("asearch", "it is `search`, which is awaited on an `AsyncMemory`"),
            ("flavour", "Memory has no 'flavour'"),
            ("_flavour", "Memory has no '_flavour'"),
        ],
    )  # fmt: skip
    def test_a_wrong_name_says_which_is_right(
        self, memory: Memory, name: str, sentence: str
    ) -> None:
        with pytest.raises(AttributeError) as raised:
            getattr(memory, name)
        assert str(raised.value).endswith(sentence)

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({"naemspace": "maya"}, "Memory takes no 'naemspace'; did you mean `namespace`?"),
            ({"user_id": "maya"}, "Memory takes no 'user_id'; here it is `namespace`"),
            ({"db_path": "a.db"}, "Memory takes no 'db_path'; here it is `path`"),
        ],
    )
    def test_the_constructor_too(self, arguments: dict[str, Any], sentence: str) -> None:
        with pytest.raises(TypeError) as raised:
            Memory(**arguments)
        assert sentence == str(raised.value)

    def test_what_is_hinted_at_is_there(self) -> None:
        for hint in [*hints.METHODS.values(), *hints.ELSEWHERE.values()]:
            ours = hint.format(cls="Memory").split("`")[1].partition("(")[0]
            assert ours == "Memory" or hasattr(Memory, ours)

    def test_every_argument_that_is_hinted_at_is_taken_somewhere(self) -> None:
        taken = {each.name for cls, name in ALL for each in parameters(cls, name)}

        assert set() == {ours for hinted in hints.ARGUMENTS.values() for ours in hinted} - taken

    def test_every_step_of_asking_is_an_argument(self) -> None:
        steps = {spec.name for spec in dataclasses.fields(Ask)}

        assert set() == steps - {each.name for each in parameters(Memory, "ask")}

    def test_its_repr_says_where_and_whose(self, memory: Memory) -> None:
        assert "Memory(':memory:', namespace='default')" == repr(memory)


@hints.helpful
class Shop:
    """What others put the decorator on."""

    def sell(self, what: str, *, price: int = 1) -> str:
        """Sell something."""
        return f"{what} {price + 0}"

    @property
    def till(self) -> int:
        """What is not there."""
        return int.nothing  # type: ignore[attr-defined, no-any-return]

    async def order(self, what: str) -> str:
        """Order something."""
        return what


class TestHelpful:
    def test_what_fits_is_called(self) -> None:
        assert "tea 2" == Shop().sell("tea", price=2)
        assert "tea" == asyncio.run(Shop().order("tea"))

    def test_signature_and_documentation_stay(self) -> None:
        assert ["self", "what", "price"] == [*inspect.signature(Shop.sell).parameters]
        assert "Sell something." == Shop.sell.__doc__
        assert inspect.iscoroutinefunction(Shop.order)

    def test_an_error_inside_stays_what_it_is(self) -> None:
        wrong: Any = "3"
        with pytest.raises(TypeError, match="can only concatenate str"):
            Shop().sell("tea", price=wrong)

    def test_a_property_that_fails_says_why(self) -> None:
        with pytest.raises(AttributeError, match="'int' has no attribute 'nothing'"):
            _ = Shop().till

    def test_what_is_awaited_is_explained_when_it_is(self) -> None:
        shop: Any = Shop()
        with pytest.raises(TypeError, match="order takes no 'waht'; did you mean `what`"):
            asyncio.run(shop.order(waht="tea"))
