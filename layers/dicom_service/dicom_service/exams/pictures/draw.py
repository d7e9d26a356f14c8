"""A picture of any DICOM object, from its bytes."""

import logging

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.exams.pictures.apart.process import reply_from_apart
from dicom_service.exams.pictures.decoding.frames import Frame, frame_index
from dicom_service.exams.pictures.decoding.stored import StoredFrames
from dicom_service.exams.pictures.encode import encode_jpeg
from dicom_service.exams.pictures.geometry import PictureSize, picture_size, pixel_aspect
from dicom_service.exams.pictures.kinds import PDF, UNKNOWN, is_video, kind_of
from dicom_service.exams.pictures.pdf import draw_first_page
from dicom_service.exams.pictures.placeholder import LEGIBLE, placeholder
from dicom_service.exams.pictures.reading.dataset import PixelElement, StoredObject, read_object
from dicom_service.exams.pictures.reading.functional_groups import FrameAttributes, frame_attributes
from dicom_service.exams.pictures.reading.layout import PixelLayout, pixel_layout
from dicom_service.exams.pictures.reading.room import HERE, Room
from dicom_service.exams.pictures.request import Picture, PictureRequest
from dicom_service.exams.pictures.shading.colour import rgb
from dicom_service.exams.pictures.shading.grayscale import GrayscaleFrame, signed_values
from dicom_service.exams.pictures.shading.levels import by_level
from dicom_service.exams.pictures.shading.palette import Colours, palette_colours, supplement_colours
from dicom_service.exams.pictures.undrawable import TooCostly, Undrawable
from dicom_service.exams.pictures.waveform import draw_curves, read_curves

OVERSAMPLING = 2
"""Pixels kept for each one of the picture, along each side, when a large frame is thinned before it is shaded."""

LEFT_TO_FILTER = 1.25
"""What averaging leaves to the filter at least, where it leaves anything: at less, strokes come out uneven."""

GREY = 128
"""Where pixel data ends before its frame does."""

logger = logging.getLogger(__name__)


def draw_picture(part10: bytes, wanted: PictureRequest) -> Picture:
    """Draw one frame, or the first page of a PDF, as a JPEG; a placeholder that names its kind when there is neither.

    part10: the whole object (PS3.10). Only the wanted frame is decoded, at the lowest resolution that serves the size.
    Raises InvalidRequest, naming `frame`, when the object has fewer frames; nothing else, whatever the bytes are.
    """
    stored = None
    try:
        stored = read_object(part10, HERE)
        return draw_object(stored, wanted, HERE)
    except InvalidRequest:
        raise
    except TooCostly:
        return _drawn_apart(part10, stored, wanted)
    except Exception as fault:  # noqa: BLE001 - codecs and parsers fail in any way on bytes that anyone may send
        return _stand_in(stored, reason_of(fault), wanted)


def draw_object(stored: StoredObject, wanted: PictureRequest, room: Room) -> Picture:
    """Draw what has been read. Raises TooCostly for what may not fit into a room that the system does not keep,
    InvalidRequest as `draw_picture` does, and anything else over bytes that cannot be drawn.
    """
    if "EncapsulatedDocument" in stored.dataset and kind_of(stored) is PDF:
        if not room.confined:
            raise TooCostly
        return Picture(draw_first_page(stored.dataset.content("EncapsulatedDocument"), wanted), placeholder=False)
    if stored.pixels is None or is_video(stored):
        return Picture(_without_image(stored, wanted), placeholder=True)
    with np.errstate(all="ignore"):
        return Picture(_drawn(stored, stored.pixels, wanted, room), placeholder=False)


def reason_of(fault: Exception) -> str:
    """Why there is no picture, in words that quote no attribute."""
    return str(fault) if isinstance(fault, Undrawable) else f"decoding ended with {type(fault).__name__}"


def _drawn_apart(part10: bytes, stored: StoredObject | None, wanted: PictureRequest) -> Picture:
    reply = reply_from_apart("draw", wanted, part10)
    if reply is None:
        return _stand_in(stored, "drawing it takes more time or memory than there is", wanted)
    if reply.invalid:
        raise InvalidRequest(reply.reason, [FieldError(*field) for field in reply.invalid.items()])
    if reply.reason:
        return _stand_in(stored, reply.reason, wanted)
    return Picture(reply.jpeg, reply.placeholder)


