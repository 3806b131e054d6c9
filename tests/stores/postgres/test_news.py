"""Which namespaces have something for a worker to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helamem.stores.postgres import PostgresStore, indexes
from helamem.stores.postgres.namespace import key_of
from helamem.stores.postgres.news import News
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow  # they need a database server


def opened(url: str, namespace: str = "main") -> PostgresStore:
    return PostgresStore(url, namespace=namespace, made_by=samples.ANALYSIS)


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with_turns = opened(url)
    samples.add(with_turns, "one", "two")
    yield with_turns
    with_turns.close()


@pytest.fixture
def news(url: str) -> Iterator[News]:
    with News(url, connections=2) as looking:
        yield looking


def ids(store: PostgresStore) -> list[int]:
    return [int(id_) for id_ in store.ids(kinds=["episode"])]


def learn(store: PostgresStore) -> None:
    one, other = ids(store)
    store.learn(samples.lesson({(one, other): 1.0}, used=[one]))


def taken(news: News) -> None:
    """Look at everything."""
    news.take(news.waiting(limit=100))


def waiting(news: News) -> list[str | None]:
    return [news.name(each.namespace) for each in news.waiting(limit=100)]


def test_a_namespace_with_turns_has_news_until_somebody_looked(
    store: PostgresStore, news: News
) -> None:
    assert ["main"] == waiting(news)
    taken(news)
    assert [] == waiting(news)


@pytest.mark.parametrize(
    "write",
    [
        lambda store: samples.add(store, "three"),
        learn,
        lambda store: store.update(ids(store)[0], samples.episode("other"), at=1.0),
    ],
    ids=["a turn", "a lesson", "another text"],
)
def test_what_comes_in_is_news(
    store: PostgresStore, news: News, write: Callable[[PostgresStore], object]
) -> None:
    taken(news)

    write(store)

    assert ["main"] == waiting(news)


def test_what_consolidation_and_forgetting_write_is_none(store: PostgresStore, news: News) -> None:
    taken(news)

    samples.add_fact(store, "a fact", ids(store)[0])
    store.prune(rule=samples.PLAIN, now=1.0)
    store.begin_forgetting(at=1.0, pause_s=1.0)
    store.remove(ids(store)[1:], at=1.0)

    assert [] == waiting(news)


def test_what_comes_in_while_somebody_looks_is_not_lost(store: PostgresStore, news: News) -> None:
    seen = news.waiting(limit=100)
    samples.add(store, "three")
    news.take(seen)

    assert ["main"] == waiting(news)


def test_namespaces_are_read_in_batches(url: str, news: News) -> None:
    names = {f"n{i}" for i in range(5)}
    for name in sorted(names):
        samples.add(opened(url, name), "one")
    [first, second] = news.waiting(limit=2)
    rest = news.waiting(after=second.namespace, limit=100)

    assert names == {news.name(each.namespace) for each in (first, second, *rest)}


def test_a_dropped_namespace_has_no_name(store: PostgresStore, news: News) -> None:
    store.drop()

    assert None is news.name(key_of("main"))
    assert [] == waiting(news)


def test_one_forgets_at_a_time(store: PostgresStore) -> None:
    begun = [store.begin_forgetting(at=at, pause_s=10.0) for at in (100.0, 105.0, 110.0)]

    assert [True, False, True] == begun


@pytest.mark.parametrize(("large", "is_due"), [(2, True), (3, False)])
def test_which_indexes_are_missing(
    store: PostgresStore, news: News, monkeypatch: pytest.MonkeyPatch, large: int, is_due: bool
) -> None:
    monkeypatch.setattr(indexes, "LARGE", large)

    assert (["2 memories of 'main' are searched by a scan"] if is_due else []) == news.overdue()
    changed = news.waiting(limit=1)
    assert ({changed[0].namespace} if is_due else set()) == news.to_be_indexed(changed)
    assert set() == news.to_be_indexed([])
