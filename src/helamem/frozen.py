"""Frozen dataclasses with slots, made in a fraction of the time.

The standard library compiles six methods for each class, which took a quarter of the time of a short command. Here the
constructor alone is compiled, and the other methods are shared. To type checkers `dataclass` is that of `dataclasses`,
whose `fields`, `replace` and `asdict` work on these classes too.
"""

from __future__ import annotations

import dataclasses
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import DataclassInstance

T = TypeVar("T")
_UNSET: Any = object()  # stands for an argument that a factory makes


def _dataclass(
    *,
    frozen: bool = False,
    slots: bool = False,
    repr: bool = True,  # noqa: A002  # these names are those of the standard library
    eq: bool = True,
    order: bool = False,
    kw_only: bool = False,
) -> Callable[[type[T]], type[T]]:
    """The decorator of `dataclasses`; in a frozen class with slots every field has to be an argument."""
    if order or not (frozen and slots):
        return dataclasses.dataclass(
            frozen=frozen, slots=slots, repr=repr, eq=eq, order=order, kw_only=kw_only
        )
    methods = {**_FROZEN, **(_SHOWN if repr else {}), **(_COMPARED if eq else {})}

    def make(cls: type[T]) -> type[T]:
        own = set(vars(cls))
        made: Any = dataclasses.dataclass(
            init=False, repr=False, eq=False, slots=True, kw_only=kw_only
        )(cls)
        for name in methods.keys() - own:
            setattr(made, name, methods[name])
        made.__init__ = _constructor(made)
        return made  # type: ignore[no-any-return]

    return make


def _constructor(cls: type[DataclassInstance]) -> Callable[..., None]:
    """The compiled `__init__` of a dataclass."""
    known: dict[str, Any] = {"_set": object.__setattr__, "_unset": _UNSET}
    plain, named, lines = ["self"], ["*"], []
    for each in dataclasses.fields(cls):
        parameter, value = _parameter(each, known)
        (named if each.kw_only else plain).append(parameter)
        lines.append(f" _set(self, {each.name!r}, {value})\n")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()\n")
    parameters = ", ".join(plain + named if len(named) > 1 else plain)
    exec(f"def __init__({parameters}):\n{''.join(lines)} return", known)  # noqa: S102  # names that Python has read
    init: Callable[..., None] = known["__init__"]
    init.__module__, init.__qualname__ = cls.__module__, f"{cls.__qualname__}.__init__"
    init.__annotations__ = {each.name: each.type for each in dataclasses.fields(cls)}
    return init


def _parameter(field: dataclasses.Field[Any], known: dict[str, Any]) -> tuple[str, str]:
    """The parameter of a field and the expression of its value; what they name is added to `known`."""
    name = field.name
    if field.default is not dataclasses.MISSING:
        known[f"_default_{name}"] = field.default
        return f"{name}=_default_{name}", name
    if field.default_factory is not dataclasses.MISSING:
        known[f"_make_{name}"] = field.default_factory
        return f"{name}=_unset", f"_make_{name}() if {name} is _unset else {name}"
    return name, name


def _refuse_to_set(self: DataclassInstance, name: str, value: object) -> None:  # noqa: ARG001
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: DataclassInstance, name: str) -> None:  # noqa: ARG001
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: DataclassInstance) -> list[Any]:
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: DataclassInstance, state: list[Any]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)


@recursive_repr()
def _repr(self: DataclassInstance) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _compared(self: DataclassInstance) -> tuple[Any, ...]:
    return tuple(getattr(self, each.name) for each in dataclasses.fields(self) if each.compare)


def _equals(self: DataclassInstance, other: object) -> bool:
    return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: DataclassInstance) -> int:
    return hash(_compared(self))


_FROZEN = {
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _state,
    "__setstate__": _set_state,
}
_SHOWN = {"__repr__": _repr}
_COMPARED = {"__eq__": _equals, "__hash__": _hash}

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414  # named so to be exported
else:
    dataclass = _dataclass
