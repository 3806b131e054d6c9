from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import reference
from core.strategies import bools, eighths, floats, ints
from helamem.core.forgetting import Verdict, marked, verdicts, weakest

if TYPE_CHECKING:
    from helamem.core.arrays import Bools

Episode = tuple[float, float, float, int]
episodes = st.lists(st.tuples(eighths, eighths, eighths, st.integers(0, 2)), max_size=8)


def judged(
    rows: list[Episode], max_strength: float, min_age: float, min_idle: float
) -> list[Verdict]:
    strength, age, idle, uses = zip(*rows, strict=True) if rows else ((), (), (), ())
    codes = verdicts(
        floats(strength),
        floats(age),
        floats(idle),
        ints(uses),
        max_strength=max_strength,
        min_age_s=min_age,
        min_idle_s=min_idle,
    )
    return [Verdict(code) for code in codes.tolist()]


def goes(rows: list[Episode], max_strength: float, min_age: float, min_idle: float) -> Bools:
    found = judged(rows, max_strength, min_age, min_idle)
    return bools([each is Verdict.FORGET for each in found])


@given(episodes, eighths, eighths, eighths)
def test_verdicts_equal_the_naive_rules(
    rows: list[Episode], max_strength: float, min_age: float, min_idle: float
) -> None:
    expected = [
        reference.verdict(*row, max_strength=max_strength, min_age=min_age, min_idle=min_idle)
        for row in rows
    ]

    assert expected == [each.name for each in judged(rows, max_strength, min_age, min_idle)]


@given(episodes, eighths, eighths, eighths, eighths)
def test_looser_rules_only_let_more_go(
    rows: list[Episode], max_strength: float, min_age: float, min_idle: float, by: float
) -> None:
    strict = goes(rows, max_strength, min_age, min_idle)

    assert (strict <= goes(rows, max_strength + by, min_age, min_idle)).all()
    assert (strict <= goes(rows, max_strength, min_age - by, min_idle)).all()
    assert (strict <= goes(rows, max_strength, min_age, min_idle - by)).all()


@given(episodes, eighths, eighths)
def test_with_endless_idleness_what_was_used_stays(
    rows: list[Episode], max_strength: float, min_age: float
) -> None:
    gone = goes(rows, max_strength, min_age, math.inf)

    assert not any(uses for (_, _, _, uses), went in zip(rows, gone, strict=True) if went)


def test_weak_and_old_and_unused_must_all_hold() -> None:
    rows = [
        (0.05, 40.0, 40.0, 0),
        (0.05, 40.0, 40.0, 3),
        (0.05, 40.0, 5.0, 1),
        (0.05, 20.0, 20.0, 0),
        (0.50, 20.0, 5.0, 1),
    ]

    names = [each.name for each in judged(rows, 0.1, 30.0, 30.0)]

    assert ["FORGET", "FORGET", "USED", "YOUNG", "STRONG"] == names


def test_limits_belong_to_what_may_go() -> None:
    assert [Verdict.FORGET] == judged([(0.1, 30.0, 30.0, 1)], 0.1, 30.0, 30.0)


@pytest.mark.parametrize("name", ["age_s", "idle_s", "uses"])
def test_verdicts_refuse_another_length(name: str) -> None:
    columns = {"age_s": floats([1, 2]), "idle_s": floats([1, 2]), "uses": floats([1, 2])}
    columns[name] = floats([1])

    with pytest.raises(ValueError, match=f"{name} has 1 rows, but there are 2"):
        verdicts(
            floats([1, 2]),
            columns["age_s"],
            columns["idle_s"],
            columns["uses"].astype(np.int64),
            max_strength=0.1,
            min_age_s=1.0,
            min_idle_s=1.0,
        )


GROUPED = st.lists(
    st.tuples(
        st.integers(0, 3), st.booleans(), st.integers(-1, 3), st.floats(0, 1), st.integers(0, 5)
    ),
    max_size=12,
)


def columns(rows: list[tuple[int, bool, int, float, int]]) -> list[np.ndarray]:
    found = list(zip(*rows, strict=True)) or [()] * 5
    kinds = (np.int64, np.bool_, np.int64, np.float64, np.float64)
    return [np.array(values, kind) for values, kind in zip(found, kinds, strict=True)]


@given(GROUPED)
def test_marked_is_what_the_rule_says(rows: list[tuple[int, bool, int, float, int]]) -> None:
    codes, keep, groups, *_ = columns(rows)

    found = marked(codes, keep, groups)

    for i, (code, kept, group, *_) in enumerate(rows):
        others = [r for r in rows if group >= 0 and r[2] == group]
        held = kept or any(r[0] != Verdict.FORGET or r[1] for r in others)
        assert (Verdict.MARKED if code == Verdict.FORGET and held else code) == found[i]


@given(GROUPED, st.integers(0, 12))
def test_the_weakest_go_and_no_group_is_broken(
    rows: list[tuple[int, bool, int, float, int]], most: int
) -> None:
    codes, keep, groups, strength, since = columns(rows)
    may_go = marked(codes, keep, groups) == Verdict.FORGET

    goes = weakest(may_go, strength, since, groups, most=most)

    assert goes.sum() <= most
    assert not (goes & ~may_go).any()
    for group in set(groups[groups >= 0].tolist()):
        assert len(set(goes[groups == group].tolist())) == 1
    alone = groups < 0
    if goes[alone].any() and (may_go & ~goes & alone).any():
        assert strength[goes & alone].max() <= strength[may_go & ~goes & alone].min()
    if most >= may_go.sum():
        assert (goes == may_go).all()
