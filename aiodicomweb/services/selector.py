"""Which resource of the Studies Service is meant (PS3.18 §10.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import Final, cast
from urllib.parse import unquote

from ..dicom.uids import check_uid
from ..errors import ConfigurationError

__all__ = ["Selector"]

_FIELDS: Final = {"studies": "study", "series": "series", "instances": "instance"}
_KEYWORDS: Final = frozenset({*_FIELDS, "frames"})
# RFC 3986's unreserved characters: they need no coding, so that there are no two readings.
_SAFE: Final = re.compile(r"[0-9A-Za-z._~\-]{1,64}")
_FRAME_NUMBER: Final = re.compile(r"[ \t]*([0-9]{1,10})[ \t]*")


@dataclass(frozen=True, slots=True)
class Selector:
    """A study, series, instance or frames; or a collection of the first three.

    A level is a UID, or ``""`` for the collection, or ``None`` where it is absent::

        Selector(study="")                       # /studies
        Selector(study="1.2", series="")         # /studies/1.2/series
        Selector(study="1.2", instance="")       # /studies/1.2/instances
        Selector(instance="")                    # /instances
        Selector("1.2", "3.4", "5.6", (1, 2))    # /studies/1.2/series/3.4/instances/5.6/frames/1,2

    Attributes:
        study: Study Instance UID.
        series: Series Instance UID; needs the study.
        instance: SOP Instance UID; needs study and series.
        frames: Numbers of frames, from 1; need the instance.

    Args:
        permissive: Take UIDs that are none, as some archives have them: letters, digits and
            ``-._~``. They cannot climb the path or be taken for its keywords either.

    Raises:
        ConfigurationError: A UID or frame number is malformed, or a level above is missing.
    """

    study: str | None = None
    series: str | None = None
    instance: str | None = None
    frames: tuple[int, ...] | None = None
    _: KW_ONLY
    permissive: InitVar[bool] = False

    def __post_init__(self, permissive: bool) -> None:
        """Check the levels, and make a tuple of the frames."""
        above: list[str | None] = []
        for name in _FIELDS.values():
            uid: str | None = getattr(self, name)
            if uid and not (permissive and _is_safe(uid)):
                check_uid(uid, name)
            if uid is not None and not _may_follow(uid, above):
                raise ConfigurationError(f"{name} needs the levels above it")
            above.append(uid)
        if self.frames is not None:
            object.__setattr__(self, "frames", _members(self.frames))
            if not self.instance or not self.frames or not all(map(_is_frame, self.frames)):
                raise ConfigurationError("frames are numbers from 1, and need an instance")

    @property
    def is_collection(self) -> bool:
        """Whether this is a collection, which can be searched (PS3.18 §10.6.1.1)."""
        return "" in (self.study, self.series, self.instance)

    def parts(self) -> list[str]:
        """Segments of the resource's path below the base URL, not percent-encoded."""
        segments: list[str] = []
        for keyword, name in _FIELDS.items():
            uid: str | None = getattr(self, name)
            if uid is not None:
                segments += [keyword, uid] if uid else [keyword]
        if self.frames is not None:
            segments += ["frames", ",".join(map(str, self.frames))]
        return segments

    def path(self) -> str:
        """The resource's path below the base URL; empty for the service itself."""
        return "".join(f"/{segment}" for segment in self.parts())

    @classmethod
    def from_path(cls, path: str, *, permissive: bool = False) -> Selector:
        """Read a path below the base URL, the reverse of :meth:`path`.

        :meth:`aiodicomweb.services.Route.parse` reads the path of a request, which begins with
        the base and may end with ``metadata`` and the like.

        Args:
            path: May be percent-encoded, and may start and end with a slash.
            permissive: See :class:`Selector`.

        Raises:
            ConfigurationError: It is not the path of such a resource.
        """
        trimmed = path.removeprefix("/").removesuffix("/")
        segments = [unquote(segment) for segment in trimmed.split("/")] if trimmed else []
        levels: dict[str, str] = {}
        frames: tuple[int, ...] | None = None
        position = 0
        for keyword, name in _FIELDS.items():
            if segments[position : position + 1] == [keyword]:
                follower = "".join(segments[position + 1 : position + 2])
                levels[name] = "" if follower in _FIELDS else follower
                position += 2 if levels[name] else 1
        if segments[position : position + 1] == ["frames"]:
            frames = _parse_frames("".join(segments[position + 1 : position + 2]))
            position += 2
        if position < len(segments):
            raise ConfigurationError("not a path of the Studies Service")
        return cls(**levels, frames=frames, permissive=permissive)


def _may_follow(uid: str, above: list[str | None]) -> bool:
    """Whether a level can stand below others: a UID below UIDs, a collection without a gap."""
    if uid:
        return all(above)
    present = [level is not None for level in above]
    return "" not in above and present == sorted(present, reverse=True)


def _is_safe(uid: object) -> bool:
    return (
        isinstance(uid, str)
        and _SAFE.fullmatch(uid) is not None
        and uid not in {".", "..", *_KEYWORDS}
    )


def _members(frames: object) -> tuple[object, ...]:
    """Frames that callers have; of what is not several things there are none."""
    return tuple(cast("Iterable[object]", frames)) if isinstance(frames, Iterable) else ()


def _is_frame(number: int) -> bool:
    return type(number) is int and number > 0


def _parse_frames(text: str) -> tuple[int, ...]:
    matches = [_FRAME_NUMBER.fullmatch(number) for number in text.split(",")]
    return tuple(int(match[1]) if match else 0 for match in matches)
