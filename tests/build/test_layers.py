"""What is deployed: complete, compiled, and small enough."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deployment.licences import REFUSED, packages
from local import template
from local.built import Built, build
from local.runtime import INTERPRETER
from tests.structure.sources import ROOT

pytestmark = pytest.mark.xdist_group("build")

MOST_BYTES = 220_000_000
"""Function and layers, unzipped, so that an update of a package does not come to the platform's 250 MB as a surprise.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

CODECS = ("DICOMRLE", "JPEG", "JPEG2K", "JPEG8", "JPEGLS", "JPEGXL", "PACKBITS")
SERVICES = ("dynamodb", "s3", "secretsmanager", "sns", "sqs", "ssm")

MODULES = {
    "DicomServiceLayer": [
        "dicom_service.http.answer",
        "dicom_service.stores",
        "aws_lambda_powertools.event_handler",
        "boto3",
        "pydantic",
        "requests",
        "standardwebhooks",
    ],
    "IdentityLayer": ["cryptography.hazmat.primitives.asymmetric.rsa", "jwt.algorithms"],
    "ImagingLayer": ["imagecodecs", "numpy", "PIL.Image", "pydicom", "pypdfium2"],
}

UNCHECKED_HASH = 0b01
"""Flags of a .pyc whose source is never looked at: https://peps.python.org/pep-0552/"""


DATE_OF_ARCHIVED_FILES = 315_532_800
"""1980-01-01, in seconds since 1970."""

PRINT_WHAT_IS_COMPILED = """
from importlib.machinery import SourceFileLoader

compile_source = SourceFileLoader.source_to_code

def told(self, data, path, **options):
    print(path)
    return compile_source(self, data, path, **options)

SourceFileLoader.source_to_code = told
import {}
"""


