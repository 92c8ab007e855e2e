"""Draw layers in QGIS, without a screen: run by the Python that QGIS is installed for, in a process of its own.

Reads a JSON list of jobs: {"uri", "bounds": [west, south, east, north] in degrees, "picture": path of
the PNG to write}. Prints a JSON list with what QGIS says of each layer.
"""

from __future__ import annotations

import json
import os
import sys

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

BACKGROUND = "#ff00ff"
SIZE_PX = 400


def draw(job: dict) -> dict:
    """Load a layer as *Add layer* of the browser panel does, and draw it on magenta."""
    layer = QgsRasterLayer(job["uri"], "layer", "wms")
    if not layer.isValid():
        return {
            "valid": False,
            "error": layer.error().summary() or layer.dataProvider().error().summary(),
        }
    degrees = QgsCoordinateReferenceSystem("EPSG:4326")
    context = QgsProject.instance().transformContext()
    from_degrees = QgsCoordinateTransform(degrees, layer.crs(), context)
    to_degrees = QgsCoordinateTransform(layer.crs(), degrees, context)
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(from_degrees.transformBoundingBox(QgsRectangle(*job["bounds"])))
    settings.setOutputSize(QSize(SIZE_PX, SIZE_PX))
    settings.setBackgroundColor(QColor(BACKGROUND))
    rendering = QgsMapRendererParallelJob(settings)
    rendering.start()
    rendering.waitForFinished()
    rendering.renderedImage().save(job["picture"])
    visible = rendering.mapSettings().visibleExtent()
    extent, seen = (to_degrees.transformBoundingBox(box) for box in (layer.extent(), visible))
    return {
        "valid": True,
        "crs": layer.crs().authid(),
        "extent": corners(extent),
        "seen": corners(seen),
        "errors": [error.message for error in rendering.errors()],
    }


def corners(box: QgsRectangle) -> list[float]:
    return [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]


def main() -> None:
    jobs = json.load(sys.stdin)
    application = QgsApplication([], False)
    application.initQgis()
    try:
        print("RESULT " + json.dumps([draw(job) for job in jobs]))
    finally:
        application.exitQgis()


if __name__ == "__main__":
    main()
