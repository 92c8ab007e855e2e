"""The words every other package speaks: errors, Source, Index, Raster. NumPy only."""
