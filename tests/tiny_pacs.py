"""A real tiny-pacs with its DICOMweb plugin, as a child process on a free port of 127.0.0.1.

It draws no pictures, has no metadata and no frames, refuses every second copy, and wants a token.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import yaml

from tests.orthanc import free_port

TOKEN = "s3cret"
AUTHORIZATION = f"Bearer {TOKEN}"
STARTING_SECONDS = 30.0


@contextmanager
def running_tiny_pacs(folder: Path) -> Iterator[str]:
    """Its base URL; DICOMweb is below `/dicomweb`. It keeps what it stores in the folder and asks for AUTHORIZATION."""
    program = Path(sys.executable).with_name("tiny-pacs")
    generated = subprocess.run([program, "config", "generate", "--no-comments"], capture_output=True, check=True)
    settings = yaml.safe_load(generated.stdout)
    port = free_port()
    settings["ae"]["port"] = free_port()
    settings["log"]["root"]["level"] = "WARNING"
    components = settings["components"]
    components["InMemoryStorage"]["on"] = False
    components["Database"] |= {"mode": "rwc", "db_name": str(folder / "tiny.db")}
    components["HttpServer"] |= {"on": True, "port": port}
    components["FileStorage"] |= {"on": True, "storage_dir": str(folder)}
    components["DICOMWeb"] |= {"on": True, "auth": "token", "tokens": [TOKEN]}
    configuration = folder / "tiny-pacs.yaml"
    configuration.write_text(yaml.safe_dump(settings))
    with (folder / "tiny-pacs.log").open("wb") as log:
        process = subprocess.Popen([program, "run", "-c", configuration], stdout=log, stderr=log, cwd=folder)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    last = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < last and process.poll() is None:
        try:
            if requests.get(f"{url}/dicomweb/studies", headers={"Authorization": AUTHORIZATION}, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError(f"tiny-pacs did not start (exit status {process.poll()})")
