"""Square padding and centre crop against the original code's geometry."""

import numpy as np
import pytest
from PIL import Image
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

from analysis.errors import UsageError
from analysis.models import LoadOptions, load
from analysis.models.preprocess import pad_to_square, prepare

SIZE = 56
SHAPES = [(90, 40), (41, 90), (56, 57), (300, 55), (64, 64), (33, 20)]  # width, height


def picture(size, seed=0):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


def pixels(adapter, image):
    return adapter.pixel_inputs([image])["pixel_values"]


def normalised(image):
    values = np.asarray(image, dtype=np.float32) / 255
    return ((values - OPENAI_CLIP_MEAN) / OPENAI_CLIP_STD).transpose(2, 0, 1)


@pytest.mark.parametrize("size", SHAPES)
def test_padding_centres_on_the_mean_colour(size):
    image = picture(size)
    width, height = size
    side = max(size)
    canvas = np.empty((side, side, 3), dtype=np.uint8)
    canvas[:] = [int(mean * 255) for mean in OPENAI_CLIP_MEAN]
    left, top = (side - width) // 2, (side - height) // 2
    canvas[top : top + height, left : left + width] = np.asarray(image)
    assert (np.asarray(pad_to_square(image, OPENAI_CLIP_MEAN)) == canvas).all()


def test_the_mean_colour_is_122_116_104():
    padded = pad_to_square(Image.new("RGB", (9, 3), "white"), OPENAI_CLIP_MEAN)
    assert padded.getpixel((0, 0)) == (122, 116, 104)
    assert padded.getpixel((0, 3)) == (255, 255, 255)


@pytest.mark.parametrize("size", SHAPES)
def test_pad_equals_the_processor_that_pads_itself(size, tiny_folder):
    """transformers' own do_pad is written independently of ours."""
    adapter = load(LoadOptions(str(tiny_folder), device="cpu", image_aspect="pad"))
    own = adapter.pixel_inputs([picture(size)])["pixel_values"][0].numpy()
    reference = LlavaImageProcessorPil(
        do_pad=True, size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}
    )
    theirs = reference(images=[picture(size)], return_tensors="np")["pixel_values"][0]
    assert own.shape == (3, SIZE, SIZE)
    assert np.array_equal(own, theirs)


@pytest.mark.parametrize("size", SHAPES)
def test_crop_equals_shortest_edge_then_centre(size, tiny_folder):
    adapter = load(LoadOptions(str(tiny_folder), device="cpu", image_aspect="crop"))
    own = adapter.pixel_inputs([picture(size)])["pixel_values"][0].numpy()
    width, height = size
    short = min(size)
    scaled = (int(SIZE * width / short), int(SIZE * height / short))
    resized = picture(size).resize(scaled, Image.Resampling.BICUBIC)
    left, top = (scaled[0] - SIZE) // 2, (scaled[1] - SIZE) // 2
    box = (left, top, left + SIZE, top + SIZE)
    assert np.allclose(own, normalised(resized.crop(box)), atol=1e-5)


def test_pad_is_the_default_of_llava15(tiny_folder):
    adapter = load(LoadOptions(str(tiny_folder), device="cpu"))
    assert adapter.image_aspect == "pad"
    assert adapter.describe()["image_aspect"] == "pad"


def test_pad_and_crop_see_different_pixels(tiny_folder):
    pad = load(LoadOptions(str(tiny_folder), device="cpu", image_aspect="pad"))
    crop = load(LoadOptions(str(tiny_folder), device="cpu", image_aspect="crop"))
    image = picture((90, 40))
    assert not np.allclose(*(pixels(adapter, image) for adapter in (pad, crop)))
    square = picture((64, 64))
    assert np.array_equal(*(pixels(adapter, square) for adapter in (pad, crop)))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_every_mode_becomes_rgb(mode):
    image = picture((20, 12)).convert(mode)
    assert prepare(image, "pad", OPENAI_CLIP_MEAN).mode == "RGB"
    assert prepare(image, "crop", OPENAI_CLIP_MEAN).size == (20, 12)


def test_unknown_aspects_are_refused(tiny_folder):
    with pytest.raises(ValueError, match="pad, crop"):
        prepare(picture((4, 4)), "stretch", OPENAI_CLIP_MEAN)
    with pytest.raises(UsageError, match="image_aspect is 'stretch'"):
        LoadOptions(str(tiny_folder), image_aspect="stretch")
