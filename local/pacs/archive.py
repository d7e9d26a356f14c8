"""A stored instance as it is retrieved: its bytes, its attributes, its picture."""

import json
from collections.abc import Iterator

from werkzeug.exceptions import NotFound

from local.pacs.dicom_json import Attributes
from local.pacs.index import Index, StoredInstance
from local.pacs.multipart import file_pieces
from local.pacs.pictures import Wanted, draw
from local.pacs.storage import Storage
from local.pacs.transcode import to_explicit_vr_little_endian


class Archive:
    """What the index and the storage hold together."""

    def __init__(self, index: Index, storage: Storage) -> None:
        self.index = index
        self._storage = storage

    def find(self, *uids: str) -> list[StoredInstance]:
        """The instances below a study, a series or with a SOP Instance UID. Raises NotFound where there is none."""
        instances = self.index.instances(*uids)
        if not instances:
            raise NotFound("there is no such object")
        return instances

    def content(self, instance: StoredInstance) -> bytes:
        """The object byte for byte as it was received."""
        return self._storage.path(instance.file.sha256).read_bytes()

    def pieces(self, instance: StoredInstance) -> Iterator[bytes]:
        """The same in pieces."""
        return file_pieces(self._storage.path(instance.file.sha256))

    def transcoded(self, instance: StoredInstance) -> bytes:
        """The object in Explicit VR Little Endian, or as received where it cannot be transcoded."""
        return to_explicit_vr_little_endian(self.content(instance))

    def attributes(self, instance: StoredInstance) -> Attributes:
        """The object's attributes without bulk data."""
        uids = (instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid)
        return json.loads(self.index.metadata(*uids)[0])

    def picture(self, instance: StoredInstance, wanted: Wanted) -> bytes | None:
        """A JPEG of the object, or None where there is nothing to be drawn. Raises NotFound for an unknown frame."""
        return draw(self.content(instance), self.attributes(instance), wanted)
