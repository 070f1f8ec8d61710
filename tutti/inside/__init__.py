"""What a fitted CNN of Han's makes of its input: maps of its layers' activations, and its units' view of a window."""
