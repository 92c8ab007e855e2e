"""What the picture of a mosaic frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eotiles.catalog.items import BBox, Item
from eotiles.http.tiles.framing import LEAST_PX, NEWEST, framed, picture_grid


def items(*boxes: BBox | None) -> list[Item]:
    return [Item({} if box is None else {"bbox": list(box)}) for box in boxes]


def test_a_few_that_can_be_seen_are_all_shown() -> None:
    assert framed(items((0, 0, 1, 1), (3, 2, 4, 3)), extent=(-50, -50, 50, 50)) == (
        (0, 0, 4, 3),
        False,
    )


def test_of_specks_the_newest_is_shown_with_what_is_around_it() -> None:
    box, is_part = framed(items((10, 10, 11, 11), (-90, -40, -89, -39)), extent=None) or ((), False)
    assert is_part
    assert box == (9.75, 9.75, 11.25, 11.25)


def test_of_many_the_whole_is_shown_where_they_fill_it() -> None:
    series = [(0.0, 0.0, 1.0, 1.0)] * NEWEST
    assert framed(items(*series), extent=(0, 0, 2, 2)) == ((0, 0, 2, 2), False)
    box, is_part = framed(items(*series), extent=(-180, -80, 180, 80)) or ((), False)
    assert is_part
    assert box == (-0.25, -0.25, 1.25, 1.25)


@pytest.mark.parametrize(
    "box", [None, (170, 0, -170, 1), (0, 0, 0, 0), (5, 5, 4, 6), (0, 0, 999, 1)]
)
def test_items_without_a_plain_place_do_not_count(box: BBox | None) -> None:
    assert framed(items(box), extent=None) is None
    assert framed(items(box, (0, 0, 1, 1)), extent=None) == ((0, 0, 1, 1), False)


def test_a_place_near_the_pole_is_drawn_in_degrees() -> None:
    assert picture_grid((0, 86, 20, 88), longest_px=100).crs.to_epsg() == 4326
    assert picture_grid((0, 50, 20, 60), longest_px=100).crs.to_epsg() == 3857
    assert picture_grid((-180, -90, 180, 90), longest_px=100).crs.to_epsg() == 3857


@given(
    west=st.floats(-180, 179.9),
    south=st.floats(-90, 89.9),
    width=st.floats(0.0001, 360),
    height=st.floats(0.0001, 180),
)
def test_any_box_has_a_bounded_grid(west: float, south: float, width: float, height: float) -> None:
    box = west, south, min(west + width, 180.0), min(south + height, 90.0)
    if not (box[0] < box[2] and box[1] < box[3]):
        return
    grid = picture_grid(box, longest_px=512)
    assert min(grid.width_px, grid.height_px) >= LEAST_PX
    assert max(grid.width_px, grid.height_px) == 512
