"""What is wrong with a checkpoint is said in one sentence, never loaded over."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.errors import AgileError, UsageError
from analysis.models import LoadOptions, load
from analysis.models.devices import pick_device, ran_out
from analysis.models.fingerprint import fingerprint


@pytest.fixture
def copy(tiny_folder, tmp_path):
    return shutil.copytree(tiny_folder, tmp_path / "copy")


def reload(folder, **options):
    return load(LoadOptions(str(folder), device="cpu", **options))


def change_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    name = next(key for key in weights if key.endswith("linear_1.weight"))
    change(weights, name)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_weights_cut_short_are_named(copy):
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AgileError, match=r"weights of .* are damaged .*; get them again"):
        reload(copy)


def test_a_parameter_without_a_value_is_not_left_random(copy):
    change_weights(copy, lambda weights, name: weights.pop(name))
    with pytest.raises(AgileError, match=r"lack 1 parameters, .*linear_1\.weight"):
        reload(copy)


def test_weights_of_another_size_are_refused(copy):
    def cut(weights, name):
        weights[name] = weights[name][:-1].clone()

    change_weights(copy, cut)
    with pytest.raises(AgileError, match=r"sizes differ from those in config\.json"):
        reload(copy)


def test_a_folder_has_no_revision(copy):
    with pytest.raises(UsageError, match="revision 'main' has no meaning for the folder"):
        reload(copy, revision="main")


def test_an_attention_that_is_not_installed_is_a_wrong_request(copy):
    with pytest.raises(UsageError, match="use --attention sdpa"):
        reload(copy, attention="flash_attention_2")


def test_an_unknown_prompt_is_refused_before_anything_is_loaded():
    with pytest.raises(UsageError, match="prompt is 'vicuna'; choose one of"):
        LoadOptions("x", prompt="vicuna")


def test_the_fingerprint_follows_the_weights_and_nothing_else(copy):
    first = fingerprint(str(copy))
    (copy / "README.md").write_text("a note")
    assert fingerprint(str(copy)) == first
    assert reload(copy).describe()["fingerprint"] == first
    change_weights(copy, lambda weights, name: weights[name].add_(1e-3))
    assert fingerprint(str(copy)) != first
    assert fingerprint("some/hub-id") is None


def test_memory_that_ran_out_is_recognised_however_it_is_said():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(10**15)
    assert ran_out(raised.value)
    assert ran_out(torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert ran_out(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"))
    assert not ran_out(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not ran_out(ValueError("out of memory"))


def test_memory_that_runs_out_while_loading_names_remedies(copy, monkeypatch):
    def fail(*_args, **_kwargs):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("transformers.LlavaForConditionalGeneration.to", fail)
    with pytest.raises(AgileError, match="does not fit on cpu; use --dtype bfloat16"):
        reload(copy)


def test_devices_that_are_not_there_are_refused():
    for name, message in (
        ("cuda:99", "not available here"),
        ("mps", "not supported"),
        ("gpu", "not known to torch"),
    ):
        with pytest.raises(UsageError, match=message):
            pick_device(name)
