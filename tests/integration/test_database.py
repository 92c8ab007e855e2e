"""The embedded cluster from its first start."""

from __future__ import annotations

import psycopg
import pytest

from eotiles.embedded.cluster import Cluster

pytestmark = pytest.mark.integration


def test_pgstac_is_there(cluster: Cluster, read_conninfo: str) -> None:
    assert cluster.status().running
    with psycopg.connect(read_conninfo) as connection:
        assert connection.execute("SELECT pgstac.get_version()").fetchone() == ("0.10.0",)
