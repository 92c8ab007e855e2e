"""When a scene was taken, and who says so: --datetime, a TIFF tag or the file name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from eotiles.core.errors import BadParameter

Origin = Literal["option", "tiff-tag", "file-name", "product"]


@dataclass(frozen=True)
class Period:
    """An instant, or an interval with both ends. Times are UTC."""

    start: datetime
    end: datetime | None
    """None: an instant."""

    origin: Origin
    """Who said it."""

    def __post_init__(self) -> None:
        if self.end is not None and self.end < self.start:
            raise BadParameter(
                f"the interval {iso(self.start)}/{iso(self.end)} ends before it starts"
            )

    def properties(self) -> dict[str, str | None]:
        """As STAC Item properties; an interval has a null datetime and both ends."""
        if self.end is None:
            return {"datetime": iso(self.start)}
        return {
            "datetime": None,
            "start_datetime": iso(self.start),
            "end_datetime": iso(self.end),
        }


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC, as STAC wants it: 2019-09-18T10:50:31Z."""
    text = moment.astimezone(UTC).isoformat(
        timespec="microseconds" if moment.microsecond else "seconds"
    )
    return text.replace("+00:00", "Z")


def parse_period(text: str) -> Period:
    """An ISO 8601 date, date and time, or interval A/B. A time without a zone is UTC.

    Raises:
        BadParameter: it is none of these.
    """
    parts = text.strip().split("/")
    try:
        moments = [_utc(datetime.fromisoformat(part.strip())) for part in parts]
    except ValueError as error:
        raise BadParameter(
            f"--datetime {text!r} is not an ISO 8601 time (2019-09-18, 2019-09-18T10:50:31Z) or interval A/B"
        ) from error
    if len(moments) > 2:
        raise BadParameter(f"--datetime {text!r} has more than two ends")
    return Period(moments[0], moments[1] if len(moments) == 2 else None, "option")


# Sentinel-2 product names carry several times; the one after _S (data strip) is the sensing time. Everywhere else the
# first date that is one counts: acquisition comes before processing in Landsat and Sentinel names.
_SENSING = re.compile(r"_S(?P<date>\d{8})T(?P<time>\d{6})(?!\d)")
_DATE = re.compile(
    r"(?<!\d)(?P<date>(?:19|20)\d\d(?P<dash>[-_]?)\d\d(?P=dash)\d\d)"
    r"(?:[T_-]?(?P<time>\d{6})(?!\d)|T(?P<clock>\d\d[:-]\d\d[:-]\d\d)|(?!\d))"
)


def period_of_name(name: str) -> Period | None:
    """The first date in a file name, with its time of day if one follows; None if there is no date."""
    for pattern in (_SENSING, _DATE):
        for match in pattern.finditer(name):
            groups = match.groupdict()
            digits = re.sub(r"\D", "", groups["date"])
            clock = re.sub(r"\D", "", groups.get("time") or groups.get("clock") or "")
            for time in (clock, ""):
                try:
                    moment = datetime.strptime(digits + (time or "000000"), "%Y%m%d%H%M%S")
                except ValueError:
                    continue
                return Period(_utc(moment), None, "file-name")
    return None


def period_of_tags(values: Iterable[str]) -> Period | None:
    """The earliest of the times that TIFF tags of a scene's files carry; None if none of them is a time."""
    moments = []
    for value in values:
        text = value.strip()
        # TIFF 6.0 writes 2019:09:18 10:50:31.
        if re.match(r"\d{4}:\d\d:\d\d", text):
            text = text[:10].replace(":", "-") + text[10:]
        try:
            moments.append(_utc(datetime.fromisoformat(text)))
        except ValueError:
            continue
    return Period(min(moments), None, "tiff-tag") if moments else None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
