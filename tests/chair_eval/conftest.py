"""Reference data of the CHAIR tests, each skipped where it is absent."""

import gzip
import json

import pytest

from chair_eval import GroundTruth, Matcher

CAPTION_FILES = (
    "opera_instructblip_beam5",
    "opera_instructblip_greedy",
    "opera_instructblip_ours",
    "opera_llava-1.5_beam5",
    "opera_llava-1.5_greedy",
    "opera_llava-1.5_ours",
    "pope_Instruction1_instructblip",
    "pope_Instruction1_llava",
    "pope_Instruction2_instructblip",
    "pope_Instruction2_llava",
)


class ChairData:
    """Captions, reference outputs and ground truths, read once."""

    def __init__(self, folder, nltk_data):
        self.folder = folder
        self.nltk_data = nltk_data
        self.captions = {
            name: self._lines(folder / "dev" / "captions" / f"{name}.jsonl")
            for name in CAPTION_FILES
        }
        self.numbers = json.loads((folder / "dev" / "reference_numbers.json").read_text())
        self.tricky = self._lines(folder / "dev" / "tricky_sentences.jsonl")
        truth = folder / "ground_truth" / "ground_truth.parquet"
        self.truth = {name: GroundTruth.read(truth, name) for name in ("pattern", "wordnet")}
        self.matchers = {
            name: Matcher(dialect=name, nltk_data=nltk_data) for name in ("pattern", "wordnet")
        }

    @staticmethod
    def _lines(path):
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    def outputs(self, name):
        path = self.folder / "dev" / "reference_outputs" / f"{name}.jsonl.gz"
        return [json.loads(line) for line in gzip.open(path)]


@pytest.fixture(scope="session")
def chair_data(request):
    root = request.config.rootpath.parent / "shared" / "data"
    if not (root / "chair").is_dir() or not (root / "nltk_data").is_dir():
        pytest.skip("the CHAIR reference data is not beside this checkout")
    return ChairData(root / "chair", root / "nltk_data")


@pytest.fixture
def truth():
    return GroundTruth.from_mapping(
        {1: {"dog", "bus"}, 2: {"cat"}, "scene-3": set(), 4: {"toilet", "chair"}}
    )
