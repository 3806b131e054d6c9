"""Reads notes in plain text or Markdown: each paragraph is a turn, with its headings as metadata."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from helamem.exchange.reading import Collector
from helamem.records import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.exchange.reading import Reading
    from helamem.records import Json

LONG = 1500  # characters; a longer paragraph is split at sentence ends
_FRONT = re.compile(r"---\s*\n(.*?)\n(?:---|\.\.\.)\s*(?:\n|$)", re.DOTALL)
_END = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+|\n")


def read_markdown(text: str, *, session: str = "") -> Reading:
    """The paragraphs of a Markdown text; the first under a heading begins with the heading.

    Front matter becomes metadata of the first paragraph; lists, tables and code stay in one piece.
    """
    found = Collector()
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    front = _FRONT.match(text)
    front_matter: dict[str, Json] = {"front_matter": front[1]} if front else {}
    trail: list[tuple[int, str]] = []
    fresh = False
    for level, block in _blocks(text[front.end() :] if front else text):
        if level:
            if fresh:
                _keep(found, trail[-1][1], session, {**_headings(trail), **front_matter})
                front_matter = {}
            trail = [*(each for each in trail if each[0] < level), (level, block)]
            fresh = True
            continue
        paragraph = f"{trail[-1][1]}\n{block}" if fresh else block
        _keep(found, paragraph, session, {**_headings(trail), **front_matter})
        fresh, front_matter = False, {}
    if fresh:
        _keep(found, trail[-1][1], session, {**_headings(trail), **front_matter})
    return found.reading()


def read_text(text: str, *, session: str = "") -> Reading:
    """The paragraphs of a plain text."""
    found = Collector()
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for block in re.split(r"\n\s*\n", text):
        _keep(found, block, session, {})
    return found.reading()


def _keep(found: Collector, text: str, session: str, metadata: dict[str, Json]) -> None:
    for piece in pieces(text.strip("\n")):
        found.keep(Turn(piece, session=session, metadata=metadata))


def _headings(trail: list[tuple[int, str]]) -> dict[str, Json]:
    return {"heading": " > ".join(title for _, title in trail)} if trail else {}


def pieces(text: str) -> Iterator[str]:
    """A text in pieces of at most `LONG` characters, cut at ends of sentences or lines, or between words."""
    while len(text) > LONG:
        ends = [match.start() for match in _END.finditer(text, 0, LONG)]
        cut = ends[-1] if ends else text.rfind(" ", 1, LONG)
        cut = cut if cut > 0 else LONG
        if text[:cut].strip():
            yield text[:cut].strip()
        text = text[cut:].lstrip()
    if text.strip():
        yield text.strip()


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Headings with their level, and other blocks, such as paragraphs and lists, with the level 0."""
    lines = text.split("\n")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for token, inner in pairwise([*tokens, None]):
        if token is None or token.level or token.map is None or token.type == "hr":
            continue
        if token.type != "heading_open":
            yield 0, "\n".join(lines[slice(*token.map)]).rstrip()
        elif inner is not None and inner.content.strip():
            yield int(token.tag.removeprefix("h")), inner.content.strip()
