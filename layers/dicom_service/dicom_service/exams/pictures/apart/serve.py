"""The inside of the process that draws what may cost too much.

It is started as `python -m dicom_service.exams.pictures.apart.serve DESCRIPTOR` and has no other way out than that
socket. Work comes as two messages, what to do (JSON) and the bytes of an object; the answer goes as two as well.
"""

import json
import logging
import sys
from multiprocessing.connection import Connection
from typing import Any

from dicom_service.errors import InvalidRequest
from dicom_service.exams.pictures.apart.limits import limit_this_process
from dicom_service.exams.pictures.apart.process import Work
from dicom_service.exams.pictures.draw import draw_object, reason_of
from dicom_service.exams.pictures.reading.dataset import read_object
from dicom_service.exams.pictures.reading.room import APART
from dicom_service.exams.pictures.request import Picture, PictureRequest
from dicom_service.exams.pictures.shrink import shrink

NONE = Picture(b"", placeholder=True)


def serve(connection: Connection) -> None:
    """Answers until the other end is closed."""
    while True:
        try:
            asked, source = json.loads(connection.recv_bytes()), connection.recv_bytes()
        except EOFError:
            return
        limit_this_process()
        described, jpeg = _answer(asked, source)
        connection.send_bytes(json.dumps(described).encode())
        connection.send_bytes(jpeg)


def _answer(asked: dict[str, Any], source: bytes) -> tuple[dict[str, Any], bytes]:
    window = asked["wanted"]["window"]
    wanted = PictureRequest(**asked["wanted"] | {"window": tuple(window) if window else None})
    reason, invalid = "", {}
    try:
        picture = _work(asked["work"], source, wanted)
    except InvalidRequest as error:
        picture, reason = NONE, str(error)
        invalid = {field.field: field.message for field in error.errors}
    except Exception as fault:  # noqa: BLE001 - codecs and parsers fail in any way on bytes that anyone may send
        picture, reason = NONE, reason_of(fault)
    return {"placeholder": picture.placeholder, "reason": reason, "invalid": invalid}, picture.jpeg


def _work(work: Work, source: bytes, wanted: PictureRequest) -> Picture:
    if work == "shrink":
        return Picture(shrink(source, wanted), placeholder=False)
    return draw_object(read_object(source, APART), wanted, APART)


if __name__ == "__main__":
    logging.disable()
    serve(Connection(int(sys.argv[1])))
