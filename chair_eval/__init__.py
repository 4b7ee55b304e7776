"""CHAIR, the object-hallucination metric, on its own feet: vocabulary, matching, scoring.

>>> from chair_eval import GroundTruth, score
>>> truth = GroundTruth.from_mapping({1: {"dog"}})
>>> score([(1, "A dog and a cat.")], truth).metrics["chair_i"]
0.5
"""

from chair_eval.errors import ChairError, UsageError
from chair_eval.ground_truth import GroundTruth
from chair_eval.matcher import Matcher
from chair_eval.mentions import Matches
from chair_eval.presets import PRESETS
from chair_eval.records import Record
from chair_eval.result import Result
from chair_eval.scoring import Scorer, score
from chair_eval.vocabulary import Vocabulary

__all__ = [
    "PRESETS",
    "ChairError",
    "GroundTruth",
    "Matcher",
    "Matches",
    "Record",
    "Result",
    "Scorer",
    "UsageError",
    "Vocabulary",
    "score",
]
