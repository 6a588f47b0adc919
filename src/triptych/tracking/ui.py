"""Showing the runs in a browser."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from triptych.tracking.store import store_uri
from triptych.tracking.sync import start_watcher, sync

RUNS = "/#/experiments?workflowType=machine_learning"  # MLflow 3 begins with its pages for language models


def show(root: Path, port: int) -> int:
    """Sync, then serve the store until Ctrl-C, and follow what runs meanwhile. If a server runs already, it starts no
    second one. Returns the exit status. Raises StoreError."""
    uri = store_uri(root)
    sync(root, uri)
    if uri.startswith("http"):
        print(f"the runs are at {uri.rstrip('/')}{RUNS}")
        return 0
    start_watcher(root)
    print(f"the runs are at http://127.0.0.1:{port}{RUNS}   (Ctrl-C ends this)", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--port", str(port)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with subprocess.Popen(command) as server:
        try:
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            server.terminate()
