"""MLflow's pages over the runs of this repository, on this machine only."""

import os
import socket
import sys
from pathlib import Path

from tutti.config import main_repository
from tutti.errors import DataError, ParameterError

_LOCAL = "127.0.0.1"


def serve(port: int) -> None:
    """Become MLflow's server, or say where the runs are when they are on another one.

    Args:
        port: 1024..65535.

    Raises:
        DataError: when there are no runs yet.
        ParameterError: when the port is in use.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{main_repository() / 'mlflow.db'}"
    store = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith(("http://", "https://")):
        print(f"The runs are on an MLflow server: open {uri}")
        return
    if uri.startswith("sqlite:///") and not store.is_file():
        raise DataError(f"{store} is missing: run `make repro` or `dvc repro` to make the runs")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOCAL, port))
        except OSError:
            raise ParameterError(f"port {port} is in use: give another one with --port") from None
    print(f"MLflow: http://{_LOCAL}:{port}   (Ctrl-C ends it)", flush=True)
    # One worker and no job runners: 0.5 GB instead of 2.3, and all that one person needs.
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    quiet |= {"MLFLOW_MODEL_CATALOG_URI": ""}
    where = ["--backend-store-uri", uri, "--host", _LOCAL, "--port", str(port), "--workers", "1"]
    command = [sys.executable, "-m", "mlflow", "server", *where]
    os.execve(command[0], command, os.environ | quiet)
