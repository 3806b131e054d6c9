"""Our dataclasses behave like those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from helamem import frozen

if TYPE_CHECKING:
    from collections.abc import Callable


class Point:
    """Three fields of each kind: needed, with a value, and made for each."""

    x: int
    y: int = dataclasses.field(default=2, compare=False)
    z: list[int] = dataclasses.field(default_factory=list, repr=False)


class Named:
    """Fields that have names."""

    name: str
    length: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", len(self.name))


def made(decorator: Callable[..., Any], kind: type, **options: bool) -> Any:
    """A new dataclass like `kind`, which stays as it is."""
    return decorator(frozen=True, slots=True, **options)(type(kind.__name__, (), dict(vars(kind))))


@dataclasses.dataclass
class Both:
    """A class made by each decorator."""

    ours: Any
    theirs: Any

    def same(self, tell: Callable[[Any], object]) -> object:
        """What both tell."""
        ours, theirs = (self._told(tell, each) for each in (self.ours, self.theirs))
        assert ours == theirs
        return ours

    @staticmethod
    def _told(tell: Callable[[Any], object], kind: Any) -> object:
        try:
            return tell(kind)
        except (AttributeError, TypeError) as exc:
            return type(exc), str(exc)


def both(kind: type, **options: bool) -> Both:
    return Both(
        made(frozen.dataclass, kind, **options), made(dataclasses.dataclass, kind, **options)
    )


points = pytest.mark.parametrize(
    "options", [{}, {"kw_only": True}, {"repr": False}, {"eq": False}, {"order": True}], ids=str
)


@points
def test_is_called_like_the_standard_librarys(options: dict[str, bool]) -> None:
    kinds = both(Point, **options)

    kinds.same(lambda kind: [(p.name, p.kind) for p in inspect.signature(kind).parameters.values()])
    for args, named in [
        ((1,), {}),
        ((), {"x": 1, "z": [3]}),
        ((1, 2, [3]), {}),
        ((), {}),
        ((1,), {"u": 1}),
    ]:
        kinds.same(lambda kind, a=args, n=named: dataclasses.asdict(kind(*a, **n)))  # type: ignore[misc]


@points
def test_compares_hashes_and_shows_itself_alike(options: dict[str, bool]) -> None:
    kinds = both(Point, **options)

    kinds.same(lambda kind: kind(x=1) == kind(x=1, y=5))
    kinds.same(lambda kind: kind(x=1) == kind(x=2))
    kinds.same(lambda kind: kind(x=1) == 1)
    kinds.same(lambda kind: kind(x=1) < kind(x=2))
    kinds.same(lambda kind: repr(kind(x=1)).partition(" object at")[0])
    kinds.same(lambda kind: options == {"eq": False} or hash(kind(x=1, z=(1,))))


def test_is_frozen_and_has_slots() -> None:
    kinds = both(Point)

    assert (dataclasses.FrozenInstanceError, "cannot assign to field 'x'") == kinds.same(
        lambda kind: setattr(kind(1), "x", 2)
    )
    kinds.same(lambda kind: delattr(kind(1), "x"))
    kinds.same(lambda kind: (kind.__slots__, kind.__match_args__, hasattr(kind(1), "__dict__")))


def test_each_object_gets_a_value_of_its_own_from_a_factory() -> None:
    kind = both(Point).ours

    assert kind(1).z is not kind(1).z


def test_runs_what_comes_after_the_constructor() -> None:
    kinds = both(Named, kw_only=True)

    assert 3 == kinds.same(lambda kind: kind(name="Ana").length)
    kinds.same(lambda kind: dataclasses.replace(kind(name="Ana"), name="Benno").length)


def test_keeps_the_methods_of_the_class() -> None:
    kind = type("Kind", (), {**vars(Named), "__repr__": lambda self: f"<{self.name}>"})

    assert "<Ana>" == both(kind).same(lambda kind: repr(kind("Ana")))


@frozen.dataclass(frozen=True, slots=True)
class Pair:
    """A class that has a place, so that it can be pickled."""

    left: int
    right: int


def test_is_copied_pickled_and_matched() -> None:
    pair = Pair(1, 2)

    assert [pair] * 3 == [copy.copy(pair), copy.deepcopy(pair), pickle.loads(pickle.dumps(pair))]
    match pair:
        case Pair(left, right=2):
            assert 1 == left
        case _:
            pytest.fail("it has no positional patterns")


def test_what_is_not_frozen_with_slots_is_made_by_the_standard_library() -> None:
    @frozen.dataclass(slots=True)
    class Open:
        x: int

    found = Open(1)
    found.x = 2

    assert Open(2) == found
