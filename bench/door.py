"""What the door adds to a request, remembered and not, and what a cold start of the authorizer costs.

    python -m bench.door [--rounds 60]

Two stacks as `make run` brings them up, one that lets everyone in and one that checks callers, with an empty PACS
each. A request of each kind goes to both in turn: with a key and a token that the gateway remembers, and with ones that
it has never seen, for which the authorizer is asked. The ratios are of medians, to the request where nobody is checked.

The cold start is CPU time (user and system, the least of several) of a fresh interpreter with the real runtime's client
and the layers as `sam build` leaves them: importing the handler, and answering a key, which boto3 looks up, and a
token, for which cryptography is loaded and the issuer is asked; against an empty handler.
"""

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import requests

from bench.cold_start import EMPTY, RUNS, cpu_milliseconds, handler
from local import template
from local.built import build
from local.runtime import INTERPRETER
from local.stack import LocalStack, Settings
from tests.security.issuer import AUDIENCE, issuing

PATHS = {"a UID": "/uid", "a search": "/exams/studies?PatientId=P1"}
WARMING = 8
PROGRAM = """
import os
import awslambdaric.bootstrap
import app
answer = app.lambda_handler({"identitySource": ["Bearer " + os.environ["SHOWN"]]}, None)
assert "subject" in answer["context"], answer
"""


def measure(open_url: str, closed: LocalStack, token: Callable[[], str], rounds: int) -> list[str]:
    """A line for each kind of request: milliseconds where nobody is checked, and the ratios to that."""
    lines = []
    for name, path in PATHS.items():
        keys = _keys(closed, WARMING + rounds)
        remembered = {"key": keys[0], "token": token()}
        new = {"key": iter(keys[1:]), "token": iter(token, "")}
        taken: dict[str, list[float]] = {}
        for number in range(-WARMING, rounds - 1):
            for kind, url, shown in (
                ("nobody", open_url, ""),
                ("key, remembered", closed.url, remembered["key"]),
                ("token, remembered", closed.url, remembered["token"]),
                ("key, new", closed.url, next(new["key"])),
                ("token, new", closed.url, next(new["token"])),
            ):
                seconds = _timed(url + path, shown)
                if number >= 0:
                    taken.setdefault(kind, []).append(seconds)
        medians = {kind: statistics.median(times) for kind, times in taken.items()}
        own = medians.pop("nobody")
        told = "  ".join(f"{kind} {seconds / own:.2f}" for kind, seconds in medians.items())
        lines.append(f"{name:<9} {own * 1000:6.1f} ms  {told}")
    return lines


def _timed(url: str, token: str) -> float:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    began = time.perf_counter()
    answer = requests.get(url, headers=headers, timeout=30)
    seconds = time.perf_counter() - began
    assert answer.status_code == 200, answer.text
    return seconds


def _keys(stack: LocalStack, count: int) -> list[str]:
    every = {"Authorization": f"Bearer {stack.keys['all']}"}
    wanted = {"name": "bench", "scopes": ["uids:write", "exams:read", "patients:all"]}
    made = [requests.post(f"{stack.url}/api-keys", json=wanted, headers=every, timeout=30) for _ in range(count)]
    return [answer.json()["key"] for answer in made]


def cold_starts(closed: LocalStack, token: str, folder: Path) -> dict[str, float]:
    """CPU milliseconds by what is done."""
    built = build(folder)
    place = [built.code("authorize_request"), *built.layers("authorize_request"), built.runtime]
    settings = template.functions(closed.resources)["AuthorizeRequest"].environment | closed.aws.environment
    return {
        "an empty handler": cpu_milliseconds([handler(folder / "empty", EMPTY), built.runtime]),
        "the authorizer, imported": cpu_milliseconds(place),
        "and asked with a key": _answering(place, closed.keys["all"], settings),
        "and asked with a token": _answering(place, token, settings),
    }


def _answering(place: list[Path], shown: str, settings: Mapping[str, str]) -> float:
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, place)),
        "PYTHONDONTWRITEBYTECODE": "1",
        **settings,
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "SHOWN": shown,
    }
    times = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([INTERPRETER, "-S", "-c", PROGRAM], env=environment, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(times) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=60)
    rounds: int = parser.parse_args().rounds
    with redirect_stdout(StringIO()), issuing() as issuer, tempfile.TemporaryDirectory(prefix="door-") as temporary:
        variables = {"JWT_ISSUER": issuer.url, "JWT_AUDIENCE": AUDIENCE}

        def token() -> str:
            return issuer.token(scope="uids:write exams:read patients:all", jti=str(time.monotonic_ns()))

        with LocalStack() as everyone, LocalStack(Settings(auth=True, variables=variables)) as closed:
            lines = measure(everyone.url, closed, token, rounds)
            measured = cold_starts(closed, token(), Path(temporary))
    print("times of a request, and ratios to where nobody is checked", *lines, sep="\n")
    print("CPU of a cold start")
    for name, milliseconds in measured.items():
        print(f"{name:28}{milliseconds:6.0f} ms  {milliseconds / measured['an empty handler']:.1f} x empty")


if __name__ == "__main__":
    main()
