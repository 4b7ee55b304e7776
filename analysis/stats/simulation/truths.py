"""The truths that are planted: the paper's own differences, as a whole, in part or turned round."""

from dataclasses import dataclass, replace

# Kept erank of 64 tokens: Table 1, and Table 3 for the mixture. No number is published for
# FasterVLM (here a little below Table 3's attention share of 0.75, 13.58), for AgilePruner (between
# the families) and for farthest point sampling (as the audited methods, as the claim "only
# DivPrune" has it; `Truth.rival` moves it to DivPrune's).
ERANK = {
    "fastervlm": 13.0, "prumerge_plus": 10.91, "visionzip": 14.02, "vispruner": 14.35,
    "mixture": 14.38, "agilepruner": 17.0, "divprune": 21.84, "fps": 14.0,
}  # fmt: skip
# CHAIR_s, CHAIR_i and recall of 64 tokens in percent: Tables 2 and 8, and Table 3 for the mixture.
# VisionZip has none; it takes the mean of FasterVLM and VisPruner.
CAPTIONS = {
    "fastervlm": (45.4, 13.5, 69.3), "prumerge_plus": (45.2, 15.6, 66.7),
    "visionzip": (47.6, 14.25, 70.95), "vispruner": (49.8, 15.0, 72.6),
    "mixture": (46.2, 14.5, 73.7), "agilepruner": (52.2, 15.9, 75.7),
    "divprune": (57.4, 18.0, 76.4), "fps": (58.6, 18.6, 76.0),
}  # fmt: skip
# Points of accuracy that steering wins or loses at 64 tokens: POPE of Tables 5 and 6. The paper has
# no inverse mixture; it loses what the adaptive one wins.
STEERING = {"bat": (2.0, -1.8), "vispruner": (1.1, -2.4), "mixture": (1.3, -1.3)}
# AgilePruner minus DivPrune over nine benchmarks, Table 7 at 64 tokens, in percent of all tokens.
OWN = 1.74
# Diversity minus attention, percent of each score's maximum, over the image erank of the eight
# columns of Table 4 (MME subtasks have 200 points): slope per unit of erank and mean.
SLOPE, MEAN_GAP = 0.298, 0.33
# Accuracy of the fixed mixture, POPE of Table 6 at 64 tokens.
ACCURACY = 82.2
# Mean and deviation of the eight columns' image erank and entropy; their correlation is Figure 5's.
IMAGE_ERANK, IMAGE_ENTROPY, IMAGE_CORRELATION = (84.9, 23.4), (4.67, 0.21), 0.63


@dataclass(frozen=True)
class Truth:
    """How much of each published difference is there: 1 all of it, 0 none, -1 turned round.

    Parameters
    ----------
    name
        What the tables call it.
    audit
        Differences of kept erank.
    harm
        Differences in invented objects.
    recall
        Differences in right objects and recall.
    crossing
        How fast diversity's gap grows with the image's erank.
    ahead
        Points by which diversity is ahead everywhere, beside that.
    steering, own
        What steering and AgilePruner win.
    rival
        Farthest point sampling's way from the audited methods' erank (0) to DivPrune's (1).
    """

    name: str
    audit: float = 1.0
    harm: float = 1.0
    recall: float = 1.0
    crossing: float = 1.0
    ahead: float = 0.0
    steering: float = 1.0
    own: float = 1.0
    rival: float = 0.0

    def scaled(self, name: str, share: float) -> "Truth":
        """Return this truth with every difference multiplied; kept eranks only where share >= 0.

        Turned round, diversity must still mean a higher erank, or "diversity harms less" would be
        "attention harms more" in other words.
        """
        parts = ("harm", "recall", "crossing", "steering", "own")
        changed = {part: getattr(self, part) * share for part in parts}
        return replace(self, name=name, audit=abs(self.audit * share), **changed)


PAPER = Truth("paper-like")
TRUTHS = {
    truth.name: truth
    for truth in (
        PAPER.scaled("null", 0.0),
        PAPER.scaled("half", 0.5),
        PAPER,
        PAPER.scaled("reversed", -1.0),
        replace(PAPER, name="reversed audit", audit=-1.0),
        replace(PAPER, name="recall only", harm=0.0),
        # With half the slope the gaps are about -4 and +4 points; 5.5 lifts both above 0, 3.5
        # leaves none on simple images: the truth without a crossover that is nearest to one.
        replace(PAPER, name="no crossover", crossing=0.5, ahead=5.5),
        replace(PAPER, name="no gap on simple images", crossing=0.5, ahead=3.5),
        replace(PAPER, name="rival ties", rival=1.0),
    )
}
