"""SnapStart: what is made before the first event is in every environment that starts from the snapshot.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
"""

import json

import pytest

from local.built import Built
from tests.build.test_layers import python

WATCHED = """
import json, os, random, secrets, sys, time, uuid

asked = []

def watch(module, name):
    original = getattr(module, name)

    def told(*arguments, **options):
        frame = sys._getframe(1)
        asked.append(f"{module.__name__}.{name} in {frame.f_code.co_filename}:{frame.f_lineno}")
        return original(*arguments, **options)

    setattr(module, name, told)

for module, names in {
    os: ("urandom", "getrandom"),
    random: ("random", "uniform", "getrandbits", "choice", "randint"),
    secrets: ("token_bytes", "token_hex", "token_urlsafe"),
    time: ("time", "time_ns", "monotonic", "monotonic_ns"),
    uuid: ("uuid1", "uuid4"),
}.items():
    for name in names:
        watch(module, name)
import app
links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
sockets = [os.readlink(link) for link in links if os.path.islink(link) and os.readlink(link).startswith("socket:")]
session = "boto3" in sys.modules and sys.modules["boto3"].DEFAULT_SESSION is not None
print(json.dumps([asked, len(sockets), session]))
"""

HARMLESS = ("/aws_lambda_powertools/", "/logging/__init__.py")
"""Of Powertools and of the log: times that say when the environment was made, and nothing else."""


def test_nothing_that_must_be_fresh_is_made_before_the_first_event(built: Built) -> None:
    wrong = {}
    for function in built.functions():
        done = python(WATCHED, built.code(function), *built.layers(function))
        assert done.returncode == 0, f"{function}: {done.stderr}"
        asked, sockets, session = json.loads(done.stdout)
        kept = [each for each in asked if not any(place in each for place in HARMLESS)]
        if kept or sockets or session:
            wrong[function] = (kept, sockets, session)

    assert wrong == {}


def test_the_watch_sees_what_it_is_to_see(built: Built, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("careless")
    (folder / "app.py").write_text(
        "import socket, uuid, time\nID, STARTED, S = uuid.uuid4(), time.time(), socket.socket()"
    )

    done = python(WATCHED, folder, *built.layers("generate_uid"))

    asked, sockets, _ = json.loads(done.stdout)
    assert {each.partition(" ")[0] for each in asked} >= {"uuid.uuid4", "time.time"}
    assert sockets == 1
