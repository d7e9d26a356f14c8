"""S3 buckets between two runs: every object, and every part of an upload under way, with its bytes in a file."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from local.persistence.records import Record, Records

ATTRIBUTES = (
    "_etag", "_storage_class", "last_modified", "encryption", "kms_key_id", "bucket_key_enabled",
    "checksum_algorithm", "checksum_value", "checksum_type", "checksum_parts",
)  # fmt: skip
"""What moto knows of an object beside its bytes and its metadata."""

IN_MEMORY_BYTES = 5 * 1024 * 1024
"""Objects above that are read from their files."""

Kept = Literal["object", "part"]


@dataclass(frozen=True)
class Lifecycle:
    """After how many days objects whose key begins with a prefix go, and parts that were never put together.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html
    """

    objects: Mapping[str, int] = field(default_factory=dict)
    parts: int | None = None

    def has_ended(self, kind: Kept, name: str, last_modified: datetime) -> bool:
        days = [count for prefix, count in self.objects.items() if name.startswith(prefix)]
        if kind == "part":
            days = [] if self.parts is None else [self.parts]
        age = datetime.now(UTC) - last_modified.replace(tzinfo=UTC)
        return any(age > timedelta(days=count) for count in days)


class Buckets:
    """The buckets of moto's S3Backend, and the folder that their bytes are kept in."""

    def __init__(self, backend: Any, records: Records, folder: Path) -> None:
        self._backend = backend
        self._records = records
        self._folder = folder
        self._lock = Lock()
        self._known: dict[tuple[Kept, str], tuple[Any, dict[str, Any], str]] = {}
        self._uploads: set[str] = set()

    def restore(self, lifecycles: Mapping[str, Lifecycle]) -> tuple[int, int]:
        """Fills the buckets; gives how many objects they got, and how many are left alone."""
        self._folder.mkdir(parents=True, exist_ok=True)
        left = self._restore_uploads()
        restored = 0
        files = set()
        for kind in ("object", "part"):
            for record in self._records.of(kind):
                content = record.content or {}
                bucket = self._backend.buckets.get(record.store)
                ended = lifecycles.get(record.store, Lifecycle()).has_ended(
                    kind, content["name"], content["last_modified"]
                )
                if bucket is not None and (ended or not self._put(kind, record, bucket)):
                    self._records.write([Record(kind, record.store, record.key)])
                    continue
                files.add(content["file"])
                restored += kind == "object" and bucket is not None
                left += bucket is None
        for path in self._folder.iterdir():
            if path.name not in files:
                path.unlink()
        return restored, left

    def _restore_uploads(self) -> int:
        from moto.s3.models import FakeMultipart
        from requests.structures import CaseInsensitiveDict

        left = 0
        for record in self._records.of("multipart"):
            bucket = self._backend.buckets.get(record.store)
            if bucket is None:
                left += 1
                continue
            content = dict(record.content or {})
            metadata = CaseInsensitiveDict(content.pop("metadata"))
            upload = FakeMultipart(content["key_name"], metadata, self._backend.account_id, bucket.region_name)
            vars(upload).update(content)
            bucket.multiparts[upload.id] = upload
            self._uploads.add(upload.id)
        return left

    def _put(self, kind: Kept, record: Record, bucket: Any) -> bool:
        """Whether the object or part has its place again: its file, and the upload that it is a part of."""
        from moto.s3.models import FakeKey

        content = record.content or {}
        path = self._folder / content["file"]
        upload = bucket.multiparts.get(content["upload"]) if kind == "part" else None
        if not path.exists() or (kind == "part" and upload is None):
            return False
        name = int(content["name"]) if kind == "part" else content["name"]
        key = FakeKey(name, b"", self._backend.account_id, bucket.region_name, bucket_name=bucket.name)
        vars(key).update({attribute: content[attribute] for attribute in ATTRIBUTES})
        key.metadata.update(content["metadata"])
        key._version_id = None if kind == "part" else "null"
        _fill(key, path)
        if upload is None:
            bucket.keys.setlist(name, [key])
        else:
            upload.parts[name] = key
            upload.partlist = sorted(upload.parts)
        self._known[kind, record.key] = (key, _described(key), content["file"])
        return True

    def record(self) -> None:
        """Keeps what is new since the last call, and forgets what is gone."""
        with self._lock:
            present = {(kind, name): (key, bucket, upload) for kind, name, key, bucket, upload in self._keys()}
            uploads = {
                upload.id: (bucket.name, upload)
                for bucket in list(self._backend.buckets.values())
                for upload in list(bucket.multiparts.values())
            }
            changes = [Record("multipart", "", identifier) for identifier in self._uploads - set(uploads)]
            changes += [
                Record("multipart", uploads[new][0], new, _upload(uploads[new][1]))
                for new in set(uploads) - self._uploads
            ]
            gone = []
            for place, (key, bucket, upload) in present.items():
                changes += self._changed(place, key, bucket, upload, gone.append)
            for kind, name in set(self._known) - set(present):
                gone.append(self._known.pop((kind, name))[2])
                changes.append(Record(kind, "", name))
            self._uploads = set(uploads)
            self._records.write(changes)
            for file in gone:
                (self._folder / file).unlink(missing_ok=True)

    def _keys(self) -> Iterator[tuple[Kept, str, Any, Any, str]]:
        for bucket in list(self._backend.buckets.values()):
            for key in list(bucket.keys.values()):
                yield "object", f"{bucket.name}/{key.name}", key, bucket, ""
            for upload in list(bucket.multiparts.values()):
                for number, part in list(upload.parts.items()):
                    yield "part", f"{upload.id} {number}", part, bucket, upload.id

    def _changed(
        self, place: tuple[Kept, str], key: Any, bucket: Any, upload: str, replaced: Callable[[str], None]
    ) -> list[Record]:
        known, described, file = self._known.get(place, (None, {}, ""))
        now = _described(key)
        if known is key and described == now:
            return []
        if known is not key:
            if file:
                replaced(file)
            file = self._written(key)
        if not file:
            self._known.pop(place, None)
            return []
        self._known[place] = (key, now, file)
        content = now | {"name": str(key.name), "file": file, "upload": upload}
        return [Record(place[0], bucket.name, place[1], content)]

    def _written(self, key: Any) -> str:
        """The name of a new file with the object's bytes, on disk; empty where the object is gone meanwhile."""
        name = uuid.uuid4().hex
        with (self._folder / name).open("wb") as file, key.lock:
            try:
                key._value_buffer.seek(0)
                shutil.copyfileobj(key._value_buffer, file, 1024 * 1024)
            except ValueError:  # closed by who deleted it
                return ""
            file.flush()
            os.fsync(file.fileno())
        return name


def _described(key: Any) -> dict[str, Any]:
    return {name: getattr(key, name, None) for name in ATTRIBUTES} | {"metadata": dict(key.metadata)}


def _upload(upload: Any) -> dict[str, Any]:
    names = ("id", "key_name", "storage", "sse_encryption", "kms_key_id")
    return {name: getattr(upload, name) for name in names} | {"metadata": dict(upload.metadata)}


def _fill(key: Any, path: Path) -> None:
    """Gives the object its bytes: read where they are few, else the file itself."""
    key.contentsize = path.stat().st_size
    if key.contentsize <= IN_MEMORY_BYTES:
        key._value_buffer.write(path.read_bytes())
    else:
        key._value_buffer.close()
        key._value_buffer = path.open("rb")
