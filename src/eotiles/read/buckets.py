"""Files in buckets: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.

S3 is tested against moto, Azure against Azurite. For Google there is no emulator here: its tests are a server that
knows ranges and ETags, and nothing of Google's.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, S3Store

from eotiles.read.location import Kind, Location
from eotiles.read.objects import Changed, NotThere, Part, Unreachable, part
from eotiles.read.ranges import Range

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

BUCKETS_MAX = 64
"""Buckets to which connections are kept."""

_CREDENTIALS: dict[Kind, tuple[str, ...]] = {
    "s3": (
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ),
    "gs": (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
    ),
    "az": (
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_CLIENT_SECRET",
        "AZURE_STORAGE_TOKEN",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_STORAGE_USE_EMULATOR",
    ),
}
"""With none of these in the environment a bucket is read as anybody may read it: unsigned."""

_SKIP: dict[Kind, str] = {
    "s3": "AWS_SKIP_SIGNATURE",
    "gs": "GOOGLE_SKIP_SIGNATURE",
    "az": "AZURE_SKIP_SIGNATURE",
}
"""Settles it: `false` signs with the role of the machine, which no variable tells."""

_ENDPOINTS = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT",
    "AZURE_STORAGE_ENDPOINT",
    "GOOGLE_BASE_URL",
)

Bucket = S3Store | GCSStore | AzureStore


class Buckets:
    """A Store of buckets. Credentials, endpoint and region come from the environment, under the names obstore reads."""

    def __init__(
        self,
        *,
        connect_s: float = 3.0,
        answer_s: float = 20.0,
        retries: int = 2,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._unsigned = {kind: _is_unsigned(kind, environ) for kind in _CREDENTIALS}
        self._client: ClientConfig = {
            "connect_timeout": timedelta(seconds=connect_s),
            "timeout": timedelta(seconds=answer_s),
            "user_agent": "eotiles",
            # An endpoint without TLS is somebody's own (MinIO in the next room): named so, it is meant so.
            "allow_http": any(environ.get(name, "").startswith("http://") for name in _ENDPOINTS)
            or bool(environ.get("AZURE_STORAGE_USE_EMULATOR")),
        }
        self._retry: RetryConfig = {
            "max_retries": retries,
            "retry_timeout": timedelta(seconds=answer_s),
            "backoff": {
                "init_backoff": timedelta(seconds=0.2),
                "max_backoff": timedelta(seconds=2),
                "base": 2,
            },
        }
        self._buckets: dict[tuple[Kind, str], Bucket] = {}
        self._lock = threading.Lock()

    def read(self, location: Location, wanted: Range, *, version: str | None) -> Part:
        """Bytes of a file.

        Raises:
            NotThere: there is no such file or bucket, or it may not be read.
            Changed: it has another version.
            Unreachable: the service does not answer, or not with these bytes.
        """
        options: obstore.GetOptions = {"range": (wanted.start, wanted.stop)}
        if version is not None:
            options["if_match"] = version
        try:
            result = obstore.get(self._bucket(location), location.path[1:], options=options)
            meta, (first, _) = result.meta, result.range
            data = bytes(result.bytes())
        except (NotFoundError, FileNotFoundError) as error:
            raise NotThere from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise NotThere("access to the file is refused") from error
        except PreconditionError as error:
            raise Changed from error
        except (BaseError, OSError, ValueError) as error:
            raise Unreachable from error
        if first != wanted.start:
            raise Unreachable("the store answers with other bytes than those asked for")
        now = meta["e_tag"]
        if now is None:
            raise Unreachable("the store does not tell the versions of its files")
        if version is not None and now != version:
            raise Changed
        return part(data, wanted, size_bytes=meta["size"], version=now)

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            self._buckets.clear()

    def _bucket(self, location: Location) -> Bucket:
        key = (location.kind, location.host)
        bucket = self._buckets.get(key)
        if bucket is not None:
            return bucket
        with self._lock:
            if key not in self._buckets:
                while len(self._buckets) >= BUCKETS_MAX:
                    self._buckets.pop(next(iter(self._buckets)))
                self._buckets[key] = self._made(location)
            return self._buckets[key]

    def _made(self, location: Location) -> Bucket:
        unsigned = self._unsigned[location.kind]
        if location.kind == "s3":
            return S3Store(
                location.host,
                client_options=self._client,
                retry_config=self._retry,
                skip_signature=unsigned,
            )
        if location.kind == "gs":
            return GCSStore(
                location.host,
                client_options=self._client,
                retry_config=self._retry,
                skip_signature=unsigned,
            )
        return AzureStore(
            location.host,
            client_options=self._client,
            retry_config=self._retry,
            skip_signature=unsigned,
        )


def _is_unsigned(kind: Kind, environ: Mapping[str, str]) -> bool:
    explicit = environ.get(_SKIP[kind])
    if explicit:
        return explicit.lower() in ("1", "true", "yes", "on")
    return not any(environ.get(name) for name in _CREDENTIALS[kind])
