"""The kinds of PACS that the contract is held to: the stand-in in every manner that it has, Orthanc, and tiny-pacs."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dicom_service.pacs.dialects import DIALECTS
from local.pacs.callers import SigningKey
from local.pacs.manners import MANNERS
from local.pacs.server import EmbeddedPacs, PacsSettings
from tests import orthanc, tiny_pacs
from tests.orthanc import running_orthanc
from tests.tiny_pacs import running_tiny_pacs

STAND_IN_KEY = "pacs-key"
ACCESS_KEY = ("AKIDEXAMPLE", "s3cret")

REAL: dict[str, tuple[str, Mapping[str, str]]] = {
    "Orthanc": ("", {"PACS_DIALECT": "orthanc"}),
    "Orthanc as any DICOMweb server": ("/dicom-web", {"PACS_DIALECT": "dicomweb"}),
    "tiny-pacs": ("/dicomweb", {"PACS_DIALECT": "dicomweb"}),
    "tiny-pacs by WADO-URI": (
        "/dicomweb",
        {
            "PACS_DIALECT": "o3",
            "PACS_POST_EXAM_ENDPOINT": "/studies",
            "PACS_EXAMS_RETRIEVING_ENDPOINT": "/studies",
            "PACS_WADO_ENDPOINT": "/wado",
        },
    ),
}
"""Real servers: where they are below their address, and the variables that they are spoken to with."""

KINDS = (*MANNERS, *REAL)


class Servers:
    """Real servers, each begun when it is first asked for, and ended together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = ExitStack()
        self._urls: dict[str, str] = {}

    def stop(self) -> None:
        self._running.close()

    def variables(self, kind: str) -> dict[str, str]:
        """What leads the service to a real server of the kind."""
        tiny = kind.startswith("tiny-pacs")
        path, variables = REAL[kind]
        url = self._url("tiny-pacs" if tiny else "orthanc")
        authorization = tiny_pacs.AUTHORIZATION if tiny else orthanc.AUTHORIZATION
        return {"PACS_SERVICE_URL": url + path, "PACS_AUTHORIZATION_TOKEN": authorization, **variables}

    def _url(self, name: str) -> str:
        if name not in self._urls:
            folder = self._folder / name
            folder.mkdir()
            running = running_tiny_pacs(folder) if name == "tiny-pacs" else running_orthanc(folder)
            self._urls[name] = self._running.enter_context(running)
        return self._urls[name]


@contextmanager
def stand_in(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """An empty stand-in in the manner of the kind; gives what leads the service to it."""
    signed = DIALECTS[kind].authorization == "sigv4"
    settings = PacsSettings(
        folder, authorization=STAND_IN_KEY, manner=kind, signing_key=SigningKey(*ACCESS_KEY) if signed else None
    )
    with EmbeddedPacs(settings) as server:
        yield {
            "PACS_DIALECT": kind,
            "PACS_SERVICE_URL": server.base_url,
            "PACS_AUTHORIZATION_TOKEN": STAND_IN_KEY,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY[0],
            "AWS_SECRET_ACCESS_KEY": ACCESS_KEY[1],
            "AWS_REGION": "eu-central-1",
        }
