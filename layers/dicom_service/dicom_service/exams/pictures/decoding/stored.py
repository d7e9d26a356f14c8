"""The frame of an object that is shown, whichever way its pixel data is stored."""

from dataclasses import dataclass
from functools import cached_property

from dicom_service.exams.pictures.decoding.codecs import CHECKS, DECODERS, decoder_of
from dicom_service.exams.pictures.decoding.frames import Frame
from dicom_service.exams.pictures.decoding.native import NativePixels, frames_within, native_frame
from dicom_service.exams.pictures.decoding.plain import require_plain, require_small
from dicom_service.exams.pictures.reading.dataset import PixelElement, StoredObject
from dicom_service.exams.pictures.reading.dictionary import INTEGER_PIXELS
from dicom_service.exams.pictures.reading.fragments import Fragments, is_fragmented
from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.reading.room import Room
from dicom_service.exams.pictures.reading.signature import Family, family_of
from dicom_service.exams.pictures.undrawable import Undrawable

BYTE, WORD = 8, 16
UNMISTAKABLE = (Family.JPEG, Family.JPEG_2000)
"""What no uncompressed pixels begin like."""


@dataclass(frozen=True)
class StoredFrames:
    """The frames of an object, found by what its pixel data is; its transfer syntax only says what it should be."""

    stored: StoredObject
    pixels: PixelElement
    layout: PixelLayout
    room: Room

    def middle(self) -> int:
        """The index of the middle one of the frames that are there."""
        if self.layout.frames == 1:
            return 0
        if self._fits:
            return self.layout.frames // 2
        if self._fragments:
            return self._fragments.there() // 2
        return 0 if self._bare else frames_within(self._native, self.layout) // 2

    def decoded(self, index: int, reduction: float) -> Frame:
        """Decode a frame by its index, from 0, at no less than the resolution that `reduction` leaves.

        Raises Undrawable when it is not there, TooCostly when it may not fit into the room, and whatever a codec
        raises over bytes that it cannot decode.
        """
        if self._fits:
            return self._native_frame(index)
        if self._fragments:
            stream = self._fragments.frame(index)
        elif self._bare:
            if index > 0:
                raise Undrawable("its pixel data has fewer frames than it declares")
            stream = bytes(self._native.source)
        else:
            return self._native_frame(index)
        decoder = decoder_of(stream, self.stored.transfer_syntax)
        require_plain(stream, CHECKS.get(decoder), self.layout, self.room)
        return decoder(stream, self.layout, reduction)

    def _native_frame(self, index: int) -> Frame:
        if self.layout.bits_allocated % BYTE:
            require_small(self.layout, self.room)
        return native_frame(self._native, self.layout, index)

    @property
    def _native(self) -> NativePixels:
        source = memoryview(self.pixels.source)[self.pixels.offset :][: self.pixels.available]
        if not self.stored.big_endian:
            return NativePixels(source)
        words = self.pixels.vr == "OW" and self.pixels.tag == INTEGER_PIXELS
        return NativePixels(source, big_endian=True, swapped=words and self.layout.bits_allocated % WORD != 0)

    @property
    def _fits(self) -> bool:
        """Whether the pixel data is as long as that of uncompressed frames."""
        if self.pixels.length is None:
            return False
        layout = self.layout
        bits = layout.rows * layout.columns * layout.samples * layout.frames * layout.bits_allocated
        return -(-bits // WORD) * 2 == self.pixels.length + self.pixels.length % 2

    @cached_property
    def _fragments(self) -> Fragments | None:
        return Fragments(self.stored.dataset, self.pixels, self.layout.frames) if is_fragmented(self.pixels) else None

    @property
    def _bare(self) -> bool:
        """Whether it is one compressed stream without fragments around it."""
        family = family_of(bytes(self._native.source[:64]))
        return family is not None and (self.stored.transfer_syntax in DECODERS or family in UNMISTAKABLE)
