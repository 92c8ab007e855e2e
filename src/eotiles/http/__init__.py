"""The web: STAC API, raster API, write API, the map."""
