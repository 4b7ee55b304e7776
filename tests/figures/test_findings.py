"""The findings page: verdicts by rule, honest about missing data, the same text every time."""

import pytest

from analysis.figures.claims import CLAIMS
from analysis.figures.findings import findings, rule
from analysis.figures.inputs import Inputs
from analysis.figures.robustness import leave_one_out, methods_of, would_change
from analysis.figures.statistics import STATISTICS
from analysis.figures.study import roles, study
from analysis.stats.claims import ROLES, judged
from analysis.stats.margins import Margins
from chair_eval.bootstrap import Bootstrap


@pytest.fixture(scope="module")
def found(inputs):
    return findings(inputs)


def test_one_finding_a_claim_and_they_repeat(inputs, found):
    assert [each.claim for each in found] == list(CLAIMS)
    assert [each.sentences for each in found] == [each.sentences for each in findings(inputs)]


def test_the_rule_names_the_margins(inputs):
    assert "accuracy 1 points" in " ".join(rule(inputs, Margins.load()))


def test_a_verdict_says_which_method_it_hangs_on(inputs, found):
    audit = found[0]
    assert audit.methods == ("divprune", "vispruner", "fps")
    assert audit.without.startswith("Leaving out one of its 3 methods at a time")
    assert "cannot be judged without DivPrune" in audit.without
    assert methods_of(inputs, "minimal") == ["agilepruner", "fastervlm", "divprune"]


def test_leaving_out_is_what_a_run_without_the_method_gives(make_run, tmp_path):
    pruners = ("fastervlm", "divprune", "fps", "vispruner")
    whole = make_run(tmp_path / "whole", 80, drawable=False, pruners=pruners, keeps=(16,))
    margins = Margins.load()
    seen = Inputs(whole, Bootstrap(200))
    without = study(seen, margins, "fps")
    assert without.roles["rivals"] == []
    assert without.roles["budget"] == ["fastervlm@16", "vispruner@16", "divprune@16"]
    assert study(seen, margins, "divprune").roles["diversity"] == ["fps@16"]
    found = findings(seen)[0]
    bare = judged("audit", without)
    if bare.verdict != found.verdict:
        assert "without FPS" in leave_one_out(seen, "audit", found.judgement, margins)


def test_what_would_change_a_verdict_is_computed(inputs, found):
    margins = Margins.load()
    for each in found:
        said = would_change(inputs, each.claim.key, each.judgement, margins)
        assert tuple(said) == each.changes
        if each.verdict == "no data":
            assert said == ["The data that are missing."]
        else:
            assert "argins" in said[0]
    open_tests = found[4].judgement.frame.query("decisive and outcome == 'open'")
    assert len([text for text in found[4].changes if "power 0.8" in text]) == len(
        set(open_tests["measure"])
    )


def test_every_test_is_a_sentence_with_its_outcome(found):
    for each in found:
        frame = each.judgement.frame
        assert len(each.sentences) >= len(frame)
        for text, outcome in zip(each.sentences, frame["outcome"], strict=False):
            assert outcome in text or "no interval" in text


def test_missing_sweeps_are_no_data_with_the_command(found):
    steering = next(each for each in found if "Steering" in each.claim.title)
    assert steering.verdict == "no data"
    assert "agile extract" in steering.missing
    assert "steered:rule=inverse" in steering.missing


def test_context_names_the_method_that_carries_the_correlation(found):
    text = " ".join(found[1].sentences)
    assert "Leaving out one of the 6 methods" in text
    assert "captions ended at the limit" in text
    assert "inside images" in text


def test_a_captions_only_run_has_no_data_for_claims_about_scores(make_run, tmp_path):
    pruners = ("fastervlm", "divprune", "agilepruner", "vispruner")
    run = make_run(tmp_path / "run", 60, drawable=False, pruners=pruners, keeps=(16,), questions=0)
    found = findings(Inputs(run, Bootstrap(200)))
    assert [each.verdict == "no data" for each in found] == [False, False, True, True, True]
    assert "labelled questions" in found[4].missing


def test_planted_effect_is_found(make_run, tmp_path):
    run = make_run(tmp_path / "run", 400, drawable=False, pruners=("fastervlm", "divprune"))
    linked = findings(Inputs(run, Bootstrap(200)))[1]
    frame = linked.judgement.frame.set_index("test")
    assert frame.loc[["captions with inventions", "invented objects"], "outcome"].eq("for").all()
    assert linked.verdict == "supported"


def test_roles_of_a_run(inputs):
    found = roles(inputs)
    assert set(found) == set(ROLES)
    assert found["diversity"] == ["divprune@16"]
    assert found["rivals"] == ["fps@16"]
    assert found["adaptive"] == []
    assert study(inputs).measured(["accuracy", "ScienceQA"]) == "accuracy"


def test_tables_of_the_claims_hold_the_only_q(inputs):
    frames = {name: STATISTICS[name](inputs) for name in ("claims", "pairs", "crossovers")}
    assert "q" in frames["claims"]
    assert "q" not in frames["pairs"]
    assert "q" not in frames["crossovers"]
    assert frames["crossovers"]["kind"].notna().all()
    assert {"lowest", "highest", "without"} <= set(STATISTICS["crossed"](inputs))
    assert set(STATISTICS["mediation"](inputs)["rho"]) == {-0.4, -0.2, 0.0, 0.2, 0.4}


def test_margins_of_ones_own_change_the_verdict(inputs, tmp_path):
    path = tmp_path / "margins.yaml"
    path.write_text("erank: {value: 90, unit: percent}\n")
    strict = findings(inputs, Margins.load(path))[0]
    assert "for" not in strict.judgement.frame.query("decisive")["outcome"].tolist()
