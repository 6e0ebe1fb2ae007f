"""UIDs become resources, or an error."""

from __future__ import annotations

import pytest

from aiodicomweb import ConfigurationError, Selector
from aiodicomweb.client.verbs.selecting import select_instance, select_series, select_study


def test_each_level_is_selected() -> None:
    """A study, a series of it, an instance of that."""
    assert Selector("1.2") == select_study("1.2")
    assert Selector("1.2", "3.4") == select_series("1.2", "3.4")
    assert Selector("1.2", "3.4", "5.6") == select_instance("1.2", "3.4", "5.6")


@pytest.mark.parametrize("uid", ["", "..", "1.2/3", "x"])
def test_what_is_no_uid_is_named(uid: str) -> None:
    """Every level is checked; nothing in it is the collection above."""
    with pytest.raises(ConfigurationError, match="study_instance_uid"):
        select_study(uid)
    with pytest.raises(ConfigurationError, match="series_instance_uid"):
        select_series("1.2", uid)
    with pytest.raises(ConfigurationError, match="sop_instance_uid"):
        select_instance("1.2", "3.4", uid)
