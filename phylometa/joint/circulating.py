"""What circulates: clones of plasma, circulating cells and ascites, as sums over the draws of the posterior."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from phylometa.clone_trees.presence import TreeDraws
from phylometa.joint.consensus import Projection, credible_interval
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.circulation import NO_SITE, SEVERAL_SITES, Circulation
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.joint_posterior import JointDraw, JointPosterior
from phylometa.model.patient import Patient, Sample, Treatment
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["circulating_clones", "draws_as_posterior"]

_LEVEL = 0.95


def circulating_clones(
    joint: JointPosterior,
    projections: tuple[Projection, ...],
    names: tuple[str, ...],
    patient: Patient,
    *,
    half_step: float,
) -> Circulation | None:
    """Sum up the clones of the samples that name no site.

    Parameters
    ----------
    joint : JointPosterior
    projections : tuple of Projection
        Every draw in the shown clones.
    names : tuple of str
        Of the shown clones.
    patient : Patient
        With purities.
    half_step : float
        What the grid of prevalences does not resolve: intervals are so much wider on either side.

    Returns
    -------
    Circulation or None
        None if every sample names a site. Samples are in the order of their dates, if all have one.
    """
    columns = [s for s, sample in enumerate(patient.samples) if sample.circulates]
    if not columns:
        return None
    samples = [patient.samples[s] for s in columns]
    if all(sample.collection_date is not None for sample in samples):
        columns = sorted(columns, key=lambda s: (str(patient.samples[s].collection_date), s))
        samples = [patient.samples[s] for s in columns]
    weights = joint.weights
    shares = np.array([one.proportions[:, columns] for one in projections])
    lower, upper = credible_interval(shares, weights, _LEVEL, half_step)
    unplaced = np.zeros(len(names))
    for draw, one, weight in zip(joint.draws, projections, weights):
        matched = one.match >= 0
        unplaced[matched] += weight * draw.unplaced[one.match[matched]]
    site_names = [site.name for site in patient.sites]
    sampled = [t for t, site in enumerate(patient.sites) if not site.is_virtual]
    shed = np.array([_shed(draw, sampled)[:, columns] for draw in joint.draws])
    shed_lower, shed_upper = credible_interval(shed, weights, _LEVEL, half_step)
    return Circulation(
        clones=names,
        samples=tuple(sample.name for sample in samples),
        kinds=tuple(sample.kind for sample in samples),
        dates=tuple(str(sample.collection_date or "") for sample in samples),
        treatments_before=tuple(_treatments_before(sample, patient.treatments) for sample in samples),
        purity=np.array([sample.purity for sample in samples]),
        share=np.tensordot(weights, shares, axes=1),
        share_lo=lower,
        share_hi=upper,
        presence=np.minimum(np.tensordot(weights, shares > 0, axes=1), 1.0),
        unplaced=np.minimum(unplaced, 1.0),
        origins=(*(site_names[t] for t in sampled), SEVERAL_SITES, NO_SITE),
        shed=np.tensordot(weights, shed, axes=1),
        shed_lo=shed_lower,
        shed_hi=shed_upper,
    )


def draws_as_posterior(
    trees: TreeEnsemble, draws: Iterable[TreeDraws], sample_site: IntArray
) -> tuple[JointPosterior, tuple[Projection, ...]]:
    """Express draws of given clusters' trees and proportions as a joint posterior in which the clusters are certain.

    Parameters
    ----------
    trees : TreeEnsemble
    draws : iterable
        Of `phylometa.clone_trees.presence.draws_of_trees`.
    sample_site : int64 array (S,)
        -1: names no site.
    """
    made: list[JointDraw] = []
    n = len(trees.names)
    placed = np.flatnonzero(sample_site >= 0)
    for tree, model, (steps, total) in draws:
        parents = trees.parents[tree]
        below = ancestor_matrix(parents)
        for own, whole in zip(steps, total):
            own = np.pad(own, ((0, n - len(own)), (0, 0)))  # an artificial germline has no share
            presence = np.zeros((n, len(trees.site_names)), dtype=bool)
            for sample in placed:
                presence[:, sample_site[sample]] |= own[:, sample] >= model.least
            circulates = below @ (own[:, sample_site < 0] > 0).any(axis=1)
            unplaced = circulates & ~(below @ presence.any(axis=1))
            shares = own / np.maximum(whole, 1)
            made.append(JointDraw(np.arange(n), parents, shares, presence, unplaced=unplaced))
    same = np.arange(n)
    projections = tuple(Projection(draw.parents, same, same, draw.proportions, draw.presence) for draw in made)
    return JointPosterior(tuple(made), np.full(len(made), 1.0 / len(made))), projections


def _shed(draw: JointDraw, sampled: list[int]) -> FloatArray:
    """Shares (O, S) of every sample's tumour cells in clones known from each sampled site alone, several, none."""
    in_site = ancestor_matrix(draw.parents) @ draw.presence[:, sampled]
    number = in_site.sum(axis=1)
    origin = np.where(number == 0, len(sampled) + 1, len(sampled))
    alone = number == 1
    origin[alone] = np.nonzero(in_site[alone])[1]
    found = np.zeros((len(sampled) + 2, draw.proportions.shape[1]))
    np.add.at(found, origin, draw.proportions)
    return found


def _treatments_before(sample: Sample, treatments: tuple[Treatment, ...]) -> tuple[str, ...]:
    """Treatments that began before the sample was taken, in the order in which they did."""
    if sample.collection_date is None:
        return ()
    began = sorted(
        (str(t.start), t.kind, t.site) for t in treatments if t.start is not None and t.start < sample.collection_date
    )
    return tuple(f"{kind} ({site + ', ' if site else ''}{start})" for start, kind, site in began)
