"""What is malformed in a request, in plain words, read off pydantic's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem import hints

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

MOST_SAID = 3  # malformed members in one sentence

OBJECT, NUMBER, WHOLE, TRUTH = "an object", "a number", "a whole number", "true or false"
TYPES = {
    "string_type": "a string",
    "list_type": "a list",
    "dict_type": OBJECT,
    "model_type": OBJECT,
    "model_attributes_type": OBJECT,
    "int_type": WHOLE,
    "int_parsing": WHOLE,
    "int_from_float": WHOLE,
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "bool_type": TRUTH,
    "bool_parsing": TRUTH,
}
"""What a value must be, by the type of pydantic's error."""

BOUNDS = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "needs at least {min_length:,} character",
    "string_too_long": "has more than {max_length:,} characters",
    "too_short": "needs at least {min_length:,} item",
    "string_pattern_mismatch": "is not of the form {pattern}",
    "too_long": "has more than {max_length:,} items",
}
"""What is wrong with a value of the right type, with the names of pydantic's context."""


def sentence(errors: Iterable[Mapping[str, Any]], members: Collection[str] = ()) -> str:
    """What is wrong, in one sentence.

    Args:
        errors: Pydantic's, each with its `loc` from the outermost member on.
        members: The names that the outermost object takes, for advice about others.

    Example:
        >>> sentence([{"type": "extra_forbidden", "loc": ("top_k",)}], ["query", "k"])
        "there is no 'top_k'; here it is `k`"
        >>> sentence([{"type": "missing", "loc": ("turns", 0, "text")}])
        'turns.0.text is missing'
    """
    return "; ".join(list(_sentences(errors, members))[:MOST_SAID])


def _sentences(errors: Iterable[Mapping[str, Any]], members: Collection[str]) -> Iterator[str]:
    for each in errors:
        place = each["loc"]
        name = ".".join(map(str, place)) or "the body"
        if each["type"] == "extra_forbidden":
            yield f"there is no {name!r:.60}{_advice(place, members)}"
        elif each["type"] == "json_invalid":
            yield f"the body is not JSON: {each['ctx']['error']}, at character {place[-1]}"
        else:
            yield f"{name} {fault(each)}"


def fault(error: Mapping[str, Any]) -> str:
    """What is wrong with one value, without its name."""
    kind = error["type"]
    if kind in TYPES:
        return f"must be {TYPES[kind]}"
    if kind in BOUNDS:
        return BOUNDS[kind].format(**error["ctx"])
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is unknown"
    if kind == "value_error":
        return f"is not valid: {error['ctx']['error']}"
    return f"is not valid: {error['msg']}"


def _advice(place: tuple[str | int, ...], members: Collection[str]) -> str:
    """What an unknown member of the outermost object is called here."""
    if len(place) != 1 or not members:
        return ""
    name = str(place[0])
    for ours in hints.ARGUMENTS.get(name, ()):
        if ours in members:
            return f"; here it is `{ours}`"
    return hints.did_you_mean(name, members) or f"; there are {', '.join(members)}"
