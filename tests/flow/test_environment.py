"""`make` and the environment it needs, on machines with this and that Python, each a PATH of its own and no network.

The requirements are one small package, so that an environment takes a second.
"""

import hashlib
import importlib.metadata
import os
import platform
import shlex
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = "sh make awk basename cat cksum cut date dirname env expand grep ls mkdir ps rm rmdir sed sort tail touch uname"
PYTHON = shlex.quote(os.path.realpath(sys.executable))
UV = importlib.metadata.version("uv")


@dataclass
class Checkout:
    """A project of its own, in a folder with a space in its name, and a machine to make it on."""

    root: Path
    programs: Path
    wheels: Path

    def make(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs the script, or another command."""
        return subprocess.run(
            command or ("sh", "requirements/environment.sh"),
            cwd=self.root,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": str(self.programs),
            "HOME": str(self.root.parent),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": self.wheels.as_uri(),
            "UV_PYTHON_INSTALL_DIR": str(self.root.parent / "pythons"),
        }

    def require(self, version: str) -> None:
        """Pins that version of the package, and the uv that pip may bring if there is one."""
        pins = ""
        for name, number in (("tiny", version), ("uv", UV)):
            wheel = self.wheels / f"{name}-{number}-py3-none-any.whl"
            if wheel.exists():
                pins += f"{name}=={number} \\\n    --hash=sha256:{_digest(wheel)}\n"
        (self.root / "requirements/dev.txt").write_text(pins)

    def install(self, name: str, script: str) -> None:
        """Puts a program onto the PATH."""
        (self.programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.programs / name).chmod(0o755)

    def install_python(self, version: str, *, venv: bool = True) -> None:
        """A `python3` that says that it is of that version, as `3, 9`; a Debian's may have no venv."""
        lines = [
            'if [ "$1" = -c ]; then',
            f'  exec {PYTHON} -c "import sys; sys.version_info = ({version}, 0); $2"',
            "fi",
            'if [ "$1" = -I ]; then exit 1; fi',  # so uv asks what it is, which would find out
            "" if venv else 'if [ "$2" = venv ]; then mkdir -p "$3"; echo "ensurepip is not available"; exit 1; fi',
            f'exec {PYTHON} "$@"',
        ]
        self.install("python3", "\n".join(lines))

    def installed(self) -> str:
        """What a program of the environment prints."""
        return subprocess.run(
            [self.root / ".venv/bin/python", "-m", "tiny"], capture_output=True, text=True, check=True
        ).stdout

    def environments(self) -> list[str]:
        folder = self.root / ".venvs"
        return sorted(os.listdir(folder)) if folder.exists() else []

    def current(self) -> str:
        """The environment that .venv leads to."""
        assert (self.root / ".venv").is_symlink()
        return (self.root / ".venv").resolve().name


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "a project", tmp_path / "programs", tmp_path / "wheels")
    (made.root / "requirements").mkdir(parents=True)
    for name in ("Makefile", "requirements/environment.sh"):
        shutil.copy(ROOT / name, made.root / name)
    made.programs.mkdir()
    made.wheels.mkdir()
    for tool in TOOLS.split():
        (made.programs / tool).symlink_to(str(shutil.which(tool)))
    for version in ("1", "2", "3"):
        body = f'print("{version}")\n'.encode()
        _wheel(made.wheels, "tiny", version, {"tiny/__init__.py": b"", "tiny/__main__.py": body, "tiny/late.py": body})
    made.require("1")
    return made


def _wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> None:
    about = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o100755 << 16
            wheel.writestr(entry, content)
        wheel.writestr(f"{about}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"]))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _uv() -> Path:
    return Path(sys.prefix, "bin/uv").resolve()


def _offer_uv_to_pip(checkout: Checkout) -> None:
    _wheel(checkout.wheels, "uv", UV, {f"uv-{UV}.data/scripts/uv": _uv().read_bytes()})
    checkout.require("1")


def _offer_python_to_uv(checkout: Checkout) -> None:
    system, library = ("macos", "none") if sys.platform == "darwin" else ("linux", "gnu")
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    name = f"cpython-{platform.python_version()}-{system}-{machine}-{library}"
    place = checkout.root.parent / "pythons" / name
    place.mkdir(parents=True)
    for part in ("bin", "lib"):
        (place / part).symlink_to(Path(sys.base_prefix, part))


@pytest.mark.parametrize("machine", ["uv", "python3.13", "python3 that is 3.13", "3, 9", "3, 14"])
def test_each_machine_with_a_python_gets_the_environment(checkout: Checkout, machine: str) -> None:
    # given
    if machine == "uv":
        (checkout.programs / "uv").symlink_to(_uv())
        _offer_python_to_uv(checkout)
    elif machine == "python3.13":
        checkout.install("python3.13", f'exec {PYTHON} "$@"')
    elif machine == "python3 that is 3.13":
        checkout.install("python3", f'exec {PYTHON} "$@"')
    else:
        checkout.install_python(machine)
        _offer_uv_to_pip(checkout)
        _offer_python_to_uv(checkout)
    # when
    done = checkout.make("make", ".venv/.made")
    # then
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert checkout.environments() == [checkout.current()]
    assert checkout.installed() == "1\n"


