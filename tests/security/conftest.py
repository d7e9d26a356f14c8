"""An issuer, the service with its door closed, and two patients in its PACS."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from dicom_service.access.tokens import issuers
from local.stack import LocalStack, Settings
from tests.pacs.objects import make_object, uids
from tests.security.issuer import AUDIENCE, Issuer, issuing

OWN, OTHER = "1CT1", "9ZZ9"


@pytest.fixture
def issuer(unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """The issuer whose tokens this process takes."""
    for remembered in ("_kept", "_failed"):
        monkeypatch.setattr(issuers, remembered, {})
    with issuing() as running:
        monkeypatch.setenv("JWT_ISSUER", running.url)
        monkeypatch.setenv("JWT_AUDIENCE", AUDIENCE)
        yield running


@dataclass(frozen=True)
class Guarded:
    """The service with its door closed; `studies` are the UIDs (study, series, instance) of each patient's object."""

    stack: LocalStack
    issuer: Issuer
    studies: dict[str, tuple[str, str, str]]

    def send(self, method: str, path: str, token: str = "", **more: object) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})  # type: ignore[operator]
        address = f"{self.stack.url}{path}"
        return requests.request(
            method,
            address,
            headers=headers,
            timeout=60,
            allow_redirects=False,
            **more,  # type: ignore[arg-type]
        )

    def bound_to(self, patient: str, scope: str) -> str:
        """A token for one patient."""
        return self.issuer.token(patient=patient, scope=scope)


@pytest.fixture(scope="session")
def guarded() -> Iterator[Guarded]:
    with issuing() as issuer:
        variables = {"JWT_ISSUER": issuer.url, "JWT_AUDIENCE": AUDIENCE}
        with LocalStack(Settings(auth=True, variables=variables)) as stack:
            studies = {}
            for patient in (OWN, OTHER):
                content = make_object(PatientID=patient, PatientName=f"SECRET^{patient}")
                sent = requests.post(
                    f"{stack.url}/exams",
                    content,
                    headers={"Content-Type": "application/dicom", "Authorization": f"Bearer {stack.keys['all']}"},
                    timeout=60,
                )
                assert sent.status_code == 200, sent.text
                studies[patient] = uids(content)
            yield Guarded(stack, issuer, studies)
