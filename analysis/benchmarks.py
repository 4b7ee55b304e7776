"""Names inside the benchmarks that readers, scorers and statistics share: subtasks and splits."""

#: Names of data sets in the records whose scorers read answers their own way.
MME, POPE = "mme", "pope"

#: MME's subtasks, 0 to 200 points each (Fu et al. 2023).
PERCEPTION = (
    "existence", "count", "position", "color", "posters",
    "celebrity", "scene", "landmark", "artwork", "OCR",
)  # fmt: skip
COGNITION = (
    "commonsense_reasoning",
    "numerical_calculation",
    "text_translation",
    "code_reasoning",
)
SUBTASKS = (*PERCEPTION, *COGNITION)

#: How POPE draws the objects that are not there (Li et al. 2023).
SPLITS = ("random", "popular", "adversarial")
