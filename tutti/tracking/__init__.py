"""MLflow, and the only package that imports it.

The files that stages write are the record; MLflow is the place to look at them. A training can be watched while it
runs (``live_training``), and the last stage copies every training and evaluation from its files (``publish``), also
those that DVC restored from its cache. Runs are known by a hash of their
content, so nothing stands there twice.
"""

from tutti.tracking.live import LiveRun, live_training
from tutti.tracking.publishing import Record, publish, training_key
from tutti.tracking.store import tracking_uri

__all__ = ["LiveRun", "Record", "live_training", "publish", "tracking_uri", "training_key"]
