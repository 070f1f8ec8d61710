"""tutti: reproducible recognition of the instruments that sound together in polyphonic music."""

import os

# Usage reports are off unless the user turns them on; MLflow reads these when it is imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DVC_NO_ANALYTICS", "true")

# TensorFlow takes oneDNN's operations by itself only where it finds AVX-512; with AVX2 alone, they train Han's CNN, the
# C-RNN and Chen's CNN about twice as fast as TensorFlow's own, or more. Read when TensorFlow is imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

STARTED_BY = os.getppid()  # asked early: a stage that is orphaned while it imports must see it (tutti.process)

__version__ = "0.1.0"
