"""Specs: names, parameters, normal form, and what a user sees when mistyping."""

import pytest

from analysis.catalogue import METHODS
from analysis.errors import UsageError
from analysis.pruners import make_pruner


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ("fastervlm", "fastervlm"),
        ("mixture:seeded=yes:attention_share=0.250", "mixture:attention_share=0.25"),
        ("mixture:seeded=0", "mixture:seeded=false"),
        (" divprune ", "divprune"),
        ("agilepruner:tau=0.1", "agilepruner:tau=0.1"),
        ("agilepruner:tau=none", "agilepruner"),
        ("visionzip:contextual=10:dominant=54", "visionzip:dominant=54:contextual=10"),
        ("steered:method=mixture/seeded=false", "steered:method=mixture/seeded=false"),
    ],
)
def test_label_is_the_normal_form(spec, label):
    assert make_pruner(spec).label == label
    assert make_pruner(label) == make_pruner(spec)


@pytest.mark.parametrize("name", METHODS.names())
def test_every_name_makes_itself(name):
    assert make_pruner(name).label == name


def test_parameters_may_come_apart_from_the_name():
    assert make_pruner("bat", {"merge": "no"}) == make_pruner("bat:merge=false")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("fastvlm", "did you mean fastervlm"),
        ("mixture:atention_share=0.5", "did you mean attention_share"),
        ("fastervlm:k=3", "it has none"),
        ("mixture:attention_share", "key=value"),
        ("mixture:attention_share=x", "type float, got 'x'"),
        ("mixture:seeded=maybe", "type bool"),
        ("mixture:seeded=true:seeded=true", "given twice"),
        ("mixture:attention_share=1.5", r"attention_share must be in \[0, 1\]"),
        ("vispruner:attention_share=nan", "attention_share must be in"),
        ("fps:metric=manhattan", "metric must be one of cosine, euclidean"),
        ("fps:start=last", "start must be one of"),
        ("agilepruner:tau=3", "tau must be in"),
        ("agilepruner:count_min=9:count_max=3", "count_min must be in"),
        ("hiprune:alpha=-1", "alpha must be in"),
        ("bat:neighbours=0", "neighbours must be in"),
        ("visionzip:dominant=0", "dominant must be at least 1"),
        ("steered:method=divprune", "must have an attention_share"),
        ("steered:method=nothing", "unknown pruner"),
        ("steered:rule=both", "rule must be one of adaptive, inverse, fixed"),
        ("steered:low=0.9:high=0.1", "high must be in"),
    ],
)
def test_mistakes_are_explained(spec, message):
    with pytest.raises(UsageError, match=message):
        make_pruner(spec)
