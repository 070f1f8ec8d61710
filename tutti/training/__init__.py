"""Fitting models on features, and the folders that hold fitted models."""
