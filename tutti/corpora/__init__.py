"""Corpora: adapters that read a data set's own layout, the index of its recordings and events, and its split."""
