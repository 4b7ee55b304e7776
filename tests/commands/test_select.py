"""`agile select` on arrays of one's own: JSON out, exit 2 with one sentence when wrong."""

import json
import subprocess
import sys
import zipfile
from dataclasses import fields

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from analysis.cli import app, register_commands
from analysis.errors import UsageError
from analysis.pruners import make_pruner
from tests.pruners.inputs import field_tokens

if not app.registered_commands:
    register_commands()


@pytest.fixture(scope="module")
def tokens():
    return field_tokens(7)


@pytest.fixture(scope="module")
def arrays(tokens) -> dict[str, torch.Tensor]:
    """Fields of the image as arrays; grid is left to be guessed."""
    values = {f.name: getattr(tokens, f.name) for f in fields(tokens)}
    return {name: v for name, v in values.items() if isinstance(v, torch.Tensor)}


@pytest.fixture(scope="module")
def path(arrays, tmp_path_factory):
    file = tmp_path_factory.mktemp("tokens") / "image.npz"
    np.savez(file, **{name: value.numpy() for name, value in arrays.items()})
    return file


def run(*arguments: object) -> dict:
    """Run the command in this process and read its JSON."""
    result = CliRunner().invoke(app, ["select", *map(str, arguments)])
    if result.exception:
        raise result.exception
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", ["fastervlm", "divprune", "vispruner", "hiprune", "agilepruner"])
def test_prints_what_the_library_selects(path, tokens, name):
    found = run("--pruner", name, "--keep", 49, "--tokens", path)
    expected = make_pruner(name).select(tokens, 49)
    assert found["indices"] == expected.indices.tolist()
    assert found["groups"] == list(expected.groups)
    assert found["weights"] is None
    assert (found["pruner"], found["keep"], found["n_tokens"]) == (name, 49, 576)
    measures = found["measures"]
    assert measures["erank"] == pytest.approx(tokens.gram.erank(expected.indices))
    assert 0 < measures["coverage"] <= 1


@pytest.mark.parametrize("name", ["visionzip", "bat", "prumerge_plus_fixed"])
def test_merging_methods_print_the_shape_of_their_weights(path, name, tmp_path, tokens):
    out = tmp_path / "selection.npz"
    found = run("--pruner", name, "--keep", 49, "--tokens", path, "--out", out)
    assert found["weights"] == {"shape": [49, 577]}
    written = np.load(out)
    expected = make_pruner(name).select(tokens, 49)
    assert np.array_equal(written["weights"], expected.weights.numpy())
    outputs = expected.apply(tokens.encoder_features, tokens.cls_feature).numpy()
    assert np.allclose(written["outputs"], outputs, atol=1e-5)


def test_keep_may_be_left_out_where_the_method_sets_the_count(path):
    found = run("--pruner", "prumerge", "--tokens", path)
    assert found["n_kept"] == len(found["indices"]) == found["weights"]["shape"][0]


def test_parameters(path):
    pairs = ("--param", "attention_share=0.25", "--param", "seeded=false")
    found = run("--pruner", "mixture", *pairs, "--keep", 64, "--tokens", path)
    assert found["groups"].count("important") == 16
    assert found["pruner"] == "mixture:attention_share=0.25:seeded=false"


def test_safetensors_reads_as_npz(arrays, path, tmp_path):
    file = tmp_path / "image.safetensors"
    save_file(arrays, file)
    wanted = ("--pruner", "cdpruner", "--keep", 16, "--tokens")
    assert run(*wanted, file) == run(*wanted, path)


def test_grid_is_read_or_guessed_from_a_square(arrays, tmp_path):
    small = {"features": arrays["features"][:6].numpy(), "grid": np.array([2, 3])}
    np.savez(tmp_path / "a.npz", **small)
    np.savez(tmp_path / "b.npz", features=small["features"])
    wanted = ("--pruner", "random", "--keep", 1, "--tokens")
    assert run(*wanted, tmp_path / "a.npz")["measures"]["coverage"] > 0
    assert run(*wanted, tmp_path / "b.npz")["measures"]["coverage"] is None


