"""Training a binary for each class, each on its own, and asking all of them at once."""
