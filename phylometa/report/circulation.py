"""Tables and sentences of the report about samples that name no site: plasma, circulating cells, ascites."""

from __future__ import annotations

from phylometa.model.circulation import NO_SITE, SEVERAL_SITES, Circulation
from phylometa.model.result import PatientResult
from phylometa.plots.style import percent
from phylometa.reference.sample_kinds import KIND_NAMES
from phylometa.report.table import Table, number

__all__ = ["circulation_sentences", "circulation_tables"]

_SURE, _LEAST = 0.95, 0.5


def circulation_tables(result: PatientResult) -> tuple[Table, ...]:
    """Make the tables of clones by sample, and of the sites that these clones are known from."""
    found = result.circulation
    if found is None:
        return ()
    rows, clones = [], []
    for c, sample in enumerate(found.samples):
        for k, clone in enumerate(found.clones):
            if found.presence[k, c] < _LEAST:
                continue
            interval = f"{percent(float(found.share_lo[k, c]))} to {percent(float(found.share_hi[k, c]))}"
            share, p = percent(float(found.share[k, c])), number(float(found.presence[k, c]))
            nowhere = number(float(found.unplaced[k]))
            rows.append((sample, _kind(found, c), found.dates[c], clone, share, interval, p, nowhere))
            clones.append(k)
    columns = ("Sample", "Kind", "Date", "Clone", "Share", "95 % interval", "P(present)", "P(in no sampled site)")
    shares = Table("circulating", "Clones that circulate", columns, tuple(rows), clones=tuple(clones))
    origins = tuple(
        (
            sample, _kind(found, c), found.dates[c], percent(float(found.purity[c])),
            *(_with_bounds(found, o, c) for o in range(len(found.origins))),
            "; ".join(found.treatments_before[c]),
        )
        for c, sample in enumerate(found.samples)
    )  # fmt: skip
    head = ("Sample", "Kind", "Date", "Tumour", *(_origin_name(name) for name in found.origins), "Treatments before")
    note = "Share of the tumour DNA or cells in clones that are known from that site alone, from several, from none."
    return shares, Table("shed", "Where the circulating clones are known from", head, origins, note=note)


def _kind(found: Circulation, column: int) -> str:
    return KIND_NAMES[found.kinds[column]]


def _origin_name(name: str) -> str:
    return name[:1].upper() + name[1:] if name in (SEVERAL_SITES, NO_SITE) else f"{name} alone"


def _with_bounds(found: Circulation, origin: int, column: int) -> str:
    share, low, high = (float(values[origin, column]) for values in (found.shed, found.shed_lo, found.shed_hi))
    return f"{percent(share)} ({percent(low)} to {percent(high)})"


def circulation_sentences(result: PatientResult) -> tuple[str, ...]:
    """Say which clones circulate that no sampled site shows, which sites shed, and when cells circulated."""
    found = result.circulation
    if found is None:
        return ()
    texts = []
    hidden = [name for name, p in zip(found.clones, found.unplaced) if p >= _SURE]
    if hidden:
        noun = "Clone" if len(hidden) == 1 else "Clones"
        verb = "circulates" if len(hidden) == 1 else "circulate"
        texts.append(f"{noun} {', '.join(hidden)} {verb}, but no sampled site shows it: some site was not sampled.")
    shedding = [
        name
        for o, name in enumerate(found.origins)
        if name not in (SEVERAL_SITES, NO_SITE) and (found.shed_lo[o] > 0).any()
    ]
    if shedding:
        texts.append(f"Clones that are known from one site alone circulate from {', '.join(shedding)}.")
    for c, kind in enumerate(found.kinds):
        if kind != "ctc":
            continue
        clones = [name for name, p in zip(found.clones, found.presence[:, c]) if p >= _SURE]
        before = found.treatments_before[c]
        when = f"after {', '.join(before)}" if before else "before any dated treatment" * bool(found.dates[c])
        if clones:
            noun = "clone" if len(clones) == 1 else "clones"
            texts.append(
                f"Circulating cells of {found.samples[c]} held {noun} {', '.join(clones)} {when}".rstrip() + "."
            )
    return tuple(texts)
