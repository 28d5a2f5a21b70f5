"""A methods paragraph that can be pasted into a paper: what was done with which settings, and whom to cite."""

from __future__ import annotations

from phylometa.model.result import PatientResult

__all__ = ["CITATIONS", "methods_paragraph"]

CITATIONS: tuple[tuple[str, str], ...] = (
    ("El-Kebir et al. 2018", "Nat Genet 50:718, doi:10.1038/s41588-018-0106-z (migration histories, parsimony)"),
    ("Turajlic & Swanton 2016", "Science 352:169, doi:10.1126/science.aaf2784 (patterns of seeding)"),
    ("Hu et al. 2020", "Nat Genet 52:701, doi:10.1038/s41588-020-0628-z (Jaccard similarity index, timing)"),
    ("Al Bakir et al. 2023", "Nature 616:534, doi:10.1038/s41586-023-05729-x (timing of divergence)"),
    ("Gerstung et al. 2020", "Nature 578:122, doi:10.1038/s41586-019-1907-7 (clock and acceleration)"),
)
"""(short form, full reference) of the methods behind the report."""


def methods_paragraph(result: PatientResult, version: str) -> str:
    """Write what was done, in words, with the settings that matter.

    Parameters
    ----------
    result : PatientResult
    version : str
        Of phylometa.
    """
    patient, settings = result.patient, result.settings
    sentences = [
        f"{patient.mutations.n_mutations} somatic mutations in {len(patient.samples)} tumour samples were analysed "
        f"with phylometa {version}."
    ]
    if settings is None:
        return sentences[0]
    if result.clusters is not None:
        sentences.append(
            "Cancer cell fractions were estimated from read counts, copy number and purity, and mutations were "
            f"clustered across samples (sequencing error {settings.ccf.error_rate:g}), giving "
            f"{result.clusters.n_clusters} clusters."
        )
    if result.trees is not None:
        way = "by exhaustive enumeration" if result.trees.method == "enumeration" else "by a search over topologies"
        sentences.append(
            f"Clone trees were inferred under the sum condition {way}, by the likelihood of the reads "
            f"with a sparse prior on the clones of each sample; {result.trees.n_trees} trees were found and "
            f"{len(result.trees)} kept."
        )
        if result.trees.joint is not None:
            sentences.append(
                "Clusters and clone tree were also drawn together (Metropolis-Hastings, "
                f"{result.trees.joint.n_clones:.1f} clones expected); migration graphs and labels are summed over "
                "these draws."
            )
    if result.histories is not None:
        order = ", ".join(_CRITERIA[letter] for letter in result.histories.criteria_order)
        sentences.append(
            f"Migration histories were those of least {order}, in this order of priority, weighted over the tree "
            f"posterior ({settings.migration.weights} weights; El-Kebir et al. 2018; Turajlic & Swanton 2016)."
        )
    if result.labels is not None:
        sentences.append(
            "Labels are posterior probabilities over trees and histories; they are called supported from "
            f"{settings.seeding.headline_probability:g} and favoured from {settings.seeding.favoured_probability:g}, "
            "if that holds within two Monte-Carlo standard errors, without clones of one mutation, and as far as the "
            "quality of the input allows."
        )
    if result.timing is not None:
        sentences.append(
            "Dissemination was dated as the interval between divergence and the founder of each metastasis, with an "
            f"acceleration of the clock of median {settings.timing.acceleration_median:g} "
            f"(standard deviation of its logarithm {settings.timing.acceleration_sigma:g}; Gerstung et al. 2020)."
        )
    sentences.append(f"The random seed was {settings.seed}.")
    return " ".join(sentences)


_CRITERIA = {
    "U": "unobserved clones",
    "M": "migrations",
    "C": "comigrations",
    "S": "seeding sites",
}
