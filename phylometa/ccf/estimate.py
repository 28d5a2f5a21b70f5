"""Cancer cell fraction of every mutation in every sample, from its reads, copy number and purity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from phylometa.config import MIN_ALT_READS, CcfSettings, ClusteringSettings
from phylometa.model.arrays import FloatArray
from phylometa.model.clusters import CcfTable
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.censored import listing_power
from phylometa.reads.lost_copies import carriers, loss_probability
from phylometa.reads.multiplicity import MultiplicityOptions, enumerate_multiplicities, share_over_groups
from phylometa.reads.read_likelihood import ccf_grid, cell_log_likelihood, distinct_cells, slab_weights

__all__ = ["estimate_ccf", "explain_ccf"]

# Cells of a likelihood table (mutations x samples x options x grid points) computed at once: about 100 MB.
_CELLS_AT_ONCE = 12_000_000
# Mutations from which the overdispersion of the reads is estimated.
_PRECISION_ROWS = 200


def estimate_ccf(
    mutations: MutationTable,
    copy_number: CopyNumberAtLoci,
    purity: FloatArray,
    *,
    settings: CcfSettings,
    purity_sd: FloatArray | None = None,
) -> CcfTable:
    """Estimate the cancer cell fraction (CCF) of every mutation in every sample, multiplicity summed out.

    The prior of a CCF is a spike at 0 (the mutation is absent), a spike at 1 (it is clonal) and a uniform slab between
    them; the multiplicity is one of the options of the locus (`phylometa.reads.multiplicity`), the same in all samples
    of the patient that have the same copy number there.

    Parameters
    ----------
    mutations : MutationTable (n, S)
    copy_number : CopyNumberAtLoci (n, S)
        NaN if unknown; the options then cover every plausible state.
    purity : float array (S,), in (0, 1]
    settings : CcfSettings
    purity_sd : float array (S,), optional
        Standard error of an estimated purity; widens the intervals (to first order: a CCF below 1 is proportional to
        the inverse of the VAF expected at CCF 1).

    Returns
    -------
    CcfTable
        Arrays (n, S); NaN if nothing was observed. If the mutated copy may have been lost
        (`phylometa.reads.lost_copies`), reads without the mutation leave its CCF open.

    Raises
    ------
    InputError
        If a purity is missing or outside (0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from phylometa.config import CcfSettings
    >>> from phylometa.model.patient import CopyNumberAtLoci, MutationTable
    >>> reads = MutationTable(("m1",), ("P",), alt_counts=np.array([[40]]), depth=np.array([[200]]))
    >>> table = estimate_ccf(reads, CopyNumberAtLoci.diploid(1, 1), np.array([0.8]), settings=CcfSettings())
    >>> float(table.ccf[0, 0].round(2)), float(table.vaf_per_ccf[0, 0])
    (0.51, 0.4)
    """
    options = enumerate_multiplicities(mutations, copy_number, purity, settings=settings)
    shape = mutations.depth.shape
    result = {name: np.full(shape, np.nan) for name in ("ccf", "ccf_lo", "ccf_hi", "multiplicity", "vaf_per_ccf")}
    if settings.precision == 0.0:
        settings = replace(settings, precision=_estimate_precision(mutations, copy_number, purity, settings))
    ccf = ccf_grid(settings.grid_points)
    step = max(1, _CELLS_AT_ONCE // max(1, shape[1] * options.n_options * len(ccf)))
    for start in range(0, shape[0], step):
        rows = np.arange(start, min(start + step, shape[0]))
        part = _estimate_rows(mutations.take(rows), options.take(rows), ccf, settings)
        for name, values in part.items():
            result[name][rows] = values
    unseen = ~mutations.is_informative
    for name in ("ccf", "ccf_lo", "ccf_hi"):
        result[name][unseen] = np.nan
    if purity_sd is not None:
        _widen(result, copy_number, np.asarray(purity, dtype=np.float64), np.asarray(purity_sd, dtype=np.float64))
    error = options.error[options.cell_state]
    clonal_vaf = result["vaf_per_ccf"] * (1.0 - 2.0 * error) + error
    depth = np.where(mutations.censored, mutations.usual_depth, mutations.depth)
    power = _detection_power(depth * mutations.is_informative, clonal_vaf)
    if mutations.censored.any():
        power = np.minimum(power, listing_power(mutations, np.nan_to_num(clonal_vaf)))
    loss = loss_probability(copy_number, carriers(mutations))
    return CcfTable(power=power, loss=loss, **result)


def _estimate_precision(
    mutations: MutationTable, copy_number: CopyNumberAtLoci, purity: FloatArray, settings: CcfSettings
) -> float:
    """Precision of the reads: what the clustering of at most `_PRECISION_ROWS` mutations, evenly drawn, says."""
    from phylometa.clustering.infer import estimate_precision

    rows = np.arange(mutations.n_mutations)
    if len(rows) > _PRECISION_ROWS:
        order = np.lexsort((*mutations.depth.T, *mutations.alt_counts.T))
        rows = order[np.linspace(0, len(order) - 1, _PRECISION_ROWS).astype(np.int64)]
    return estimate_precision(
        mutations.take(rows), copy_number.take(rows), purity, settings=ClusteringSettings(), ccf_settings=settings
    )


def _estimate_rows(
    mutations: MutationTable, options: MultiplicityOptions, ccf: FloatArray, settings: CcfSettings
) -> dict[str, FloatArray]:
    cells = distinct_cells(mutations, options)
    log_likelihood = cell_log_likelihood(cells, options, ccf, precision=settings.precision, dtype=np.float64)
    given_ccf = options.log_prior_given_ccf(ccf, settings.subclonal_gain)
    with np.errstate(invalid="ignore"):
        shift = np.where(np.isfinite(given_ccf), given_ccf - options.log_prior[:, :, None], -np.inf)
    log_likelihood += shift[cells.state]
    slab = 1.0 - settings.absent_weight - settings.clonal_weight
    prior = slab * slab_weights(ccf)
    prior[0] += settings.absent_weight
    prior[-1] += settings.clonal_weight
    log_likelihood -= log_likelihood.max(axis=(1, 2), keepdims=True)
    within = np.exp(log_likelihood)
    within *= prior
    total = within.sum(axis=2)
    within /= np.maximum(total, 1e-300)[:, :, None]
    with np.errstate(divide="ignore"):
        evidence = np.log(total)[cells.index]  # (n, S, J): samples of a group add up, the multiplicity is shared
    log_option = share_over_groups(evidence, options)
    option = np.exp(log_option - np.logaddexp.reduce(log_option, axis=2)[:, :, None])
    posterior = np.zeros((*cells.index.shape, len(ccf)))
    for choice in range(options.n_options):
        posterior += option[:, :, choice, None] * within[:, choice][cells.index]
    mean = posterior @ ccf
    low, high = _quantiles(posterior, ccf)
    copies = options.copies[options.cell_state]
    option = np.where(copies > 0.0, option, 0.0)  # what a cell shows that has kept the mutation
    option /= np.maximum(option.sum(axis=2, keepdims=True), 1e-300)
    best = option.argmax(axis=2)[:, :, None]
    slope = options.slope[options.cell_state]
    return {
        "ccf": mean,
        "ccf_lo": low,
        "ccf_hi": high,
        "multiplicity": (option * copies).sum(axis=2),
        "vaf_per_ccf": np.take_along_axis(slope, best, axis=2)[:, :, 0],
    }


def _quantiles(posterior: FloatArray, ccf: FloatArray) -> tuple[FloatArray, FloatArray]:
    """2.5 % and 97.5 % quantiles of grid posteriors (..., G), linear within a grid step."""
    cumulative = np.cumsum(posterior, axis=-1)
    cumulative /= cumulative[..., -1:]
    bounds = []
    for level in (0.025, 0.975):
        upper = (cumulative < level).sum(axis=-1).clip(max=len(ccf) - 1)
        lower = np.maximum(upper - 1, 0)
        at_upper = np.take_along_axis(cumulative, upper[..., None], axis=-1)[..., 0]
        at_lower = np.take_along_axis(cumulative, lower[..., None], axis=-1)[..., 0]
        span = at_upper - at_lower
        share = np.where(span > 0.0, (level - at_lower) / np.where(span > 0.0, span, 1.0), 1.0)
        # A spike holds its mass at one value: no interpolation into CCF 1.
        share = np.where(upper == len(ccf) - 1, 1.0, np.clip(share, 0.0, 1.0))
        bounds.append(np.where(upper == 0, ccf[0], ccf[lower] + share * (ccf[upper] - ccf[lower])))
    return bounds[0], bounds[1]


def _widen(
    result: dict[str, FloatArray], copy_number: CopyNumberAtLoci, purity: FloatArray, purity_sd: FloatArray
) -> None:
    """Add the uncertainty of the purity to the intervals in place, to first order."""
    total = np.where(np.isfinite(copy_number.total), copy_number.total, 2.0)
    normal = np.asarray(copy_number.normal, dtype=np.float64)
    # d ln(slope) / d rho, slope = m rho / (rho C_T + C_N (1 - rho))
    sensitivity = normal / (purity * (purity * total + normal * (1.0 - purity)))
    margin = 1.96 * result["ccf"] * sensitivity * purity_sd
    result["ccf_lo"] = result["ccf"] - np.hypot(result["ccf"] - result["ccf_lo"], margin)
    result["ccf_hi"] = result["ccf"] + np.hypot(result["ccf_hi"] - result["ccf"], margin)
    np.clip(result["ccf_lo"], 0.0, 1.0, out=result["ccf_lo"])
    np.clip(result["ccf_hi"], 0.0, 1.0, out=result["ccf_hi"])


def _detection_power(depth: NDArray[np.integer], vaf: FloatArray) -> FloatArray:
    """P(at least `MIN_ALT_READS` alternate reads) of a binomial with the given depth and VAF."""
    p = np.clip(vaf, 1e-12, 1.0 - 1e-12)
    term = np.exp(depth * np.log1p(-p))
    below = term.copy()
    for reads in range(1, MIN_ALT_READS):
        term = term * (depth - reads + 1) / reads * p / (1.0 - p)
        below += term
    return np.asarray(np.clip(1.0 - below, 0.0, 1.0))


def explain_ccf(
    mutations: MutationTable,
    copy_number: CopyNumberAtLoci,
    purity: FloatArray,
    table: CcfTable,
    *,
    mutation: int,
    sample: int,
) -> str:
    """Write the formula behind one CCF with its numbers, in one line.

    Parameters
    ----------
    mutations, copy_number, purity : as in `estimate_ccf`
    table : CcfTable
        What `estimate_ccf` returned for them.
    mutation, sample : int
        Row and column.

    Returns
    -------
    str
    """
    name = f"{mutations.ids[mutation]} in {mutations.sample_names[sample]}"
    if not mutations.is_informative[mutation, sample]:
        return f"{name}: not observed, no CCF"
    rho = float(purity[sample])
    total = float(copy_number.total[mutation, sample])
    normal = float(copy_number.normal[mutation, sample])
    slope = float(table.vaf_per_ccf[mutation, sample])
    alt, depth = int(mutations.alt_counts[mutation, sample]), int(mutations.depth[mutation, sample])
    if np.isfinite(total):
        copies = slope * (rho * total + normal * (1.0 - rho)) / rho
        formula = f"{copies:.3g} x {rho:.3g} / ({rho:.3g} x {total:.3g} + {normal:.3g} x {1.0 - rho:.3g}) = {slope:.3g}"
    else:
        formula = f"{slope:.3g} (copy number unknown, most probable state)"
    low, mean, high = (float(array[mutation, sample]) for array in (table.ccf_lo, table.ccf, table.ccf_hi))
    return (
        f"{name}: {alt} of {depth} reads, VAF {alt / depth:.3g}; VAF at CCF 1 = m rho / (rho C_T + C_N (1 - rho)) = "
        f"{formula}; CCF {mean:.3g} ({low:.3g}-{high:.3g})"
    )
