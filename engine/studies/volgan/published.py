"""What the thesis printed of VolGAN's validation: SPX, test part June 2018 to February 2023, 11×9 grid.

Shares and explained variance are fractions. Names of models: ``bce`` the adversarial loss alone, ``volgan`` raw
scenarios, ``volgan_reweighted`` with β = 500/max Φ.
"""

from __future__ import annotations

PENALTY: dict[str, tuple[float, float, float]] = {
    "data": (0.0096, 0.0628, 0.0005),
    "bce": (2.4635, 0.9086, 2.3164),
    "volgan": (0.0199, 0.088, 0.003),
    "volgan_reweighted": (0.0127, 0.0620, 0.0014),
}
"""Table 3.1: mean, standard deviation and median of Φ (of daily means for the generators)."""

EXCEEDANCE: dict[tuple[str, str], tuple[float, float, float, float]] = {
    ("volgan_reweighted", "S"): (0.2532, 0.2919, 0.8200, 0.8355),
    ("volgan_reweighted", "3M 100 %"): (0.1395, 0.1516, 0.4961, 0.5461),
    ("volgan_reweighted", "3M 125 %"): (0.76978, 0.7881, 0.9285, 0.9380),
    ("volgan_reweighted", "3M 75 %"): (0.2946, 0.3032, 0.6546, 0.6934),
    ("volgan_reweighted", "1M 100 %"): (0.0982, 0.1128, 0.4289, 0.4841),
    ("volgan_reweighted", "1W 100 %"): (0.2041, 0.2205, 0.5917, 0.6322),
    ("volgan_reweighted", "1D 100 %"): (0.1990, 0.2179, 0.6012, 0.6434),
    ("volgan_reweighted", "VIX"): (0.3437, 0.3523, 0.5267, 0.5504),
    ("volgan", "S"): (0.0448, 0.0939, 0.9233, 0.9337),
    ("volgan", "3M 100 %"): (0.0852, 0.0956, 0.6451, 0.7167),
    ("volgan", "3M 125 %"): (0.7218, 0.7364, 0.9759, 0.9802),
    ("volgan", "3M 75 %"): (0.2033, 0.2214, 0.7562, 0.8183),
    ("volgan", "1M 100 %"): (0.0525, 0.0655, 0.5788, 0.6658),
    ("volgan", "1W 100 %"): (0.1180, 0.1378, 0.7295, 0.8010),
    ("volgan", "1D 100 %"): (0.1171, 0.1352, 0.7468, 0.8165),
    ("volgan", "VIX"): (0.2524, 0.2584, 0.7123, 0.7118),
}
"""Tables 3.2 (reweighted) and 3.3 (β = 0): share of days below the 1, 2.5, 97.5 and 99 % quantiles. That of the VIX
falls from 97.5 to 99 % as printed, which no quantile can do."""

EXPLAINED = {"data": (0.5125, 0.3400, 0.0501), "volgan": (0.4531, 0.2569, 0.1276)}
"""Table 3.4: share of variance of the first three components."""

EXPLAINED_SPREAD = (0.0184, 0.0088, 0.0055)
"""Table 3.4: 1.96 standard deviations of VolGAN's shares over 1,000 draws."""

ALIGNMENT = ((0.921, 0.922, 0.009), (0.921, 0.922, 0.011), (0.798, 0.798, 0.011))
"""Table 3.5: mean, median and standard deviation of the inner products of components."""

RETURN_CORRELATION = {
    "data": (-0.76, -0.29, 0.06),
    "volgan": (-0.84, -0.38, 0.16),
    "data_train": (-0.34, -0.32, 0.28),
}
"""Table 3.6: correlation of the return with the projections on the first three components."""

RETURN_CORRELATION_SPREAD = (0.024, 0.055, 0.020)
"""Table 3.6: 1.96 standard deviations of VolGAN's over 1,000 draws."""

SERIES = ("ΔlogS", "ΔX¹", "Δlog ATM", "Δlog VIX")
"""Rows and columns of Tables 3.7 to 3.9."""

PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""Pairs of :data:`SERIES`, in the order of the figures below."""

CORRELATIONS: dict[str, dict[str, tuple[float, ...]]] = {
    "all": {
        "volgan": (-0.84, -0.86, -0.55, 0.95, 0.66, 0.72),
        "data": (-0.76, -0.77, -0.71, 0.89, 0.84, 0.96),
    },
    "first year": {
        "volgan": (-0.67, -0.73, -0.34, 0.89, 0.64, 0.77),
        "data": (-0.66, -0.82, -0.80, 0.75, 0.74, 0.96),
    },
    "last year": {
        "volgan": (-0.94, -0.92, -0.63, 0.97, 0.71, 0.76),
        "data": (-0.80, -0.72, -0.76, 0.96, 0.95, 0.95),
    },
}
"""Tables 3.7, 3.8 and 3.9."""

EXTREME_SCORE = 0.2
"""Discriminator score below which the start of the Covid pandemic fell (Figure 3.4)."""
