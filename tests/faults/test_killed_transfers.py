"""A worker killed while it carries bytes: another takes over when its lease has ended, and nothing is half done."""

import io
import os
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import requests

from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import PACS_KEY, Invoke
from tests.faults.proxy import KillingProxy, When
from tests.faults.worker import Worker
from tests.pacs.objects import make_object, send, uids
from tests.tiny_pacs import AUTHORIZATION, running_tiny_pacs
from tests.transfers import arrived, in_pacs, status, upload

OBJECT = make_object(PatientID="P7")
LEASE_SECONDS = 915
LONGEST_SECONDS = 6 * 3600
STORING_CALLS, ARCHIVING_CALLS = 7, 10
"""To AWS on the way of one file and of one archive; the cases in which nobody is killed show that there are so many."""

PACS_VARIABLES = ("PACS_SERVICE_URL", "PACS_AUTHORIZATION_TOKEN", "PACS_DIALECT", "DICOM_UID_ROOT")


@dataclass
class Transfers:
    """Workers, each in a process of its own that reaches AWS by a proxy that can kill it."""

    proxy: KillingProxy
    worker: Worker
    now: float = field(default_factory=time.time)
    killed: int = 0

    def run(self, name: str, of: str) -> None:
        """Lets workers follow each other as the queue would have them, until one has ended the work."""
        wait: float | None = 0.0
        until = self.now + LONGEST_SECONDS
        while wait is not None:
            self.now += wait
            assert self.now < until, f"{name} never ends"
            process, answers = self.worker.start(name, of, self.now)
            self.proxy.victim = process.pid or 0
            process.join(20)
            assert process.exitcode is not None, f"{name} hangs"
            try:
                wait = answers.recv()
            except EOFError:
                assert self.proxy.killed, f"{name} failed by itself"
                self.killed, wait = self.killed + 1, LEASE_SECONDS


@pytest.fixture
def transfers(aws: Aws, pacs: EmbeddedPacs, resources_environment: dict[str, str]) -> Iterator[Transfers]:
    with killable(aws, resources_environment) as made:
        yield made


@contextmanager
def killable(aws: Aws, resources_environment: dict[str, str]) -> Iterator[Transfers]:
    """Workers that the environment leads to the PACS that it names."""
    with KillingProxy(aws.url) as proxy:
        reached = {name: os.environ[name] for name in PACS_VARIABLES if name in os.environ}
        environment = {**resources_environment, **reached, **aws.environment, "AWS_ENDPOINT_URL": proxy.url}
        yield Transfers(proxy, Worker(environment))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fatal", range(STORING_CALLS + 1))
def test_a_file_is_stored_and_its_bytes_deleted(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, transfers: Transfers, fatal: int, when: When
) -> None:
    # given
    upload_id = upload(invoke, OBJECT)
    arrived(aws)
    transfers.proxy.arm(fatal, when)
    # when
    transfers.run("store_upload", upload_id)
    # then
    assert transfers.killed == (1 if fatal else 0)
    assert fatal or len(transfers.proxy.calls) == STORING_CALLS, transfers.proxy.calls
    (file,) = status(invoke, upload_id)
    assert file["state"] == "STORED", file
    assert in_pacs(pacs, OBJECT) == OBJECT
    assert not aws.client("s3").list_objects_v2(Bucket=os.environ["TRANSFER_BUCKET"]).get("Contents")


@pytest.fixture(scope="module")
def tiny_pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_tiny_pacs(tmp_path_factory.mktemp("tiny-pacs")) as url:
        yield url


@pytest.mark.parametrize("fatal", range(STORING_CALLS + 1))
def test_a_file_is_stored_at_a_pacs_that_refuses_every_second_copy(
    aws: Aws,
    tiny_pacs: str,
    unconfigured: None,
    resources_environment: dict[str, str],
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    fatal: int,
) -> None:
    # given
    monkeypatch.setenv("PACS_DIALECT", "dicomweb")
    monkeypatch.setenv("PACS_SERVICE_URL", f"{tiny_pacs}/dicomweb")
    monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", AUTHORIZATION)
    content = make_object()
    upload_id = upload(invoke, content)
    arrived(aws)
    with killable(aws, resources_environment) as transfers:
        transfers.proxy.arm(fatal, "before")
        # when
        transfers.run("store_upload", upload_id)
    # then
    assert transfers.killed == (1 if fatal else 0)
    (file,) = status(invoke, upload_id)
    assert (file["state"], file.get("reason")) == ("STORED", None)
    study, series, instance = uids(content)
    address = f"{tiny_pacs}/dicomweb/studies/{study}/series/{series}/instances/{instance}"
    assert requests.get(address, headers={"Authorization": AUTHORIZATION}, timeout=10).ok


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fatal", range(ARCHIVING_CALLS + 1))
def test_an_archive_is_made_whole(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, transfers: Transfers, fatal: int, when: When
) -> None:
    # given
    study, series, instance = uids(OBJECT)
    assert send(f"{pacs.url}/dicom-web/studies", OBJECT, headers={"Authorization": PACS_KEY}).status_code == 200
    asked = invoke("archive_study", path=f"/exams/studies/{study}/archive", query={"PatientId": "P7"})
    location = asked["headers"]["Location"]
    transfers.proxy.arm(fatal, when)
    # when
    transfers.run("prepare_download", location.rpartition("/")[2])
    # then
    assert transfers.killed == (1 if fatal else 0)
    assert fatal or len(transfers.proxy.calls) == ARCHIVING_CALLS, transfers.proxy.calls
    ready = invoke("get_archive", path=location)
    assert ready["statusCode"] == 303, ready
    fetched = requests.get(ready["headers"]["Location"], timeout=10)
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {f"{series}/{instance}.dcm": OBJECT}
