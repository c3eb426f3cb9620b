"""Doors: they store events or read, and decide nothing."""
