"""Reads: metrics/<task>/<model> and models/<task>/<model> of every model of a task, and its study of variety.
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
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--task", required=True)
    return command


def main(arguments: argparse.Namespace) -> None:
    """Copy every training and evaluation of a task to MLflow, once each."""
    params = config.load()
    if not params.tracking.enabled:
        return
    found = records(params, arguments.task, Path("models"), Path("metrics"))
    written = tracking.publish(params.tracking, arguments.task, found)
    logging.getLogger("tutti").info("MLflow: %d new runs in %s", written, tracking.tracking_uri())


if __name__ == "__main__":
    run_stage(main, parser())
