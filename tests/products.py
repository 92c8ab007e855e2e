"""Generated products: small, with the structure that the agencies document. None of their pixels is real.

Sentinel-2 SAFE folders of both naming conventions, Landsat Collection 2 folders, NAIP images, Sentinel-1 GRD
folders.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint

from tests.builders import UTM_19S, geotiff, north_up


def jpeg2000(
    path: Path,
    data: NDArray[Any],
    *,
    crs: str = UTM_19S,
    transform: Affine | None = None,
    tile_px: int = 128,
    **options: str,
) -> Path:
    """Write (band, y, x) or (y, x) data as a lossless, tiled JPEG 2000 file with its place in GML."""
    planes = data if data.ndim == 3 else data[np.newaxis]
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="JP2OpenJPEG",
        count=planes.shape[0],
        height=planes.shape[1],
        width=planes.shape[2],
        dtype=planes.dtype,
        crs=crs,
        transform=north_up() if transform is None else transform,
        QUALITY="100",
        REVERSIBLE="YES",
        YCBCR420="NO",
        BLOCKXSIZE=str(tile_px),
        BLOCKYSIZE=str(tile_px),
        RESOLUTIONS="3",
        **options,
    ) as dataset:
        dataset.write(planes)
    return path


S2_CORNER = (399_960.0, 4_700_040.0)
S2_EPSG = 32632
S2_SIDE_10M = 240
"""Pixels of a 10 m band; 120 at 20 m and 40 at 60 m cover the same ground."""

S2_BANDS = {
    "B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20,
    "B08": 10, "B8A": 20, "B09": 60, "B10": 60, "B11": 20, "B12": 20,
}  # fmt: skip
"""Resolution of each band in metres, in the order of ESA's band ids."""


def s2_reflectance(band: str, side: int) -> NDArray[np.float64]:
    """(y, x) reflectance of a generated band: smooth, different in each band, the same at every resolution."""
    number = list(S2_BANDS).index(band)
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
    return np.round(0.02 + 0.015 * number + 0.2 * x * (number + 3) / 15 + 0.1 * y, 4)


