"""Metadata of strangers: XML without entities and of bounded size, and paths that stay inside the product."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lxml import etree

from eotiles.core.errors import IngestRefused, SetupError

XML_MAX_BYTES = 32 * 2**20
"""The largest that agencies write, the annotation of a long Sentinel-1 product, has a few MiB."""

MANIFEST_FILES_MAX = 10_000


def read_bytes(path: Path, *, limit: int = XML_MAX_BYTES) -> bytes:
    """A metadata file.

    Raises:
        IngestRefused: it is not there, or larger than `limit` bytes.
    """
    try:
        if not path.is_file():  # a pipe would be waited for without end
            raise IngestRefused(f"lacks its file {path.name}")
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise IngestRefused(
            f"has a file {path.name} that cannot be read ({error.strerror})"
        ) from error
    if len(content) > limit:
        raise IngestRefused(f"has a file {path.name} of more than {limit} bytes")
    return content


def read_xml(path: Path, *, limit: int = XML_MAX_BYTES) -> etree._Element:
    """The root of an XML file. Nothing outside the file is opened, and no entity is defined in it.

    Raises:
        IngestRefused: it is not there, too large, not well-formed, or has a document type.
    """
    return parse_xml(read_bytes(path, limit=limit), path.name)


def parse_xml(content: bytes, name: str) -> etree._Element:
    """As read_xml, of bytes."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise IngestRefused(f"has a file {name} that is not well-formed XML") from error
    # What stands before the root may define entities, which the parsers of others would fill in.
    if root.getroottree().docinfo.doctype:
        raise IngestRefused(f"has a file {name} with a document type, which is not read")
    return root


def text_of(root: etree._Element, path: str) -> str | None:
    """Text of the first element at an ElementPath; None where there is none."""
    found = root.findtext(path)
    return found.strip() if found and found.strip() else None


def number_of(root: etree._Element, path: str) -> float | None:
    """Number at an ElementPath; None where there is none.

    Raises:
        IngestRefused: it is no number.
    """
    text = text_of(root, path)
    if text is None:
        return None
    try:
        number = float(text)
        if not math.isfinite(number):
            raise ValueError("not finite")
    except ValueError as error:
        raise IngestRefused(
            f"has {text[:40]!r} for {path.rpartition('/')[2]}, which is no number"
        ) from error
    return number


def inside(folder: Path, href: str) -> Path:
    """The path of a file that a product names, symbolic links followed.

    Raises:
        IngestRefused: it leads out of the product's folder.
    """
    if "\0" in href or "\\" in href or ":" in href:
        raise IngestRefused(f"names a file {href[:80]!r}, which is no path inside it")
    root = folder.resolve()
    path = (root / href).resolve()
    if path == root or not path.is_relative_to(root):
        raise IngestRefused(f"names a file {href[:80]!r} outside of itself")
    return path


def manifest_files(folder: Path, root: etree._Element) -> dict[Path, tuple[str, str] | None]:
    """Every file that a SAFE manifest names, with its checksum: algorithm as hashlib calls it and hexadecimal digest.

    Raises:
        IngestRefused: one lies outside of the folder, or there are too many.
    """
    found: dict[Path, tuple[str, str] | None] = {}
    for stream in root.iterfind("dataObjectSection/dataObject/byteStream"):
        location = stream.find("fileLocation")
        href = None if location is None else location.get("href")
        if not href:
            continue
        if len(found) >= MANIFEST_FILES_MAX:
            raise IngestRefused(f"names more than {MANIFEST_FILES_MAX} files")
        found[inside(folder, href)] = _checksum(stream)
    return found


_ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256", "SHA3-256": "sha3_256", "SHA-512": "sha512"}


def _checksum(stream: etree._Element) -> tuple[str, str] | None:
    checksum = stream.find("checksum")
    if checksum is None or not checksum.text:
        return None
    algorithm = _ALGORITHMS.get((checksum.get("checksumName") or "").upper())
    return None if algorithm is None else (algorithm, checksum.text.strip().lower())


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Around stactools: what it raises about strange metadata becomes a refusal; its deprecations are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Every package of stactools imports the commands of all. Those of Landsat need pkg_resources, which
            # setuptools no longer has; they are left out where Landsat is the first.
            import stactools.landsat  # noqa: F401, PLC0415

            yield
        except (IngestRefused, MemoryError, OSError):
            raise
        except ModuleNotFoundError as error:
            raise SetupError(
                f"products are read with packages that are not installed ({error.name}): pip install 'eotiles[ingest]'"
            ) from error
        except Exception as error:
            said = " ".join(str(error).replace(str(folder), folder.name).split())[:200]
            raise IngestRefused(
                f"has metadata that cannot be used ({type(error).__name__}: {said})"
            ) from error
