"""What each kind of PACS answers to one list of questions, as it is, and the table of it in docs/pacs.md.

`python -m tests.contract.questions` asks all of them and writes the table; `test_questions.py` holds it to a run.
"""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicom_service.errors import PacsError
from dicom_service.pacs.answers import PacsAnswer
from dicom_service.pacs.attributes import first_value
from dicom_service.pacs.dialects import MULTIPART, SINGLE_PART, Dialect, dialect
from dicom_service.pacs.multipart import related_body
from dicom_service.pacs.retrieve import Instance, stream_instance
from dicom_service.pacs.session import PacsSession, pacs_session
from tests.contract.kinds import KINDS, REAL, Servers, stand_in
from tests.pacs.objects import make_object, uids

DOCUMENT = Path(__file__).parents[2] / "docs/pacs.md"
BEGIN, END = "<!-- the table of tests/contract/questions.py -->", "<!-- its end -->"

ANY_STATUS = range(100, 600)
UNKNOWN = "1.2.826.0.1.3680043.10.1.404"
PATIENT = "Asked1"
COUNTS = ("00080061", "00201206", "00201208")


@dataclass(frozen=True)
class Asked:
    """A PACS with one object of its own, whose Patient ID is PATIENT; `content` is the object."""

    session: PacsSession
    dialect: Dialect
    content: bytes

    @property
    def instance(self) -> Instance:
        return Instance(*uids(self.content))

    @property
    def path(self) -> str:
        """Of the object in the tree of DICOMweb."""
        return "{}/{}/series/{}/instances/{}".format(self.dialect.searching, *uids(self.content))

    def get(self, path: str, accept: str = "application/dicom+json", **query: str) -> PacsAnswer:
        return self.session.send("GET", path, query=query, headers={"Accept": accept}, answers=ANY_STATUS)

    def store(self, content: bytes) -> PacsAnswer:
        body, content_type = related_body(content, "application/dicom")
        headers = {"Content-Type": content_type, "Accept": "application/dicom+json"}
        return self.session.send("POST", self.dialect.storing, headers=headers, body=body, answers=ANY_STATUS)

    def studies(self, **query: str) -> list[dict[str, Any]]:
        return self.get(self.dialect.searching, **query).dicom_json()


def _stored(answer: PacsAnswer) -> str:
    response = next(iter(answer.dicom_json()), {}) if answer.status in (200, 202, 409) else {}
    for item in response.get("00081198", {}).get("Value", []):
        return f"{answer.status}, {first_value(item, '00081197'):04X}"
    return f"{answer.status}, stored" if "00081199" in response else str(answer.status)


def _comes_back(asked: Asked) -> str:
    with stream_instance(asked.session, asked.dialect, asked.instance) as stream:
        came = b"".join(stream.pieces)
    return "byte for byte" if came == asked.content else "file meta anew"


def _nothing(asked: Asked) -> str:
    answer = asked.get(asked.dialect.searching, PatientID="NOBODY")
    return f"{answer.status}, {f'`{answer.body.decode().strip()}`' if answer.body else 'empty'}"


def _counts(asked: Asked) -> str:
    includes = {"includefield": ",".join(COUNTS)}
    [study] = asked.studies(StudyInstanceUID=asked.instance.study_uid, **includes)
    present = sum(first_value(study, tag) is not None for tag in COUNTS)
    return {0: "none", len(COUNTS): "all"}.get(present, f"{present} of {len(COUNTS)}")


def _finds(**query: str) -> Callable[[Asked], str]:
    def ask(asked: Asked) -> str:
        return "yes" if asked.studies(**query) else "no"

    return ask


def _got(resource: str, accept: str) -> Callable[[Asked], str]:
    def ask(asked: Asked) -> str:
        answer = asked.get(f"{asked.path}{resource}", accept)
        return "yes" if answer.status == 200 and answer.body else str(answer.status)

    return ask


def _wado_uri(asked: Asked) -> str:
    path = asked.dialect.retrieving
    if asked.dialect.retrieval != "wado-uri":
        path = f"{asked.dialect.searching.removesuffix('/studies')}/wado"
    answer = asked.get(
        path,
        "*/*",
        requestType="WADO",
        studyUID=asked.instance.study_uid,
        seriesUID=asked.instance.series_uid,
        objectUID=asked.instance.instance_uid,
        contentType="application/dicom",
    )
    return "yes" if answer.body[128:132] == b"DICM" else str(answer.status)


def _unknown(asked: Asked) -> str:
    return str(asked.get(f"{asked.dialect.searching}/{UNKNOWN}/series/{UNKNOWN}/instances/{UNKNOWN}", MULTIPART).status)


QUESTIONS: Mapping[str, Callable[[Asked], str]] = {
    "an object": lambda asked: _stored(asked.store(make_object())),
    "a second copy of it": lambda asked: _stored(asked.store(asked.content)),
    "a deflated one": lambda asked: _stored(asked.store(make_object(DeflatedExplicitVRLittleEndian))),
    "no DICOM": lambda asked: _stored(asked.store(b"no DICOM at all")),
    "the object comes back": _comes_back,
    "as multipart": _got("", MULTIPART),
    "as a single part": _got("", SINGLE_PART),
    "by WADO-URI": _wado_uri,
    "an unknown object": _unknown,
    "metadata": _got("/metadata", "application/dicom+json"),
    "a frame": _got("/frames/1", 'multipart/related; type="application/octet-stream"; transfer-syntax=*'),
    "rendered": _got("/rendered", "image/jpeg"),
    "a thumbnail": _got("/thumbnail", "image/jpeg"),
    "nothing found": _nothing,
    "counts and modalities of a study": _counts,
    "finds a Patient ID in another case": _finds(PatientID=PATIENT.lower()),
    "finds a Patient ID by `*`": _finds(PatientID=f"{PATIENT[:3]}*"),
    "finds everybody by a blank Patient ID": _finds(PatientID=" "),
}


def answers(session: PacsSession) -> dict[str, str]:
    """What the PACS that the environment names answers to each question."""
    asked = Asked(session, dialect(), make_object(PatientID=PATIENT))
    asked.store(asked.content)
    told = {}
    for question, ask in QUESTIONS.items():
        try:
            told[question] = ask(asked)
        except PacsError as error:
            told[question] = error.title
    return told


def table(told: Mapping[str, Mapping[str, str]]) -> str:
    """A row per question and a column per kind."""
    lines = [["", *told], ["---"] * (len(told) + 1)]
    lines += [[question, *(of_kind[question] for of_kind in told.values())] for question in QUESTIONS]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def told_in_document() -> dict[str, dict[str, str]]:
    """What the table in docs/pacs.md says, by kind."""
    lines = DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {kind: {row[0]: row[at] for row in cells[2:]} for at, kind in enumerate(cells[0]) if at}


def main() -> None:
    """Asks every kind and writes the table into docs/pacs.md."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        told = {kind: _answers_of(kind, Path(folder), environment) for kind in KINDS}
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table(told)}\n\n{END}{rest.partition(END)[2]}")


def _answers_of(kind: str, folder: Path, environment: pytest.MonkeyPatch) -> dict[str, str]:
    own = folder / kind.replace(" ", "-")
    own.mkdir()
    with environment.context() as changed, ExitStack() as running:
        if kind in REAL:
            servers = Servers(own)
            running.callback(servers.stop)
            variables = servers.variables(kind)
        else:
            variables = running.enter_context(stand_in(kind, own))
        for name, value in variables.items():
            changed.setenv(name, value)
        return answers(pacs_session())


if __name__ == "__main__":
    main()
