"""Clones in samples that name no site: what circulates, how much of it, and where in the body it is known from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from phylometa.model.arrays import FloatArray, freeze_array
from phylometa.model.frames import frame_of_rows
from phylometa.model.short_repr import short_repr

__all__ = ["COLUMNS", "NO_SITE", "SEVERAL_SITES", "Circulation"]

SEVERAL_SITES, NO_SITE = "several sites", "no sampled site"
"""Origins besides the sites themselves."""


@dataclass(frozen=True, eq=False)
class Circulation:
    """Clones of the samples that name no site (plasma, circulating cells, ascites): K clones, C samples, O origins.

    Parameters
    ----------
    clones : tuple of str
    samples, kinds : tuples of str, length C
    dates : tuple of str
        ISO dates of collection; '' if unknown.
    treatments_before : tuple of tuple of str
        Treatments that began before each sample was taken, as ``kind (site, date)``; none if a date is unknown.
    purity : float64 array (C,)
        Share of tumour cells, or of their DNA.
    share, share_lo, share_hi : float64 arrays (K, C)
        Share of each clone among the tumour cells of each sample: posterior mean and 95 % interval.
    presence : float64 array (K, C)
        Probability that the clone is in the sample at all.
    unplaced : float64 array (K,)
        Probability that the clone circulates while neither it nor a descendant is in a sampled site.
    origins : tuple of str
        Each sampled site, `SEVERAL_SITES`, `NO_SITE`.
    shed, shed_lo, shed_hi : float64 arrays (O, C)
        Share of the sample's tumour cells in clones that are known from that site alone, from several, from none; over
        the origins they add up to 1.
    """

    clones: tuple[str, ...]
    samples: tuple[str, ...]
    kinds: tuple[str, ...]
    dates: tuple[str, ...]
    treatments_before: tuple[tuple[str, ...], ...]
    purity: FloatArray
    share: FloatArray
    share_lo: FloatArray
    share_hi: FloatArray
    presence: FloatArray
    unplaced: FloatArray
    origins: tuple[str, ...]
    shed: FloatArray
    shed_lo: FloatArray
    shed_hi: FloatArray

    __repr__ = short_repr

    def __post_init__(self) -> None:
        n_clones, n_samples = len(self.clones), len(self.samples)
        freeze_array(self, "purity", np.float64, (n_samples,))
        freeze_array(self, "unplaced", np.float64, (n_clones,))
        for name in ("share", "share_lo", "share_hi", "presence"):
            freeze_array(self, name, np.float64, (n_clones, n_samples))
        for name in ("shed", "shed_lo", "shed_hi"):
            freeze_array(self, name, np.float64, (len(self.origins), n_samples))

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """(sample, kind, date, clone, share, lo, hi, probability of presence, of being in no sampled site)."""
        return [
            (
                sample, self.kinds[c], self.dates[c], clone, float(self.share[k, c]), float(self.share_lo[k, c]),
                float(self.share_hi[k, c]), float(self.presence[k, c]), float(self.unplaced[k]),
            )
            for c, sample in enumerate(self.samples)
            for k, clone in enumerate(self.clones)
        ]  # fmt: skip

    def to_frame(self, library: str | None = None) -> Any:
        """Tabulate the shares, one row per sample and clone (`phylometa.model.frames.frame_of_rows`)."""
        return frame_of_rows(list(COLUMNS), self.rows, library)

    def to_json(self) -> dict[str, Any]:
        """Return the document of circulation.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Circulation:
        """Read what `to_json` wrote; KeyError, TypeError or ValueError if it is not that."""
        values: dict[str, Any] = {}
        n_clones, n_samples, n_origins = (len(document[name]) for name in ("clones", "samples", "origins"))
        shapes: dict[str, tuple[int, ...]] = {"purity": (n_samples,), "unplaced": (n_clones,)}
        shapes |= dict.fromkeys(("shed", "shed_lo", "shed_hi"), (n_origins, n_samples))
        shapes |= dict.fromkeys(("share", "share_lo", "share_hi", "presence"), (n_clones, n_samples))
        for item in fields(cls):
            value = document[item.name]
            if item.name in shapes:
                values[item.name] = np.array(value, dtype=np.float64).reshape(shapes[item.name])
            elif item.name == "treatments_before":
                values[item.name] = tuple(tuple(map(str, part)) for part in value)
            else:
                values[item.name] = tuple(map(str, value))
        return cls(**values)


COLUMNS = ("sample", "kind", "date", "clone", "share", "share_lo", "share_hi", "probability", "p_no_sampled_site")
"""Columns of `Circulation.rows`."""
