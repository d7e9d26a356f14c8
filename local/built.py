"""The application as `make build` makes it, in a folder of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import configuration, template
from local.runtime import runtime_folder


@dataclass(frozen=True)
class Built:
    """The output of `sam build`: `folder` holds one folder per function and layer, by logical id."""

    folder: Path
    runtime: Path
    document: dict[str, Any]

    def functions(self) -> dict[str, str]:
        """Logical ids by the folders' names."""
        return {
            Path(properties["CodeUri"]).name: name
            for name, properties in template.of_type(self.document["Resources"], "AWS::Serverless::Function")
        }

    def layers(self, function: str) -> list[Path]:
        """The Python folders of a function's layers, which Lambda unpacks into /opt/python."""
        own = self.document["Resources"][self.functions()[function]]["Properties"].get("Layers", [])
        everyone = self.document["Globals"]["Function"]["Layers"]
        return [self.folder / layer["Ref"] / "python" for layer in [*everyone, *own]]

    def code(self, function: str) -> Path:
        return self.folder / self.functions()[function]

    def path(self, function: str) -> list[Path]:
        """All that a function finds modules on: its own folder, its layers, the runtime."""
        return [self.code(function), *self.layers(function), self.runtime]


def build(folder: Path, root: Path = configuration.TEMPLATE.parent, architecture: str = "x86_64") -> Built:
    """Builds the application of the project at `root`; raises AssertionError with what `sam build` says of a fault."""
    programs = Path(sys.executable).parent
    overrides = ["--parameter-overrides", f"Architecture={architecture}"]
    done = subprocess.run(
        [programs / "sam", "build", "--no-cached", "--build-dir", folder / "build", *overrides],
        cwd=root,
        env={
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0",
            "ARCHITECTURE": architecture,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return Built(folder / "build", runtime_folder(folder / "runtime"), template.load(configuration.TEMPLATE))
