"""Objects that are fetched ahead of their reader: in order, few at a time, and a fault where it belongs."""

from contextlib import closing

import pytest

from dicom_service.errors import PacsError, PacsObjectUnknown
from dicom_service.exams.opened import AHEAD, each_opened
from dicom_service.pacs.dialects import DIALECTS
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.session import PacsSession
from tests.pacs.objects import make_object, uids
from tests.scripted import Answer, Asked, ScriptedPacs

SMALL = 4096
CONTENTS = [make_object(PixelData=bytes(SMALL if number == 4 else 64)) for number in range(12)]
INSTANCES = [Instance(*uids(content)) for content in CONTENTS]
BY_UID = {instance.instance_uid: content for instance, content in zip(INSTANCES, CONTENTS, strict=True)}


def stored(asked: Asked) -> Answer:
    (instance_uid,) = asked.query["objectUID"]
    return Answer(200, BY_UID[instance_uid], {"Content-Type": "application/dicom"})


def session(pacs: ScriptedPacs) -> PacsSession:
    return PacsSession(pacs.url, "", budget=25.0)


def test_objects_come_whole_and_in_their_order() -> None:
    """The one that is not held comes as a stream, on a connection of its own when its turn has come."""
    with (
        ScriptedPacs(by=stored) as pacs,
        closing(each_opened(session(pacs), DIALECTS["o3"], INSTANCES, SMALL)) as objects,
    ):
        assert [b"".join(found.pieces()) for found in objects] == CONTENTS
    assert len(pacs.asked) == len(INSTANCES) + 1


def test_few_are_fetched_ahead_and_none_once_the_reader_is_gone() -> None:
    with ScriptedPacs(by=stored) as pacs:
        with closing(each_opened(session(pacs), DIALECTS["o3"], INSTANCES, SMALL)) as objects:
            next(objects)
        assert len(pacs.asked) <= AHEAD


def test_a_fault_comes_at_its_object() -> None:
    def third_is_gone(asked: Asked) -> Answer:
        return Answer(404) if asked.query["objectUID"] == [INSTANCES[2].instance_uid] else stored(asked)

    with (
        ScriptedPacs(by=third_is_gone) as pacs,
        closing(each_opened(session(pacs), DIALECTS["o3"], INSTANCES, SMALL)) as objects,
    ):
        assert [next(objects).beginning for _ in range(2)] == CONTENTS[:2]
        with pytest.raises(PacsObjectUnknown):
            next(objects)


def test_one_that_breaks_off_is_fetched_again() -> None:
    broken: list[str] = []

    def breaks_once(asked: Asked) -> Answer:
        answer = stored(asked)
        if broken:
            return answer
        broken.append(asked.path)
        return Answer(200, answer.body, answer.headers, cut=100)

    with (
        ScriptedPacs(by=breaks_once) as pacs,
        closing(each_opened(session(pacs), DIALECTS["o3"], INSTANCES[:4], SMALL)) as objects,
    ):
        assert [found.beginning for found in objects] == CONTENTS[:4]


def test_one_that_always_breaks_off_is_a_fault() -> None:
    cut = Answer(200, CONTENTS[0], {"Content-Type": "application/dicom"}, cut=100)
    with (
        ScriptedPacs(cut) as pacs,
        closing(each_opened(session(pacs), DIALECTS["o3"], INSTANCES[:1], SMALL)) as objects,
        pytest.raises(PacsError),
    ):
        next(objects)
