"""HTTPS: the certificate is checked, against the authorities given."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from eotiles.read.location import Location
from eotiles.read.objects import Unreachable
from eotiles.read.ranges import Range
from eotiles.read.web import Web
from tests.unit.web_server import Server, serving

CONTENT = bytes(range(256)) * 100


@dataclass
class Certified:
    server: Server
    ca_file: str


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[Certified]:
    """A server with a certificate of its own making for 127.0.0.1 and data.example.org."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests of eotiles")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.DNSName("data.example.org"),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca_file, key_file)
    with serving(context) as server:
        server.files["/a.tif"] = CONTENT
        yield Certified(server, str(ca_file))


def test_a_certificate_of_a_known_authority(certified: Certified) -> None:
    web = Web(ca_file=certified.ca_file)
    try:
        location = Location("https", certified.server.host, "/a.tif", "sig=x")
        for _ in range(3):
            got = web.read(location, Range(10, 20_000), version=None)
            assert got.data == CONTENT[10:20_000]
        assert len(set(certified.server.connected)) == 1
    finally:
        web.close()


@pytest.mark.parametrize("case", ["unknown authority", "another name"])
def test_a_certificate_that_is_none(certified: Certified, case: str) -> None:
    known = case == "another name"
    host = f"localhost:{certified.server.port}" if known else certified.server.host
    web = Web(retries=0, ca_file=certified.ca_file if known else None)
    try:
        with pytest.raises(Unreachable):
            web.read(Location("https", host, "/a.tif"), Range(0, 10), version=None)
        assert certified.server.asked == []
    finally:
        web.close()
