"""Pictures of stored instances, as JPEG."""

from dataclasses import dataclass

from werkzeug.exceptions import BadRequest, NotFound

from local.pacs.dicom_json import Attributes, first_value, quiet_pydicom

MIN_SIDE = 16
MAX_SIDE = 4096
SIDE_WITHOUT_IMAGE = 512
THUMBNAIL_SIDE = 256


@dataclass(frozen=True)
class Wanted:
    """What a client asked of a picture.

    `width` and `height` are the box it has to fit into, in pixels (0: no limit); `frame` counts from 1; `window` is
    centre and width after the modality LUT; `quality` is JPEG's, 1 to 100.
    """

    width: int = 0
    height: int = 0
    frame: int | None = None
    window: tuple[float, float] | None = None
    quality: int = 85


def draw(content: bytes, attributes: Attributes, wanted: Wanted) -> bytes | None:
    """The picture as JPEG, not larger than the image itself or 4096 pixels; None where there is nothing to be drawn.

    Raises NotFound for a frame that the object does not have.
    """
    from dicom_service.errors import InvalidRequest
    from dicom_service.exams.pictures.draw import draw_picture
    from dicom_service.exams.pictures.request import PictureRequest

    quiet_pydicom()
    size = _longest_side(attributes, wanted)
    try:
        picture = draw_picture(content, PictureRequest(size, wanted.frame, wanted.window, wanted.quality))
    except InvalidRequest as error:
        raise NotFound("there is no such frame") from error
    return None if picture.placeholder else picture.jpeg


def number(text: str, name: str, lowest: int, highest: int) -> int:
    """A whole number from a query string. Raises BadRequest."""
    if not (text.isascii() and text.isdigit() and lowest <= int(text[:9]) <= highest):
        raise BadRequest(f"{name} is a whole number from {lowest} to {highest}")
    return int(text)


def window(centre: str, width: str) -> tuple[float, float]:
    """A window from a query string. Raises BadRequest."""
    try:
        values = float(centre), float(width)
    except ValueError as error:
        raise BadRequest("a window is two numbers, its centre and its width") from error
    if not (abs(values[0]) < 1e9 and 0 < values[1] < 1e9):
        raise BadRequest("a window's width is above zero")
    return values


def _longest_side(attributes: Attributes, wanted: Wanted) -> int:
    rows = first_value(attributes, "Rows") or SIDE_WITHOUT_IMAGE
    columns = first_value(attributes, "Columns") or SIDE_WITHOUT_IMAGE
    limits = [1.0]
    if wanted.width:
        limits.append(wanted.width / columns)
    if wanted.height:
        limits.append(wanted.height / rows)
    return max(MIN_SIDE, min(MAX_SIDE, round(max(rows, columns) * min(limits))))
