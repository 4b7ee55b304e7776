"""Filters and warps on (H, W, C) arrays that the corruptions are made of."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.signal import fftconvolve

Array = NDArray[np.float64]


def blurred(x: Array, sigma: float) -> Array:
    """Blur each channel of ``x`` (H, W, C) with a normal kernel of ``sigma`` pixels."""
    out: Array = gaussian_filter(x, sigma=(sigma, sigma, 0), mode="reflect")
    return out


def disc(radius: float) -> Array:
    """Return a disc of ``radius`` pixels with a soft edge that sums to 1."""
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return kernel / kernel.sum()


def line(length: float, angle: float) -> Array:
    """Return a line of ``length`` pixels at ``angle`` (radians) that sums to 1."""
    reach = max(1, int(np.ceil(length / 2)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    across = np.abs(x * np.sin(angle) - y * np.cos(angle))
    along = np.abs(x * np.cos(angle) + y * np.sin(angle))
    kernel = np.clip(1 - across, 0, 1) * np.clip(length / 2 + 0.5 - along, 0, 1)
    return kernel / kernel.sum()


def filtered(x: Array, kernel: Array) -> Array:
    """Convolve each channel of ``x`` (H, W, C) with an odd ``kernel``, edges mirrored."""
    reach = [(size // 2, size // 2) for size in kernel.shape]
    padded = np.pad(x, [*reach, (0, 0)], mode="symmetric")
    out: Array = fftconvolve(padded, kernel[:, :, None], mode="valid", axes=(0, 1))
    return out


def shifted(x: Array, field: Array, order: int) -> Array:
    """Read each pixel of ``x`` (H, W, C) from where ``field`` (2, H, W) points.

    Parameters
    ----------
    field
        Rows and columns to move by.
    order
        0 takes the nearest pixel, 1 interpolates.
    """
    grid = np.indices(x.shape[:2], dtype=np.float64) + field
    channels = [map_coordinates(c, grid, order=order, mode="reflect") for c in np.moveaxis(x, 2, 0)]
    return np.stack(channels, axis=2)


def zoomed(x: Array, factor: float) -> Array:
    """Magnify ``x`` (H, W, C) about its centre by ``factor`` >= 1, same size out."""
    centre = (np.array(x.shape[:2], dtype=np.float64) - 1) / 2
    grid = np.indices(x.shape[:2], dtype=np.float64)
    field = (grid - centre[:, None, None]) * (1 / factor - 1)
    return shifted(x, field, order=1)


def noise_clouds(size: tuple[int, int], rng: np.random.Generator) -> Array:
    """Return (H, W) clouds in [0, 1]: noise of doubling fineness and halving strength."""
    clouds = np.zeros(size)
    cells, strength = 2, 1.0
    while cells <= 64:
        coarse = Image.fromarray(rng.random((cells, cells)).astype(np.float32))
        layer = coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC)
        clouds += strength * np.asarray(layer, dtype=np.float64)
        cells, strength = cells * 2, strength / 2
    spread = clouds.max() - clouds.min()
    return (clouds - clouds.min()) / spread if spread > 0 else clouds * 0
