"""The exam of One-vs-All binaries: thresholds, accuracy by number of families, single notes, two regimes compared."""
