"""Colours, legends, and the bytes of pictures."""
