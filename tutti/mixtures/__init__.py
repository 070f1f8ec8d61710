"""Synthetic mixtures of solo recordings: specification -> recipe -> audio, as scaper does.

A specification (``params.yaml``) holds ranges and probabilities; a recipe holds the numbers drawn for one clip; the
audio is a function of the recipe and the recordings alone.
"""
