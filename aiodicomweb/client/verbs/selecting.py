"""The studies, series and instances that verbs are about, of UIDs that are checked at once."""

from __future__ import annotations

from ...dicom.uids import check_uid
from ...errors import ConfigurationError
from ...services import Selector

__all__ = ["select_instance", "select_series", "select_study"]


def select_study(study: str) -> Selector:
    """A study.

    Raises:
        ConfigurationError: The UID is none, or empty, which would be all studies.
    """
    return Selector(check_uid(study, "study_instance_uid"))


def select_series(study: str, series: str) -> Selector:
    """A series; raises like :func:`select_study`."""
    return Selector(
        check_uid(study, "study_instance_uid"), check_uid(series, "series_instance_uid")
    )


def select_instance(
    study: str, series: str, instance: str, frames: tuple[int, ...] | None = None
) -> Selector:
    """An instance, or frames of it; raises like :func:`select_study`."""
    if not (study and series and instance):
        _name_the_bad_one(study, series, instance)
    try:
        return Selector(study, series, instance, frames)
    except ConfigurationError:
        _name_the_bad_one(study, series, instance)
        raise


def _name_the_bad_one(study: str, series: str, instance: str) -> None:
    """Raise for a UID that is none, under the name that the verbs have for it."""
    check_uid(study, "study_instance_uid")
    check_uid(series, "series_instance_uid")
    check_uid(instance, "sop_instance_uid")
