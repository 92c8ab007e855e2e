"""Archives to STAC Items in pgSTAC.

The way of a scene: `scenes` (which files belong together) → `header` (is it a GeoTIFF that we can trust) → `survey`
(every pixel read once: statistics, validity) → `cog` (cloud-optimised, in place) → `item` → `load` (one transaction).
`files.ingest_files` is that walk.

The way of a product (`kinds`: Sentinel-2, Landsat, NAIP, Sentinel-1): its own metadata (`safe`, `mtl`, `metadata`) →
`product` → `geocode` where it has no grid → `survey` → `place` → `product_item` → `load`.
`products.ingest_products` is that walk.
"""