@pytest.mark.parametrize(
    ("version", "venv", "uv", "cause"),
    [
        ("", False, False, "There is no Python from 3.9 on here"),
        ("3, 8", True, True, "There is no Python from 3.9 on here"),
        ("3, 11", False, True, "python3 has no venv"),
        ("3, 13", False, True, "python3 has no venv"),
        ("3, 9", True, False, "uv, which would fetch it, cannot be downloaded"),
        ("3, 12", True, True, "Python 3.13 is not here and cannot be downloaded"),
        ("3, 14", True, True, "Python 3.13 is not here and cannot be downloaded"),
    ],
)
def test_where_there_is_no_python_one_sentence_says_what_to_install(
    checkout: Checkout, version: str, venv: bool, uv: bool, cause: str
) -> None:
    # given
    if version:
        checkout.install_python(version, venv=venv)
    if uv:
        _offer_uv_to_pip(checkout)
    else:
        (checkout.root / "requirements/dev.txt").write_text(f"uv=={UV} --hash=sha256:{'0' * 64}\n")
    before = sorted(os.listdir(checkout.root))
    # when
    done = checkout.make()
    # then
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert cause in done.stderr
    assert [name for name in ("Debian", "Ubuntu", "Fedora", "macOS") if name not in done.stderr] == []
    assert sorted(os.listdir(checkout.root)) == before
    # when it is installed
    checkout.require("1")
    checkout.install("python3.13", f'exec {PYTHON} "$@"')
    # then
    assert checkout.make().returncode == 0
    assert checkout.installed() == "1\n"


def test_a_plain_system_gets_the_environment_or_a_sentence(checkout: Checkout) -> None:
    """Whichever Python the machine's own system has; there is no network, so its packages cannot be had either."""
    shutil.copy(ROOT / "requirements/dev.txt", checkout.root / "requirements/dev.txt")
    done = checkout.make(
        "env", "-i", "PATH=/usr/bin:/bin", "PIP_NO_INDEX=1", "UV_OFFLINE=1", "sh", "requirements/environment.sh"
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert sorted(os.listdir(checkout.root)) == ["Makefile", "requirements"]


@pytest.fixture
def environment(checkout: Checkout) -> Checkout:
    """A checkout with its environment, on a machine with Python 3.13."""
    checkout.install("python3.13", f'exec {PYTHON} "$@"')
    assert checkout.make().returncode == 0
    return checkout


def _date_anew(path: Path) -> None:
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 60))


def test_requirements_that_were_only_dated_anew_make_nothing(environment: Checkout) -> None:
    current = environment.current()
    _date_anew(environment.root / "requirements/dev.txt")
    assert environment.make("make", ".venv/.made").returncode == 0
    assert environment.environments() == [current]


def test_what_cannot_be_installed_changes_nothing(environment: Checkout) -> None:
    # given requirements that name a wheel that is not there
    current = environment.current()
    requirements = environment.root / "requirements/dev.txt"
    requirements.write_text(requirements.read_text().replace("tiny==1", "tiny==9"))
    # when
    done = environment.make()
    # then
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "No matching distribution found for tiny==9" in done.stderr
    assert (environment.environments(), environment.current()) == ([current], current)
    assert environment.installed() == "1\n"


def test_a_service_that_runs_keeps_its_environment(environment: Checkout) -> None:
    # given a process that loads a part of its code late, begun as the Makefile's recipes begin theirs
    first = environment.current()
    program = (environment.root / ".venv").resolve() / "bin/python"
    code = "import tiny; input(); import tiny.late"
    with subprocess.Popen([program, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        # when the requirements change twice
        environment.require("2")
        assert environment.make().returncode == 0
        assert environment.installed() == "2\n"
        second = environment.current()
        environment.require("3")
        assert environment.make().returncode == 0
        # then
        third = environment.current()
        assert environment.environments() == sorted([first, second, third])
        assert process.communicate("\n", timeout=60)[0] == "1\n"
    assert environment.installed() == "3\n"
    # when it has ended
    environment.require("1")
    assert environment.make().returncode == 0
    # then only the one before is kept
    assert environment.environments() == sorted([third, environment.current()])


def test_the_makefile_runs_what_the_link_leads_to(environment: Checkout) -> None:
    printed = environment.make("make", "-n", "run").stdout
    assert str((environment.root / ".venv").resolve() / "bin") in printed


@pytest.mark.parametrize("marked", [True, False])
def test_an_environment_elsewhere_is_left_alone(environment: Checkout, tmp_path: Path, marked: bool) -> None:
    # given a link to an environment that others use too, of these or of older requirements
    shared = tmp_path / "shared"
    shutil.move(environment.root / ".venvs", shared)
    elsewhere = next(shared.iterdir())
    (environment.root / ".venv").unlink()
    (environment.root / ".venv").symlink_to(elsewhere)
    if not marked:
        (elsewhere / ".made").write_text("")
    kept = sorted(elsewhere.rglob("*"))
    # when
    _date_anew(environment.root / "requirements/dev.txt")
    done = environment.make("make", ".venv/.made")
    # then
    assert done.returncode == 0, done.stderr
    assert sorted(elsewhere.rglob("*")) == kept
    assert ((environment.root / ".venv").resolve() == elsewhere) == marked
    assert environment.installed() == "1\n"


def test_a_folder_and_what_a_killed_build_left_give_way(environment: Checkout) -> None:
    # given .venv as a folder, and half of an environment whose builder was killed
    current = environment.current()
    (environment.root / ".venv").unlink()
    (environment.root / ".venvs" / current).rename(environment.root / ".venv")
    (environment.root / ".venv/.made").unlink()
    for left in ("20200101000000-4194999", "20200101000000-4194999.uv"):
        (environment.root / ".venvs" / left).mkdir()
    (environment.root / ".venvs/20200101000000-4194999.log").write_text("x")
    # when
    done = environment.make()
    # then
    assert done.returncode == 0, done.stderr
    assert environment.environments() == [environment.current(), f"{environment.current()}.before"]
    assert environment.installed() == "1\n"