def _digital(band: str, side: int, offset: int) -> NDArray[np.uint16]:
    numbers = np.round(s2_reflectance(band, side) * 10_000).astype(np.int32) - offset
    numbers[: side // 8, : side // 8] = 0  # a corner that the swath does not reach
    return numbers.astype(np.uint16)


def _s2_image(path: Path, band: str, resolution: int, offset: int) -> Path:
    side = S2_SIDE_10M * 10 // resolution
    grid = north_up(resolution, corner=S2_CORNER)
    data: NDArray[Any]
    if band == "TCI":
        data = np.stack([np.full((side, side), value, np.uint8) for value in (90, 120, 60)])
        data[:, : side // 8, : side // 8] = 0
    elif band == "SCL":
        data = np.full((side, side), 4, np.uint8)
        data[side // 2 :] = 6
        data[: side // 8, : side // 8] = 0
    elif band in ("AOT", "WVP"):
        data = np.full((side, side), 150 if band == "AOT" else 2300, np.uint16)
    else:
        data = _digital(band, side, offset)
    return jpeg2000(path, data, crs=f"EPSG:{S2_EPSG}", transform=grid, tile_px=128)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_manifest(folder: Path, *, checksums: str | None = "MD5", extra: str = "") -> Path:
    """The manifest of a SAFE folder: every file that is in it, with ESA's ids for the metadata."""
    objects = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name == "manifest.safe":
            continue
        name = str(path.relative_to(folder))
        checksum = ""
        if checksums is not None:
            algorithm = {"MD5": "md5", "SHA3-256": "sha3_256"}[checksums]
            digest = hashlib.new(algorithm, path.read_bytes()).hexdigest()
            checksum = f'<checksum checksumName="{checksums}">{digest}</checksum>'
        objects.append(
            f'<dataObject ID="{_object_id(path, folder)}"><byteStream mimeType="application/octet-stream" '
            f'size="{path.stat().st_size}"><fileLocation locatorType="URL" href="./{name}"/>{checksum}'
            "</byteStream></dataObject>"
        )
    return _write(
        folder / "manifest.safe",
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" xmlns:safe="http://www.esa.int/safe/sentinel-1.0" '
        'xmlns:gml="http://www.opengis.net/gml" xmlns:s1="http://www.esa.int/safe/sentinel-1.0/sentinel-1" '
        'xmlns:s1sarl1="http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1">'
        f"{extra}<dataObjectSection>{''.join(objects)}</dataObjectSection></xfdu:XFDU>",
    )


def _object_id(path: Path, folder: Path) -> str:
    level = "2A" if "L2A" in folder.name else "1C"
    if path.name == "MTD_TL.xml":
        return f"S2_Level-{level}_Tile1_Metadata"
    if path.name == "MTD_DS.xml":
        return f"S2_Level-{level}_Datastrip1_Metadata"
    if path.parent == folder and "MTD" in path.name:
        return f"S2_Level-{level}_Product_Metadata"
    if path.name == "INSPIRE.xml":
        return "INSPIRE_Metadata"
    return path.stem.replace(".", "_")


def _n1(name: str, content: str, level: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
        f'<n1:{name} xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/{level}.xsd">{content}</n1:{name}>'
    )


def _granule_xml(tile_id: str, level: str, *, end: tuple[float, float] = S2_CORNER) -> str:
    sizes = "".join(
        f'<Size resolution="{step}"><NROWS>{S2_SIDE_10M * 10 // step}</NROWS>'
        f"<NCOLS>{S2_SIDE_10M * 10 // step}</NCOLS></Size>"
        f'<Geoposition resolution="{step}"><ULX>{end[0]:.0f}</ULX><ULY>{end[1]:.0f}</ULY>'
        f"<XDIM>{step}</XDIM><YDIM>-{step}</YDIM></Geoposition>"
        for step in (10, 20, 60)
    )
    angles = "".join(
        f'<Mean_Viewing_Incidence_Angle bandId="{number}"><ZENITH_ANGLE unit="deg">{4 + number / 10}</ZENITH_ANGLE>'
        '<AZIMUTH_ANGLE unit="deg">105.5</AZIMUTH_ANGLE></Mean_Viewing_Incidence_Angle>'
        for number in range(13)
    )
    return _n1(
        f"Level-{level[1:]}_Tile_ID",
        f'<n1:General_Info><TILE_ID metadataLevel="Brief">{tile_id}</TILE_ID></n1:General_Info>'
        '<n1:Geometric_Info><Tile_Geocoding metadataLevel="Brief"><HORIZONTAL_CS_NAME>WGS84 / UTM zone 32N'
        f"</HORIZONTAL_CS_NAME><HORIZONTAL_CS_CODE>EPSG:{S2_EPSG}</HORIZONTAL_CS_CODE>{sizes}</Tile_Geocoding>"
        '<Tile_Angles><Mean_Sun_Angle><ZENITH_ANGLE unit="deg">41.25</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">160.5'
        f"</AZIMUTH_ANGLE></Mean_Sun_Angle><Mean_Viewing_Incidence_Angle_List>{angles}"
        "</Mean_Viewing_Incidence_Angle_List></Tile_Angles></n1:Geometric_Info><n1:Quality_Indicators_Info>"
        "<Image_Content_QI><CLOUDY_PIXEL_PERCENTAGE>12.5</CLOUDY_PIXEL_PERCENTAGE><NODATA_PIXEL_PERCENTAGE>1.5625"
        "</NODATA_PIXEL_PERCENTAGE></Image_Content_QI></n1:Quality_Indicators_Info>",
        level,
    )


@dataclass(frozen=True)
class Sentinel2:
    """What distinguishes a generated product of today's naming convention."""

    level: str = "L1C"
    baseline: str = "02.09"
    satellite: str = "S2A"
    tile: str = "32TLN"
    sensing: str = "20200704T101559"
    listed_offset: bool = True
    """Whether metadata of baseline 04.00 and later lists the offsets."""

    @property
    def offset(self) -> int:
        return -1000 if self.baseline >= "04.00" else 0

    @property
    def name(self) -> str:
        return (
            f"{self.satellite}_MSI{self.level}_{self.sensing}_N{self.baseline.replace('.', '')}_R065_T{self.tile}_"
            f"{self.sensing[:8]}T143015.SAFE"
        )

    @property
    def item(self) -> str:
        return f"{self.satellite}_T{self.tile}_{self.sensing}_{self.level}"

    def write(self, parent: Path, *, checksums: str | None = "MD5") -> Path:
        """Write the product; path of its folder."""
        folder = parent / self.name
        granule = f"{self.level}_T{self.tile}_A026290_{self.sensing}"
        site, made = ("2APS" if self.level == "L2A" else "VGS2"), f"{self.sensing[:8]}T143015"
        strip = f"{self.satellite}_OPER_MSI_{self.level}_DS_{site}_{made}_S{self.sensing}_N{self.baseline}"
        tile_id = f"{self.satellite}_OPER_MSI_{self.level}_TL_{site}_{made}_A026290_T{self.tile}_N{self.baseline}"
        images = []
        for band, resolution in self._images():
            suffix = f"_{resolution}m" if self.level == "L2A" else ""
            where = f"R{resolution}m/" if self.level == "L2A" else ""
            name = f"GRANULE/{granule}/IMG_DATA/{where}T{self.tile}_{self.sensing}_{band}{suffix}"
            _s2_image(folder / f"{name}.jp2", band, resolution, self.offset)
            images.append(f"<IMAGE_FILE>{name}</IMAGE_FILE>")
        _write(folder / f"GRANULE/{granule}/MTD_TL.xml", _granule_xml(tile_id, self.level))
        _write(folder / f"DATASTRIP/DS_{site}_{made}_S{self.sensing}/MTD_DS.xml", "<a/>")
        _write(folder / "INSPIRE.xml", "<a/>")
        organisation = (
            f'<Granule_List><Granule datastripIdentifier="{strip}" granuleIdentifier="{tile_id}" '
            f'imageFormat="JPEG2000">{"".join(images)}</Granule></Granule_List>'
        )
        _write(folder / f"MTD_MSI{self.level}.xml", self._product_xml(organisation))
        write_manifest(folder, checksums=checksums)
        return folder

    def _images(self) -> list[tuple[str, int]]:
        if self.level == "L1C":
            return [*S2_BANDS.items(), ("TCI", 10)]
        found = [
            (band, step)
            for step in (10, 20, 60)
            for band, native in S2_BANDS.items()
            if native <= step and band != "B10" and not (band == "B08" and step > 10)
        ]
        return [
            *found,
            *((each, step) for each in ("TCI", "AOT", "WVP") for step in (10, 20, 60)),
            ("SCL", 20),
            ("SCL", 60),
        ]

    def _product_xml(self, organisation: str) -> str:
        listed = self.offset != 0 and self.listed_offset
        rows = "".join(f'<{{0}} band_id="{number}">-1000</{{0}}>' for number in range(13))
        if self.level == "L1C":
            values = '<QUANTIFICATION_VALUE unit="none">10000</QUANTIFICATION_VALUE>'
            offsets = f"<Radiometric_Offset_List>{rows.format('RADIO_ADD_OFFSET')}</Radiometric_Offset_List>"
        else:
            values = (
                '<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>'
                '<AOT_QUANTIFICATION_VALUE unit="none">1000.0</AOT_QUANTIFICATION_VALUE>'
                '<WVP_QUANTIFICATION_VALUE unit="cm">1000.0</WVP_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>'
            )
            offsets = f"<BOA_ADD_OFFSET_VALUES_LIST>{rows.format('BOA_ADD_OFFSET')}</BOA_ADD_OFFSET_VALUES_LIST>"
        time = f"{self.sensing[:4]}-{self.sensing[4:6]}-{self.sensing[6:8]}T10:15:59.024Z"
        return _n1(
            f"Level-{self.level[1:]}_User_Product",
            f"<n1:General_Info><Product_Info><PRODUCT_START_TIME>{time}</PRODUCT_START_TIME><PRODUCT_STOP_TIME>{time}"
            f"</PRODUCT_STOP_TIME><PRODUCT_URI>{self.name}</PRODUCT_URI><PROCESSING_LEVEL>Level-{self.level[1:]}"
            f"</PROCESSING_LEVEL><PRODUCT_TYPE>S2MSI{self.level[1:]}</PRODUCT_TYPE><PROCESSING_BASELINE>{self.baseline}"
            f"</PROCESSING_BASELINE><GENERATION_TIME>{time}</GENERATION_TIME>"
            f'<Datatake datatakeIdentifier="GS{self.satellite}_{self.sensing}_026290_N{self.baseline}">'
            f"<SPACECRAFT_NAME>Sentinel-2{self.satellite[-1]}</SPACECRAFT_NAME><DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>"
            "<SENSING_ORBIT_NUMBER>65</SENSING_ORBIT_NUMBER><SENSING_ORBIT_DIRECTION>DESCENDING"
            f"</SENSING_ORBIT_DIRECTION></Datatake><Product_Organisation>{organisation}</Product_Organisation>"
            "</Product_Info><Product_Image_Characteristics>"
            f"{values}{offsets if listed else ''}<Reflectance_Conversion><U>0.967</U></Reflectance_Conversion>"
            "</Product_Image_Characteristics></n1:General_Info><n1:Geometric_Info><Product_Footprint>"
            "<Product_Footprint><Global_Footprint><EXT_POS_LIST>42.44 7.78 42.44 7.81 42.42 7.81 42.42 7.78 42.44 7.78 "
            "</EXT_POS_LIST></Global_Footprint></Product_Footprint></Product_Footprint></n1:Geometric_Info>"
            "<n1:Quality_Indicators_Info/>",
            self.level,
        )


def old_sentinel2(parent: Path, *, tiles: tuple[str, ...] = ("32TLN", "32TMN")) -> Path:
    """A Level-1C product of the naming convention of before December 2016, with a granule for each tile."""
    folder = (
        parent
        / "S2A_OPER_PRD_MSIL1C_PDMC_20160328T043853_R065_V20160327T101559_20160327T101559.SAFE"
    )
    strip = "S2A_OPER_MSI_L1C_DS_SGS__20160327T154528_S20160327T101559_N02.01"
    granules = []
    for number, tile in enumerate(tiles):
        identifier = f"S2A_OPER_MSI_L1C_TL_SGS__20160327T154528_A003982_T{tile}_N02.01"
        stem = identifier.rpartition("_N")[0]
        for band, resolution in S2_BANDS.items():
            _s2_image(
                folder / f"GRANULE/{identifier}/IMG_DATA/{stem}_{band}.jp2", band, resolution, 0
            )
        name = stem.replace("_MSI_", "_MTD_", 1)
        end = (S2_CORNER[0] + 2400 * number, S2_CORNER[1])
        _write(
            folder / f"GRANULE/{identifier}/{name}.xml", _granule_xml(identifier, "L1C", end=end)
        )
        ids = "".join(f"<IMAGE_ID>{stem}_{band}</IMAGE_ID>" for band in S2_BANDS)
        granules.append(
            f'<Granule_List><Granules datastripIdentifier="{strip}" granuleIdentifier="{identifier}" '
            f'imageFormat="JPEG2000">{ids}</Granules></Granule_List>'
        )
    _write(
        folder
        / "S2A_OPER_MTD_SAFL1C_PDMC_20160328T043853_R065_V20160327T101559_20160327T101559.xml",
        _n1(
            "Level-1C_User_Product",
            f"<n1:General_Info><Product_Info><Product_Organisation>{''.join(granules)}</Product_Organisation>"
            "</Product_Info><Product_Image_Characteristics><QUANTIFICATION_VALUE>10000</QUANTIFICATION_VALUE>"
            "</Product_Image_Characteristics></n1:General_Info>",
            "L1C",
        ),
    )
    write_manifest(folder)
    return folder


LANDSAT_CORNER = (500_085.0, 4_700_115.0)
LANDSAT_SIDE = 100
_OLI = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6": 6, "7": 7}


def landsat_numbers(band: int, *, side: int = LANDSAT_SIDE) -> NDArray[np.uint16]:
    """(y, x) digital numbers of a generated band; 0 in a corner."""
    y, x = np.mgrid[0:side, 0:side]
    numbers = (8000 + 900 * band + 20 * x * (band + 2) + 7 * y).astype(np.uint16)
    numbers[: side // 8, : side // 8] = 0
    return numbers


@dataclass(frozen=True)
class Landsat:
    """What distinguishes a generated Landsat product of Collection 2."""

    level: int = 2
    sensor: str = "LC08"
    path_row: str = "193030"
    date: str = "20200704"

    @property
    def name(self) -> str:
        kind = "L2SP" if self.level == 2 else "L1TP"
        return f"{self.sensor}_{kind}_{self.path_row}_{self.date}_20200913_02_T1"

    @property
    def item(self) -> str:
        kind = "L2SP" if self.level == 2 else "L1TP"
        return f"{self.sensor}_{kind}_{self.path_row}_{self.date}_02_T1"

    @property
    def bands(self) -> list[str]:
        if self.sensor in ("LC08", "LC09"):
            return [*_OLI] + (["8", "9", "10", "11"] if self.level == 1 else [])
        return ["1", "2", "3", "4", "5", "7"] + (["6"] if self.level == 1 else [])

    def images(self) -> dict[str, tuple[str, NDArray[Any]]]:
        """By what the MTL calls them: file name and pixels."""
        optical = "SR_B" if self.level == 2 else "B"
        found: dict[str, tuple[str, NDArray[Any]]] = {}
        for band in self.bands:
            side = LANDSAT_SIDE * 2 if band == "8" else LANDSAT_SIDE
            found[f"FILE_NAME_BAND_{band}"] = (
                f"{self.name}_{optical}{band}.TIF",
                landsat_numbers(int(band), side=side),
            )
        quality = np.full((LANDSAT_SIDE, LANDSAT_SIDE), 21824, np.uint16)
        quality[: LANDSAT_SIDE // 8, : LANDSAT_SIDE // 8] = 1
        found["FILE_NAME_QUALITY_L1_PIXEL"] = (f"{self.name}_QA_PIXEL.TIF", quality)
        found["FILE_NAME_QUALITY_L1_RADIOMETRIC_SATURATION"] = (
            f"{self.name}_QA_RADSAT.TIF",
            np.zeros_like(quality),
        )
        if self.level == 2:
            thermal = "ST_B10" if self.sensor in ("LC08", "LC09") else "ST_B6"
            found[f"FILE_NAME_BAND_{thermal}"] = (
                f"{self.name}_{thermal}.TIF",
                landsat_numbers(40),
            )
            empty = np.full((LANDSAT_SIDE, LANDSAT_SIDE), -9999, np.int16)
            found["FILE_NAME_CLOUD_DISTANCE"] = (f"{self.name}_ST_CDIST.TIF", empty)
            found["FILE_NAME_QUALITY_L2_AEROSOL"] = (
                f"{self.name}_SR_QA_AEROSOL.TIF",
                np.full((LANDSAT_SIDE, LANDSAT_SIDE), 96, np.uint8),
            )
        return found

    def groups(self) -> dict[str, dict[str, str]]:
        """The MTL."""
        images = self.images()
        kind = "L2SP" if self.level == 2 else "L1TP"
        record = f"LEVEL{self.level}_PROCESSING_RECORD"
        left, top = LANDSAT_CORNER[0] + 15, LANDSAT_CORNER[1] - 15
        right, bottom = left + 30 * (LANDSAT_SIDE - 1), top - 30 * (LANDSAT_SIDE - 1)
        corners = {
            f"CORNER_{corner}_{field}_PRODUCT": f"{value:.5f}"
            for corner, lon, lat, x, y in (
                ("UL", 9.001, 42.450, left, top),
                ("UR", 9.037, 42.450, right, top),
                ("LL", 9.001, 42.423, left, bottom),
                ("LR", 9.037, 42.423, right, bottom),
            )
            for field, value in (
                ("LAT", lat),
                ("LON", lon),
                ("PROJECTION_X", x),
                ("PROJECTION_Y", y),
            )
        }
        found = {
            "PRODUCT_CONTENTS": {
                "ORIGIN": "Image courtesy of the U.S. Geological Survey",
                "LANDSAT_PRODUCT_ID": self.name,
                "PROCESSING_LEVEL": kind,
                "COLLECTION_NUMBER": "02",
                "COLLECTION_CATEGORY": "T1",
                "OUTPUT_FORMAT": "GEOTIFF",
                **{tag: name for tag, (name, _) in images.items()},
                "FILE_NAME_ANGLE_COEFFICIENT": f"{self.name}_ANG.txt",
                "FILE_NAME_METADATA_ODL": f"{self.name}_MTL.txt",
            },
            "IMAGE_ATTRIBUTES": {
                "SPACECRAFT_ID": f"LANDSAT_{int(self.sensor[2:])}",
                "WRS_TYPE": "2",
                "WRS_PATH": str(int(self.path_row[:3])),
                "WRS_ROW": str(int(self.path_row[3:])),
                "NADIR_OFFNADIR": "NADIR",
                "DATE_ACQUIRED": f"{self.date[:4]}-{self.date[4:6]}-{self.date[6:]}",
                "SCENE_CENTER_TIME": "10:04:21.6181450Z",
                "CLOUD_COVER": "3.21",
                "CLOUD_COVER_LAND": "2.50",
                "SUN_AZIMUTH": "-160.5",
                "SUN_ELEVATION": "62.25",
            },
            "PROJECTION_ATTRIBUTES": {
                "MAP_PROJECTION": "UTM",
                "UTM_ZONE": "32",
                "REFLECTIVE_LINES": str(LANDSAT_SIDE),
                "REFLECTIVE_SAMPLES": str(LANDSAT_SIDE),
                **corners,
            },
            record: {"DATE_PRODUCT_GENERATED": "2020-09-13T12:00:01Z"},
            "LEVEL1_PROCESSING_RECORD": {
                "LANDSAT_SCENE_ID": f"{self.sensor}{self.path_row}2020186LGN00",
                "DATE_PRODUCT_GENERATED": "2020-09-13T11:00:00Z",
            },
            "LEVEL1_PROJECTION_PARAMETERS": {"GRID_CELL_SIZE_REFLECTIVE": "30.00"},
            "LEVEL1_RADIOMETRIC_RESCALING": {
                f"REFLECTANCE_{what}_BAND_{band}": value
                for band in self.bands
                if band not in ("10", "11", "6" if self.sensor[1] in "TE" else "")
                for what, value in (("MULT", "2.0000E-05"), ("ADD", "-0.100000"))
            },
        }
        if self.level == 2:
            thermal = "ST_B10" if self.sensor in ("LC08", "LC09") else "ST_B6"
            found["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"] = {
                f"REFLECTANCE_{what}_BAND_{band}": value
                for band in self.bands
                for what, value in (("MULT", "2.75e-05"), ("ADD", "-0.2"))
            }
            found["LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"] = {
                f"TEMPERATURE_MULT_BAND_{thermal}": "0.00341802",
                f"TEMPERATURE_ADD_BAND_{thermal}": "149.0",
            }
        return found

    def write(self, parent: Path, *, mtl: tuple[str, ...] = ("xml", "json", "txt")) -> Path:
        """Write the product with its MTL in some of its forms; path of its folder."""
        folder = parent / self.name
        for tag, (name, data) in self.images().items():
            step = 15.0 if tag == "FILE_NAME_BAND_8" else 30.0
            geotiff_cog(
                folder / name, data, transform=north_up(step, corner=LANDSAT_CORNER), nodata=None
            )
        _write(
            folder / f"{self.name}_ANG.txt", "GROUP = FILE_HEADER\nEND_GROUP = FILE_HEADER\nEND\n"
        )
        for form in mtl:
            _write(folder / f"{self.name}_MTL.{form}", mtl_text(self.groups(), form))
        return folder


def mtl_text(groups: dict[str, dict[str, str]], form: str) -> str:
    """An MTL as xml, json or txt."""
    root = "LANDSAT_METADATA_FILE"
    if form == "json":
        return json.dumps({root: groups})
    if form == "xml":
        inner = "".join(
            f"<{group}>{''.join(f'<{key}>{value}</{key}>' for key, value in values.items())}</{group}>"
            for group, values in groups.items()
        )
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{inner}</{root}>'
    lines = [f"GROUP = {root}"]
    for group, values in groups.items():
        lines.append(f"  GROUP = {group}")
        for key, value in values.items():
            is_number = re.fullmatch(r"[-+.\dEe]+", value) is not None
            lines.append(f"    {key} = {value if is_number else chr(34) + value + chr(34)}")
        lines.append(f"  END_GROUP = {group}")
    return "\n".join([*lines, f"END_GROUP = {root}", "END", ""])


def geotiff_cog(
    path: Path,
    data: NDArray[Any],
    *,
    crs: str = "EPSG:32632",
    transform: Affine | None = None,
    nodata: float | None = None,
    marked: bool = False,
) -> Path:
    """Write (band, y, x) or (y, x) data as a small tiled GeoTIFF, a fourth band `marked` as transparency or not."""
    side = {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "DEFLATE"}
    side |= {} if marked else {"photometric": "MINISBLACK", "alpha": "UNSPECIFIED"}
    return geotiff(path, data, crs=crs, transform=transform, nodata=nodata, options=side)


NAIP_NAME = "m_4709963_se_14_1_20170827_20180103.tif"


def naip(
    folder: Path,
    *,
    name: str = NAIP_NAME,
    bands: int = 4,
    metadata: str | None = "txt",
    marked: bool = False,
) -> Path:
    """A NAIP image with metadata beside it (txt as until 2019, xml since then, or none); path of the image."""
    y, x = np.mgrid[0:150, 0:180]
    planes = np.stack([(40 + 30 * band + x // 3 + y // 5) for band in range(bands)]).astype(
        np.uint8
    )
    if bands == 4:
        planes[3, 100:, :] = 0  # water: dark in near infrared, and no hole
    path = folder / name
    grid = north_up(1.0, corner=(600_000.0, 5_200_000.0))
    geotiff_cog(path, planes, crs="EPSG:26914", transform=grid, marked=marked)
    stem = path.stem
    if metadata == "txt":
        _write(
            path.with_suffix(".txt"),
            "Metadata:\n  Identification_Information:\n    Time_Period_of_Content:\n      Time_Period_Information:\n"
            "        Single_Date/Time:\n          Calendar_Date: 20170827\n  Distribution_Information:\n"
            f"    Resource_Description: {stem}.tif\n",
        )
    elif metadata == "xml":
        _write(
            path.with_suffix(".xml"),
            '<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" '
            'xmlns:gco="http://www.isotc211.org/2005/gco"><gmd:fileIdentifier><gco:CharacterString>'
            f"{'_'.join(stem.split('_')[:6])}</gco:CharacterString></gmd:fileIdentifier></gmd:MD_Metadata>",
        )
    return path


S1_SHAPE = (400, 500)
S1_CENTRE = (9.0, 45.0)


def s1_place(row: Any, column: Any) -> tuple[Any, Any]:
    """Longitude and latitude of a pixel's place in a generated GRD image: a descending pass, skewed and a bit bent."""
    longitude = S1_CENTRE[0] + 1.25e-4 * (column - 250) - 2.0e-5 * (row - 200) + 1e-9 * column * row
    latitude = S1_CENTRE[1] - 8.9e-5 * (row - 200) - 1.6e-5 * (column - 250)
    return longitude, latitude


def s1_numbers(polarisation: str) -> NDArray[np.uint16]:
    """(y, x) amplitudes of a generated image: smooth, with a border of zeros on the left and three bright points."""
    rows, columns = np.mgrid[0 : S1_SHAPE[0], 0 : S1_SHAPE[1]]
    numbers = 100 + columns // 4 + rows // 8 + (60 if polarisation == "vv" else 0)
    for row, column in S1_POINTS:
        numbers[row - 2 : row + 3, column - 2 : column + 3] = 5000
    numbers[:, :20] = 0
    return numbers.astype(np.uint16)


S1_POINTS = ((80, 120), (200, 250), (320, 430))


@dataclass(frozen=True)
class Sentinel1:
    """What distinguishes a generated Sentinel-1 GRD product."""

    satellite: str = "S1A"
    start: str = "20200704T053447"
    polarisations: tuple[str, ...] = ("vh", "vv")

    @property
    def name(self) -> str:
        return f"{self.satellite}_IW_GRDH_1SDV_{self.start}_{self.start[:9]}053512_033297_03DB9A_A1B2.SAFE"

    @property
    def item(self) -> str:
        return self.name.removesuffix("_A1B2.SAFE")

    def write(self, parent: Path, *, checksums: str | None = "MD5") -> Path:
        """Write the product; path of its folder."""
        folder = parent / self.name
        for number, polarisation in enumerate(self.polarisations, start=1):
            stem = (
                f"{self.satellite.lower()}-iw-grd-{polarisation}-{self.start.lower()}-{self.start[:8]}t053512-"
                f"033297-03db9a-{number:03d}"
            )
            self._image(folder / f"measurement/{stem}.tiff", s1_numbers(polarisation))
            rows, columns = S1_SHAPE
            _write(
                folder / f"annotation/{stem}.xml",
                f"<product><imageAnnotation><imageInformation><numberOfSamples>{columns}</numberOfSamples>"
                f"<numberOfLines>{rows}</numberOfLines></imageInformation></imageAnnotation></product>",
            )
            _write(folder / f"annotation/calibration/calibration-{stem}.xml", "<calibration/>")
            _write(folder / f"annotation/calibration/noise-{stem}.xml", "<noise/>")
        write_manifest(folder, checksums=checksums, extra=self._described())
        return folder

    @staticmethod
    def _image(path: Path, data: NDArray[np.uint16]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        points = []
        for row in np.linspace(0, S1_SHAPE[0], 10):
            for column in np.linspace(0, S1_SHAPE[1], 21):
                longitude, latitude = s1_place(row, column)
                points.append(
                    GroundControlPoint(row=row, col=column, x=longitude, y=latitude, z=0.0)
                )
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=data.shape[1],
            height=data.shape[0],
            count=1,
            dtype="uint16",
            gcps=points,
            crs="EPSG:4326",
        ) as dataset:
            dataset.write(data, 1)

    def _described(self) -> str:
        day = f"{self.start[:4]}-{self.start[4:6]}-{self.start[6:8]}"
        polarisations = "".join(
            f"<s1sarl1:transmitterReceiverPolarisation>{each.upper()}</s1sarl1:transmitterReceiverPolarisation>"
            for each in self.polarisations
        )
        return (
            "<metadataSection><safe:platform><safe:nssdcIdentifier>2014-016A</safe:nssdcIdentifier><safe:familyName>"
            f"SENTINEL-1</safe:familyName><safe:number>{self.satellite[-1]}</safe:number><s1sarl1:mode>IW</s1sarl1:mode>"
            "</safe:platform><safe:acquisitionPeriod>"
            f"<safe:startTime>{day}T05:34:47.123456</safe:startTime><safe:stopTime>{day}T05:35:12.122456</safe:stopTime>"
            '</safe:acquisitionPeriod><safe:orbitReference><safe:orbitNumber type="start">33297</safe:orbitNumber>'
            '<safe:relativeOrbitNumber type="start">66</safe:relativeOrbitNumber><s1:pass>DESCENDING</s1:pass>'
            "</safe:orbitReference><s1sarl1:standAloneProductInformation>"
            "<s1sarl1:instrumentConfigurationID>6</s1sarl1:instrumentConfigurationID>"
            "<s1sarl1:missionDataTakeID>252826</s1sarl1:missionDataTakeID>"
            "<s1sarl1:productTimelinessCategory>Fast-24h</s1sarl1:productTimelinessCategory>"
            f"{polarisations}<s1sarl1:productType>GRD</s1sarl1:productType></s1sarl1:standAloneProductInformation>"
            "<safe:frameSet><gml:coordinates>44.98,9.03 44.99,8.96 45.02,8.97 45.01,9.04</gml:coordinates>"
            "</safe:frameSet></metadataSection>"
        )
