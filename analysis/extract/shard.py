"""One shard: load its images, encode once, select many ways, answer, make rows."""

import dataclasses
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from analysis.datasets.base import Question, Sample
from analysis.errors import AgileError
from analysis.extract.answering import Job, answer_all
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.encoding import Loaded, encode, read
from analysis.extract.resolve import load_adapter, resolve
from analysis.extract.variants import Variant, generator_for
from analysis.measures.entropy import attention_entropy
from analysis.measures.kept import kept_measures
from analysis.models.base import Adapter
from analysis.models.devices import ran_out
from analysis.models.exchange import Answer
from analysis.pruners import Selection, make_pruner
from analysis.tokens import VisualTokens

log = logging.getLogger(__name__)
# A model below this many parameters is small enough for large batches anywhere.
_SMALL = 100_000_000
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, eq=False)
class Worker:
    """Everything needed to make any shard of a run.

    Parameters
    ----------
    adapter
        The loaded model.
    config
        What the run is.
    variants
        All ways of pruning.
    dataset
        Name written into the records.
    batch_size
        Rows in one generation.
    """

    adapter: Adapter
    config: ExtractConfig
    variants: Sequence[Variant]
    dataset: str
    batch_size: int

    @property
    def needs(self) -> frozenset[str]:
        """Evidence the pruners of this run read."""
        outside = [v.pruner for v in self.variants if not v.inside]
        return frozenset(name for pruner in outside for name in pruner.needs)

    def rows(self, samples: Sequence[Sample]) -> Rows:
        """Make all records of one shard.

        Parameters
        ----------
        samples
            The shard's samples.

        Returns
        -------
        dict
            Table name → rows; an image that failed has only its row in ``images``.
        """
        loaded = [read(sample) for sample in samples]
        try:
            encode(self.adapter, [item for item in loaded if not item.reason], self.needs)
            self._select([item for item in loaded if item.tokens is not None])
            good = [item for item in loaded if item.tokens is not None]
            answers = self._answer(good)
            return {
                "images": [self._image_row(item) for item in loaded],
                "kept": [self._kept_row(item, v) for item in good for v in self.variants],
                "answers": answers,
            }
        except Exception as error:
            if not ran_out(error):
                raise
            raise AgileError(
                f"not enough memory for the {len(samples)} images of a shard; go on with a larger "
                "device, or start anew with a smaller --shard-size and another --out; finished "
                "shards are kept."
            ) from error

    def _select(self, items: Sequence[Loaded]) -> None:
        """Let every pruner choose; where N differs, an image too small for a budget fails alone."""
        if self.adapter.n_tokens is not None:
            self._select_together(items)
            return
        for item in items:
            try:
                self._check_inside(item)
                self._select_together([item])
            except ValueError as error:
                log.warning("image %s is left out: %s", item.sample.image_id, error)
                item.tokens, item.reason = None, f"cannot be pruned as asked: {error}"

    def _check_inside(self, item: Loaded) -> None:
        """Refuse an image for which a method inside the language model has no schedule."""
        inside: list[Any] = [v for v in self.variants if v.inside]
        depth = self.adapter.depth if inside else None
        if depth is None or item.tokens is None:
            return
        for variant in inside:
            variant.pruner.schedule(variant.keep, item.tokens.n, depth)

    def _select_together(self, items: Sequence[Loaded]) -> None:
        tokens = [item.tokens for item in items if item.tokens is not None]
        for variant in self.variants:
            if variant.inside:
                continue
            generators = [
                generator_for(self.config.seed, item.sample.image_id, variant.label)
                for item in items
            ]
            if variant.keep is None:
                picked = [make_pruner("full").select(t, t.n) for t in tokens]
            else:
                picked = self._pick(variant, tokens, generators)
            for item, selection in zip(items, picked, strict=True):
                item.selections[variant.label] = selection

    def _pick(
        self,
        variant: Variant,
        tokens: list[VisualTokens],
        generators: list[torch.Generator],
    ) -> list[Selection]:
        """Select within crops or over the whole image, where the adapter splits images."""
        if any(t.crop is not None for t in tokens):
            from analysis.models.crops import CropPolicy, select_batch

            policy = CropPolicy("global" if self.config.budget == "global" else "crop")
            return select_batch(variant.pruner, tokens, variant.keep, generators, policy)
        return variant.pruner.select_batch(tokens, variant.keep, generators)

    def _answer(self, items: Sequence[Loaded]) -> list[dict[str, Any]]:
        jobs = [
            Job(item.tokens, question, variant, item.selections.get(variant.label))
            for item in items
            for variant in self.variants
            for question in self._questions(item.sample)
            if item.tokens is not None
        ]
        answers = answer_all(self.adapter, jobs, self.batch_size, self.limit_of)
        owners = [
            item for item in items for _ in self.variants for _ in self._questions(item.sample)
        ]
        rows = []
        for item, job, answer in zip(owners, jobs, answers, strict=True):
            if answer.selection is not None:
                item.selections.setdefault(job.variant.label, answer.selection)
            rows.append(_answer_row(item, job.variant, job.question, answer))
        return rows

    def limit_of(self, task: str) -> int:
        """Upper limit of new tokens for a task."""
        caption = task == "caption"
        return self.config.max_new_tokens if caption else self.config.max_answer_tokens

    def _questions(self, sample: Sample) -> Iterable[Question]:
        tasks = self.config.tasks
        return [q for q in sample.questions if not tasks or q.task in tasks]

    def _image_row(self, item: Loaded) -> dict[str, Any]:
        sample, tokens = item.sample, item.tokens
        row: dict[str, Any] = {
            "image_id": sample.image_id,
            "dataset": self.dataset,
            "file_name": sample.file_name,
            "status": "ok" if tokens is not None else "error",
            "reason": item.reason or None,
            "n_objects": sample.n_objects,
            "objects": None if sample.objects is None else list(sample.objects),
            "boxes": json.dumps([dict(box) for box in sample.boxes]),
            "complexity": sample.complexity,
            "meta": json.dumps(dict(sample.meta)),
        }
        if tokens is None:
            return row
        row["width"], row["height"] = item.image.size
        row["n_tokens"] = tokens.n
        row["grid_h"], row["grid_w"] = tokens.grid or (None, None)
        row["erank"] = float(tokens.gram.erank(centred=True))
        row["erank_plain"] = float(tokens.gram.erank(centred=False))
        if tokens.cls_attention is not None:
            row["entropy"] = float(attention_entropy(tokens.cls_attention))
            row["cls_attention"] = tokens.cls_attention.float().tolist()
        return row

    def _kept_row(self, item: Loaded, variant: Variant) -> dict[str, Any]:
        selection, tokens = item.selections[variant.label], item.tokens
        if tokens is None:
            raise RuntimeError(f"image {item.sample.image_id} was not encoded")
        merged = None if selection.weights is None else self.adapter.fed(tokens, selection)
        measures = kept_measures(tokens, selection, merged)
        return {
            "image_id": item.sample.image_id,
            "variant": variant.label,
            "pruner": variant.spec,
            "keep": _keep(item, variant),
            "n_out": selection.n_kept,
            "indices": selection.indices.tolist(),
            "groups": list(selection.groups),
            "info": json.dumps(selection.info),
            **{name: _number(value) for name, value in measures.items()},
        }


