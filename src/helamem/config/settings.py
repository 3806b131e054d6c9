"""The settings by section: frozen values, each with a default, a range and one line of documentation."""

# Without `from __future__ import annotations`: the types are read at every start, and as text each is compiled.
import dataclasses
import functools
import math
from dataclasses import field
from typing import Any, ClassVar, Literal, get_args, get_type_hints

from helamem import arguments
from helamem.errors import ConfigError
from helamem.frozen import dataclass

LARGEST = 1e9  # the highest value of most settings: beyond, sums and SQL would overflow


def setting(
    default: Any,
    doc: str,
    *,
    low: float = -LARGEST,
    high: float = LARGEST,
    stable: bool = False,
) -> Any:
    """A field of a section.

    Args:
        default: Its default value.
        doc: What it does, in one line.
        low: The lowest allowed value.
        high: The highest allowed value.
        stable: Whether its name and meaning are stable. The others are numbers of the ranking, which may change
            in any release.
    """
    metadata = {"doc": doc, "low": low, "high": high, "stable": stable}
    return field(default=default, metadata=metadata)


@functools.cache
def _hints(section: Any) -> dict[str, Any]:
    """The types of a section's settings, by name."""
    return get_type_hints(section)


class _Section:
    """Base of all sections: checks its values on construction."""

    __slots__: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        section: Any = type(self)
        hints = _hints(section)
        for spec in dataclasses.fields(self):  # type: ignore[arg-type]
            if "doc" in spec.metadata:
                _check(
                    f"{type(self).__name__.lower()}.{spec.name}",
                    getattr(self, spec.name),
                    hints[spec.name],
                    spec,
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates(_Section):
    """Which memories a search considers; with as many as there are memories, it is exact."""

    nearest: int = setting(64, "number of candidates by similarity; 0 for all", low=0)
    lexical: int = setting(64, "number of candidates by words; 0 for all", low=0)
    cues: int = setting(16, "number of earlier questions by similarity", low=0)
    max_postings: int = setting(
        50_000,
        "occurrences of the query's words after which the search for them may be cut short",
        low=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation(_Section):
    """The weighted terms of the base activation; a weight of 0 switches a term off."""

    names_apart: bool = setting(
        True,
        "whether speakers' names and times are removed from the question before it is embedded",
    )
    light_terms: float = setting(
        18.0,
        "number of terms up to which a turn is light; lightness of a longer turn is this number over its length",
        low=1,
    )
    vector: float = setting(0.35, "weight of the similarity of the embeddings", low=0)
    vector_heavy: float = setting(
        2.5, "addition to `activation.vector` where turns are not light", low=0
    )
    similarity: Literal["relative", "cosine", "shifted"] = setting(
        "relative", "max(cos, 0) as a share of the best, as it is, or the paper's (cos + 1) / 2"
    )
    words: float = setting(
        1.4,
        "weight of BM25 over the turn and its neighbours; half of it where turns are heavy",
        low=0,
    )
    window: int = setting(5, "distance in turns within which words count", low=0, high=16)
    before: float = setting(
        0.75,
        "share of the previous turn's words that counts; multiplied again per further turn",
        low=0,
        high=1,
    )
    after: float = setting(0.55, "the same for the following turns", low=0, high=1)
    k1: float = setting(1.0, "BM25: saturation of repeated terms", low=0)
    b: float = setting(1.0, "BM25: penalty of long turns", low=0, high=1)
    session: float = setting(0.23, "weight of the best similarity in the turn's session", low=0)
    speaker: float = setting(0.55, "weight of a speaker whom the question names", low=0)
    user: float = setting(
        0.6,
        "weight of turns that are not the assistant's, unless the question asks what it said; four fifths if it does not say I",
        low=0,
    )
    wish: float = setting(
        0.6,
        "share by which a wish's similarity counts more (`Always answer in French`) if the question asks for help",
        low=0,
    )
    date: float = setting(1.1, "weight of a date that the question names", low=0)
    date_days: float = setting(
        7.0,
        "days from that date after which a turn outside of it has 1/e of its half weight",
        low=0.001,
    )
    length: float = setting(
        0.3, "weight of length where turns are light: n / (n + 3) for n terms", low=0
    )
    stating: float = setting(
        0.15, "weight of turns that do not end with a question, where turns are light", low=0
    )
    keyword: float = setting(
        0.0, "weight of the share of the question's terms among the turn's keywords", low=0
    )
    keywords: int = setting(3, "how many of a turn's terms are its keywords", low=1)
    recency_days: float = setting(
        math.inf,
        "days after which a memory counts 1/e (about a third) of a new one; inf: age does not matter",
        low=0.001,
        high=math.inf,
        stable=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreading(_Section):
    """How activation passes along edges."""

    sources: Literal["similarity", "base"] = setting(
        "similarity", "the activation that a memory passes on"
    )
    threshold: float = setting(
        0.0, "activation below this is not passed on: an absolute value, or a quantile", low=0
    )
    threshold_is: Literal["absolute", "quantile"] = setting("absolute", "what the threshold means")
    subtract_threshold: bool = setting(
        True, "whether the threshold is subtracted from what is passed on"
    )
    temporal: float = setting(
        0.35, "gain from a question to the turn that answers it, where turns are light", low=0
    )
    learned: float = setting(
        0.5, "gain over learned edges, between memories that were used together", low=0
    )
    source: float = setting(0.0, "gain between a fact and the episodes that it rests on", low=0)
    fan_out: float = setting(
        0.5,
        "activation over each edge is divided by the memory's number of edges to this power",
        low=0,
        high=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cues(_Section):
    """What earlier questions contribute to a new one."""

    recognition: float = setting(1.0, "weight of memories that served the same need before", low=0)
    words: float = setting(
        0.5,
        "share of common words in the similarity of two questions; the rest is meaning",
        low=0,
        high=1,
    )
    recognized_at: float = setting(
        0.7,
        "similarity at which a cue is as likely as not the same need, for any place",
        low=0,
        high=1,
    )
    familiar_at: float = setting(0.45, "the same, for places after the direct ones", low=0, high=1)
    step: float = setting(
        0.05, "increase in similarity that makes the same need e times as likely", low=0.001
    )
    association: float = setting(0.2, "weight of memories that served a related need", low=0)
    power: float = setting(
        3.0, "how fast this falls with the similarity of the questions", low=0.001
    )

    def __post_init__(self) -> None:
        _Section.__post_init__(self)
        if self.familiar_at > self.recognized_at:
            raise ConfigError(
                f"cues.familiar_at is {self.familiar_at}, but it must not be above cues.recognized_at, "
                f"{self.recognized_at}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(_Section):
    """What is returned."""

    direct: int = setting(
        6, "number of first places ranked by direct activation alone; 0 for all requested", low=0
    )
    associative: int = setting(
        3,
        "most hits on top of `k` that learned associations may add",
        low=0,
        stable=True,
    )
    associative_min: float = setting(
        0.05, "least activation from learned edges or cues that such a hit needs", low=0
    )
    facts: int = setting(3, "most facts in a result", low=0)
    repeated: float = setting(
        0.9,
        "share of its score that a memory keeps that repeats a better one almost word for word",
        low=0,
        high=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning(_Section):
    """How edges change when a recall is reinforced."""

    gate: Literal["used", "returned"] = setting(
        "used", "the memories to link: those used, or (the paper) all returned"
    )
    rate: float = setting(
        0.3,
        "how much one `reinforce` strengthens an association; 0: no associations are learned",
        low=0,
        high=1,
        stable=True,
    )
    graded: bool = setting(
        False, "whether a gain is multiplied by how active the two memories were"
    )
    saturation: float = setting(
        1.0, "1: gains shrink as a weight grows; 0: they stay constant", low=0, high=1
    )
    ceiling: float = setting(1.0, "the highest weight", low=0, high=1)
    floor: float = setting(0.01, "weight below which an edge is ignored", low=0, high=1)
    weaken: float = setting(
        0.3, "the share of its weight that an unhelpful association loses", low=0, high=1
    )
    cue: bool = setting(True, "whether the question is bound to the memories that served it")
    cue_merge: float = setting(
        0.97, "a question this similar to an earlier one is the same cue", low=0, high=1
    )
    cue_rate: float = setting(0.9, "how much one lesson strengthens a binding", low=0, high=1)
    decay: float = setting(
        365.0,
        "days without use after which 1/e (about a third) of an association is left; inf: it never fades",
        low=0.001,
        high=math.inf,
        stable=True,
    )
    decay_by: Literal["days", "lessons"] = setting("days", "the unit of `learning.decay`")
    link: float = setting(
        0.0, "the learned weight that neighbouring turns start with", low=0, high=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consolidation(_Section):
    """How clusters of the graph become facts."""

    min_strength: float = setting(1.5, "least sum of a hub's edge weights", low=0)
    min_degree: int = setting(3, "least number of a hub's edges", low=1)
    max_hubs: int = setting(20, "most hubs distilled at once", low=1)
    max_size: int = setting(8, "most episodes in a cluster", low=2)
    max_facts: int = setting(3, "most facts from one cluster", low=1)
    temporal: float = setting(
        0.1, "weight of an edge between neighbouring turns in a hub's strength", low=0, high=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting(_Section):
    """Which episodes may go: the weak ones that are old and have not been used."""

    max_strength: float = setting(
        0.1, "most strength (sum of learned edges) of an episode that may be forgotten", low=0
    )
    min_age_days: float = setting(
        30.0, "least age in days of an episode that may be forgotten", low=0, stable=True
    )
    min_idle_days: float = setting(
        math.inf,
        "days without use before it may be forgotten; inf: an episode that was ever used stays",
        low=0,
        high=math.inf,
        stable=True,
    )
    max_share: float = setting(
        0.1,
        "largest share of all episodes forgotten at once, the weakest first",
        low=0,
        high=1,
        stable=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage(_Section):
    """Where and how the file is kept."""

    durability: Literal["full", "normal"] = setting(
        "full",
        "full: stored turns survive a power cut; normal: adding is faster, but a power cut may lose the last turns",
        stable=True,
    )
    batch_size: int = setting(1024, "turns per transaction in `add_many`", low=1)
    connections: int = setting(
        8, "how many connections a process opens to a database at most; a file needs none", low=1
    )
    history: int = setting(
        100, "number of latest changes that each memory keeps; at times up to twice as many", low=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranking(_Section):
    """A model that orders the best hits anew; off unless one is named."""

    model: str = setting(
        "", "cross-encoder:FOLDER-OR-HUB-NAME, or llm; empty for none", stable=True
    )
    pool: int = setting(30, "least number of hits that it reads", low=1, stable=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Llm(_Section):
    """The language model, which is optional. Its key is not a setting, so that no listing shows it."""

    model: str = setting("", "the model's name at its server; empty for none", stable=True)
    base_url: str = setting(
        "",
        "where an OpenAI-compatible server is, with its /v1; empty for OpenAI's own",
        stable=True,
    )
    timeout_s: float = setting(
        300.0, "seconds without data from the server before a request fails", low=0.001, stable=True
    )
    max_retries: int = setting(2, "retries after temporary failures", low=0, stable=True)
    max_tokens: int = setting(4096, "most tokens in an answer", low=1, stable=True)
    cache: str = setting("", "folder that caches answers; empty for none", stable=True)

    def __post_init__(self) -> None:
        _Section.__post_init__(self)
        try:
            arguments.server_address(self.base_url)
        except ValueError as exc:
            raise ConfigError(f"llm.base_url is wrong: {exc}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflection(_Section):
    """How a language model distils facts."""

    every: int = setting(
        0,
        "number of new turns after which facts are distilled in the background; 0: only by `consolidate`",
        low=0,
        stable=True,
    )
    stretch: int = setting(60, "consecutive turns per call outside of clusters", low=1)
    min_cluster: int = setting(6, "least turns of a cluster that gets its own call", low=2)
    max_calls: int = setting(
        100,
        "most model calls per consolidation; the next one continues",
        low=1,
        stable=True,
    )
    known: int = setting(8, "number of nearest known facts shown to the model", low=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(_Section):
    """How a question is answered; each optional step costs a call."""

    k: int = setting(30, "number of memories retrieved", low=1, stable=True)
    max_tokens: int = setting(
        1500, "most tokens of memories shown to the model", low=1, stable=True
    )
    min_confidence: float = setting(
        0.2,
        "least probability that the memory holds an answer at which the model is called",
        low=0,
        high=1,
        stable=True,
    )
    plan: bool = setting(False, "whether the model first writes search queries", stable=True)
    select: bool = setting(False, "whether the model first selects relevant memories", stable=True)
    investigate: bool = setting(
        False, "whether the model searches again, reworded, if it found no answer", stable=True
    )
    verify: bool = setting(
        False, "whether the model verifies its answer against the memories", stable=True
    )
    learn: bool = setting(True, "whether the cited memories are reinforced", stable=True)


def _check(name: str, value: Any, kind: Any, spec: dataclasses.Field[Any]) -> None:
    choices = get_args(kind)
    if choices:
        if value not in choices:
            raise ConfigError(
                f"{name} = {value!r}, but it must be one of {', '.join(map(repr, choices))}"
            )
        return
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name} = {value!r}, but it must be of type {kind.__name__}")
    if kind in (int, float):
        low, high = spec.metadata["low"], spec.metadata["high"]
        if math.isnan(value) or not low <= value <= high:
            raise ConfigError(f"{name} = {value!r}, but it must lie between {low} and {high}")
