"""Hints for users of other memory systems: a wrong name raises an error that names ours.

`helpful` decorates a public class. A type checker sees the class as it is written, and refuses a misspelled
argument or method; at run time the same mistake raises Python's TypeError or AttributeError with advice.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Method = Callable[..., Any]

C = TypeVar("C", bound=type)

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "user_id": ("namespace",),
    "agent_id": ("namespace",),
    "app_id": ("namespace",),
    "group_id": ("namespace",),
    "container_tag": ("namespace",),
    "tenant": ("namespace",),
    "run_id": ("session",),
    "session_id": ("session",),
    "thread_id": ("session",),
    "conversation_id": ("session",),
    "k": ("limit",),
    "limit": ("k",),
    "top_k": ("k", "limit"),
    "n_results": ("k", "limit"),
    "max_results": ("k", "limit"),
    "timestamp": ("at", "as_of"),
    "reference_time": ("at", "as_of"),
    "created_at": ("at", "as_of"),
    "now": ("at", "as_of"),
    "name": ("speaker",),
    "author": ("speaker",),
    "speaker": ("name",),
    "user": ("speaker", "namespace"),
    "filter": ("filters",),
    "where": ("filters",),
    "text": ("messages", "words", "query", "question"),
    "replaces": ("supersedes",),
    "content": ("messages", "words"),
    "message": ("messages",),
    "data": ("messages", "words"),
    "query": ("question",),
    "question": ("query",),
    "id": ("id_", "ids"),
    "memory_id": ("id_", "ids"),
    "model": ("llm",),
    "db_path": ("path",),
    "file": ("path",),
    "settings": ("config",),
}
"""Arguments of other systems, each with ours; the first that the method takes is suggested."""

FIELDS = ("speaker", "session", "role", "kind", "metadata")
"""Arguments of other systems that are conditions in `filters` here."""

ELSEWHERE: Mapping[str, str] = {
    "namespace": "`{cls}(namespace=...)`",
    "infer": "`consolidate()`, which distils facts; `add` never calls a model",
    "llm": "`{cls}(llm=...)`",
    "config": "`{cls}(config=...)`",
}
"""Arguments of other systems that belong to another call here, on the class `cls`."""

SERVED = "a setting of the service"
"""Where such an argument belongs for a client whose constructor does not take it."""

METHODS: Mapping[str, str] = {
    "remember": "`add`",
    "store": "`add`",
    "write": "`add`",
    "insert": "`add`",
    "recall": "`search`",
    "query": "`search`",
    "retrieve": "`search`",
    "get_all": "`list`",
    "get_memory": "`get`",
    "all": "`list`",
    "fix": "`correct`",
    "edit": "`correct`, or `update` for what was written down wrongly",
    "supersede": "`correct`, or `add(..., supersedes=id)`",
    "restore": "`revert`",
    "unlearn": "`undo`",
    "disconnect": "`sever`",
    "journal": "`lessons`",
    "remove": "`delete`",
    "clear": "`drop_namespace(memory.namespace)`, or `delete(filters=...)`",
    "delete_all": "`drop_namespace(memory.namespace)`, or `delete(filters=...)`",
    "reset": "`drop_namespace(memory.namespace)`, or `delete(filters=...)`",
    "delete_user": "`drop_namespace(name)` for a whole namespace, `erase(name)` for a person in one",
    "forget_person": "`erase(name)`",
    "users": "`namespaces`",
    "improve": "`reinforce`",
    "learn": "`reinforce`",
    "feedback": "`reinforce`",
    "sleep": "`consolidate`",
    "reflect": "`consolidate`",
    "count": "`stats()`, which has `episodes`, `facts` and `cues`",
    "size": "`stats()`, which has `episodes`, `facts` and `cues`",
    "load": "`import_`",
    "save": "`export`; a memory is durable without being saved",
    "from_config": "`Memory(config=Config.of(...))`",
}

BY_POSITION: Mapping[str, str] = {
    "export": (
        "it gives JSON objects, one a line: "
        "`for line in memory.export(): file.write(json.dumps(line) + '\\n')`"
    ),
}
"""Advice for methods that take nothing by position, if the general advice does not help."""


def helpful(cls: C) -> C:
    """Decorate a class so that wrong arguments and missing attributes raise helpful errors.

    Inherited methods are left to the decorator of their own class.

    Example:
        >>> @helpful
        ... class Shop:
        ...     def search(self, query: str, *, k: int = 10) -> None: ...
        >>> Shop().search("tea", top_k=3)
        Traceback (most recent call last):
        TypeError: search takes no 'top_k'; here it is `k`
        >>> Shop().serach
        Traceback (most recent call last):
        AttributeError: Shop has no 'serach'; did you mean `search`?
    """
    for name, value in [*vars(cls).items()]:
        if inspect.isfunction(value) and (name == "__init__" or not name.startswith("_")):
            setattr(cls, name, _explained(value, name))
    setattr(cls, "__getattr__", _missing)  # noqa: B010  # so that no type checker sees it
    if hasattr(cls, "stats"):
        setattr(cls, "__len__", _no_length)  # noqa: B010
        setattr(cls, "__bool__", _is_true)  # noqa: B010  # or an `if memory` would ask for the length
    return cls


def _explained(method: Method, called: str) -> Method:
    """Wrap a method so that a TypeError about its arguments is explained."""
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def awaited(*args: Any, **named: Any) -> Any:  # noqa: ANN401  # those of any method
            try:
                return await method(*args, **named)
            except TypeError:
                _check(called, method, args, named)
                raise

        return awaited

    @functools.wraps(method)
    def explained(*args: Any, **named: Any) -> Any:  # noqa: ANN401  # those of any method
        try:
            return method(*args, **named)
        except TypeError:
            _check(called, method, args, named)
            raise

    return explained


def _missing(self: object, name: str) -> Any:  # noqa: ANN401  # it never returns
    """The `__getattr__` of helpful classes."""
    if hasattr(type(self), name):  # a property raised, and Python hides its error here
        return object.__getattribute__(self, name)
    if name.startswith("_"):
        raise AttributeError(f"{type(self).__name__} has no {name!r}")
    raise AttributeError(hint(type(self), name))


def _no_length(self: object) -> int:
    """The `__len__` of helpful classes with `stats`."""
    raise TypeError(f"{type(self).__name__} has no len(); here it is {METHODS['count']}")


def _is_true(_: object) -> bool:
    return True


def hint(cls: type, name: str) -> str:
    """The hint for a missing attribute."""
    known = [each for each in dir(cls) if not each.startswith("_")]
    if name in METHODS:
        more = f"; here it is {METHODS[name]}"
    elif name[:1] == "a" and (name[1:] in known or name[1:] in METHODS):
        ours = METHODS.get(name[1:], f"`{name[1:]}`")
        more = f"; it is {ours}, which is awaited on an `AsyncMemory`"
    else:
        more = did_you_mean(name, known)
    return f"{cls.__name__} has no {name!r}{more}"


def _check(
    called: str, method: Method, args: tuple[object, ...], named: Mapping[str, object]
) -> None:
    """Raise a TypeError with advice if the arguments do not fit the signature.

    Raises:
        TypeError: The arguments do not fit the method's signature.
    """
    cls = type(args[0])
    if called == "__init__":
        called = cls.__name__
    signature = inspect.signature(method)
    try:
        signature.bind(*args, **named)
    except TypeError as exc:
        takes = [*signature.parameters.values()][1:]  # without self
        sentence = next(_complaints(called, takes, args[1:], named, cls), f"{called}: {exc}")
        raise TypeError(sentence) from None


def _complaints(
    called: str,
    takes: list[inspect.Parameter],
    args: tuple[object, ...],
    named: Mapping[str, object],
    cls: type,
) -> Iterator[str]:
    """The errors of a call, one sentence each."""
    places = [each.name for each in takes if each.kind is each.POSITIONAL_OR_KEYWORD]
    by_name = [each.name for each in takes if each.kind is not each.VAR_POSITIONAL]
    yield from (unknown(called, name, by_name, cls) for name in named if name not in by_name)
    if len(args) > len(places):
        yield _too_many(called, places, [each for each in by_name if each not in places])
    passed = {*places[: len(args)], *named}
    needed = [each.name for each in takes if each.default is each.empty and each.name in by_name]
    yield from (f"{called} needs `{name}`" for name in needed if name not in passed)
    yield from (
        f"{called} is given `{name}` twice" for name in places[: len(args)] if name in named
    )


def unknown(called: str, name: str, takes: Iterable[str], cls: type) -> str:
    """The hint for an unknown argument.

    Args:
        called: What was called.
        name: The argument.
        takes: The accepted arguments.
        cls: The class whose method it is.
    """
    return f"{called} takes no {name!r}{_our_name_for(name, [*takes], cls)}"


def _our_name_for(name: str, takes: list[str], cls: type) -> str:
    """Our name for an argument; the accepted arguments if there is none."""
    meant = [name, *ARGUMENTS.get(name, ())]
    for ours in meant:
        if ours in takes:
            return f"; here it is `{ours}`"
    for ours in meant:
        if ours in FIELDS and "filters" in takes:
            return f"; here it is `filters={{{ours!r}: ...}}`"
        if ours in ELSEWHERE:
            return f"; here it is {_where_it_belongs(ours, cls)}"
    return did_you_mean(name, takes) or f"; it takes {_listed(takes)}"


def _where_it_belongs(name: str, cls: type) -> str:
    """Where an argument of other systems belongs."""
    takes = inspect.signature(cls).parameters
    if name not in takes and "url" in takes and "{cls}" in ELSEWHERE[name]:
        return SERVED
    return ELSEWHERE[name].format(cls=cls.__name__ if name in takes else "Memory")


def _too_many(called: str, places: list[str], others: list[str]) -> str:
    """The hint for too many positional arguments."""
    takes = f"only {_listed(places)}" if places else "nothing"
    if called in BY_POSITION:
        return f"{called} takes {takes} by position; {BY_POSITION[called]}"
    named = f"; name the others: {', '.join(f'{each}=' for each in others)}" if others else ""
    return f"{called} takes {takes} by position{named}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{each}`" for each in names) or "no arguments"


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one; empty if none is near.

    Example:
        >>> did_you_mean("memry", ["Memory", "Recall"])
        '; did you mean `Memory`?'
        >>> did_you_mean("tea", ["Memory", "Recall"])
        ''
    """
    by_folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(wrong.casefold(), list(by_folded), n=1)
    return f"; did you mean `{by_folded[close[0]]}`?" if close else ""
