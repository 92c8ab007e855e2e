"""Everything eotiles raises on purpose.

    EotilesError
    ├── BadParameter            a value that cannot be used                            422
    │   ├── BadExpression       text outside the grammar or over its limits
    │   └── MissingBand         the item lacks a band that the layer needs
    ├── NotFound                what was asked for is not there                        404
    │   ├── UnknownCollection
    │   ├── UnknownItem
    │   ├── UnknownAsset
    │   ├── UnknownBand
    │   ├── UnknownIndex
    │   ├── UnknownSearch
    │   └── TileOutsideMatrix
    ├── AssetUnreadable         an asset that the catalogue names cannot be read       424
    ├── HrefRefused             an href that the allow-list does not know              424 (ingest: 422)
    ├── Unavailable             the database is down or everything is busy             503
    │   └── OutOfTime           the time of a request is over
    ├── Unauthorized            a write without a token that allows it                 401
    ├── Forbidden               what this service does for nobody                      403
    ├── Conflict                what is to be made exists already                      409
    ├── ItemsRefused            some of many items, each with its own reason           that of the worst
    ├── IngestRefused           a scene that cannot be catalogued (command line, write API)
    └── SetupError              the machine or the settings do not allow it (command line)

A message is one sentence that names the thing (item, asset, parameter) and never a server path.
`http/errors.py` maps each class to its status in one table; the command line prints the message and exits with 1.
"""

from __future__ import annotations

from collections import abc


class EotilesError(Exception):
    """Something that eotiles knows how to explain."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class BadParameter(EotilesError):
    """A parameter has a value that cannot be used."""


class BadExpression(BadParameter):
    """The expression is outside the grammar or over its limits."""


class MissingBand(BadParameter):
    """The item lacks a band that the layer needs."""


class NotFound(EotilesError):
    """What was asked for is not there."""


class UnknownCollection(NotFound):
    """There is no such collection."""


class UnknownItem(NotFound):
    """There is no such item in the collection."""


class UnknownAsset(NotFound):
    """The item has no such asset."""


class UnknownBand(NotFound):
    """The asset has no such band."""


class UnknownIndex(NotFound):
    """There is no spectral index of that name."""


class UnknownSearch(NotFound):
    """There is no registered search of that id."""


class TileOutsideMatrix(NotFound):
    """The tile lies outside its tile matrix."""


class AssetUnreadable(EotilesError):
    """An asset that the catalogue names cannot be read."""


class HrefRefused(EotilesError):
    """The href is not below one of the roots that EOTILES_ASSET_ROOTS allows."""


class Unavailable(EotilesError):
    """The service cannot answer now; try again in a moment."""


class OutOfTime(Unavailable):
    """This took longer than a request may; ask for less, or try again in a moment."""


class Unauthorized(EotilesError):
    """Writing needs a token that allows it."""


class Forbidden(EotilesError):
    """This service does not do that."""


class Conflict(EotilesError):
    """It exists already."""


class ItemsRefused(EotilesError):
    """Some items cannot be stored, so none was."""

    SAID = 3
    """Reasons that the sentence repeats."""

    def __init__(
        self, refusals: abc.Sequence[tuple[str, EotilesError]] = (), *, total: int = 0
    ) -> None:
        """`refusals` are ids and reasons, of `total` items."""
        self.refusals = tuple(refusals)
        reasons = "; ".join(str(error) for _, error in self.refusals[: self.SAID])
        more = len(self.refusals) - self.SAID
        super().__init__(
            f"{len(self.refusals)} of {total} items cannot be stored, so none was: {reasons}"
            + (f"; and {more} more" if more > 0 else "")
        )


class IngestRefused(EotilesError):
    """The scene cannot be catalogued."""


class SetupError(EotilesError):
    """The machine or the settings do not allow it."""
