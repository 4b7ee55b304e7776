"""What ``chair-eval`` does, apart from reading its command line."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chair_eval.errors import ChairError, UsageError
from chair_eval.ground_truth import GroundTruth
from chair_eval.matcher import Matcher
from chair_eval.presets import PRESETS, check_preset, preset_name
from chair_eval.readers import Keys, read_captions
from chair_eval.records import Record
from chair_eval.result import Result
from chair_eval.runs import is_run, run_ground_truth, run_variants
from chair_eval.scoring import CaptionScore, Scorer
from chair_eval.tally import counted
from chair_eval.vocabulary import Vocabulary
from chair_eval.writers import destination, write_csv, write_json, write_parquet

if TYPE_CHECKING:
    from chair_eval.bootstrap import Bootstrap


@dataclass(frozen=True)
class Options:
    """The command line of ``chair-eval score``; names and meanings as in its help."""

    files: Sequence[str]
    ground_truth: Path | None = None
    human_captions: Sequence[Path] = ()
    preset: str | None = None
    dialect: str | None = None
    flavour: str | None = None
    vocabulary: Path | None = None
    strict_words: bool = False
    format: str = "table"
    output: Path | None = None
    captions: bool = True
    compare: bool = False
    image_id_key: str = "image_id"
    caption_key: str = "caption"
    variant: str | None = None
    unknown: str = "error"
    duplicates: str = "keep"
    draws: int = 10_000
    seed: int = 0
    level: float = 0.95
    nltk_data: Path | None = None
    keys: Keys = field(init=False)
    boot: "Bootstrap" = field(init=False)

    def __post_init__(self) -> None:
        """Refuse values and combinations that have no meaning."""
        from chair_eval.bootstrap import Bootstrap

        object.__setattr__(self, "boot", Bootstrap(self.draws, self.level, self.seed))
        if self.preset and (self.dialect or self.flavour):
            raise UsageError(
                "preset names both dialects; give either --preset, or --dialect and "
                "--ground-truth-flavour"
            )
        if self.format == "parquet" and self.output is None and sys.stdout.isatty():
            raise UsageError("parquet is not text; name a file with --output")
        object.__setattr__(self, "keys", Keys(self.image_id_key, self.caption_key))


def run(options: Options) -> None:
    """Score the files, or compare them, and write what was asked for."""
    matcher = Matcher(_vocabulary(options), _dialect(options), options.nltk_data)
    sources = _sources(options)
    _keep_inputs(options)
    truth = _ground_truth(options)
    preset = options.preset or preset_name(matcher.dialect, truth.flavour)
    check_preset(options.preset, matcher.dialect, truth.flavour)
    if len(sources) > 1 or options.compare:
        _compare(options, sources, truth, matcher, preset)
    else:
        _score(options, sources[0], truth, matcher, preset)


Source = tuple[str, str, str | None]


def _sources(options: Options) -> list[Source]:
    """(name, file, variant) of everything to score; a run folder gives all its variants."""
    sources: list[Source] = []
    for file in options.files:
        if file != "-" and is_run(Path(file)) and options.variant is None:
            variants = run_variants(Path(file))
            if not variants:
                raise ChairError(f"{file} is a run folder without captions")
            sources += [(name, file, name) for name in variants]
        else:
            sources.append((file, file, options.variant))
    names = [name for name, _, _ in sources]
    if len(set(names)) < len(names):
        sources = [
            (f"{file}:{variant}" if variant else file, file, variant)
            for _, file, variant in sources
        ]
    if len(set(sources)) < len(sources):
        raise UsageError("the same file is given twice; give different files to compare")
    return sources


def _keep_inputs(options: Options) -> None:
    """Refuse an output that would take the place of an input."""
    output = options.output
    if output is None or not output.is_file():
        return
    inputs = [*options.files, options.ground_truth, options.vocabulary, *options.human_captions]
    for path in (Path(name) for name in inputs if name not in (None, "-")):
        if path.is_file() and path.samefile(output):
            raise UsageError(f"output is {str(output)!r}, which is an input; choose another name")


def _dialect(options: Options) -> str:
    return PRESETS[options.preset][0] if options.preset else options.dialect or "pattern"


def _vocabulary(options: Options) -> Vocabulary:
    return load_vocabulary(options.vocabulary, options.strict_words)


def load_vocabulary(path: Path | None, strict_words: bool) -> Vocabulary:
    """Vocabulary that the two options ask for.

    Raises
    ------
    UsageError
        Both are given: a vocabulary of your own has no known defects to repair.
    """
    if path is None:
        return Vocabulary.coco(strict=strict_words)
    if strict_words:
        raise UsageError("strict words repair the metric's own list; leave out --vocabulary")
    return Vocabulary.read(path)


def _ground_truth(options: Options) -> GroundTruth:
    path = options.ground_truth
    flavour = PRESETS[options.preset][1] if options.preset else options.flavour
    if path is None:
        runs = [Path(file) for file in options.files if file != "-" and is_run(Path(file))]
        if not runs:
            raise UsageError(
                "ground truth is missing; name the objects of the images with --ground-truth FILE"
            )
        return run_ground_truth(runs[0])
    if is_run(path):
        return run_ground_truth(path)
    if not options.human_captions:
        return GroundTruth.read(path, flavour)
    from chair_eval.coco import cached_ground_truth

    flavour = flavour or "pattern"
    built = cached_ground_truth(
        [path],
        list(options.human_captions),
        [flavour],
        vocabulary=_vocabulary(options),
        nltk_data=options.nltk_data,
    )
    truth = GroundTruth.read(built, flavour)
    names = ", ".join(part.name for part in (path, *options.human_captions))
    return GroundTruth(truth.objects, truth.flavour, names, truth.vocabulary)


def _scorer(options: Options, truth: GroundTruth, matcher: Matcher) -> Scorer:
    return Scorer(truth, matcher, unknown=options.unknown, duplicates=options.duplicates)


def _finish(
    options: Options, scorer: Scorer, preset: str | None, captions: list[CaptionScore]
) -> Result:
    _warn(scorer)
    return Result.of(
        scorer,
        captions,
        preset=preset,
        boot=options.boot,
    )


def _score(
    options: Options, source: Source, truth: GroundTruth, matcher: Matcher, preset: str | None
) -> None:
    scorer = _scorer(options, truth, matcher)
    rows = scorer.stream(_progress(read_captions(source[1], options.keys, source[2])))

    def finish() -> Result:
        return _finish(options, scorer, preset, [])

    with destination(options.output, binary=options.format == "parquet") as file:
        if options.format == "json":
            if not options.captions:
                _drain(rows)
            write_json(file, rows if options.captions else None, finish)
        elif options.format == "csv":
            write_csv(file, rows, finish)
        elif options.format == "parquet":
            write_parquet(file, rows, finish)
        elif options.format == "html":
            from chair_eval.page import html_page, kept

            captions = kept(rows)
            file.write(html_page(_finish(options, scorer, preset, captions)))
        else:
            from chair_eval.tables import latex_table, terminal_table

            _drain(rows)
            result = finish()
            text = (
                latex_table({source[0]: result})
                if options.format == "latex"
                else terminal_table(result)
            )
            file.write(text + "\n")


def _drain(rows: Iterable[object]) -> None:
    for _ in rows:
        pass


def _compare(
    options: Options,
    sources: Sequence[Source],
    truth: GroundTruth,
    matcher: Matcher,
    preset: str | None,
) -> None:
    from chair_eval.compare import compare, comparison_table
    from chair_eval.tables import latex_table
    from chair_eval.writers import write_comparison

    if options.format not in ("table", "json", "csv", "latex"):
        raise UsageError(
            f"format is {options.format!r}; allowed for several files: table, json, csv, latex"
        )
    results: dict[str, Result] = {}
    for name, file, variant in sources:
        scorer = _scorer(options, truth, matcher)
        try:
            _drain(scorer.stream(_progress(read_captions(file, options.keys, variant))))
        except ChairError as error:
            raise ChairError(f"{name}: {error}") from error
        results[name] = _finish(options, scorer, preset, [])
    comparison = compare(results, draws=options.draws, seed=options.seed, level=options.level)
    with destination(options.output) as out:
        if options.format == "table":
            out.write(comparison_table(comparison) + "\n")
        elif options.format == "latex":
            out.write(latex_table(results) + "\n")
        else:
            write_comparison(out, comparison, options.format)


def _progress(records: Iterator[Record]) -> Iterable[Record]:
    """Show a bar on long files when a person is watching."""
    if not sys.stderr.isatty():
        return records
    from tqdm import tqdm

    return tqdm(records, unit=" captions", delay=1, leave=False)


def _warn(scorer: Scorer) -> None:
    """Say on stderr what was left out or counted twice."""
    more = ", …"
    if scorer.n_skipped:
        tail = more if scorer.n_skipped > len(scorer.skipped) else ""
        some = ", ".join(scorer.skipped)
        say(f"left out {counted(scorer.n_skipped, 'caption')} of unknown images: {some}{tail}")
    if scorer.n_repeated:
        tail = more if scorer.n_repeated > len(scorer.repeated) else ""
        done = "counted by themselves" if scorer.duplicates == "keep" else "left out"
        say(
            f"{counted(scorer.n_repeated, 'further caption')} of images seen before, {done}: "
            f"{', '.join(scorer.repeated)}{tail}"
        )


def say(message: str) -> None:
    """Write a note to standard error."""
    sys.stderr.write(f"chair-eval: note: {message}\n")
