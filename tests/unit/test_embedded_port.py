"""The port of the embedded cluster: free, and the same at the next start."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from eotiles.embedded.port import choose_port, is_free, remembered


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield listener.getsockname()[1]


def test_a_port_that_somebody_listens_on_is_not_free(taken: int) -> None:
    assert not is_free(taken)


def test_the_choice_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "port"
    port = choose_port(file)
    assert 20000 <= port < 32768
    assert remembered(file) == port
    assert choose_port(file) == port


def test_another_is_chosen_when_the_remembered_one_is_taken(tmp_path: Path, taken: int) -> None:
    file = tmp_path / "port"
    file.write_text(f"{taken}\n")
    port = choose_port(file)
    assert port != taken
    assert remembered(file) == port


@pytest.mark.parametrize("text", ["", "abc", "0", "65536", "-1"])
def test_a_damaged_file_is_no_memory(tmp_path: Path, text: str) -> None:
    file = tmp_path / "port"
    file.write_text(text)
    assert remembered(file) is None
    assert remembered(tmp_path / "missing") is None
