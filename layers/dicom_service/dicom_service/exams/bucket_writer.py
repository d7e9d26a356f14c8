"""Writing an object of any size into the bucket while it comes, in parts, of which few are held at a time.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from dicom_service import settings
from dicom_service.errors import StoreUnavailable
from dicom_service.exams.bucket_file import PATIENCE_SECONDS
from dicom_service.stores import client, translated

PART_BYTES = 16 * 1024 * 1024
PARTS_UNDER_WAY = 2
MARK = "written-by"
NO_SUCH_UPLOAD = "NoSuchUpload"


class BucketWriter:
    """As a context manager: the object is there when it is left without an exception, and not at all otherwise.

    Raises StoreUnavailable. It cannot be sought, and says no position.
    """

    def __init__(self, key: str, content_type: str, file_name: str) -> None:
        self._place: dict[str, Any] = {"Bucket": settings.required("TRANSFER_BUCKET"), "Key": key}
        self._kind: dict[str, Any] = {
            "ContentType": content_type,
            "ContentDisposition": f'attachment; filename="{file_name}"',
        }
        self._s3 = client("s3", PATIENCE_SECONDS)
        self._mark = secrets.token_hex(16)
        self._held = bytearray()
        self._sent: list[Future[dict[str, Any]]] = []

    def write(self, piece: bytes) -> int:
        """Takes all of the piece; blocks while parts are under way."""
        self._held += piece
        while len(self._held) >= PART_BYTES:
            self._send(bytes(self._held[:PART_BYTES]))
            del self._held[:PART_BYTES]
        return len(piece)

    def flush(self) -> None:
        """Nothing: the object is there as a whole, or not at all."""

    def __enter__(self) -> Self:
        with translated("begin an object in its bucket"):
            begun = self._s3.create_multipart_upload(**self._place, **self._kind, Metadata={MARK: self._mark})
        self._place["UploadId"] = begun["UploadId"]
        self._threads = ThreadPoolExecutor(PARTS_UNDER_WAY, "parts")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._complete()
        except BaseException:
            self._abort()
            raise
        if kind is not None:
            self._abort()

    def _send(self, part: bytes) -> None:
        if len(self._sent) >= PARTS_UNDER_WAY:
            self._sent[-PARTS_UNDER_WAY].result()
        self._sent.append(self._threads.submit(self._put, len(self._sent) + 1, part))

    def _put(self, number: int, part: bytes) -> dict[str, Any]:
        with translated("write an object into its bucket"):
            put = self._s3.upload_part(**self._place, PartNumber=number, Body=part)
        return {"PartNumber": number, "ETag": put["ETag"]}

    def _complete(self) -> None:
        if self._held or not self._sent:
            self._send(bytes(self._held))
        parts: Any = [sent.result() for sent in self._sent]
        self._threads.shutdown()
        try:
            with translated("complete an object in its bucket", NO_SUCH_UPLOAD):
                self._s3.complete_multipart_upload(**self._place, MultipartUpload={"Parts": parts})
        except self._s3.exceptions.ClientError as error:
            if not self._is_complete():
                raise StoreUnavailable("The service could not complete an object in its bucket") from error

    def _is_complete(self) -> bool:
        """Whether the object is this writer's: its completion was done, its answer lost, and boto3 repeated it."""
        with translated("look at an object of its bucket"):
            stored = self._s3.head_object(Bucket=self._place["Bucket"], Key=self._place["Key"])
        return stored["Metadata"].get(MARK) == self._mark

    def _abort(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        with translated("give up an object in its bucket"):
            self._s3.abort_multipart_upload(**self._place)
