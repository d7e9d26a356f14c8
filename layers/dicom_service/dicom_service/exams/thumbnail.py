"""A picture of a stored object: from the PACS where it can give one, drawn here where it cannot."""

from dicom_service import metrics
from dicom_service.errors import PacsObjectUnknown
from dicom_service.exams.opened import opened
from dicom_service.exams.pictures.request import Picture, PictureRequest
from dicom_service.pacs.dialects import Dialect, PictureWay
from dicom_service.pacs.lacking import is_known_to_lack, remember_lacking
from dicom_service.pacs.retrieve import Instance, Rendering, retrieve_picture
from dicom_service.pacs.session import PacsSession

MOST_DRAWN_BYTES = 300 * 1024 * 1024
"""What fits into a function's memory beside its picture. Of a larger object the beginning is drawn, if it can be."""


def thumbnail(session: PacsSession, dialect: Dialect, instance: Instance, wanted: PictureRequest) -> Picture:
    """A JPEG whose longest side is at most the wanted size; a placeholder where the object has no image.

    Raises PacsObjectUnknown where there is no such object, InvalidRequest for a frame that it does not have.
    """
    picture = _picture(session, dialect, instance, wanted)
    metrics.add(metrics.PLACEHOLDERS if picture.placeholder else metrics.PICTURES)
    return picture


def _picture(session: PacsSession, dialect: Dialect, instance: Instance, wanted: PictureRequest) -> Picture:
    from dicom_service.exams.pictures.draw import draw_picture
    from dicom_service.exams.pictures.shrink import shrink_jpeg

    rendering = Rendering(wanted.size, wanted.frame, wanted.window, wanted.quality)
    lacking: list[PictureWay] = []
    for way in dialect.pictures:
        if (way == "thumbnail" and (wanted.frame or wanted.window)) or is_known_to_lack(session, way):
            continue
        try:
            answered = retrieve_picture(session, dialect, way, instance, rendering)
        except PacsObjectUnknown:
            lacking.append(way)
            continue
        jpeg = shrink_jpeg(answered, wanted) if answered else None
        if jpeg:
            remember_lacking(session, lacking)
            return Picture(jpeg, placeholder=False)
    with opened(session, dialect, instance, MOST_DRAWN_BYTES) as found:
        picture = draw_picture(found.beginning, wanted)
    if not picture.placeholder:
        remember_lacking(session, lacking)
    return picture
