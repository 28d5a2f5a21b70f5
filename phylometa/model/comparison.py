"""Primary against metastases: states of clusters in sites, counts, the divergence test and what follows from them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from phylometa.config import ComparisonSettings
from phylometa.model.arrays import FloatArray, IntArray, freeze_array
from phylometa.model.divergence import DivergenceTest
from phylometa.model.frames import frame_of_records
from phylometa.model.short_repr import short_repr

__all__ = [
    "ABSENT",
    "CLONAL",
    "STATE_WORDS",
    "SUBCLONAL",
    "UNKNOWN",
    "Comparison",
    "PrivateCounts",
    "SiteComparison",
]

ABSENT, SUBCLONAL, CLONAL, UNKNOWN = 0, 1, 2, 3
"""States of a cluster or a mutation in a site."""
STATE_WORDS = ("absent", "subclonal", "clonal", "unknown")


@dataclass(frozen=True, slots=True)
class PrivateCounts:
    """Mutations of one metastasis beside the primary; all numbers count mutations unless said.

    Parameters
    ----------
    S : float
        Clonal in both.
    L_p, L_m : float
        Clonal in the primary and absent from the metastasis; the reverse.
    W_s : float
        Subclonal in both.
    private_subclonal_m : float
        Subclonal in the metastasis, absent from the primary.
    n_unknown_m, n_unknown_p : int
        Clonal in the primary and neither seen nor surely absent in the metastasis, or perhaps clonal in the primary and
        not seen in the metastasis; clonal in the metastasis and neither seen nor surely absent in the primary. In no
        other count.
    n_unread_m : int
        Those of `n_unknown_m` without any read in the metastasis.
    n_lost : int
        Left out because a deletion or loss of heterozygosity may have removed them from the other site, in which their
        cluster is found.
    power_p, power_m : float
        Mean P(a clonal mutation is seen) in the primary, in the metastasis, over the mutations read there; NaN if none.
    exposure_ratio : float
        E_p / E_m, the ratio of mean copies per cell: loci that both could show are common to both.
    withheld : str
        Why the counts must not be used; empty if they may.
    """

    S: float
    L_p: float
    L_m: float
    W_s: float
    private_subclonal_m: float = 0.0
    n_unknown_m: int = 0
    n_unknown_p: int = 0
    n_unread_m: int = 0
    n_lost: int = 0
    power_p: float = math.nan
    power_m: float = math.nan
    exposure_ratio: float = 1.0
    withheld: str = ""

    @property
    def jsi(self) -> float:
        """W_s / (L_p + L_m + W_s); NaN if the denominator is 0 or the counts are withheld."""
        total = self.L_p + self.L_m + self.W_s
        return self.W_s / total if total > 0 and not self.withheld else math.nan

    def to_labels(self) -> dict[str, Any]:
        """Return the counts as under ``pm_counts`` in labels.json; None for what is undefined or withheld."""

        def number(value: float) -> float | int | None:
            if not math.isfinite(value) or self.withheld:
                return None
            return int(value) if float(value).is_integer() else float(value)

        shared = self.S / (self.S + self.L_p) if self.S + self.L_p > 0 else math.nan
        return {
            "shared_clonal": number(self.S),
            "L_p": number(self.L_p),
            "L_m": number(self.L_m),
            "W_s": number(self.W_s),
            "private_subclonal_m": number(self.private_subclonal_m),
            "jsi": None if math.isnan(self.jsi) else self.jsi,
            "shared_fraction": None if math.isnan(shared) or self.withheld else shared,
        }


@dataclass(frozen=True, slots=True)
class SiteComparison:
    """One metastasis beside the primary.

    Parameters
    ----------
    metastasis : str
    counts : PrivateCounts
    test : DivergenceTest
        Its call is "undetermined" if the counts are withheld.
    jsi_call : {"polyclonal", "monoclonal", "undefined"}
    """

    metastasis: str
    counts: PrivateCounts
    test: DivergenceTest
    jsi_call: Literal["polyclonal", "monoclonal", "undefined"]

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class Comparison:
    """Primary against all metastases: the one answer that labels, timing and report read.

    Parameters
    ----------
    primary : str
    site_names : tuple of str
    cluster_names : tuple of str, length K
    states : int64 array (K, n_sites)
        `ABSENT`, `SUBCLONAL`, `CLONAL` or `UNKNOWN`.
    power : float64 array (K, n_sites)
        P(at least one mutation of the cluster is seen in the site | it is clonal there); NaN if nothing was read.
    n_primary_regions : int
    metastases : tuple of SiteComparison
        In the order of the sites; empty if the primary was not sampled.
    settings : ComparisonSettings
    warnings : tuple of str
    """

    primary: str
    site_names: tuple[str, ...]
    cluster_names: tuple[str, ...]
    states: IntArray
    power: FloatArray
    n_primary_regions: int
    metastases: tuple[SiteComparison, ...]
    settings: ComparisonSettings = field(default_factory=ComparisonSettings)
    warnings: tuple[str, ...] = ()

    __repr__ = short_repr

    def __post_init__(self) -> None:
        shape = (len(self.cluster_names), len(self.site_names))
        freeze_array(self, "states", np.int64, shape)
        freeze_array(self, "power", np.float64, shape)

    @property
    def by_site(self) -> Mapping[str, SiteComparison]:
        """Metastasis -> its comparison."""
        return {found.metastasis: found for found in self.metastases}

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain lists and mappings; numbers that are not finite become None."""
        return {
            "primary": self.primary,
            "site_names": list(self.site_names),
            "cluster_names": list(self.cluster_names),
            "states": [[STATE_WORDS[state] for state in row] for row in self.states.tolist()],
            "power": [[_plain(value) for value in row] for row in self.power.tolist()],
            "n_primary_regions": self.n_primary_regions,
            "metastases": [
                {
                    "metastasis": found.metastasis,
                    "counts": {name: _plain(value) for name, value in dataclasses.asdict(found.counts).items()},
                    "test": {name: _plain(value) for name, value in dataclasses.asdict(found.test).items()},
                    "jsi_call": found.jsi_call,
                }
                for found in self.metastases
            ],
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], *, settings: ComparisonSettings | None = None) -> Comparison:
        """Read the comparison that `to_json` wrote.

        Parameters
        ----------
        document : mapping
        settings : ComparisonSettings, optional
            In use then; default: the defaults.
        """

        def numbers(record: Mapping[str, Any]) -> dict[str, Any]:
            return {name: math.nan if value is None else value for name, value in record.items()}

        metastases = tuple(
            SiteComparison(
                found["metastasis"],
                PrivateCounts(**numbers(found["counts"])),
                DivergenceTest(**numbers(found["test"])),
                found["jsi_call"],
            )
            for found in document["metastases"]
        )
        shape = (len(document["cluster_names"]), len(document["site_names"]))
        states = [[STATE_WORDS.index(word) for word in row] for row in document["states"]]
        return cls(
            document["primary"],
            tuple(document["site_names"]),
            tuple(document["cluster_names"]),
            np.array(states, dtype=np.int64).reshape(shape),
            np.array(document["power"], dtype=np.float64).reshape(shape),
            document["n_primary_regions"],
            metastases,
            settings or ComparisonSettings(),
            tuple(document["warnings"]),
        )

    def to_frame(self, library: str | None = None) -> Any:
        """Tabulate counts and call of every metastasis against the primary, one row each.

        Parameters
        ----------
        library : {"pandas", "polars", "dict"}, optional
            As in `phylometa.model.frames.frame_of_rows`.
        """
        return frame_of_records(SiteComparison, self.metastases, library)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
