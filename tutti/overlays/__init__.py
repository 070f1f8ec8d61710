"""Clips overlaid from single notes: which notes sound in each, their audio and their labels."""
