"""Colours, legends and empty images."""
