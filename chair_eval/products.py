"""Sums over resampled images, each column multiplied once.

A study asks for the same sums again and again: a method's counts stand in its own row, in every
pair with another method, and in each claim. The product with the resampled counts is by far the
dearest step of a bootstrap over many images, and a column's product is 80 kB; so it is kept.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Bytes of products that are kept; the ones used longest ago go first.
_ROOM = 128 * 2**20


class Products:
    """Products of resampled counts with columns, kept by the content of the column.

    Parameters
    ----------
    room
        Bytes kept at most.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._room, self._used = room, 0
        self._kept: OrderedDict[Hashable, Array] = OrderedDict()

    def __len__(self) -> int:
        """How many products are kept."""
        return len(self._kept)

    def of(self, table: Array, draw: Hashable, counts: Callable[[], Iterator[Array]]) -> Array:
        """Return the sums of every column over every resample.

        Parameters
        ----------
        table
            Shape (n, p).
        draw
            What the resamples depend on: equal values promise equal counts.
        counts
            Yields the counts, (b, n) each; asked only for columns that are not known.

        Returns
        -------
        Array
            Shape (B, p); equal columns are multiplied once.
        """
        columns = np.ascontiguousarray(table.T)
        names = [(draw, blake2b(column, digest_size=16).digest()) for column in columns]
        known = {name: self._kept[name] for name in names if name in self._kept}
        lacking = {name: place for place, name in enumerate(names) if name not in known}
        if lacking:
            part = table[:, list(lacking.values())]
            sums = np.concatenate([chunk @ part for chunk in counts()])
            known |= dict(zip(lacking, np.ascontiguousarray(sums.T), strict=True))
        for name, values in known.items():
            self._keep(name, values)
        return np.column_stack([known[name] for name in names])

    def _keep(self, name: Hashable, values: Array) -> None:
        """File a product as the one used last, and forget what there is no room for."""
        if name not in self._kept:
            self._used += values.nbytes
            # A copy of its own: a view would keep its whole table alive.
            self._kept[name] = values.copy()
        self._kept.move_to_end(name)
        while self._used > self._room:
            self._used -= self._kept.popitem(last=False)[1].nbytes


PRODUCTS = Products()
