"""What a cold start of each function costs, against an empty handler and against what most would build instead.

    python -m bench.cold_start

Prints the CPU time (user and system, the least of several fresh interpreters) of importing the real runtime's client
and the handler, from the output of `sam build`. The alternative is one FastAPI application behind Mangum that imports
boto3 and pydicom at its top, as tutorials have it; without bytecode, as `sam build` leaves a function, and with it.
Times depend on the machine; the ratios hardly do. Not counted is what the first request then loads: boto3, where a
function speaks to AWS, and pydicom with numpy, where it opens a file.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from local.built import Built, build
from local.runtime import INTERPRETER

RUNS = 8
EMPTY = "def lambda_handler(event, context):\n    return {}\n"
ALTERNATIVE_PACKAGES = ("fastapi", "mangum", "boto3", "pydicom", "numpy", "pillow", "requests")
ALTERNATIVE = """
import boto3
import numpy
import pydicom
import requests
from fastapi import FastAPI, UploadFile
from mangum import Mangum
from PIL import Image
from pydantic import BaseModel

app = FastAPI()
table = boto3.resource("dynamodb", region_name="eu-central-1").Table("uids")


class GeneratedUid(BaseModel):
    uid: str


@app.get("/uid")
def uid() -> GeneratedUid:
    return GeneratedUid(uid="1.2")


lambda_handler = Mangum(app, lifespan="off")
"""


def cpu_milliseconds(path: Iterable[Path]) -> float:
    """The least CPU time of importing `app` with these folders on the path, and nothing else."""
    environment = {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [INTERPRETER, "-S", "-c", "import awslambdaric.bootstrap, app; app.lambda_handler"]
    return min(_cpu_of(command, environment) for _ in range(RUNS)) * 1000


def _cpu_of(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def handler(folder: Path, source: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(source)
    return folder


def install_alternative(folder: Path) -> Path | None:
    """The alternative's packages without bytecode; None, and a line that says why, where they cannot be installed."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--target", str(folder)]
    done = subprocess.run([*command, *ALTERNATIVE_PACKAGES], capture_output=True, text=True)
    if done.returncode == 0:
        return folder
    print("the alternative cannot be installed:", done.stderr.strip().splitlines()[-1])
    return None


def measure(built: Built, folder: Path) -> dict[str, float]:
    """CPU milliseconds by name: the empty handler, the alternative twice, each function."""
    measured = {"(an empty handler)": cpu_milliseconds([handler(folder / "empty", EMPTY), built.runtime])}
    packages = install_alternative(folder / "packages")
    if packages:
        alternative = [handler(folder / "alternative", ALTERNATIVE), packages, built.runtime]
        measured["(the alternative, as sam build leaves it)"] = cpu_milliseconds(alternative)
        compiling = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(packages)]
        subprocess.run(compiling, check=False)
        measured["(the alternative, with bytecode)"] = cpu_milliseconds(alternative)
    for name in sorted(built.functions()):
        measured[name] = cpu_milliseconds([built.code(name), *built.layers(name), built.runtime])
    return measured


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="cold-start-") as temporary:
        folder = Path(temporary)
        measured = measure(build(folder), folder)
    empty, *others = measured.values()
    alternative = others[1] if "(the alternative, with bytecode)" in measured else float("nan")
    print(f"{'':42}{'CPU ms':>8}{'x empty':>9}{'x alternative with bytecode':>30}")
    for name, milliseconds in measured.items():
        print(f"{name:42}{milliseconds:8.0f}{milliseconds / empty:9.1f}{milliseconds / alternative:30.2f}")


if __name__ == "__main__":
    main()