def make_worker(config: ExtractConfig, runtime: Runtime, dataset: str) -> Worker:
    """Load the model and return what makes shards, its configuration filled in.

    Parameters
    ----------
    config
        What the run is, as asked for.
    runtime
        How to make it.
    dataset
        Name written into the records.

    Raises
    ------
    UsageError
        See :func:`analysis.extract.resolve.load_adapter` and ``resolve``.
    """
    adapter = load_adapter(config, runtime)
    limit = config.max_new_tokens or adapter.max_new_tokens or 512
    ready = resolve(dataclasses.replace(config, max_new_tokens=limit), adapter, runtime)
    batch = runtime.batch_size or (256 if adapter.n_parameters < _SMALL else 16)
    return Worker(adapter, ready.config, ready.variants, dataset, batch)


def _number(value: Any) -> float | None:
    """Turn a scalar tensor into a float; what is undefined stays undefined."""
    return None if value is None else float(value)


def _keep(item: Loaded, variant: Variant) -> int:
    """Return the ``keep`` column: N for the full model."""
    if item.tokens is None:
        raise RuntimeError(f"image {item.sample.image_id} was not encoded")
    return item.tokens.n if variant.keep is None else variant.keep


def _answer_row(
    item: Loaded, variant: Variant, question: Question, answer: Answer
) -> dict[str, Any]:
    return {
        "image_id": item.sample.image_id,
        "variant": variant.label,
        "pruner": variant.spec,
        "keep": _keep(item, variant),
        "task": question.task,
        "question_id": question.question_id,
        "split": question.split,
        "question": question.text,
        "answer": answer.text,
        "label": question.label,
        "n_new_tokens": len(answer.token_ids),
        "truncated": answer.truncated,
    }
