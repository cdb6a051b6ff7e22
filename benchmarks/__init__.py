"""Measurements of speed and of the recipe; each module says how to run it."""
