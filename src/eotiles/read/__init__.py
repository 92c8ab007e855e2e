"""Bytes to pixels: which hrefs may be opened, and how."""
