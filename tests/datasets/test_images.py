import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from analysis.datasets.images import (
    BENCHMARK,
    OWN_PICTURES,
    ImagePolicy,
    UnreadableImageError,
    load_image,
)


def png(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_every_png_mode_becomes_rgb(mode):
    image = Image.new("L", (5, 4), 255)
    image = Image.new("I;16", (5, 4), 65535) if mode == "I;16" else image.convert(mode)
    for policy in (OWN_PICTURES, BENCHMARK):
        loaded = load_image(png(image), policy=policy)
        assert loaded.mode == "RGB"
        assert loaded.size == (5, 4)
        assert loaded.getpixel((0, 0)) == (255, 255, 255)


def test_cmyk_jpeg_becomes_rgb():
    data = png(Image.new("CMYK", (8, 8), (0, 0, 0, 255)), "JPEG")
    assert load_image(data).getpixel((3, 3)) == (0, 0, 0)


def test_sixteen_bits_are_scaled_not_clipped():
    values = np.array([[0, 257 * 128, 65535]], dtype=np.uint16)
    loaded = load_image(png(Image.fromarray(values)))
    assert [loaded.getpixel((x, 0))[0] for x in range(3)] == [0, 128, 255]


def test_float_tiff_in_unit_range_is_scaled_and_other_ranges_are_refused():
    unit = png(Image.fromarray(np.array([[0.0, 1.0]], np.float32)), "TIFF")
    assert load_image(unit).getpixel((1, 0)) == (255, 255, 255)
    strange = png(Image.fromarray(np.array([[-3.0, 1.0]], np.float32)), "TIFF")
    with pytest.raises(UnreadableImageError, match="no known scale"):
        load_image(strange, "x.tif")


def test_transparency_goes_on_white_or_is_dropped_as_the_official_loaders_do():
    image = Image.new("RGBA", (2, 2), (200, 0, 0, 0))
    assert load_image(png(image), policy=OWN_PICTURES).getpixel((0, 0)) == (255, 255, 255)
    assert load_image(png(image), policy=BENCHMARK).getpixel((0, 0)) == (200, 0, 0)
    half = Image.new("RGBA", (2, 2), (0, 0, 0, 128))
    assert load_image(png(half)).getpixel((0, 0)) == (127, 127, 127)


def test_transparent_palette_colour_goes_on_white():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    loaded = load_image(png(image, transparency=0))
    assert loaded.getpixel((0, 0)) == (255, 255, 255)
    assert loaded.getpixel((1, 0)) == (40, 50, 60)


def test_exif_orientation_is_applied_only_where_the_policy_says_so():
    image = Image.new("RGB", (6, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by a quarter turn
    data = png(image, "JPEG", exif=exif)
    assert load_image(data, policy=OWN_PICTURES).size == (4, 6)
    assert load_image(data, policy=BENCHMARK).size == (6, 4)


def test_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (3, 3), color) for color in ("red", "blue")]
    data = png(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert load_image(data).getpixel((1, 1)) == (255, 0, 0)


def test_huge_image_is_refused_before_it_is_decoded():
    data = png(Image.new("1", (20_000, 20_000)))  # 400 million pixels in a few kilobytes
    with pytest.raises(UnreadableImageError, match=r"big.png: .*pixels"):
        load_image(data, "big.png")
    small = png(Image.new("L", (30, 20)))
    with pytest.raises(
        UnreadableImageError,
        match="30 x 20 pixels, padded to a square, are more than the limit of 899",
    ):
        load_image(small, policy=ImagePolicy(max_pixels=899))
    assert load_image(small, policy=ImagePolicy(max_pixels=900)).size == (30, 20)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_truncated_and_flipped_bytes_never_escape_as_another_error(kind):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    data = png(Image.fromarray(noise), kind)
    for end in range(0, len(data) - 64, max(1, len(data) // 12)):
        with pytest.raises(UnreadableImageError, match=r"x\.img: \w"):
            load_image(data[:end], "x.img")
    rng = np.random.default_rng(1)
    for _ in range(40):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 8):
            damaged[place] ^= int(rng.integers(1, 256))
        with contextlib.suppress(UnreadableImageError):
            assert load_image(bytes(damaged)).mode == "RGB"


def test_missing_folder_and_text_files_say_what_they_are(tmp_path):
    (tmp_path / "note.jpg").write_text("hello")
    (tmp_path / "folder.jpg").mkdir()
    for name, reason in (
        ("gone.jpg", "missing"),
        ("note.jpg", "not an image"),
        ("folder.jpg", "a folder"),
    ):
        with pytest.raises(UnreadableImageError, match=rf"{name}: .*{reason}"):
            load_image(tmp_path / name)


def test_policy_names_the_field_and_the_range():
    with pytest.raises(ValueError, match="alpha='black'"):
        ImagePolicy(alpha="black")
    with pytest.raises(ValueError, match="max_pixels=0"):
        ImagePolicy(max_pixels=0)
