"""Pages of results: of small ones made here, and of those that are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helamem.config import Config
from helamem.errors import DataError
from helamem.evaluation import experiments, findings, report
from helamem.evaluation.provenance import plain_settings

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
# What decides on an order; no other setting changes a published number.
RANKING = (
    "activation.",
    "candidates.",
    "cues.",
    "embedder",
    "learning.",
    "selection.",
    "spreading.",
)
# Measured with an earlier ranking; whatever is measured anew leaves this list.
EARLIER = {
    "locomo_dev-answers-static",
    "locomo_dev-corrected-static",
    "locomo_dev-learning-minilm",
    "locomo_dev-reuse-minilm",
}
PAGES = ROOT / "docs" / "evaluation"


@pytest.fixture(scope="module")
def result(locomo_file: Path) -> dict[str, Any]:
    return experiments.run(
        "retrieval",
        locomo_file,
        systems=["default", "paper-undecayed", "bm25"],
        settings={"selection.facts": 1},
        embedder="hashing:32",
        command="helamem bench locomo --data talks.json",
    )


def written(folder: Path, name: str, result: object) -> Path:
    file = folder / f"{name}.json"
    file.write_text(json.dumps(result), encoding="utf-8")
    return file


def test_a_commit_that_nobody_knows_is_not_named(result: dict[str, Any]) -> None:
    installed = {**result, "commit": None}
    assert "None" not in report.about(installed) + report.listing({"page": installed}, {})
    assert f"| helamem | {result['helamem']}, commit unknown |" in report.page("page", installed)


def test_a_page_asks_its_question_and_tells_what_is_behind_the_numbers(
    result: dict[str, Any],
) -> None:
    page = report.page("talks", result)
    assert page.startswith("# How well do systems find what answers a question?\n\ntalks (sha256 ")
    for words in (
        "helamem bench locomo --data talks.json",
        result["sha256"],
        f"commit `{result['commit']}`",
        "cores",
        "| `default` | the defaults, but `selection.facts` = 1 |",
        "| `paper-undecayed` | the preset `paper`, but `activation.recency_days` = inf |",
        "1, which hold nothing to score by",
        "![Evidence recall@10, with 95 % intervals](talks-recall.svg)",
    ):
        assert words in page
    assert "`bm25` |" not in page  # it has no settings


def test_a_page_says_what_is_not_shown(result: dict[str, Any]) -> None:
    gap = {"mean": 0.001, "ci95": [-0.01, 0.02]}
    gaps = {pair: {"recall@10": gap} for pair in result["differences"]}
    shown = {**result, "differences": gaps}
    page = report.page("talks", shown)
    assert "## What did not help, or was not shown to" in page
    assert (
        "`default` is not shown to be better than `bm25`: recall@10 +0.001 [-0.010, +0.020]."
        in page
    )


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"differences": {"a - b": {"recall@10": {"mean": 0.1, "ci95": [0.05, 0.2]}}}}, []),
        ({"differences": {"a - b": {"recall@10": {"mean": 0.0, "ci95": []}}}}, []),
        (
            {"differences": {"a - b": {"recall@10": {"mean": -0.1, "ci95": [-0.2, -0.05]}}}},
            ["`b` is better than `a`, whose recall@10 differs by -0.100 [-0.200, -0.050]."],
        ),
        (
            {
                "arms": {
                    "none": {"gain": {"mean": 0.0, "ci95": [0.0, 0.0]}},
                    "good": {"gain": {"mean": 0.1, "ci95": [0.01, 0.2]}},
                    "idle": {"gain": {"mean": 0.01, "ci95": [-0.01, 0.03]}},
                    "bad": {"gain": {"mean": -0.1, "ci95": [-0.2, -0.05]}},
                }
            },
            [
                "`idle` won nothing that could not be chance: recall@10 +0.010 [-0.010, +0.030].",
                "`bad` lost: recall@10 -0.100 [-0.200, -0.050].",
            ],
        ),
        (
            {
                "variants": {
                    "alone": {"facts": 0, "gain": {"mean": 0.0, "ci95": [0.0, 0.0]}},
                    "with": {"facts": 9, "gain": {"mean": 0.0, "ci95": [0.0, 0.0]}},
                }
            },
            ["`with` won nothing that could not be chance: recall@10 +0.000 [+0.000, +0.000]."],
        ),
        (
            {
                "defaults": {"selection.facts": 2, "activation.b": 0.75},
                "settings": {
                    "selection.facts": {"value": [1.0, 2.0], "recall@10": [0.84, 0.83]},
                    "activation.b": {"value": [0.75, 1.0], "recall@10": [0.83, 0.831]},
                },
            },
            ["`selection.facts` = 1 did better than the default 2: 0.840, not 0.830."],
        ),
        (
            {
                "growth": [0, 20],
                "arms": {
                    "keeps all": {"returning": [0.8, 0.7], "new": [0.8, 0.7]},
                    "forgets": {"returning": [0.8, 0.8], "new": [0.3, 0.2]},
                },
            },
            [
                "Forgetting lost new needs: recall@10 is 0.200 instead of 0.700, with 20 times as many "
                "distractors."
            ],
        ),
    ],
)
def test_what_is_not_shown_is_read_off_intervals(part: dict[str, Any], said: list[str]) -> None:
    assert findings.not_shown(part) == said


def test_settings_of_either_side_alone_differ_too() -> None:
    config = {"preset": "default", "spreading": {"hops": 1, "new": 2}}
    base = {"preset": "default", "spreading": {"hops": 1, "old": 3}}
    assert findings.differing(config, base) == {
        "spreading.new": 2,
        "spreading.old": findings.ABSENT,
    }


def test_building_writes_pages_plots_and_the_list(tmp_path: Path, result: dict[str, Any]) -> None:
    pytest.importorskip("matplotlib")
    folder = tmp_path / "docs"
    places = report.build([written(tmp_path, "first", result)], folder)
    assert {place.name for place in places} == {
        "first.md", "first-recall.png", "first-recall.svg", "index.md",
    }  # fmt: skip
    assert all(place.stat().st_size > 0 for place in places)
    report.build([written(tmp_path, "second", result)], folder)
    listed = (folder / "index.md").read_text(encoding="utf-8")
    assert [line[:9] for line in listed.splitlines()[-2:]] == ["| [first]", "| [second"]
    (folder / "first.md").unlink()
    report.build([tmp_path / "second.json"], folder)
    assert "[first]" not in (folder / "index.md").read_text(encoding="utf-8")


def test_publishing_names_files_after_what_was_measured(
    tmp_path: Path, result: dict[str, Any]
) -> None:
    pytest.importorskip("matplotlib")
    places = report.publish(result, tmp_path / "new" / "folder")
    assert places[0].name == "talks-retrieval-hashing.json"
    assert json.loads(places[0].read_text(encoding="utf-8")) == result
    assert (tmp_path / "new" / "folder" / "talks-retrieval-hashing.md").is_file()


def test_a_name_tells_what_was_done_to_the_data(result: dict[str, Any]) -> None:
    changed = {**result, "sample": {"conversations": 5, "of": 9}, "corrections": {"questions": 2}}
    assert report.file_name(changed) == "talks-retrieval-hashing-corrected-sample-5"
    assert "talks, evidence corrected, 5 drawn" in report.listing({"talks": changed}, {})
    assert "1 conversation, drawn from 9, 11 turns, evidence of 2 questions corrected" in (
        report.about(changed)
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "breaks off|is not JSON"),
        ("[]", "is not a result of `helamem bench`"),
        ('{"dataset": "talks"}', "is not a result of `helamem bench`: it lacks command, commit,"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "odd.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=rf"odd\.json {told}|odd\.json.*{told}"):
        report.build([file], tmp_path / "docs")
    assert not (tmp_path / "docs").exists()


@pytest.mark.parametrize("missing", sorted(report.NEEDED))
def test_what_a_result_lacks_is_named(tmp_path: Path, result: dict[str, Any], missing: str) -> None:
    file = written(tmp_path, "odd", {k: v for k, v in result.items() if k != missing})
    with pytest.raises(
        DataError, match=rf"odd\.json is not a result .*: it lacks {missing}; give "
    ):
        report.read(file)


@pytest.mark.parametrize("broken", [{"systems": {"default": {}}}, {"experiment": "luck"}])
def test_half_a_result_is_refused(
    tmp_path: Path, result: dict[str, Any], broken: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"is not a whole result|no experiment 'luck'"):
        report.read(written(tmp_path, "odd", {**result, **broken}))


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_published_pages_say_what_was_measured(file: Path) -> None:
    result = report.read(file)
    place = PAGES / f"{file.stem}.md"
    again = "run: helamem bench report benchmarks/results/*.json"
    assert report.page(file.stem, result) == place.read_text(encoding="utf-8"), again
    assert all(
        place.with_name(f"{plot.name}.{kind}").is_file()
        for plot in report.named_plots(file.stem, result)
        for kind in ("png", "svg")
    )


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_published_numbers_are_of_todays_defaults(file: Path) -> None:
    result = report.read(file)
    if "peers" in result:  # measuring these takes long; their page says of which commit they are
        assert f"commit `{result['commit']}`" in report.page(file.stem, result)
        return
    today = plain_settings(Config.of(**result.get("set", {})))

    changed = findings.differing(measured_config(result), today)

    ranking = {name: value for name, value in changed.items() if name.startswith(RANKING)}
    if file.stem in EARLIER:
        assert ranking, "it is measured anew: take it out of EARLIER"
        return
    assert {} == ranking, "measure it again, or leave the defaults as they are"


def measured_config(result: dict[str, Any]) -> dict[str, Any]:
    """The settings of what was measured by default."""
    configs = result["config"].get("systems", result["config"])
    (name,) = {"default", "none", "episodes alone"} & configs.keys()
    config: dict[str, Any] = configs[name]
    return config


def test_the_settings_that_a_result_was_told_are_no_change_of_defaults(
    result: dict[str, Any],
) -> None:
    changed = findings.differing(measured_config(result), plain_settings(Config.of()))
    assert changed == {"selection.facts": 1}
    assert result["set"] == changed


def test_the_published_list_is_of_all_results() -> None:
    expected = report.listing({file.stem: report.read(file) for file in RESULTS}, {})
    assert expected == (PAGES / "index.md").read_text(encoding="utf-8")


def test_nothing_is_published_that_has_no_result() -> None:
    names = {file.stem for file in RESULTS} | {"index"}
    assert {page.stem for page in PAGES.glob("*.md")} == names


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_published_results_hold_no_text_of_the_data(file: Path) -> None:
    assert [] == long_texts(json.loads(file.read_text(encoding="utf-8")))


def test_a_text_of_the_data_would_be_seen(result: dict[str, Any]) -> None:
    said = "On the first of April. I will have to learn to braid brioche, and to get up at three."
    assert [] == long_texts({**result, "peers": {"slow": {"note": said}}})
    assert [said] == long_texts({**result, "answers": {"default": [{"id": "q", "reply": said}]}})
    assert [said] == long_texts({**result, "by_question": {said: 1.0}})


OURS = {"command", "note", "notes"}  # how it was run, in our own words, of any length
LONGEST = 64  # characters of any other text: names, versions, and digests, which are the longest


def long_texts(value: object) -> list[str]:
    """The texts in a result, names of its entries too, that may be sentences of a data set."""
    if isinstance(value, dict):
        others = [each for name, each in value.items() if name not in OURS]
        return long_texts([*value, *others])
    if isinstance(value, list):
        return [text for each in value for text in long_texts(each)]
    return [value] if isinstance(value, str) and len(value) > LONGEST else []


def test_settings_are_told_against_a_configuration_above_where_that_is_shorter() -> None:
    changed: dict[str, Any] = {"activation.words": 2.0, "activation.b": 0.5}
    first = plain_settings(Config.of(**changed))
    second = plain_settings(Config.of(**{**changed, "selection.facts": 0}))
    older = {**first, "activation": {**first["activation"], "gone": 1.0}}

    rows = report._settings({"config": {"first": first, "second": second, "older": older}})

    assert [
        ["`first`", "the defaults, but `activation.words` = 2.0, `activation.b` = 0.5"],
        ["`second`", "as `first`, but `selection.facts` = 0"],
        ["`older`", "as `first`, but the former activation.gone = 1.0"],
    ] == rows