def refused(tmp_path, pruner: str, keep: int | None, *more: str, **given: np.ndarray) -> str:
    """Return the message of a request that must be refused as wrong usage."""
    file = tmp_path / "given.npz"
    np.savez(file, **given)
    asked = ["select", "--pruner", pruner, "--tokens", str(file), *more]
    asked += [] if keep is None else ["--keep", str(keep)]
    error = CliRunner().invoke(app, asked).exception
    assert isinstance(error, UsageError), error
    return str(error)


def test_refusals_name_the_field(tmp_path):
    x, a = np.ones((9, 4), np.float32), np.ones(9, np.float32) / 10
    assert "needs cls_attention" in refused(tmp_path, "fastervlm", 3, features=x)
    assert "keep must be in [1, 9]" in refused(tmp_path, "divprune", 10, features=x)
    assert "keep must be given" in refused(tmp_path, "divprune", None, features=x)
    assert "no array named features (is it feature?)" in refused(tmp_path, "random", 3, feature=x)
    assert "cls_attention must have 9 rows" in refused(
        tmp_path, "fastervlm", 3, features=x, cls_attention=a[:5]
    )
    bad = np.where(np.arange(9) == 4, np.nan, a)
    message = refused(tmp_path, "fastervlm", 3, features=x, cls_attention=bad)
    assert "cls_attention must be finite in float32, got 1" in message
    assert "grid" in refused(tmp_path, "random", 3, features=x, grid=np.array([2, 3]))
    assert "two integers" in refused(tmp_path, "random", 3, features=x, grid=np.array([9]))
    assert "did you mean fastervlm" in refused(tmp_path, "fastvlm", 3, features=x)
    assert "key=value" in refused(tmp_path, "fps", 3, "--param", "start", features=x)
    assert "needs llm_attention" in refused(tmp_path, "fastv", 3, features=x)
    assert "prune_inside" in refused(tmp_path, "dart", 3, features=x)
    prefix = {"features": x, "llm_prefix": np.arange(2)}
    assert "llm_prefix must be one integer" in refused(tmp_path, "random", 3, **prefix)


def test_exit_code_and_one_sentence(tmp_path, root):
    asked = ["select", "--pruner", "random", "--keep", "3", "--tokens", str(tmp_path / "none.npz")]
    done = subprocess.run(
        [sys.executable, "-m", "analysis.cli", *asked], capture_output=True, text=True, cwd=root
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("agile: there is no file")
    assert done.stderr.count("\n") == 1


def test_a_member_that_is_no_array_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "odd.npz", "w") as archive:
        archive.writestr("features.npy", b"nothing")
    asked = ["select", "--pruner", "random", "--keep", "3", "--tokens", str(tmp_path / "odd.npz")]
    error = CliRunner().invoke(app, asked).exception
    assert str(error) == "features must hold numbers, got bytes."


@pytest.mark.parametrize("name", ["broken.npz", "broken.safetensors"])
def test_unreadable_file(tmp_path, name):
    file = tmp_path / name
    file.write_bytes(b"not an array")
    asked = ["select", "--pruner", "random", "--keep", "3", "--tokens", str(file)]
    error = CliRunner().invoke(app, asked).exception
    assert isinstance(error, UsageError)


def test_extra_arrays_are_mentioned_and_ignored(tmp_path):
    file = tmp_path / "extra.npz"
    np.savez(file, features=np.eye(4, dtype=np.float32), labels=np.arange(3))
    asked = ["select", "--pruner", "divprune", "--keep", "2", "--tokens", str(file)]
    result = CliRunner().invoke(app, asked)
    assert "labels" in result.stderr
    assert json.loads(result.stdout)["n_kept"] == 2


def test_a_seed_given_goes_before_the_pruners_own_and_is_reported(path):
    asked = ("--pruner", "random", "--keep", 20, "--tokens", path)
    plain, own = run(*asked), run(*asked, "--param", "seed=3")
    given = run(*asked, "--seed", 3)
    assert own["indices"] == given["indices"] != plain["indices"]
    assert own["pruner"] == "random:seed=3"
    assert given["seed"] == 3
    assert "seed" not in plain


