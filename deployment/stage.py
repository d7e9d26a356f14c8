"""`make deploy`: builds for a stage's processors, and deploys under a hash of the code and of every parameter.

An alias goes on with the version that it has until a version with another name is published. SAM names a version after
the hash alone: it sees neither another layer, where all the code is, nor another value of a parameter.
https://github.com/aws/serverless-application-model/issues/3610
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local import template

ROOT = Path(__file__).parents[1]
BUILT = ROOT / ".aws-sam/build"
SAM = Path(sys.executable).parent / "sam"
HASH_DIGITS = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: that of the SAM CLI where it fails."""
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("stage", choices=sorted(stages()), help="whose parameters of samconfig.toml are taken")
    parser.add_argument("--yes", action="store_true", help="asks nobody whether the changes are to be made")
    asked = parser.parse_args(arguments)
    given = parameters(stages()[asked.stage])
    architecture = given.setdefault("Architecture", default_architecture())
    try:
        _sam("build", "--parameter-overrides", f"Architecture={architecture}", ARCHITECTURE=architecture)
        named = [f"{name}={value}" for name, value in {**given, "CodeHash": code_hash(BUILT, given)}.items()]
        confirm = "--no-confirm-changeset" if asked.yes else "--confirm-changeset"
        _sam("deploy", "--config-env", asked.stage, confirm, "--parameter-overrides", *named)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def stages(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """How each stage is deployed, by its name."""
    samconfig = tomllib.loads((root / "samconfig.toml").read_text())
    return {
        name: each["deploy"]["parameters"]
        for name, each in samconfig.items()
        if isinstance(each, dict) and "deploy" in each
    }


def parameters(stage: Mapping[str, Any]) -> dict[str, str]:
    """The template's parameters that a stage gives."""
    return dict(each.partition("=")[::2] for each in stage["parameter_overrides"])


def default_architecture() -> str:
    """The template's own."""
    return str(template.load(ROOT / "template.yaml")["Parameters"]["Architecture"]["Default"])


def code_hash(built: Path, given: Mapping[str, str]) -> str:
    """Hexadecimal digits that change with any byte of what was built, the template among it, and with any parameter."""
    digest = hashlib.sha256()
    for path in sorted(path for path in built.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(built)}\0{len(content)}\0".encode() + content)
    for name, value in sorted(given.items()):
        digest.update(f"{name}\0{value}\0".encode())
    return digest.hexdigest()[:HASH_DIGITS]


def _sam(*arguments: str, **variables: str) -> None:
    environment = {**os.environ, **variables, "PATH": f"{SAM.parent}:{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0"}
    subprocess.run([SAM, *arguments], cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main())
