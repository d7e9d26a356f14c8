"""A real Orthanc with its DICOMweb plugin, as a child process on a free port of 127.0.0.1."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.installed import program

PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
USER, PASSWORD = "alice", "s3cret"
AUTHORIZATION = "Basic YWxpY2U6czNjcmV0"
STARTING_SECONDS = 20.0


@contextmanager
def running_orthanc(folder: Path) -> Iterator[str]:
    """Its base URL; it keeps what it stores in the folder and asks for AUTHORIZATION."""
    orthanc = program("Orthanc", "orthanc orthanc-dicomweb")
    port = free_port()
    settings = {
        "Name": "tests",
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "HttpCompressionEnabled": False,
        "DefaultEncoding": "Utf8",
        "Plugins": [PLUGIN],
    }
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([orthanc, str(configuration)], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    last = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < last and process.poll() is None:
        try:
            if requests.get(f"{url}/system", headers={"Authorization": AUTHORIZATION}, timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"Orthanc did not start (exit status {process.poll()})")
