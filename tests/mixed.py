"""A PACS in memory that may hold objects of several patients in one study, with the habits that PACS have."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.pacs.objects import header
from tests.scripted import Answer, Asked, ScriptedPacs

DICOM_JSON = {"Content-Type": "application/dicom+json"}
PAGE = 100


@dataclass(frozen=True)
class Habits:
    """What kind of a PACS it is.

    `tells` are the levels whose rows hold a Patient ID when `includefield` asks for it; with `first_wins` a study, and
    a series, has one row, which describes its first object, else one row for each patient. `refuses` is answered to a
    query with `includefield`, if it is not 0. `empty` gives the attribute without a value where it does not tell.
    """

    tells: frozenset[str] = frozenset({"series", "instances"})
    first_wins: bool = False
    refuses: int = 0
    empty: bool = False


class MixedPacs(ScriptedPacs):
    """Speaks QIDO-RS and WADO-RS of single objects, as any DICOMweb server."""

    def __init__(self, contents: Iterable[bytes], habits: Habits = Habits()) -> None:
        super().__init__(by=self._answer)
        self._contents = list(contents)
        self._habits = habits

    def paths(self) -> list[str]:
        """What was asked for, without the queries."""
        return [asked.path for asked in self.asked]

    def _answer(self, asked: Asked) -> Answer:
        segments = asked.path.strip("/").split("/")
        uids = segments[1::2]
        if len(uids) == 3:
            found = [content for content in self._contents if _uids(content) == tuple(uids)]
            return (
                Answer(200, found[0], {"Content-Type": "application/dicom"})
                if len(segments) == 6 and found
                else Answer(404)
            )
        if self._habits.refuses and "includefield" in asked.query:
            return Answer(self._habits.refuses)
        rows = self._rows(segments[-1], uids, asked)
        offset = int(asked.query.get("offset", ["0"])[0])
        return Answer(200, json.dumps(rows[offset : offset + PAGE]).encode(), DICOM_JSON)

    def _rows(self, level: str, uids: list[str], asked: Asked) -> list[dict[str, Any]]:
        depth = {"studies": 1, "series": 2, "instances": 3}[level]
        groups: dict[tuple[str, ...], list[bytes]] = {}
        for content in self._contents:
            of = _uids(content)
            if of[: len(uids)] == tuple(uids):
                patient = () if self._habits.first_wins or level == "instances" else (str(header(content).PatientID),)
                groups.setdefault((*of[:depth], *patient), []).append(content)
        rows = [self._row(level, depth, contents, asked) for contents in groups.values()]
        study, patient_id = (asked.query.get(name, [""])[0] for name in ("StudyInstanceUID", "PatientID"))
        return [
            row
            for row in rows
            if study in ("", row["0020000D"]["Value"][0])
            and (level != "studies" or not patient_id or row["00100020"].get("Value") == [patient_id])
        ]

    def _row(self, level: str, depth: int, contents: list[bytes], asked: Asked) -> dict[str, Any]:
        dataset = header(contents[0])
        row: dict[str, Any] = {
            tag: {"vr": "UI", "Value": [uid]}
            for tag, uid in zip(("0020000D", "0020000E", "00080018"), _uids(contents[0])[:depth], strict=False)
        }
        patient = {"vr": "LO", "Value": [str(dataset.PatientID)]} if dataset.PatientID else {"vr": "LO"}
        row["00080060"] = {"vr": "CS", "Value": [str(dataset.Modality)]}
        if level == "studies":
            row |= {"00100020": patient, "00100010": {"vr": "PN", "Value": [{"Alphabetic": str(dataset.PatientName)}]}}
        else:
            row["0008103E"] = {"vr": "LO", "Value": [f"series of {dataset.PatientName}"]}
            if level in self._habits.tells and "includefield" in asked.query:
                row["00100020"] = patient
            elif self._habits.empty:
                row["00100020"] = {"vr": "LO"}
        row[{"studies": "00201208", "series": "00201209", "instances": "00280010"}[level]] = {
            "vr": "IS",
            "Value": [len(contents) if level != "instances" else int(dataset.get("Rows") or 0)],
        }
        return row


def _uids(content: bytes) -> tuple[str, str, str]:
    dataset = header(content)
    return str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)
