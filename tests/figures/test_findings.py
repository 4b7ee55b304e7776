"""The findings page: verdicts by rule, honest about missing data, the same text every time."""

import pytest

from analysis.figures.claims import CLAIMS, Evidence, side
from analysis.figures.findings import findings, main, page, verdict, write
from analysis.figures.inputs import Inputs
from chair_eval.bootstrap import Bootstrap


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ([1, 1], "supported"),
        ([-1, -1], "contradicted"),
        ([1, 0], "not seen"),
        ([0], "not seen"),
        ([1, -1], "mixed"),
        ([None], "no data"),
        ([], "no data"),
    ],
)
def test_verdict_follows_from_the_intervals(sides, expected):
    assert verdict([Evidence("", each) for each in sides]) == expected


def test_context_does_not_decide():
    evidence = [Evidence("", 1), Evidence("", -1, decisive=False)]
    assert verdict(evidence) == "supported"


def test_side_of_an_interval():
    assert side({"low": 0.1, "high": 2}, 1) == 1
    assert side({"low": 0.1, "high": 2}, -1) == -1
    assert side({"low": -2, "high": -1}, -1) == 1
    assert side({"low": -1, "high": 1}, 1) == 0
    assert side({"low": float("nan"), "high": 1}, 1) is None


def test_page_has_every_claim_and_repeats(inputs):
    found = findings(inputs)
    text = page(inputs, found)
    assert [each.claim for each in found] == list(CLAIMS)
    for claim in CLAIMS:
        assert claim.title in text
    assert "no evidence about LLaVA" in text
    assert text == page(inputs, findings(inputs))


def test_missing_sweeps_are_no_data_with_the_command(inputs):
    steering = next(each for each in findings(inputs) if "Steering" in each.claim.title)
    assert steering.verdict == "no data"
    assert "agile extract" in steering.missing


def test_planted_effect_is_found(make_run, tmp_path):
    run = make_run(tmp_path / "run", 400, drawable=False, pruners=("fastervlm", "divprune"))
    found = findings(Inputs(run, Bootstrap(200)))
    linked = next(each for each in found if "hallucination" in each.claim.title)
    assert [piece.sides for piece in linked.evidence[:2]] == [1, 1]
    assert linked.verdict in ("supported", "not seen")


def test_command_writes_the_page(run_path, tmp_path):
    out = tmp_path / "docs" / "findings.md"
    write(run_path, out, Bootstrap(200))
    assert out.read_text().startswith("# Findings")


def test_command_says_what_is_no_run(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--run", str(tmp_path), "--out", str(tmp_path / "x.md")])
    assert stop.value.code == 2
    assert "run.json" in capsys.readouterr().err
