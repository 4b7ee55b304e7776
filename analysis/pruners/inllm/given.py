"""One stage on arrays of one's own: what a method would see in a model, made from fields."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from analysis.pruners.inllm.view import RowView
from analysis.tokens import VisualTokens


@dataclass(frozen=True, eq=False)
class GivenView(RowView):
    """A `RowView` whose attention, keys and states were handed over, not computed.

    The row is ``llm_prefix`` tokens nothing is known of (zeros), the N image tokens, and
    the M words after them.

    Attributes
    ----------
    given
        The image with its ``llm_`` fields.
    """

    given: VisualTokens = field(kw_only=True)

    def attention(self, rows: Tensor) -> Tensor:
        """Return (H, R, t) of ``llm_attention`` for the words in slots ``rows``."""
        return self._over_slots("llm_attention", rows)

    def next_attention(self, rows: Tensor) -> Tensor:
        """Return the same: the field holds the attention of the layer the method reads."""
        return self.attention(rows)

    def rotary_bias(self, rows: Tensor) -> Tensor:
        """Return (R, t) of ``llm_rotary_bias``."""
        return self._over_slots("llm_rotary_bias", rows)

    def _over_slots(self, name: str, rows: Tensor) -> Tensor:
        """Return a field (…, M, N) for the words ``rows`` over all slots, 0 beside the image."""
        found = self.given.require(name).float()[..., rows - int(self.text[0]), :]
        full = found.new_zeros(*found.shape[:-1], self.hidden.shape[0])
        full[..., self.image] = found
        return full


def stage_view(tokens: VisualTokens, marked: Tensor | None = None) -> GivenView:
    """Show the fields of ``tokens`` as one row of a prompt at the input of a pruned layer.

    Parameters
    ----------
    tokens
        The image; fields the method does not read may be None.
    marked
        (t,) bool marks of the method, as `InsidePruner.mark` makes them.
    """
    normed = _row(tokens, tokens.llm_normed, tokens.llm_word_normed)
    states = tokens.features if tokens.llm_states is None else tokens.llm_states
    return GivenView(
        hidden=_row(tokens, states, None),
        image=tokens.llm_prefix + torch.arange(tokens.n, device=tokens.device),
        cos=tokens.features[:0],
        sin=tokens.features[:0],
        final_norm=lambda _: normed,
        following=None,
        cached_keys=_row(tokens, tokens.llm_keys, tokens.llm_word_keys)[None],
        marked=marked,
        given=tokens,
    )


def prompt_view(tokens: VisualTokens) -> GivenView:
    """Show ``features`` and ``llm_words`` as the embedded prompt, for `InsidePruner.mark`."""
    hidden = _row(tokens, tokens.features, tokens.llm_words)
    return replace(stage_view(tokens), hidden=hidden)


def _row(tokens: VisualTokens, image: Tensor | None, words: Tensor | None) -> Tensor:
    """Join image and words (t, E) behind the unknown prefix; what is missing is zero."""
    if image is None:
        image = tokens.features
    if words is None:
        words = image.new_zeros(tokens.n_words, image.shape[1])
    return torch.cat((image.new_zeros(tokens.llm_prefix, image.shape[1]), image, words))
