"""Reads: metrics/comparison.csv, metrics/<task>/<model> and models/<task>/<model> of every model.
Writes: MLflow's store in the user's repository; nothing when every training and evaluation is there.
Params: tracking; all that a run tells about itself is read from params.yaml and from the files.
"""

import argparse
import logging
from pathlib import Path

from tutti import config, tracking
from tutti.process import run_stage
from tutti.reporting.records import records


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    return argparse.ArgumentParser(description=__doc__)


def main(_: argparse.Namespace) -> None:
    """Copy every training and evaluation to MLflow, once each."""
    params = config.load()
    if not params.tracking.enabled:
        return
    written = 0
    for task, trainings in records(params, Path("models"), Path("metrics")).items():
        written += tracking.publish(params.tracking, task, trainings)
    logging.getLogger("tutti").info("MLflow: %d new runs in %s", written, tracking.tracking_uri())


if __name__ == "__main__":
    run_stage(main, parser())
