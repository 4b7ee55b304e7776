"""A checkpoint is data: its code never runs and its pickles are never opened."""

import ast
import contextlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import analysis
from analysis.errors import AgileError, UsageError
from analysis.models import LoadOptions, load, outline
from analysis.models.loading import load_model

CODE = """
from pathlib import Path
Path({marker!r}).write_text("it ran")
from transformers import AutoConfig, CLIPImageProcessor, PreTrainedTokenizerFast
from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
class Config(LlavaConfig):
    model_type = "mine"
class Model(LlavaForConditionalGeneration):
    pass
class Processor(LlavaProcessor):
    pass
class Tokens(PreTrainedTokenizerFast):
    pass
class Pictures(CLIPImageProcessor):
    pass
"""
MAPS = {
    "config.json": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"},
    "processor_config.json": {"AutoProcessor": "evil.Processor"},
    "tokenizer_config.json": {"AutoTokenizer": [None, "evil.Tokens"]},
}


def options(folder, **more):
    return LoadOptions(str(folder), device="cpu", **more)


@pytest.fixture
def copy(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # what `yes |` answers
    folder = shutil.copytree(tiny_folder, tmp_path / "copy")
    (folder / "evil.py").write_text(CODE.format(marker=str(tmp_path / "marker")))
    return folder


def put(folder, name, **values):
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize("kind", ["llava", "mine"])
@pytest.mark.parametrize("file", MAPS)
def test_code_of_a_checkpoint_never_runs_whatever_is_answered(copy, tmp_path, file, kind):
    put(copy, file, auto_map=MAPS[file])
    if kind == "mine":  # nothing of transformers answers to these names
        names = {"config.json": "model_type", "processor_config.json": "processor_class"}
        put(copy, file, **{names.get(file, "tokenizer_class"): "mine"})
    with pytest.raises(UsageError, match=r"brings program code of its own .*never run; pass"):
        load(options(copy))
    assert not (tmp_path / "marker").exists()


def test_a_dry_run_does_not_run_it_either(copy, tmp_path):
    put(copy, "config.json", auto_map=MAPS["config.json"], model_type="mine")
    with pytest.raises(UsageError, match="program code of its own"):
        outline(options(copy))
    assert not (tmp_path / "marker").exists()


def test_pickled_weights_are_refused_unopened(copy, tmp_path):
    class Marker:
        def __reduce__(self):
            return (Path.write_text, (tmp_path / "marker", "it ran"))

    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    for content in (weights, Marker()):
        torch.save(content, copy / "pytorch_model.bin")
        with pytest.raises(UsageError, match=r"no safetensors files.*pickled weights are never"):
            load_model("LlavaForConditionalGeneration", options(copy))
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("name", ["weights.bin", "../other/model.safetensors", "/m.safetensors"])
def test_an_index_cannot_lead_to_pickles_or_out_of_the_folder(copy, name):
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": dict.fromkeys(weights, name)}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    torch.save(weights, copy / "weights.bin")
    with pytest.raises(UsageError, match="no safetensors files of its own"):
        load(options(copy))


def test_a_configuration_cannot_name_other_weights(copy):
    put(copy, "config.json", transformers_weights="adapter_model.bin")
    torch.save(load_file(copy / "model.safetensors"), copy / "adapter_model.bin")
    with pytest.raises(UsageError, match=r"no safetensors files of its own \('adapter_model.bin'"):
        load(options(copy))


@pytest.mark.parametrize(
    "content", [b"null", b"[]", b"-1", b'"x"', b"", b"\xff\xfe{\0}\0", b"[" * 100_000]
)
@pytest.mark.parametrize(
    "file", ["config.json", "processor_config.json", "tokenizer.json", "tokenizer_config.json"]
)
def test_json_of_any_kind_is_no_traceback(copy, file, content):
    (copy / file).write_bytes(content)
    with contextlib.suppress(UsageError, AgileError):
        load(options(copy))


@pytest.mark.parametrize(
    ("file", "field", "value"),
    [
        ("config.json", "dtype", "x"),
        ("config.json", "dtype", []),
        ("config.json", "model_type", []),
        ("config.json", "image_seq_length", None),
        ("config.json", "projector_hidden_act", "x"),
        ("processor_config.json", "processor_class", "x"),
    ],
)
def test_a_field_of_a_wrong_type_is_said_in_one_sentence(copy, file, field, value):
    put(copy, file, **{field: value})
    with pytest.raises((UsageError, AgileError), match=r"copy"):
        load(options(copy))


def test_every_call_of_from_pretrained_says_that_code_is_not_trusted():
    for path in Path(analysis.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "from_pretrained":
                words = {word.arg: word.value for word in node.keywords}
                assert ast.unparse(words["trust_remote_code"]) == "False", path
