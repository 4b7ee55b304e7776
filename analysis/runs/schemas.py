"""The schemas of every table a run writes; unit and meaning travel as field metadata."""

import pyarrow as pa

SCHEMA_VERSION = 1


def _field(name: str, kind: pa.DataType, meaning: str, unit: str = "") -> pa.Field:
    return pa.field(name, kind, metadata={"meaning": meaning, "unit": unit})


#: Bins of raster position in the attention profile.
PROFILE_BINS = 16

_INTS = pa.list_(pa.int32())
_FLOATS = pa.list_(pa.float32())
_STRINGS = pa.list_(pa.string())

IMAGES = pa.schema(
    [
        _field("image_id", pa.string(), "identifier of the image inside its data set"),
        _field("dataset", pa.string(), "name of the data set"),
        _field("file_name", pa.string(), "file the image was read from, or how it was drawn"),
        _field("width", pa.int32(), "width of the original image", "pixels"),
        _field("height", pa.int32(), "height of the original image", "pixels"),
        _field("status", pa.string(), "ok, or error when the image could not be used"),
        _field("reason", pa.string(), "why the image could not be used"),
        _field("n_tokens", pa.int32(), "visual tokens N before pruning", "tokens"),
        _field("grid_h", pa.int32(), "rows of the patch grid", "patches"),
        _field("grid_w", pa.int32(), "columns of the patch grid", "patches"),
        _field("entropy", pa.float64(), "entropy of the [CLS] attention over patches", "nats"),
        _field("erank", pa.float64(), "effective rank of all tokens, mean-centred", "directions"),
        _field("erank_plain", pa.float64(), "effective rank, not centred", "directions"),
        _field(
            "cls_attention", _FLOATS, "[CLS] attention to each patch, unnormalised", "probability"
        ),
        _field("n_objects", pa.int32(), "annotated objects in the image", "objects"),
        _field("objects", _STRINGS, "ground-truth categories, sorted, each once"),
        _field("boxes", pa.string(), "JSON list of {category, bbox [x, y, w, h]}", "pixels"),
        _field("complexity", pa.string(), "the data set's own split: simple, medium, complex"),
        _field("meta", pa.string(), "JSON of what else the data set knows of the image"),
    ]
)

KEPT = pa.schema(
    [
        _field("image_id", pa.string(), "identifier of the image inside its data set"),
        _field("variant", pa.string(), "pruner@keep, or full"),
        _field("pruner", pa.string(), "pruner with its parameters, as given"),
        _field("keep", pa.int32(), "tokens asked for", "tokens"),
        _field("n_out", pa.int32(), "tokens handed to the language model", "tokens"),
        _field("indices", _INTS, "kept tokens in the order they are fed; -1 is [CLS] or a merge"),
        _field("groups", _STRINGS, "why each kept token was kept"),
        _field("erank", pa.float64(), "effective rank of the kept tokens, centred", "directions"),
        _field("erank_plain", pa.float64(), "effective rank of the kept, plain", "directions"),
        _field("attention_mass", pa.float64(), "part of the [CLS] attention kept", "share"),
        _field("attention_mean", pa.float64(), "mean [CLS] attention of the kept", "probability"),
        _field("pairwise_distance", pa.float64(), "mean over pairs of kept tokens", "1 - cosine"),
        _field("coverage", pa.float64(), "cells with a kept token on or beside them", "share"),
        _field("info", pa.string(), "JSON of what the pruner decided (tau, ratio, …)"),
    ]
)

ANSWERS = pa.schema(
    [
        _field("image_id", pa.string(), "identifier of the image inside its data set"),
        _field("variant", pa.string(), "pruner@keep, or full"),
        _field("pruner", pa.string(), "pruner with its parameters, as given"),
        _field("keep", pa.int32(), "tokens asked for", "tokens"),
        _field("task", pa.string(), "caption, yesno or choice"),
        _field("question_id", pa.string(), "identifier of the question"),
        _field("split", pa.string(), "subset the question belongs to"),
        _field("question", pa.string(), "text of the question, without the prompt around it"),
        _field("answer", pa.string(), "what the model said"),
        _field("label", pa.string(), "the right answer, where there is one"),
        _field("n_new_tokens", pa.int32(), "generated tokens, the stop token included", "tokens"),
        _field("truncated", pa.bool_(), "generation ended at the limit, not at a stop token"),
    ]
)

TABLES: dict[str, pa.Schema] = {"images": IMAGES, "kept": KEPT, "answers": ANSWERS}
# What makes a row unique, and so what resuming compares.
KEYS: dict[str, list[str]] = {
    "images": ["image_id"],
    "kept": ["image_id", "variant"],
    "answers": ["image_id", "variant", "task", "question_id"],
}

_CURVE = pa.list_(pa.float64())
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
        _field("indices", _INTS, "kept tokens; null beyond the first images"),
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
        _field("top_share", _CURVE, "share of the 25 % most attended in each position quartile"),
        _field("cumulative", _CURVE, "attention on the most attended 0 %, 2 %, … 100 %"),
        _field("profile", _CURVE, "share of attention in 16 equal bins of raster position"),
    ]
)

#: What `agile analyse` adds to a finished run: name → schema.
ANALYSES: dict[str, pa.Schema] = {
    "threshold": THRESHOLD,
    "sensitivity": SENSITIVITY,
    "corruption": CORRUPTION,
    "attention": ATTENTION,
}
