"""Archives to STAC Items in pgSTAC.

The way of a scene: `scenes` (which files belong together) → `header` (is it a GeoTIFF that we can trust) → `survey`
(every pixel read once: statistics, validity) → `cog` (cloud-optimised, in place) → `item` → `load` (one transaction).
`files.ingest_files` is that walk.
"""
