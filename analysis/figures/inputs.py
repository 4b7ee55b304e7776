"""Everything figures read of a run, loaded once and lazily."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.catalogue import base_name, family, is_method
from analysis.errors import AgileError, UsageError
from analysis.runs import TABLES, Run
from analysis.scores.counts import (
    Part,
    count_chair,
    count_questions,
    judged_answers,
    scored_captions,
)
from chair_eval.bootstrap import Bootstrap

_IMAGE_COLUMNS = ("image_id", "entropy", "erank", "n_objects", "complexity", "dataset")
_KEPT_LISTS = ("indices", "groups", "info")
# The paper's main budget, 64 of 576 tokens.
_PAPER_SHARE = 64 / 576
# Variants without parameters that are an ablation, or no pruning, rather than a method.
_NO_METHODS = ("full", "quartile", "steered")


class MissingInput(AgileError):
    """A figure needs something this run does not hold; the message names the command."""


@dataclass
class Inputs:
    """A run as figures see it.

    Parameters
    ----------
    path
        The run folder.
    boot
        Resampling that every estimate uses.
    """

    path: Path
    boot: Bootstrap = field(default_factory=Bootstrap)
    run: Run = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.run = Run.open(self.path)

    @property
    def config(self) -> dict[str, Any]:
        """The run's merged configuration."""
        return self.run.config

    @property
    def model(self) -> str:
        """Model, as given to the extractor."""
        return str(self.config["model"])

    @property
    def data(self) -> str:
        """Spec of the data set."""
        return str(self.config["data"])

    @property
    def is_embedded(self) -> bool:
        """Whether the run was made with the model that ships in the repository."""
        return "pocket" in self.model.lower()

    def table(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read a table of the run's finished shards, chosen columns only.

        Raises
        ------
        MissingInput
            If the run has no such shard.
        """
        if not self.run.finished:
            raise MissingInput(
                f"run {self.path.name} has no finished shard; complete it with: {self.command()}."
            )
        return self.run.table(name, columns).to_pandas()

    @cached_property
    def images(self) -> pd.DataFrame:
        """Images that could be used, one row each, in the order of their ids."""
        found = self.table("images").query("status == 'ok'")
        if found.empty:
            raise MissingInput(f"no image of run {self.path.name} could be used (column reason).")
        return found.sort_values("image_id", ignore_index=True)

    @cached_property
    def kept(self) -> pd.DataFrame:
        """Kept sets without their token lists, one row per image × variant."""
        found = self.table(
            "kept", [name for name in TABLES["kept"].names if name not in _KEPT_LISTS]
        )
        found = found[found["image_id"].isin(self.images["image_id"])]
        return found.sort_values(["variant", "image_id"], ignore_index=True)

    def selections(self, image_ids: Sequence[str], variants: Sequence[str]) -> pd.DataFrame:
        """Return the kept sets of some images and variants with their token lists."""
        wanted = {"image_id": list(image_ids), "variant": list(variants)}
        found = self.run.table("kept", where=wanted).to_pandas()
        return found.set_index(["image_id", "variant"]).sort_index()

    def _parts(self, task: str) -> Iterator[Part]:
        """Yield images and answers of one task, a few shards at a time, to bound the memory."""
        for piece in self.run.pieces():
            said = piece.table("answers", where={"task": task})
            if said.num_rows:
                known = piece.table("images", ["image_id", "objects", "dataset"])
                yield Part(known.to_pandas(), said.to_pandas())

    @cached_property
    def chair_counts(self) -> pd.DataFrame:
        """CHAIR of every caption as counts, one row per image × variant; empty without captions."""
        return count_chair(self._parts("caption"))

    @cached_property
    def question_counts(self) -> pd.DataFrame:
        """Answers to questions counted per image × variant; empty where the run asked none."""
        return count_questions(self._parts("yesno"), self._parts("choice"))

    @cached_property
    def judged_answers(self) -> pd.DataFrame:
        """Every answer to a question with its verdict; empty where the run asked none."""
        return judged_answers(self._parts("yesno"), self._parts("choice"))

    def captions(self, variants: Sequence[str]) -> pd.DataFrame:
        """Return scored captions with their words, spans and text.

        Raises
        ------
        MissingInput
            If the run has no such captions.
        """
        found = scored_captions(self._parts("caption"), variants)
        if found.empty:
            raise MissingInput(
                f"run {self.path.name} has no captions of {', '.join(variants)}; make a run that "
                f"has with: {self.command()}-captions --tasks caption."
            )
        return found

    @cached_property
    def units(self) -> pd.DataFrame:
        """One row per image × variant: kept measures, CHAIR and yes/no counts, image measures."""
        units = self.kept.copy()
        keys = ["image_id", "variant"]
        for counts in (self.chair_counts, self.question_counts):
            units = units.merge(counts, on=keys, how="left") if len(counts) else units
        image = self.images[list(_IMAGE_COLUMNS)].rename(
            columns={"entropy": "image_entropy", "erank": "image_erank"}
        )
        units = units.merge(image, on="image_id", how="left")
        units["family"] = units["pruner"].map({s: family(s) for s in units["pruner"].unique()})
        for key in (*keys, "pruner", "family"):
            units[key] = units[key].astype("category")
        return units

    @cached_property
    def n_tokens(self) -> int:
        """Tokens of an unpruned image (the most common count)."""
        return int(self.images["n_tokens"].mode().iloc[0])

    @cached_property
    def variants(self) -> pd.DataFrame:
        """The run's variants: ``variant, pruner, keep, family``, ordered by family and keep."""
        found = self.kept[["variant", "pruner", "keep"]].drop_duplicates("variant").copy()
        found["family"] = found["pruner"].map(family)
        order = {"none": 0, "random": 1, "attention": 2, "hybrid": 3, "diversity": 4}
        found["order"] = found["family"].map(order)
        found = found.sort_values(["keep", "order", "pruner"], ascending=[False, True, True])
        return found.drop(columns="order").reset_index(drop=True)

    @cached_property
    def pruned(self) -> pd.DataFrame:
        """Variants that prune, parameter sweeps left out: plain pruners only."""
        found = self.variants
        plain = found["pruner"].map(is_method).astype(bool) & ~found["pruner"].isin(_NO_METHODS)
        return found[plain].reset_index(drop=True)

    @property
    def unpruned(self) -> list[str]:
        """The variant that keeps all tokens, where the run has it."""
        return [name for name in self.variants["variant"] if name == "full"]

    @cached_property
    def keeps(self) -> list[int]:
        """Budgets at which plain pruners were run, largest first."""
        return sorted({int(keep) for keep in self.pruned["keep"]}, reverse=True)

    @cached_property
    def main_keep(self) -> int:
        """Budget for figures of one budget: most pruners, then nearest the paper's 64 of 576."""
        if self.pruned.empty:
            raise MissingInput(
                f"run {self.path.name} holds no pruner; make a run that does with: "
                f"{self.command(['fastervlm', 'divprune'], 0)}."
            )
        count = self.pruned["keep"].value_counts()
        best = [int(keep) for keep in count.index[count == count.max()]]
        return min(best, key=lambda keep: abs(np.log(keep / self.n_tokens / _PAPER_SHARE)))

    def variant(self, spec: str, keep: int | None = None) -> str:
        """Return the variant of a pruner at a keep, `main_keep` by default.

        Raises
        ------
        MissingInput
            If the run does not hold it; the message names the command that makes it.
        """
        keep = self.main_keep if keep is None else keep
        found = self.variants
        found = found[found["keep"] == keep]
        hit = found[found["pruner"] == spec]
        if hit.empty and ":" not in spec:  # the same method, calibrated for the model
            hit = found[found["pruner"].map(is_method) & (found["pruner"].map(base_name) == spec)]
        if hit.empty:
            raise MissingInput(self.remedy([spec], keep))
        return str(hit["variant"].iloc[0])

    def sweep(self, base: str, keep: int | None = None) -> pd.DataFrame:
        """Return the variants of one pruner's name, whatever its parameters, at one keep."""
        keep = self.main_keep if keep is None else keep
        found = self.variants
        same = found["pruner"].map(base_name) == base
        return found[same & (found["keep"] == keep)].reset_index(drop=True)

    def remedy(self, specs: Sequence[str], keep: int) -> str:
        """Return the sentence that names the command which makes a run with these variants."""
        lacking = f"run {self.path.name} has no {', '.join(specs)} at keep {keep}"
        return f"{lacking}; make a run that has with: {self.command(specs, keep)}."

    def command(self, specs: Sequence[str] = (), keep: int | None = None) -> str:
        """Return the command that makes this run, or one like it with more variants.

        ``--study`` brings every variant the figures look for; a run that had it and still lacks
        some is given them by name.
        """
        parts = ["agile extract", f"--model {self.model}", f"--data {self.data}"]
        parts += [f"--limit {self.config['limit']}"] if self.config.get("limit") else []
        if not specs:
            return " ".join([*parts, f"--out {self.path}"])
        named = ",".join(f"{spec}@{keep}" for spec in specs)
        parts += [f"--pruners {named}"] if self.config.get("study") else ["--study"]
        return " ".join([*parts, f"--out {self.path}-more"])

    def analysis(self, name: str) -> pd.DataFrame:
        """Read an analysis beyond the three tables.

        Raises
        ------
        MissingInput
            If it was not made; the message names the command.
        """
        found = self.run.analysis(name)
        if found.empty:
            raise MissingInput(
                f"run {self.path.name} has no {name} analysis; make it with: "
                f"agile analyse --run {self.path} --analyses {name}."
            )
        return found

    def pixels(self, image_id: str) -> Any:
        """Return the image as PIL shows it.

        Raises
        ------
        MissingInput
            If its pixels are no longer where the run read them.
        """
        from analysis.datasets import image_for

        try:
            return image_for(self.run, image_id)
        except (OSError, KeyError, AgileError, UsageError) as error:
            raise MissingInput(
                f"the pixels of image {image_id} are gone ({error}); put the images back where "
                "the run read them, or extract again from their new place."
            ) from error
