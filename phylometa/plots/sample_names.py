"""Names of samples as figures show them."""

from __future__ import annotations

from phylometa.model.patient import Patient
from phylometa.plots.style import clean_text

__all__ = ["short_sample_names"]

_SEPARATORS = "_-. :/"


def short_sample_names(patient: Patient) -> tuple[str, ...]:
    """Remove the patient's name from sample names if all begin with it (``P1_liver_2`` becomes ``liver_2``); tables and
    files keep the names as they are.

    Parameters
    ----------
    patient : Patient

    Returns
    -------
    tuple of str
        In the order of ``patient.samples``, cleaned for drawing.
    """
    names = [clean_text(sample.name) for sample in patient.samples]
    prefix = clean_text(patient.name)
    rest = [name.removeprefix(prefix) for name in names]
    if all(name.startswith(prefix) and tail[:1] in _SEPARATORS and tail[1:] for name, tail in zip(names, rest)):
        return tuple(tail[1:] for tail in rest)
    return tuple(names)
