"""The worklist of Orthanc's worklists plugin (0.9 and later): items under identifiers of its own, never filtered.

https://orthanc.uclouvain.be/book/plugins/worklists-plugin-new.html
"""

from typing import Any

from dicom_service.errors import NotFound, PacsError
from dicom_service.pacs.answers import SUCCESS
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.session import PacsSession
from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.conversation import change_item, check_no_page, known_path, post_item, segment
from dicom_service.worklist.fields import CHARACTER_SET, FIELDS, STEPS_TAG, Field
from dicom_service.worklist.mapper import Dataset, element, study_uid_of, values_of
from dicom_service.worklist.normal import normal_form
from dicom_service.worklist.protocol import UNKNOWN

JSON = {"Accept": "application/json", "Content-Type": "application/json"}
STEPS_KEYWORD = "ScheduledProcedureStepSequence"
STEPS_TAG_OF_ORTHANC = f"{STEPS_TAG[:4]},{STEPS_TAG[4:]}"


class OrthancWorklists:
    """The items of one Orthanc. It takes any number for one study: claims keep them apart."""

    def __init__(self, session: PacsSession, dialect: Dialect) -> None:
        self._session = session
        self._dialect = dialect

    def add(self, dataset: Dataset) -> None:
        post_item(self._session, self._dialect.workitem_creation, {"Tags": _tags(dataset)}, headers=JSON)

    def items(self, search: WorkitemSearch) -> list[Dataset]:  # noqa: ARG002 - Orthanc filters nothing
        return list(self._by_identifier().values())

    def remove(self, study_uid: str) -> None:
        for identifier in self._identifiers(study_uid):
            path = f"{self._dialect.workitem_deletion}/{segment(identifier)}"
            check_no_page(self._session.send("DELETE", path, headers=JSON, answers={*SUCCESS, 404}))

    def change(self, old: Dataset, new: Dataset) -> None:
        first, *_ = self._identifiers(study_uid_of(old))
        path = f"{self._dialect.workitem_retrieval}/{segment(first)}"
        change_item(self._session, "PUT", path, {"Tags": _tags(new)}, headers=JSON)

    def _identifiers(self, study_uid: str) -> list[str]:
        found = [name for name, item in self._by_identifier().items() if study_uid_of(item) == study_uid]
        if not found:
            raise NotFound(UNKNOWN)
        return found

    def _by_identifier(self) -> dict[str, Dataset]:
        """Every item; `Full` names attributes by tag, whatever the DICOM dictionary of this Orthanc calls them."""
        with known_path():
            answer = self._session.send(
                "GET",
                self._dialect.workitem_retrieval,
                query={"format": "Full"},
                headers={"Accept": "application/json"},
                repeatable=True,
            )
        try:
            return {str(item["ID"]): _dataset(item["Tags"]) for item in answer.dicom_json()}
        except (KeyError, TypeError, AttributeError) as error:
            raise PacsError("The PACS answered something that is no list of worklists") from error


def _tags(dataset: Dataset) -> dict[str, Any]:
    """The item by keywords; several values of one attribute joined by a backslash (PS3.5 section 6.4)."""
    top = {_keyword(field): _text(values_of(dataset, field)) for field in FIELDS if not field.in_step}
    step = {_keyword(field): _text(values_of(dataset, field)) for field in FIELDS if field.in_step}
    return {"SpecificCharacterSet": CHARACTER_SET, **top, STEPS_KEYWORD: [step]}


def _keyword(field: Field) -> str:
    return field.keyword or field.name


def _text(values: list[Any]) -> str:
    return "\\".join(map(str, values))


def _dataset(tags: dict[str, Any]) -> Dataset:
    """The item in normal form, from `{"0010,0020": {"Name": …, "Type": "String", "Value": …}}`."""
    steps = tags.get(STEPS_TAG_OF_ORTHANC, {}).get("Value") or [{}]
    top = _elements(tags, in_step=False)
    top[STEPS_TAG] = element("SQ", [_elements(step, in_step=True) for step in steps])
    return normal_form(top)


def _elements(tags: dict[str, Any], *, in_step: bool) -> Dataset:
    found: Dataset = {}
    for field in FIELDS:
        content = tags.get(f"{field.tag[:4]},{field.tag[4:]}".lower())
        if content and field.in_step == in_step and isinstance(content.get("Value"), str):
            found[field.tag] = element(field.vr, content["Value"].split("\\"))
    return found