def _stand_in(stored: StoredObject | None, reason: str, wanted: PictureRequest) -> Picture:
    kind = kind_of(stored) if stored else UNKNOWN
    logger.warning("No picture of an object (%s): %s", kind.name, reason)
    return Picture(placeholder(kind, wanted), placeholder=True)


def _without_image(stored: StoredObject, wanted: PictureRequest) -> bytes:
    kind = kind_of(stored)
    curves = read_curves(stored.dataset) if wanted.size >= LEGIBLE else None
    return draw_curves(curves, kind.name, wanted) if curves else placeholder(kind, wanted)


def _drawn(stored: StoredObject, pixels: PixelElement, wanted: PictureRequest, room: Room) -> bytes:
    layout = pixel_layout(stored)
    frames = StoredFrames(stored, pixels, layout, room)
    index = frames.middle() if wanted.frame is None else frame_index(wanted.frame, layout.frames)
    attributes = frame_attributes(stored.dataset, index)
    size = picture_size(layout, pixel_aspect(attributes), wanted.size)
    frame = _thinned(frames.decoded(index, size.reduction), size)
    image = _shaded(frame, layout, attributes, wanted)
    if frame.missing:
        image = _with_grey_below(image, frame.missing)
    return encode_jpeg(_resized(image, size), wanted.quality)


def _with_grey_below(image: Image.Image, rows: int) -> Image.Image:
    taller = Image.new(image.mode, (image.width, image.height + rows), GREY if image.mode == "L" else (GREY,) * 3)
    taller.paste(image)
    return taller


def _resized(image: Image.Image, size: PictureSize) -> Image.Image:
    """Averages of whole pixels as far as those go, which costs a tenth, and the rest of the way by bicubic filter."""
    divisible = image.width % size.width == 0 and image.height % size.height == 0
    gap = 1.0 if divisible else LEFT_TO_FILTER
    return image.resize((size.width, size.height), Image.Resampling.BICUBIC, reducing_gap=gap)


def _thinned(frame: Frame, size: PictureSize) -> Frame:
    there, columns = frame.samples.shape[:2]
    rows = there + frame.missing
    step = int(min(rows / size.height, columns / size.width) / OVERSAMPLING)
    if step < 2:
        return frame
    samples = frame.samples[step // 2 :: step, step // 2 :: step]
    return Frame(samples, frame.photometric, len(range(step // 2, rows, step)) - samples.shape[0])


def _shaded(frame: Frame, layout: PixelLayout, attributes: FrameAttributes, wanted: PictureRequest) -> Image.Image:
    if frame.samples.ndim == 3:
        return _image("RGB", rgb(frame, layout))
    values, dataset = signed_values(frame.samples, layout), attributes.dataset
    if frame.photometric == "PALETTE COLOR":
        return _coloured(by_level(values, lambda stored: palette_colours(stored, dataset, layout)))
    shade = GrayscaleFrame(values, layout, attributes).shade(wanted.window)
    if not layout.supplemented:
        return _image("L", by_level(values, shade))
    return _coloured(by_level(values, lambda stored: supplement_colours(shade(stored), stored, dataset, layout)))


def _image(mode: str, samples: NDArray[np.uint8]) -> Image.Image:
    """Planes that follow each other are merged by Pillow, three times as fast as numpy interleaves."""
    if samples.ndim == 3 and not samples.flags.c_contiguous:
        return Image.merge(mode, [_image("L", plane) for plane in samples.transpose(2, 0, 1)])
    rows, columns = samples.shape[:2]
    return Image.frombuffer(mode, (columns, rows), np.ascontiguousarray(samples), "raw", mode, 0, 1)


def _coloured(colours: Colours) -> Image.Image:
    rows, columns = colours.shape
    return Image.frombuffer("RGB", (columns, rows), colours, "raw", "RGBX", 0, 1)
