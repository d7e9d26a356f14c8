"""`make deploy`: one hash over code and parameters, under which every function gets a new version."""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from deployment import stage
from local import configuration, template
from local.template import of_type

GIVEN = {"PacsServiceUrl": "https://pacs.example.org", "LogRetentionDays": "30"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A small output of `sam build`."""
    for name, content in {
        "template.yaml": "Resources: {}",
        "DicomServiceLayer/python/dicom_service/uid.py": "A = 1",
        "GenerateUid/app.py": "from dicom_service import uid",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def test_the_hash_is_that_of_the_same_code_and_parameters(
    built: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "build"
    built.rename(elsewhere)

    again = dict(reversed(GIVEN.items()))
    assert stage.code_hash(elsewhere, GIVEN) == stage.code_hash(elsewhere, again)


@pytest.mark.parametrize(
    "changed",
    [
        {"DicomServiceLayer/python/dicom_service/uid.py": "A = 2"},
        {"GenerateUid/app.py": "from dicom_service import uid "},
        {"template.yaml": "Resources: {A: 1}"},
        {"DicomServiceLayer/python/new.py": ""},
        {"GenerateUid/app.pyfrom": " dicom_service import uid", "GenerateUid/app.py": ""},
    ],
)
def test_another_byte_is_another_hash(built: Path, changed: dict[str, str]) -> None:
    before = stage.code_hash(built, GIVEN)
    for name, content in changed.items():
        (built / name).write_text(content)

    assert stage.code_hash(built, GIVEN) != before


@pytest.mark.parametrize(
    "given",
    [
        {**GIVEN, "LogRetentionDays": "60"},
        {**GIVEN, "Tracing": "Active"},
        {"PacsServiceUrl": "https://pacs.example.org"},
        {"PacsServiceUrl": "https://pacs.example.orgLogRetentionDays", "": "30"},
    ],
)
def test_another_parameter_is_another_hash(built: Path, given: dict[str, str]) -> None:
    assert stage.code_hash(built, given) != stage.code_hash(built, GIVEN)


def versions(document: dict[str, Any], code_hash: str) -> dict[str, str]:
    """The version of each function that a deployment under the hash publishes."""
    parameters = {**configuration.parameters(document, {}), "CodeHash": code_hash}
    resources = template.translate(document, parameters, "eu-central-1")["Resources"]
    aliases = dict(of_type(resources, "AWS::Lambda::Alias"))
    assert len(aliases) == len(dict(of_type(resources, "AWS::Lambda::Function")))
    return {each["FunctionName"]["Ref"]: each["FunctionVersion"]["Fn::GetAtt"][0] for each in aliases.values()}


def test_every_function_gets_another_version_under_another_hash(document: dict[str, Any], built: Path) -> None:
    first = versions(document, stage.code_hash(built, GIVEN))
    (built / "DicomServiceLayer/python/dicom_service/uid.py").write_text("A = 2")
    second = versions(document, stage.code_hash(built, GIVEN))
    third = versions(document, stage.code_hash(built, {**GIVEN, "Tracing": "Active"}))
    again = versions(document, stage.code_hash(built, {**GIVEN, "Tracing": "Active"}))

    assert len(first) > 30
    assert all(len({first[name], second[name], third[name]}) == 3 for name in first)
    assert third == again


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the SAM CLI was told: a line of JSON for each call. Its place is taken by a program that writes it down."""
    log, program = tmp_path / "said", tmp_path / "bin/sam"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        f"with open({str(log)!r}, 'a') as log:\n"
        "    print(json.dumps([sys.argv[1:], os.environ.get('ARCHITECTURE')]), file=log)\n"
        "sys.exit(int(os.environ.get('FAILING', '0')))\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(stage, "SAM", program)
    return log


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_a_stage_is_built_and_deployed_with_all_its_parameters(said: Path, name: str) -> None:
    assert stage.main([name, "--yes"]) == 0

    built, deployed = map(json.loads, said.read_text().splitlines())
    given = stage.parameters(stage.stages()[name])
    architecture = given.get("Architecture", "x86_64")
    assert built == [["build", "--parameter-overrides", f"Architecture={architecture}"], architecture]
    arguments, overrides = deployed[0][:5], dict(each.partition("=")[::2] for each in deployed[0][5:])
    assert arguments == ["deploy", "--config-env", name, "--no-confirm-changeset", "--parameter-overrides"]
    assert overrides.items() >= given.items()
    assert overrides.keys() - given.keys() <= {"Architecture", "CodeHash"}
    assert len(overrides["CodeHash"]) == stage.HASH_DIGITS


def test_a_build_for_other_processors_is_deployed_as_such(said: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"parameter_overrides": ["Architecture=arm64", "DicomUidRoot=1.2"]}
    monkeypatch.setattr(stage, "stages", lambda: {"dev": other})
    stage.main(["dev"])

    built, deployed = map(json.loads, said.read_text().splitlines())
    assert (built[0][-1], built[1]) == ("Architecture=arm64", "arm64")
    assert "--confirm-changeset" in deployed[0]
    assert "Architecture=arm64" in deployed[0]


def test_nothing_is_deployed_that_could_not_be_built(said: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILING", "3")

    assert stage.main(["dev", "--yes"]) == 3
    assert len(said.read_text().splitlines()) == 1


def test_the_repository_of_applications_is_told_what_it_asks_for(document: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-template-publishing-applications-metadata-properties.html"""
    told = document["Metadata"]["AWS::ServerlessRepo::Application"]
    project = tomllib.loads((stage.ROOT / "pyproject.toml").read_text())["project"]

    assert (told["Name"], told["SemanticVersion"], told["SpdxLicenseId"]) == (
        project["name"],
        project["version"],
        project["license"],
    )
    assert len(told["Description"]) <= 256
    assert re.fullmatch(r"[A-Za-z0-9](-?[A-Za-z0-9])*", told["Author"])
    assert len(told["Labels"]) <= 10
    assert "Apache License" in (stage.ROOT / told["LicenseUrl"]).read_text()
    assert (stage.ROOT / told["ReadmeUrl"]).read_text().startswith("# DICOM Service")


def test_a_cell_is_a_section_more(tmp_path: Path, document: dict[str, Any]) -> None:
    """The one that docs/scale.md shows: its parameters are the template's, and take such values."""
    [section] = re.findall(r"```toml\n(.*?)```", (stage.ROOT / "docs/scale.md").read_text(), re.DOTALL)
    (tmp_path / "samconfig.toml").write_text((stage.ROOT / "samconfig.toml").read_text() + section)
    cells = stage.stages(tmp_path)
    given = stage.parameters(cells["hospital-a"])

    assert cells.keys() == {*stage.stages(), "hospital-a"}
    for name, value in given.items():
        assert re.fullmatch(document["Parameters"][name].get("AllowedPattern", ".*"), value), name
    resources = template.translate(document, configuration.parameters(document, given), "eu-central-1")["Resources"]
    assert [name for name, _ in of_type(resources, "AWS::ApiGatewayV2::DomainName")]
