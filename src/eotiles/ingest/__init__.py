"""Archives to STAC Items in pgSTAC."""
