"""The page of the findings: complete, repeatable, self-contained, readable without pictures."""

import importlib.util
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from analysis.commands.findings import register
from analysis.figures.claims import CLAIMS
from analysis.figures.findings import findings
from analysis.figures.inputs import Inputs
from analysis.report.findings import html, inline, markdown, page, write_findings
from analysis.report.pictures import MOST_BYTES
from analysis.report.replication import replicated
from chair_eval.bootstrap import Bootstrap

SYNTHETIC = Path(__file__).parents[1] / "figures" / "synthetic.py"


@pytest.fixture(scope="module")
def make_run():
    spec = importlib.util.spec_from_file_location("synthetic_run_of_report", SYNTHETIC)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.make_run


@pytest.fixture(scope="module")
def run_path(make_run, tmp_path_factory):
    home = tmp_path_factory.mktemp("findings")
    return make_run(home / "first", 40, drawable=False, keeps=(16,))


@pytest.fixture(scope="module")
def inputs(run_path):
    return Inputs(run_path, Bootstrap(200))


@pytest.fixture(scope="module")
def whole(inputs):
    return page(inputs, findings(inputs))


@pytest.fixture
def agile():
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return lambda *arguments: CliRunner().invoke(app, ["findings", *map(str, arguments)])


class Tags(HTMLParser):
    """Collects tags with their attributes, and checks that they close."""

    def __init__(self, text):
        super().__init__()
        self.seen, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_rule_and_margins_stand_before_any_verdict(whole):
    text = markdown(whole, "images")
    assert text.startswith("# Findings\n")
    assert "no evidence about LLaVA" in text
    assert text.index("How a verdict is reached") < text.index("| claim | verdict in this run")
    assert text.index("margins") < text.index("## Verdicts")
    for place, claim in enumerate(CLAIMS, start=1):
        assert f"## {place}. {claim.title}" in text
    assert "What all this assumes" in text


def test_every_claim_has_picture_basis_and_what_would_change_it(whole):
    claims = whole.sections[: len(CLAIMS)]
    for section in claims:
        assert section.after[-1].startswith("**What would change it.**")
    drawn = [section for section in claims if section.picture]
    assert len(drawn) == 4  # steering was not run
    for section in drawn:
        assert "verdict" in section.picture.alt
        assert re.search(r"Based on \d+ images and \d+ methods: ", " ".join(section.paragraphs))
        assert len(section.picture.png) < MOST_BYTES


def test_further_evidence_is_on_the_page(whole):
    titles = [section.title for section in whole.sections]
    assert "Captions of real models" in titles
    assert "The published tables: methods as the units" in titles
    curve = whole.sections[
        titles.index("Every way to ask whether diversity goes with hallucination")
    ]
    assert curve.picture is not None
    assert "ways to correlate" in curve.paragraphs[0]
    table = whole.sections[titles.index("The published tables: methods as the units")].table
    assert table[0][:3] == ("measure", "group", "estimate")
    assert len({len(row) for row in table}) == 1


def test_pages_are_written_with_small_pictures_and_repeat(whole, inputs, tmp_path):
    out, single = tmp_path / "docs" / "findings.md", tmp_path / "findings.html"
    stale = tmp_path / "docs" / "images" / "findings" / "old.png"
    stale.parent.mkdir(parents=True)
    stale.touch()
    assert write_findings(whole, out, single) == [out, single]
    assert not stale.exists()
    text = out.read_text()
    for name in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text):
        assert 0 < (out.parent / name).stat().st_size < MOST_BYTES
    again = page(inputs, findings(inputs))
    assert markdown(again, "images/findings") == text
    assert html(again) == single.read_text()


def test_html_stands_alone_with_alt_texts(whole):
    text = html(whole)
    tags = Tags(text)
    assert tags.open == []
    pictures = [given for tag, given in tags.seen if tag == "img"]
    assert len(pictures) >= 6
    assert all(
        each["alt"] and each["src"].startswith("data:image/png;base64,") for each in pictures
    )
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert "max-width: 100%" in text
    assert 'name="viewport"' in text
    assert "<script" not in text


def test_words_are_marked_and_nothing_else_gets_through():
    assert inline("**a** `b<c>` *d* 2*3*4") == (
        "<strong>a</strong> <code>b&lt;c&gt;</code> <em>d</em> 2*3*4"
    )


def test_a_second_run_gets_a_sentence_a_claim(inputs, make_run, tmp_path):
    second = make_run(tmp_path / "second", 40, drawable=False, keeps=(16,), seed=3)
    other = Inputs(second, Bootstrap(200))
    found = replicated(inputs, other)
    text = markdown(page(inputs, findings(inputs), against=(other, found)), "images")
    part = text.split("## The same claims in a second run")[1].split("\n## ")[0]
    assert part.count("\n- ") == len(CLAIMS)
    assert "the same images" in part
    assert "paired" in part
    assert "| difference |" in part
    for claim in CLAIMS:
        assert f"- {claim.title}: **" in part


def test_command_writes_both_pages(agile, run_path, tmp_path):
    out, single = tmp_path / "f.md", tmp_path / "f.html"
    done = agile("--run", run_path, "--out", out, "--html", single, "--against", run_path,
                 "--resamples", 100)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert f"{out}: written." in done.output
    assert "in both runs" in out.read_text()
    assert single.read_text().startswith("<!doctype html>")


def test_command_writes_html_alone(agile, run_path, tmp_path):
    done = agile("--run", run_path, "--out", tmp_path / "f.html", "--resamples", 100)
    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["f.html"]


def test_command_refuses_other_pages_and_what_is_no_run(agile, run_path, tmp_path):
    done = agile("--run", run_path, "--out", tmp_path / "f.txt")
    assert "ends in .md or .html" in str(done.exception)
    done = agile("--run", tmp_path, "--out", tmp_path / "f.md")
    assert "run.json" in str(done.exception)
