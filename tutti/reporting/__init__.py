"""The comparison of models: one table, its figures, and one HTML page that needs nothing else."""
