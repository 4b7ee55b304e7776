"""Training dialogues: one caption and several yes/no questions packed behind one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from analysis.pocket.processor import QUESTION_FORMS
from analysis.scenes.captions import CAPTION_PROMPTS, full_caption
from analysis.scenes.world import CATEGORIES, GRID, plural, themes, with_article

IGNORED = -100
"""Label of positions that are not trained."""
PATCHES = GRID * GRID
"""Visual tokens of a whole image."""
TEXT_BUDGET = 108
"""Text positions behind each image."""


@dataclass(frozen=True, eq=False)
class Packed:
    """A batch of packed dialogues behind `PATCHES` visual tokens.

    Attributes
    ----------
    ids
        (n, t) token ids after the image.
    segments
        (n, t) number of the dialogue from 1, -1 for padding; a dialogue sees the image and itself.
    positions
        (n, t) position ids, counted as if the dialogue stood alone behind a whole image.
    labels
        (n, t) the id to predict at each position, `IGNORED` elsewhere.
    """

    ids: Tensor
    segments: Tensor
    positions: Tensor
    labels: Tensor


class DialogueMaker:
    """Turns facts of scenes into packed dialogues.

    Parameters
    ----------
    tokenizer
        The model's tokenizer.
    rng
        Source of every choice of prompt and question.
    budget
        Text positions per image.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        rng: np.random.Generator,
        budget: int = TEXT_BUDGET,
    ) -> None:
        self._rng = rng
        self._budget = budget
        self._vocabulary: dict[str, int] = tokenizer.get_vocab()
        self.end = int(tokenizer.eos_token_id)
        self.prefix = [int(tokenizer.bos_token_id), *self._encode("user:")]
        self.yes, self.no = self._vocabulary["yes"], self._vocabulary["no"]
        self.stop = self._vocabulary["."]
        self._prompts = [self._encode(f"{text} assistant:") for text in CAPTION_PROMPTS]
        self._questions = {
            (form, name): self._encode(
                form.format(a=with_article(name), p=plural(name)) + " assistant:"
            )
            for form in QUESTION_FORMS
            for name in CATEGORIES
        }

    def _encode(self, text: str) -> list[int]:
        for mark in ",.?:":
            text = text.replace(mark, f" {mark}")
        return [self._vocabulary[word] for word in text.split()]

    def _caption(self, fact: dict[str, Any]) -> tuple[list[int], list[int]]:
        rng = self._rng
        choice = 0 if rng.random() < 0.4 else int(rng.integers(len(self._prompts)))
        return self._prompts[choice], [*self._encode(full_caption(fact["counts"])), self.end]

    def _question(self, fact: dict[str, Any]) -> tuple[list[int], list[int]]:
        rng = self._rng
        present = fact["counts"]
        if rng.random() < 0.5:
            pool, answer = list(present), self.yes
        else:
            themed = [name for name in themes()[fact["theme"]].categories if name not in present]
            absent = [name for name in CATEGORIES if name not in present]
            pool = themed if themed and rng.random() < 0.6 else absent
            answer = self.no
        form = 0 if rng.random() < 0.4 else int(rng.integers(len(QUESTION_FORMS)))
        name = pool[int(rng.integers(len(pool)))]
        return self._questions[QUESTION_FORMS[form], name], [answer, self.end]

    def pack(self, facts: Sequence[dict[str, Any]]) -> Packed:
        """Pack one caption, then as many questions as fit, for each scene."""
        shape, first = (len(facts), self._budget), len(self.prefix) + PATCHES
        ids, positions = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        segments, labels = np.full(shape, -1, np.int64), np.full(shape, IGNORED, np.int64)
        for row, fact in enumerate(facts):
            start, number = 0, 1
            asked, answer = self._caption(fact)
            while start + len(asked) + len(answer) <= self._budget:
                stop = start + len(asked) + len(answer)
                ids[row, start:stop] = asked + answer
                segments[row, start:stop] = number
                positions[row, start:stop] = np.arange(first, first + stop - start)
                labels[row, start + len(asked) - 1 : stop - 1] = answer
                start, number = stop, number + 1
                asked, answer = self._question(fact)
        tensors = (torch.from_numpy(x) for x in (ids, segments, positions, labels))
        return Packed(*tensors)


def attention_mask(segments: Tensor, prefix: int) -> Tensor:
    """Return the (n, 1, p + t, p + t) boolean mask: causal, prefix for all, own dialogue only."""
    whole = torch.cat([torch.zeros(len(segments), prefix, dtype=torch.long), segments], 1)
    length = whole.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    same = (whole[:, None, :] == 0) | (whole[:, None, :] == whole[:, :, None])
    return (causal & same)[:, None]
