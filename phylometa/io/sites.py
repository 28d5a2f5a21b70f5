"""Anatomical sites of a patient, from the rows of the sample sheet."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from phylometa.errors import InputError
from phylometa.io.sheet import SheetRow
from phylometa.model.patient import Site, SiteClass
from phylometa.reference.sample_kinds import KIND_NAMES

__all__ = ["settle_kinds", "sites_of"]


def settle_kinds(rows: Iterable[SheetRow], as_site: Collection[str]) -> tuple[tuple[SheetRow, ...], list[str]]:
    """Take samples of the kinds `as_site` as tissue; take the site from those that circulate. Rows, and warnings.

    Parameters
    ----------
    rows : iterable of SheetRow
    as_site : collection of str
        Kinds that count as tissue of the site that the sheet names, else of a site of the kind's name.

    Raises
    ------
    InputError
        `as_site` names no kind of sample.
    """
    unknown = sorted(set(as_site) - (set(KIND_NAMES) - {"tissue"}))
    if unknown:
        raise InputError(
            f"as_site: {', '.join(unknown)} is none of {', '.join(k for k in KIND_NAMES if k != 'tissue')}"
        )
    settled, taken = [], []
    for row in rows:
        sample = row.sample
        if sample.kind in as_site:
            site = sample.site or sample.kind
            taken.append(f"{sample.name} ({KIND_NAMES[sample.kind]}) as {site}")
            sample = replace(sample, kind="tissue", site=site)
        elif sample.circulates:
            sample = replace(sample, site="")
        settled.append(replace(row, sample=sample))
    warnings = [f"taken as tissue of a site, as asked (as_site): {', '.join(taken)}"] if taken else []
    return tuple(settled), warnings


def sites_of(rows: tuple[SheetRow, ...], *, primary: str | None, source: str) -> tuple[tuple[Site, ...], list[str]]:
    """List the sites of one patient, the primary first (virtual if none was sampled), and warnings.

    Parameters
    ----------
    rows : rows of the patient that are read
    primary : str or None
        Site the user names as the primary, over the sheet's own word; None or ``"auto"``: the sheet's.
    source : str
        Name of the sheet in messages.
    """
    warnings: list[str] = []
    classes: dict[str, SiteClass | None] = {}
    for row in rows:
        if not row.sample.circulates:
            classes[row.sample.site] = classes.get(row.sample.site) or row.site_class
    patient = rows[0].patient
    if primary not in (None, "", "auto"):
        if primary not in classes:
            raise InputError(
                f"patient {patient} has no site {primary} to be the primary; its sites: {', '.join(classes)}",
                file=source,
            )
        for site, site_class in classes.items():
            if site_class == "primary" and site != primary:
                warnings.append(
                    f"site {site} is primary in the sheet, but {primary} was named as the primary: {site} is distant"
                )
                classes[site] = None if site_class is None else "distant"
        classes[primary] = "primary"  # type: ignore[index]
    unknown = [site for site, site_class in classes.items() if site_class is None]
    if unknown:
        warnings.append(
            f"site_type is not known for {', '.join(unknown)}: taken as a distant metastasis; say primary, metastasis, "
            "lymph_node or recurrence in the sheet's column site_type"
        )
    sites = [Site(name, site_class or "distant") for name, site_class in classes.items()]
    primaries = [site for site in sites if site.site_class == "primary"]
    if len(primaries) > 1:
        names = ", ".join(site.name for site in primaries)
        warnings.append(f"several sites are primary ({names}): the first, {primaries[0].name}, is taken as the source")
    if not primaries:
        name = "primary"
        while name in classes:
            name = f"unsampled_{name}"
        primaries = [Site(name, "primary", is_virtual=True)]
        warnings.append(
            "no primary was sampled: a virtual primary stands for it; source, pattern, phyletic and divergence "
            "labels are undetermined"
        )
    with_tissue = {row.sample.site for row in rows if not row.sample.circulates and not row.sample.is_partial}
    grown = sorted({row.sample.site for row in rows if row.sample.is_partial} - with_tissue)
    if grown:
        warnings.append(
            f"{', '.join(grown)}: known by what was grown from it only, or by single cells, which may lack clones of "
            "the site and have them in other proportions; a sample of its tissue would tell"
        )
    if len(rows) == 1:
        warnings.append(
            "one sample only: clones and their fractions can be estimated in it, but no seeding, no divergence and "
            "little of the order of clones can be told"
        )
    return (*primaries, *(site for site in sites if site not in primaries)), warnings
