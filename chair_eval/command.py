"""What ``chair-eval`` does, apart from reading its command line."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from chair_eval.errors import ChairError, UsageError
from chair_eval.ground_truth import GroundTruth, cached_ground_truth
from chair_eval.matcher import Matcher
from chair_eval.options import BuildOptions, Flavour, ScoreOptions, chosen_words
from chair_eval.presets import PRESETS, check_preset
from chair_eval.readers import read_captions, reader_of
from chair_eval.records import Record
from chair_eval.result import Result
from chair_eval.scoring import Scorer
from chair_eval.tally import CaptionScore, counted
from chair_eval.writers import WRITERS, destination, drain, write_comparison, write_json

Source = tuple[str, str, str | None]


def run(options: ScoreOptions) -> None:
    """Score the files, or compare them, and write what was asked for."""
    preset = options.preset
    dialect = PRESETS[preset][0] if preset else options.dialect or "pattern"
    matcher = Matcher(options.words(), dialect, options.nltk_data)
    sources = _sources(options)
    _keep_inputs(options)
    truth = _ground_truth(options)
    check_preset(preset, dialect, truth.flavour)
    if len(sources) > 1 or options.compare:
        _compare(options, sources, truth, matcher)
    else:
        _score(options, sources[0], truth, matcher)


def build(options: BuildOptions) -> None:
    """Build a ground truth from COCO files, or take it from the cache, and write it."""
    output, captions = options.output, options.captions or []
    if output.suffix.lower() != ".parquet":
        raise UsageError(f"output is {output.name!r}; allowed: a name that ends in .parquet")
    default = Flavour.pattern if captions else Flavour.instances
    chosen = [str(flavour) for flavour in options.flavour or [default]]
    needs = [flavour for flavour in chosen if flavour != "instances"]
    if needs and not captions:
        raise UsageError(f"flavour {needs[0]!r} needs the human captions; add --captions FILE")
    words = chosen_words(options.vocabulary, options.strict_words)
    built = cached_ground_truth(
        options.instances, captions, chosen, vocabulary=words, nltk_data=options.nltk_data
    )
    with destination(output, binary=True) as file, built.open("rb") as made:
        shutil.copyfileobj(made, file)
    truth = GroundTruth.read(output, chosen[0])
    _say(f"{len(truth):,} images, {', '.join(chosen)}, written to {output}")


def _sources(options: ScoreOptions) -> list[Source]:
    """(name, file, variant) of everything to score; a run folder gives all its variants."""
    sources: list[Source] = []
    for file in options.files:
        reader = reader_of(file)
        if reader and options.variant is None:
            variants = reader.variants(Path(file))
            if not variants:
                raise ChairError(f"{file} is a run folder without captions")
            sources += [(name, file, name) for name in variants]
        else:
            sources.append((file, file, options.variant))
    if len({name for name, _, _ in sources}) < len(sources):
        sources = [
            (f"{file}:{variant}" if variant else file, file, variant)
            for _, file, variant in sources
        ]
    if len(set(sources)) < len(sources):
        raise UsageError("the same file is given twice; give different files to compare")
    return sources


def _keep_inputs(options: ScoreOptions) -> None:
    """Refuse an output that would take the place of an input."""
    output = options.output
    if output is None or not output.is_file():
        return
    human = options.human_captions or []
    inputs = [*options.files, options.ground_truth, options.vocabulary, *human]
    for path in (Path(name) for name in inputs if name not in (None, "-")):
        if path.is_file() and path.samefile(output):
            raise UsageError(f"output is {str(output)!r}, which is an input; choose another name")


def _ground_truth(options: ScoreOptions) -> GroundTruth:
    path = options.ground_truth
    flavour = PRESETS[options.preset][1] if options.preset else options.ground_truth_flavour
    for own in options.files if path is None else [str(path)]:
        if reader := reader_of(own):
            return reader.ground_truth(Path(own))
    if path is None:
        raise UsageError(
            "ground truth is missing; name the objects of the images with --ground-truth FILE"
        )
    human = options.human_captions
    if not human:
        return GroundTruth.read(path, flavour)
    flavour = flavour or "pattern"
    built = cached_ground_truth(
        [path], human, [flavour], vocabulary=options.words(), nltk_data=options.nltk_data
    )
    truth = GroundTruth.read(built, flavour)
    names = ", ".join(part.name for part in (path, *human))
    return GroundTruth(truth.objects, truth.flavour, names, truth.vocabulary)


def _scorer(options: ScoreOptions, truth: GroundTruth, matcher: Matcher) -> Scorer:
    return Scorer(truth, matcher, unknown=options.unknown, duplicates=options.duplicates)


def _score(options: ScoreOptions, source: Source, truth: GroundTruth, matcher: Matcher) -> None:
    name, file, variant = source
    scorer = _scorer(options, truth, matcher)
    rows = scorer.stream(_progress(read_captions(file, options.keys, variant)))

    def finish(captions: Sequence[CaptionScore] = ()) -> Result:
        _warn(scorer)
        return scorer.result(list(captions), options.bootstrap(), options.preset)

    with destination(options.output, binary=options.format == "parquet") as out:
        if options.format == "json" and not options.captions:
            drain(rows)
            write_json(out, None, finish)
        else:
            WRITERS[options.format](out, rows, finish, name)


def _compare(
    options: ScoreOptions, sources: Sequence[Source], truth: GroundTruth, matcher: Matcher
) -> None:
    from chair_eval.compare import compare

    if options.format not in ("table", "json", "csv", "latex"):
        raise UsageError(
            f"format is {options.format!r}; allowed for several files: table, json, csv, latex"
        )
    results: dict[str, Result] = {}
    for name, file, variant in sources:
        scorer = _scorer(options, truth, matcher)
        try:
            drain(scorer.stream(_progress(read_captions(file, options.keys, variant))))
        except ChairError as error:
            raise ChairError(f"{name}: {error}") from error
        _warn(scorer)
        results[name] = scorer.result([], options.bootstrap(), options.preset)
    comparison = compare(results, draws=options.draws, seed=options.seed, level=options.level)
    with destination(options.output) as out:
        write_comparison(out, comparison, options.format)


def _progress(records: Iterator[Record]) -> Iterable[Record]:
    """Show a bar on long files when a person is watching."""
    if not sys.stderr.isatty():
        return records
    from tqdm import tqdm

    return tqdm(records, unit=" captions", delay=1, leave=False)


def _warn(scorer: Scorer) -> None:
    """Say on stderr what was left out or counted twice."""
    skipped, repeated = scorer.skipped, scorer.repeated
    if skipped.n:
        _say(f"left out {counted(skipped.n, 'caption')} of unknown images: {skipped}")
    if repeated.n:
        done = "counted by themselves" if scorer.duplicates == "keep" else "left out"
        several = counted(repeated.n, "further caption")
        _say(f"{several} of images seen before, {done}: {repeated}")


def _say(message: str) -> None:
    """Write a note to standard error."""
    sys.stderr.write(f"chair-eval: note: {message}\n")
