"""Whether a kept measure goes with an outcome, when the methods are a sample too.

Rows of a study are images × methods. Resampling images alone treats the few methods as all there
are: their differences then pass for evidence from thousands of rows. Here images and methods are
drawn independently (the pigeonhole bootstrap, Owen 2007, which errs on the wide side), and the
correlation is split: between images, between methods, and within both (Mundlak 1978).
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.stats.correlation import correlate
from analysis.stats.estimate import estimates, row, stacked
from analysis.stats.studentised import MOST_DRAWS, around, to_z
from chair_eval.bootstrap import Array, Bootstrap, Interval
from chair_eval.products import PRODUCTS

WITHIN, INNER = "within images", "within images and methods"
METHODS, IMAGES = "between methods", "between images"


@dataclass(frozen=True)
class Crossed:
    """Two columns over the images that every method has.

    Parameters
    ----------
    x, y
        Shape (images, methods), each at a scale of about 1.
    methods
        Names of the methods.
    """

    x: Array
    y: Array
    methods: tuple[str, ...]

    @classmethod
    def of(cls, units: pd.DataFrame, x: str, y: str) -> "Crossed":
        """Lay out rows of image × ``variant``; images that a method lacks are left out."""
        found = [
            units.pivot_table(index="image_id", columns="variant", values=name, observed=True)
            for name in (x, y)
        ]
        methods = [name for name in found[0] if name in found[1]]
        both = pd.concat([table[methods] for table in found], axis=1).dropna()
        values = both.to_numpy(dtype=float)
        first, second = (
            (_scaled(part) for part in np.hsplit(values, 2)) if methods else (values,) * 2
        )
        return cls(first, second, tuple(str(name) for name in methods))

    @property
    def enough(self) -> bool:
        """Whether anything can be said: four images and two methods."""
        return len(self.x) >= 4 and len(self.methods) >= 2

    def split(self) -> dict[str, Array]:
        """Return `split` of all images and methods as they are."""
        n, m = self.x.shape
        return split(*self.sums(np.ones((1, n))), np.ones((1, m)), n)

    @cached_property
    def table(self) -> Array:
        """What is summed over images: all products of two methods' values, then the values."""
        n, m = self.x.shape
        pairs = [(self.x, self.x), (self.x, self.y), (self.y, self.y)]
        products = [(a[:, :, None] * b[:, None, :]).reshape(n, m * m) for a, b in pairs]
        return np.hstack([*products, self.x, self.y])

    def sums(self, weights: Array) -> tuple[Array, Array]:
        """Return weighted products and totals over images; (b, n) → (b, 3, m, m), (b, 2, m)."""
        return self.shaped(weights @ self.table)

    def shaped(self, sums: Array) -> tuple[Array, Array]:
        """Return sums of `table` as products (b, 3, m, m) and totals (b, 2, m)."""
        m = self.x.shape[1]
        products, totals = np.split(sums, [3 * m * m], axis=1)
        return products.reshape(-1, 3, m, m), totals.reshape(-1, 2, m)


def _scaled(values: Array) -> Array:
    spread = values.std() if len(values) else 0.0
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)