def test_overlap_with_other_pruners(path, tokens):
    asked = ("--pruner", "divprune", "--keep", 49, "--tokens", path)
    found = run(*asked, "--against", "fastervlm", "--against", "fps:start=max_nn")
    first, second = (
        set(make_pruner(n).select(tokens, 49).indices.tolist()) for n in ("divprune", "fastervlm")
    )
    expected = {"fastervlm": len(first & second) / len(first | second), "fps:start=max_nn": 1.0}
    assert found["overlap"] == pytest.approx(expected)
    assert "overlap" not in run(*asked)


@pytest.mark.parametrize("name", ["fastv", "pyramiddrop", "sparsevlm", "sparsevlm_v2", "dart"])
def test_methods_inside_the_language_model_select_on_arrays(path, tokens, name, tmp_path):
    out = tmp_path / "selection.npz"
    found = run("--pruner", name, "--keep", 49, "--tokens", path, "--out", out)
    expected = make_pruner(name).select(tokens, 49)
    assert found["indices"] == expected.indices.tolist()
    assert len(set(found["indices"])) == 49
    space = tokens.features if expected.weights is None else tokens.llm_states
    assert np.allclose(np.load(out)["outputs"], expected.apply(space).numpy(), atol=1e-6)


def test_outputs_that_cannot_be_made_are_mentioned(arrays, tmp_path):
    names = ("features", "encoder_features", "cls_attention", "keys")
    np.savez(tmp_path / "a.npz", **{name: arrays[name].numpy() for name in names})
    asked = ["select", "--pruner", "visionzip", "--keep", "49", "--tokens", str(tmp_path / "a.npz")]
    result = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "b.npz")])
    assert "cls_feature" in result.stderr
    assert "outputs" not in np.load(tmp_path / "b.npz")


def test_numbers_of_another_kind_are_named(tmp_path):
    x = np.ones((9, 4), np.float32)
    assert "features must hold real" in refused(tmp_path, "random", 3, features=x.astype(complex))
    assert "two integers" in refused(tmp_path, "random", 3, features=x, grid=np.array([3, 3.5]))
    half = {"features": x, "crop": np.full(9, 0.5)}
    assert "crop must hold whole" in refused(tmp_path, "random", 3, **half)
    (tmp_path / "none.npz").touch()
    asked = ["select", "--pruner", "random", "--keep", "3", "--tokens", str(tmp_path / "none.npz")]
    error = CliRunner().invoke(app, asked).exception
    assert isinstance(error, UsageError)
    assert not str(error).endswith("..")


def test_byte_order_width_and_text_beside_the_arrays_do_not_matter(arrays, path, tmp_path):
    x, a = arrays["features"].numpy(), arrays["cls_attention"].numpy()
    asked = ("--pruner", "mixture", "--keep", 49, "--tokens")
    text = {"caption": np.array(["a dog"], dtype=object), "labels": np.array(["dog"])}
    for kind in (">f4", "longdouble", "f8"):
        file = tmp_path / f"{kind.strip('>')}.npz"
        np.savez(file, features=x.astype(kind), cls_attention=a.astype(kind), **text)
        assert run(*asked, file)["indices"] == run(*asked, path)["indices"]
    assert "features must hold numbers" in refused(tmp_path, "random", 3, features=x.astype(str))
    objects = refused(tmp_path, "random", 3, features=x[:4].astype(object))
    assert "features must hold numbers, got Python objects" in objects


def _odd(data, way):
    """An archive that is encrypted, packed in a way nobody knows, or whose header never ends."""
    entry = bytearray(data)
    central = entry.find(b"PK\x01\x02")
    if way == "encrypted":
        entry[6] |= 1
        entry[central + 8] |= 1
    elif way == "unknown packing":
        entry[8] = entry[central + 10] = 99
    else:
        start = entry.find(b"{'descr'")
        entry[start : start + 8] = b"[[[[[[[["
    return bytes(entry)


@pytest.mark.parametrize("way", ["encrypted", "unknown packing", "open header"])
def test_odd_archives_are_one_sentence(tmp_path, way):
    from analysis.pruners.arrays import load_tokens

    file = tmp_path / "a.npz"
    np.savez(file, features=np.ones((16, 4), "f4"))
    file.write_bytes(_odd(file.read_bytes(), way))
    with pytest.raises(UsageError, match=r"cannot be read as \.npz or safetensors"):
        load_tokens(file)
