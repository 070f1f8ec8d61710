"""From saved scores to numbers that can be trusted: aggregation, thresholds, metrics, intervals and mistakes."""
