"""Colours and legends."""
