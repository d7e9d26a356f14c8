"""The table in docs/pacs.md says what each kind of PACS answers."""

from dicom_service.pacs.session import pacs_session
from tests.contract.kinds import KINDS
from tests.contract.questions import answers, told_in_document


def test_the_table_is_true(kind: str) -> None:
    assert answers(pacs_session()) == told_in_document()[kind]


def test_the_table_has_every_kind() -> None:
    assert list(told_in_document()) == list(KINDS)
