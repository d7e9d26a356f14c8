"""What a cold start of each function costs, against an empty handler and against what most would build instead.

    python -m bench.cold_start

Prints the CPU time (user and system) and the time by the clock, the least of several fresh interpreters, of importing
the real runtime's client and the handler, from the output of `sam build`; and for `GET /uid`, which writes a row, from
the import to the first answer. The alternative is one FastAPI application behind Mangum that imports boto3 and pydicom
at its top, as tutorials have it, and writes a row too; without bytecode, as `sam build` leaves a function, and with it.
All take turns, so that a busy minute is everybody's. Times depend on the machine; the ratios hardly do.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local import configuration, template
from local.aws import REGION, Aws
from local.built import Built, build
from local.runtime import INTERPRETER
from tests.samples import sample

RUNS = 8
EMPTY = "def lambda_handler(event, context):\n    return {}\n"
ALTERNATIVE_PACKAGES = ("fastapi", "mangum", "boto3", "pydicom", "numpy", "pillow", "requests")
ALTERNATIVE = """
import os
import uuid

import boto3
import numpy
import pydicom
import requests
from fastapi import FastAPI, UploadFile
from mangum import Mangum
from PIL import Image
from pydantic import BaseModel

app = FastAPI()
table = boto3.resource("dynamodb").Table(os.environ["UIDS_TABLE"])


class GeneratedUid(BaseModel):
    uid: str


@app.get("/uid")
def uid() -> GeneratedUid:
    generated = f"2.25.{uuid.uuid4().int}"
    table.put_item(Item={"uid": generated}, ConditionExpression="attribute_not_exists(uid)")
    return GeneratedUid(uid=generated)


lambda_handler = Mangum(app, lifespan="off")
"""


@dataclass(frozen=True)
class Cold:
    """One way to begin: a name, the import path, and what the interpreter does after the import."""

    name: str
    path: tuple[Path, ...]
    then: str = "app.lambda_handler"
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> tuple[float, float]:
        """Milliseconds of CPU, and by the clock."""
        environment = {"PYTHONPATH": os.pathsep.join(map(str, self.path)), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [INTERPRETER, "-S", "-c", f"import awslambdaric.bootstrap, app; {self.then}"]
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, env={**self.variables, **environment}, check=True, stdout=subprocess.DEVNULL)
        wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return cpu * 1000, wall * 1000


def in_turns(ways: Sequence[Cold]) -> dict[str, tuple[float, float]]:
    """The least of each, after every one has had RUNS turns."""
    runs: dict[str, list[tuple[float, float]]] = {way.name: [] for way in ways}
    for _ in range(RUNS):
        for way in ways:
            runs[way.name].append(way.run())
    return {name: (min(cpu for cpu, _ in each), min(wall for _, wall in each)) for name, each in runs.items()}


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


ANSWER = """
import json, types
context = types.SimpleNamespace(aws_request_id="1", function_name="uid", memory_limit_in_mb=512,
    invoked_function_arn="arn", get_remaining_time_in_millis=lambda: 29000)
answer = app.lambda_handler(json.loads(EVENT), context)
assert answer["statusCode"] == 200, answer
"""


def ways(built: Built, folder: Path, variables: Mapping[str, str]) -> list[Cold]:
    """The empty handler, the alternative, each function, and the first answers of those that give one."""
    found = [Cold("(an empty handler)", (handler(folder / "empty", EMPTY), built.runtime))]
    first = f"EVENT = {json.dumps(sample('generate_uid'))!r}\n{ANSWER}"
    answering = {**variables, "DICOM_UID_ROOT": "1.2.826.0.1.3680043.10.1"}
    packages = install_alternative(folder / "packages")
    if packages:
        alternative = handler(folder / "alternative", ALTERNATIVE)
        compiled = folder / "compiled"
        shutil.copytree(packages, compiled)
        compiling = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(compiled)]
        subprocess.run(compiling, check=False)
        for name, path in (("as sam build leaves it", packages), ("with bytecode", compiled)):
            place = (alternative, path, built.runtime)
            found.append(Cold(f"(the alternative, {name})", place, variables=answering))
            found.append(Cold(f"(its first answer, {name})", place, first, answering))
    found += [Cold(name, tuple(built.path(name))) for name in sorted(built.functions())]
    return [*found, Cold("generate_uid, first answer", tuple(built.path("generate_uid")), first, answering)]


def emulated() -> tuple[Aws, dict[str, str]]:
    """AWS with the template's tables, and the variables by which a function finds them."""
    aws, document = Aws(), template.load(configuration.TEMPLATE)
    aws.start()
    parameters = configuration.parameters(document, {})
    resources = aws.create(template.translate(document, parameters, REGION), parameters)
    return aws, {**aws.environment, **template.functions(resources)["GenerateUid"].environment}


def main() -> None:
    aws, variables = emulated()
    try:
        with tempfile.TemporaryDirectory(prefix="cold-start-") as temporary:
            measured = in_turns(ways(build(Path(temporary)), Path(temporary), variables))
    finally:
        aws.stop()
    empty = measured["(an empty handler)"][0]
    print(f"{'':42}{'CPU ms':>8}{'wall ms':>9}{'x empty':>9}{'x alternative with bytecode':>30}")
    for name, (cpu, wall) in measured.items():
        against = "(its first answer, with bytecode)" if "first answer" in name else "(the alternative, with bytecode)"
        ratio = cpu / measured[against][0] if against in measured else float("nan")
        print(f"{name:42}{cpu:8.0f}{wall:9.0f}{cpu / empty:9.1f}{ratio:30.2f}")


if __name__ == "__main__":
    main()
