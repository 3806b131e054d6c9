"""A change of what is read out of texts has to raise the number of the analysis: files keep what was read."""

import hashlib
import json
from pathlib import Path

import pytest

from helamem.indexing import indexed
from helamem.language import language_named

GOLDEN = Path(__file__).parent / "golden" / "analysis.json"
TEXTS = (
    "Maya's flight leaves from gate B12 at 9:40, error 42P07!",
    "We won't cook satay on Friday, Dr. Lee said; she called at 3 p.m. yesterday.",
    "Did you meet Bill and Rose in Leeds? I paid the bill in May 2023.",
    "Thanks, Ana! How's your mother doing since June?",
    "\u0141ukasz runs v1.2.3 for 10 km, S\u00f8ren had 1,000 \u00e9clairs.",
    "Der Zug nach K\u00f6ln f\u00e4hrt um 9:40 ab.",
    "\u6771\u4eac\u306b\u884c\u3063\u305f\u3002\u672c\u5f53\u304b\uff1f",
    "\u6211\u7684\u72d7\u5728\u5bb6\u3002",
    "\u0645\u062d\u0645\u0640\u062f \u06a9\u062a\u0627\u0628",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e\u0964 \U0001f355",
    "Please always answer in French.",
    "By the way, the kids were singing in the garden last week. [image: a garden]",
)


def read(name: str) -> dict[str, object]:
    """What a language makes of the texts, as one number, beside the number of its analysis."""
    language = language_named(name)
    made = [indexed(text, language) for text in TEXTS]
    told = json.dumps(
        [
            [[(each.term, each.count, each.rank) for each in one["terms"]], one["traits"]]
            for one in made
        ]
    )
    return {"version": language.version, "read": hashlib.sha256(told.encode()).hexdigest()[:16]}


@pytest.mark.parametrize("name", ["english", "neutral"])
def test_what_is_read_changes_only_with_the_version(name: str) -> None:
    expected = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]

    assert expected == read(name), (
        "Terms or traits come out differently. If that is meant, raise the language's `version`, "
        f"so that older files are known to need `helamem reindex`, and run: python {__file__}"
    )


if __name__ == "__main__":
    found = {name: read(name) for name in ("english", "neutral")}
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