def python(code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    """Runs code in a fresh interpreter that finds the standard library and `path`, nothing else."""
    environment = {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([INTERPRETER, "-S", "-c", code], env=environment, capture_output=True, text=True)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def test_every_layer_says_how_it_is_built(built: Built) -> None:
    layers = dict(template.of_type(built.document["Resources"], "AWS::Serverless::LayerVersion"))

    assert set(layers) == set(MODULES)
    for name in layers:
        metadata = built.document["Resources"][name]["Metadata"]
        assert metadata["BuildMethod"] == "makefile"
        makefile = built.document["Resources"][name]["Properties"]["ContentUri"] + "/Makefile"
        assert f"build-{name}:" in Path(makefile).read_text()


@pytest.mark.parametrize("layer", MODULES)
def test_a_layer_imports_with_nothing_else_on_the_path(built: Built, layer: str) -> None:
    folder = built.folder / layer / "python"

    done = python("; ".join(f"import {module}" for module in MODULES[layer]), folder)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_every_handler_imports_from_its_folder_and_its_layers(built: Built) -> None:
    for function in built.functions():
        done = python("import app; app.lambda_handler", built.code(function), *built.layers(function))

        assert done.returncode == 0, f"{function}: {done.stderr}"


def test_every_function_fits_with_its_layers(built: Built) -> None:
    sizes = {name: size(built.code(name)) + sum(map(size, built.layers(name))) for name in built.functions()}

    for name, total in sorted(sizes.items(), key=lambda entry: entry[1]):
        print(f"{name}: {total / 1e6:.1f} MB")
    assert {name: total for name, total in sizes.items() if total > MOST_BYTES} == {}


@pytest.mark.parametrize("layer", MODULES)
def test_all_of_a_layer_is_compiled_for_a_file_system_that_forgets_dates(built: Built, layer: str) -> None:
    """The archive dates every file 1980: bytecode that is checked against dates would never be valid."""
    sources = list((built.folder / layer / "python").rglob("*.py"))

    assert sources
    for source in sources:
        bytecode = Path(importlib.util.cache_from_source(str(source)))
        assert bytecode.exists(), source
        assert int.from_bytes(bytecode.read_bytes()[4:8], "little") == UNCHECKED_HASH, source


def test_bytecode_is_used_whatever_the_date_of_its_source(built: Built) -> None:
    layer = built.folder / "DicomServiceLayer/python"
    for source in layer.rglob("*.py"):
        os.utime(source, (DATE_OF_ARCHIVED_FILES, DATE_OF_ARCHIVED_FILES))

    done = python(PRINT_WHAT_IS_COMPILED.format(", ".join(MODULES["DicomServiceLayer"])), layer)

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_nothing_of_the_development_environment_is_deployed(built: Built) -> None:
    names = {path.name for layer in MODULES for path in (built.folder / layer / "python").iterdir()}

    assert names.isdisjoint({"moto", "pytest", "samcli", "local", "tests", "functions", "mypy"})
    assert {path.name for path in built.code("generate_uid").iterdir()} == {"app.py"}


def test_packages_keep_what_they_read_of_themselves(built: Built) -> None:
    """pydicom, boto3 and others ask for the metadata of their distribution."""
    for layer in MODULES:
        packages = built.folder / layer / "python"
        assert [path for path in packages.glob("*.dist-info") if (path / "METADATA").exists()]


def test_the_codecs_that_decode_dicom_are_kept(built: Built) -> None:
    code = f"import imagecodecs as i; assert all(getattr(i, name).available for name in {CODECS}), i.__file__"

    done = python(code, built.folder / "ImagingLayer/python")

    assert done.returncode == 0, done.stderr


def test_the_services_that_are_called_are_kept(built: Built) -> None:
    code = f"import boto3\nfor name in {SERVICES}: boto3.client(name, region_name='eu-central-1')"

    done = python(code, built.folder / "DicomServiceLayer/python")

    assert done.returncode == 0, done.stderr


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_builds_of_one_commit_are_the_same_to_the_byte_wherever_they_are_made(built: Built, tmp_path: Path) -> None:
    elsewhere = tmp_path / "another place"
    shutil.copytree(
        ROOT, elsewhere, ignore=shutil.ignore_patterns(".*", "__pycache__", "demo-output", "tests", "bench")
    )

    again = build(tmp_path / "again", elsewhere)

    first, second = digests(built.folder), digests(again.folder)
    assert len(first) > 2000
    assert {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)} == set()


def test_every_package_says_its_licence_and_may_be_shipped(built: Built) -> None:
    found = list(packages(built.folder))
    locked = {
        re.sub(r"[-_.]+", "-", name).lower()
        for layer in ("dicom_service", "identity", "imaging")
        for name in re.findall(r"^([\w.-]+)==", (ROOT / f"layers/{layer}/requirements.txt").read_text(), re.MULTILINE)
    }

    assert {re.sub(r"[-_.]+", "-", each.name).lower() for each in found} == locked
    assert [(each.name, each.licence) for each in found if not each.licence or REFUSED.search(each.licence)] == []
    assert [each.name for each in found if not each.texts] == ["standardwebhooks"]


@pytest.mark.parametrize(
    ("stated", "refused"),
    [
        ("GPL-3.0-only", True),
        ("LGPLv2+", True),
        ("AGPL", True),
        ("GNU General Public License v2", True),
        ("MIT", False),
        ("Apache-2.0 OR BSD-3-Clause", False),
    ],
)
def test_licences_that_may_not_be_shipped(stated: str, refused: bool) -> None:
    assert bool(REFUSED.search(stated)) is refused


def test_layers_are_built_for_either_processor(tmp_path: Path) -> None:
    """Machine types of ELF: 62 is x86-64, 183 AArch64."""
    other = build(tmp_path, architecture="arm64")

    machines = {int.from_bytes(path.read_bytes()[18:20], "little") for path in other.folder.rglob("*.so")}
    assert machines == {183}
    assert len(list(other.folder.rglob("*.so"))) > 20


def test_what_no_function_uses_of_a_package_is_not_loaded_and_still_there(built: Built) -> None:
    layer = built.folder / "DicomServiceLayer/python"
    code = "import sys, dicom_service.http.answer, dicom_service.batch; print(*sys.modules)"
    loaded = python(code, layer).stdout.split()
    names = "AppSyncResolver, BedrockAgentResolver, APIGatewayHttpResolver, Response"
    used = python(
        f"from aws_lambda_powertools.event_handler import {names}\n"
        "from aws_lambda_powertools.event_handler import *\n"
        "from aws_lambda_powertools.utilities.data_classes import *\n"
        "import aws_lambda_powertools.event_handler as package\n"
        "assert all(hasattr(package, name) for name in package.__all__) and not hasattr(package, 'Nothing')",
        layer,
    )

    assert loaded
    assert not {"asyncio", "aws_lambda_powertools.event_handler.appsync"} & set(loaded)
    assert not [name for name in loaded if name.endswith("code_pipeline_job_event")]
    assert used.returncode == 0, used.stderr


def test_batches_that_are_handled_at_once_still_are(built: Built) -> None:
    code = """
from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType, async_process_partial_response

async def handle(record):
    assert record.body == "1"

event = {"Records": [{"messageId": "a", "body": "1"}, {"messageId": "b", "body": "2"}, {"messageId": "c", "body": "1"}]}
processor = AsyncBatchProcessor(event_type=EventType.SQS)
print(async_process_partial_response(event=event, record_handler=handle, processor=processor))
"""
    done = python(code, built.folder / "DicomServiceLayer/python")

    assert done.stdout.strip() == "{'batchItemFailures': [{'itemIdentifier': 'b'}]}", done.stderr


def test_a_package_that_does_more_than_import_is_not_rewritten() -> None:
    path = ROOT / "layers/dicom_service/lazily.py"
    specification = importlib.util.spec_from_file_location("lazily", path)
    assert specification is not None
    assert specification.loader is not None
    lazily = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(lazily)

    assert "'A': ('x.y', 'B')" in lazily.lazy('"""Words."""\nfrom x.y import B as A\n__all__ = ["A"]\n')
    for source in ("import os", "from x import *", "A = 1", "from x import A\nA()"):
        with pytest.raises(ValueError, match="does more"):
            lazily.lazy(source)
    for source in ("import os", "import asyncio\nimport asyncio\n"):
        with pytest.raises(ValueError, match="not one line"):
            lazily.later(source)
