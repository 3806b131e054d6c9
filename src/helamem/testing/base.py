# ruff: noqa: S101  # a contract asserts
"""Base of the contract's parts: the store under test, and a guard against overridden tests."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.protocols import Store


class Whole:
    """Tests of which no subclass may weaken one."""

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401
        super().__init_subclass__(**options)
        defined = Counter(name for each in cls.__mro__ for name in vars(each))
        doubled = sorted(name for name in defined if name.startswith("test_") and defined[name] > 1)
        if doubled:
            raise TypeError(
                f"{cls.__name__} redefines {', '.join(doubled)}. A contract holds in full: name your own "
                "tests differently, or mend what is tested."
            )


class Contract(Whole):
    """Tests of a store that a subclass makes.

    Attributes:
        dimension: The length of the vectors that the tests store.
    """

    dimension = samples.DIMENSION
    _open: dict[str, Store]
    _opening: threading.Lock

    def make_store(self, namespace: str) -> Store:
        """A store that is empty when a test first asks for this namespace.

        Stores made during one test keep their memories in the same place, where there is one.
        """
        raise NotImplementedError

    def setup_method(self) -> None:
        """Begin without a store; pytest calls this before each test."""
        self._open = {}
        self._opening = threading.Lock()

    def teardown_method(self) -> None:
        """Check and close every store that the test used; pytest calls this after each test."""
        for store in self._open.values():
            wrong = store.check()
            store.close()
            assert wrong == []

    @property
    def store(self) -> Store:
        """The store that most tests are about."""
        return self.store_of("main")

    def store_of(self, namespace: str) -> Store:
        """The test's store for a namespace, made when it is first asked for."""
        with self._opening:  # a test's threads may all be the first to ask
            if namespace not in self._open:
                self._open[namespace] = self.make_store(namespace)
            return self._open[namespace]

    @contextlib.contextmanager
    def unchanged(self, *expected: type[Exception]) -> Iterator[None]:
        """The block raises one of these errors and leaves the store unchanged."""
        before = samples.snapshot(self.store)
        with raising(*expected):
            yield
        assert before == samples.snapshot(self.store)


@contextlib.contextmanager
def raising(*expected: type[Exception]) -> Iterator[None]:
    """The block raises one of these errors."""
    try:
        yield
    except expected:
        return
    names = " or ".join(each.__name__ for each in expected)
    raise AssertionError(f"{names} should have been raised, but nothing was")