def split(products: Array, totals: Array, methods: Array, n: int) -> dict[str, Array]:
    """Return the three correlations from sums, and how much of x lies between methods.

    Parameters
    ----------
    products, totals
        What `Crossed.sums` returns.
    methods
        How often each method is drawn, (b, m).
    n
        Images, drawn ones counted as often as drawn.
    """
    size = methods.sum(axis=1)
    own = np.einsum("bkjj,bj->bk", products, methods)
    cross = np.einsum("bkij,bi,bj->bk", products, methods, methods) / size[:, None]
    within = own - cross
    mean = totals / n
    centre = np.einsum("bkj,bj->bk", mean, methods) / size[:, None]
    away = mean - centre[:, :, None]
    between = np.stack(
        [np.einsum("bj,bj,bj->b", away[:, i], away[:, j], methods) for i, j in _PLACES], axis=1
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        share = n * between[:, 0] / within[:, 0]
    return {
        WITHIN: _correlation(within),
        INNER: _correlation(within - n * between),
        METHODS: _correlation(between),
        "share": share,
    }


_PLACES = ((0, 0), (0, 1), (1, 1))


def _correlation(moments: Array) -> Array:
    """Return xy / sqrt(xx yy), NaN where a variance is gone; (b, 3) → (b,)."""
    room = np.minimum(moments[:, 0], moments[:, 2])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = moments[:, 1] / np.sqrt(moments[:, 0] * moments[:, 2])
    return np.where(room > 1e-9, np.clip(found, -1, 1), np.nan)


def association(units: pd.DataFrame, x: str, y: str, boot: Bootstrap | None = None) -> pd.DataFrame:
    """Correlate a kept measure with an outcome, with images and methods as units.

    Parameters
    ----------
    units
        One row per image × variant, variants of one budget.
    x, y
        Columns, such as ``erank`` and ``n_hallucinated``.
    boot
        Resampling; the default when ``None``. Intervals use at most 2,000 resamples' spread.

    Returns
    -------
    DataFrame
        Estimates in [-1, 1] whose ``group`` is ``within images`` (deviations from the image's
        mean), ``within images and methods`` (methods' own levels taken out too), ``between
        methods`` (means of the methods; ``n`` of the interval are the methods), ``between images``
        (means of the images), and one row ``method NAME`` each: its own correlation over images.
        Columns ``p``; ``methods``; ``lowest, highest``, the range when each method is left out, and
        ``without``, the method whose absence moves the first the most; ``share``, the part of the
        within-image variance of x that lies between methods.
    """
    boot = boot or Bootstrap()
    data = Crossed.of(units, x, y)
    name, m = f"correlation({x}, {y})", len(data.methods)
    found = intervals(data, boot)
    range_of = _left_out(data) if data.enough else {}
    share = float(data.split()["share"][0]) if data.enough else np.nan
    rows = [
        row(
            name,
            group,
            each,
            boot.seed,
            p=each.p,
            methods=m,
            share=share,
            **range_of.get(group, {}),
        )
        for group, each in found.items()
    ]
    return stacked([estimates(rows), *(_by_image(units, data, x, y, boot) if data.enough else [])])


def intervals(data: Crossed, boot: Bootstrap) -> dict[str, Interval]:
    """Return the correlations that rest on images and methods; NaN where either are too few."""
    n, m = data.x.shape
    groups = {WITHIN: m - 1, INNER: m - 1, METHODS: m - 2}
    if not data.enough:
        why = "none: fewer than 4 images or 2 methods"
        return {group: Interval(np.nan, np.nan, np.nan, np.nan, np.nan, n, why) for group in groups}
    one, drawn = data.split(), _drawn(data, boot)
    return {
        group: _interval(float(one[group][0]), drawn[group], n, m, freedom, boot)
        for group, freedom in groups.items()
    }


def _drawn(data: Crossed, boot: Bootstrap) -> dict[str, Array]:
    """Return the correlations of resampled images × resampled methods."""
    n, m = data.x.shape
    few = replace(boot, n_resamples=min(boot.n_resamples, MOST_DRAWS))
    rng = np.random.default_rng([boot.seed, m])
    if not few.drawn(n) or not few.n_resamples:  # no limits without resamples
        return {name: np.empty(0) for name in (WITHIN, INNER, METHODS)}
    draw = (n, few.drawn(n), few.seed)
    products, totals = data.shaped(PRODUCTS.of(data.table, draw, lambda: few.counts(n)))
    methods = rng.multinomial(m, np.full(m, 1 / m), size=len(products)).astype(float)
    return split(products, totals, methods, n)


def _interval(
    estimate: float, draws: Array, n: int, m: int, freedom: int, boot: Bootstrap
) -> Interval:
    """Return Fisher z ± t times the crossed spread, enlarged for few methods."""
    z = to_z(draws[np.isfinite(draws)])
    if not np.isfinite(estimate) or len(z) < 100 or freedom < 1:
        return Interval(estimate, np.nan, np.nan, np.nan, np.nan, n, "none: undefined")
    error = float(z.std(ddof=1)) * np.sqrt(m / (m - 1))
    what = f"bootstrap over images and methods, t with {freedom} degrees of freedom, B={len(z)}"
    return around(estimate, error, n, boot.level, freedom, what)


def _left_out(data: Crossed) -> dict[str, dict[str, object]]:
    """Return the range of each correlation when one method is left out."""
    n, m = data.x.shape
    if m < 3:
        return {}
    products, totals = data.sums(np.ones((1, n)))
    repeat = [np.repeat(table, m, axis=0) for table in (products, totals)]
    full = data.split()
    less = split(repeat[0], repeat[1], 1 - np.eye(m), n)
    found: dict[str, dict[str, object]] = {}
    for group in (WITHIN, INNER, METHODS):
        if np.isfinite(values := less[group]).all():
            most = int(np.argmax(np.abs(values - full[group])))
            edges = {"lowest": float(values.min()), "highest": float(values.max())}
            found[group] = {**edges, "without": data.methods[most]}
    return found


def _by_image(
    units: pd.DataFrame, data: Crossed, x: str, y: str, boot: Bootstrap
) -> list[pd.DataFrame]:
    """Correlate the images' means, then each method's own values, over images."""
    means = pd.DataFrame({"image_id": range(len(data.x)), x: data.x.mean(1), y: data.y.mean(1)})
    frames = [correlate(means, x, y, boot=boot).assign(group=IMAGES)]
    chosen = units[units["variant"].isin(data.methods)]
    for variant, part in chosen.groupby("variant", observed=True):
        frames.append(correlate(part, x, y, boot=boot).assign(group=f"method {variant}"))
    return [frame.assign(measure=f"correlation({x}, {y})") for frame in frames]
