"""eotiles turns an archive of satellite imagery into a map."""

__version__ = "0.1.0"
