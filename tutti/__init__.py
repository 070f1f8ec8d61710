"""tutti: reproducible recognition of the instruments that sound together in polyphonic music."""

import os

# Usage reports are off unless the user turns them on; MLflow reads these when it is imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DVC_NO_ANALYTICS", "true")

STARTED_BY = os.getppid()  # asked early: a stage that is orphaned while it imports must see it (tutti.process)

__version__ = "0.1.0"
