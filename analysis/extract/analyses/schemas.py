"""The schemas of the extra tables; unit and meaning travel as field metadata."""

import pyarrow as pa

#: Points of the cumulative curve: 0 %, 2 %, …, 100 % of the tokens.
CUMULATIVE_POINTS = 51
#: Bins of raster position in the attention profile.
PROFILE_BINS = 16


def _field(name: str, kind: pa.DataType, meaning: str, unit: str = "") -> pa.Field:
    return pa.field(name, kind, metadata={"meaning": meaning, "unit": unit})


_FLOATS = pa.list_(pa.float64())
_IMAGE = _field("image_id", pa.string(), "identifier of the image inside its data set")
_KEEP = _field("keep", pa.int32(), "tokens kept", "tokens")
_ERANK = _field("erank", pa.float64(), "effective rank of the kept, centred", "directions")
_MASS = _field("attention_mass", pa.float64(), "part of the [CLS] attention kept", "share")
_COVERAGE = _field("coverage", pa.float64(), "cells with a kept token on or beside them", "share")

THRESHOLD = pa.schema(
    [
        _IMAGE,
        _field("tau", pa.float64(), "the constant threshold", "cosine distance"),
        _KEEP,
        _field("n_survivors", pa.int32(), "kept tokens that no other had deleted", "tokens"),
        _ERANK,
        _MASS,
        _field("pairwise_distance", pa.float64(), "mean over pairs of kept tokens", "1 - cosine"),
        _COVERAGE,
        _field("indices", pa.list_(pa.int32()), "kept tokens; null beyond the first images"),
    ]
)
SENSITIVITY = pa.schema(
    [
        _IMAGE,
        _field("knob", pa.string(), "what is changed, everything else at its default"),
        _field("value", pa.string(), "what it is set to"),
        _field("is_default", pa.bool_(), "whether that is the default"),
        _KEEP,
        _ERANK,
        _MASS,
        _COVERAGE,
        _field("jaccard", pa.float64(), "overlap with the image's default selection", "share"),
        _field("guide", pa.float64(), "the number of the image that set its threshold"),
    ]
)
CORRUPTION = pa.schema(
    [
        _IMAGE,
        _field("corruption", pa.string(), "what was done to the image; clean for nothing"),
        _field("severity", pa.int32(), "0 for clean, then 1, 3, 5 on our own scale"),
        _field("entropy", pa.float64(), "entropy of the [CLS] attention, all tokens", "nats"),
        _field("erank", pa.float64(), "effective rank of all tokens, centred", "directions"),
        _field("erank_plain", pa.float64(), "effective rank, not centred", "directions"),
    ]
)
ATTENTION = pa.schema(
    [
        _IMAGE,
        _field("source", pa.string(), "cls: [CLS] row of a vision layer; text: last prompt token"),
        _field("layer", pa.int32(), "index of the layer, from 0"),
        _field("n_tokens", pa.int32(), "image tokens N", "tokens"),
        _field("entropy", pa.float64(), "of the attention renormalised over the N", "nats"),
        _field("top_share", _FLOATS, "share of the 25 % most attended in each position quartile"),
        _field("cumulative", _FLOATS, "attention on the most attended 0 %, 2 %, … 100 %"),
        _field("profile", _FLOATS, "share of attention in 16 equal bins of raster position"),
    ]
)

#: Table name → schema; the file of a shard is ``extra-NAME-00000.parquet``.
EXTRA: dict[str, pa.Schema] = {
    "threshold": THRESHOLD,
    "sensitivity": SENSITIVITY,
    "corruption": CORRUPTION,
    "attention": ATTENTION,
}
