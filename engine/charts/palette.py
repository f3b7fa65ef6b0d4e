"""Colours that can be told apart: as many as asked for, far from given ones and from each other.

Candidates are all hues at three saturations and three luminances whose contrast is at least 3 against white and against
the dark background; each next colour is the candidate whose nearest neighbour is farthest in Oklab.

References:
    Ottosson (2020), "A perceptual color space for image processing" (Oklab); WCAG 2.2 (relative luminance).
"""

from __future__ import annotations

import colorsys
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LUMINANCES, SATURATIONS, HUES = (0.15, 0.20, 0.27), (0.7, 0.5, 0.3), 48

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)

Colours = NDArray[np.float64]


@lru_cache(maxsize=8)
def distinct(taken: tuple[str, ...], count: int) -> tuple[str, ...]:
    """``count`` colours ``#RRGGBB``; the first ones do not depend on how many are asked for."""
    candidates = _candidates()
    points = _oklab(candidates)
    nearest = np.full(len(candidates), np.inf)
    for colour in taken:
        rgb = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        nearest = np.minimum(nearest, np.linalg.norm(points - _oklab(rgb), axis=1))
    found = []
    for _ in range(count):
        best = int(nearest.argmax())
        nearest = np.minimum(nearest, np.linalg.norm(points - points[best], axis=1))
        found.append("#" + "".join(f"{round(255 * channel):02X}" for channel in candidates[best]))
    return tuple(found)


def _candidates() -> Colours:
    """``(n, 3)`` sRGB in [0, 1], each brought to its luminance by bisection of the lightness."""
    found = []
    for luminance in LUMINANCES:
        for saturation in SATURATIONS:
            for hue in np.arange(HUES) / HUES:
                low, high = 0.0, 1.0
                for _ in range(20):
                    middle = (low + high) / 2
                    rgb = np.array(colorsys.hls_to_rgb(hue, middle, saturation))
                    bright = _linear(rgb) @ np.array([0.2126, 0.7152, 0.0722]) > luminance
                    low, high = (low, middle) if bright else (middle, high)
                found.append(rgb)
    return np.array(found)


def _linear(srgb: Colours) -> Colours:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _oklab(srgb: Colours) -> Colours:
    lab: Colours = np.cbrt(_linear(srgb) @ _TO_LMS.T) @ _TO_OKLAB.T
    return lab
