"""TRANSFER_BUCKET as clients see it: addresses from which an object can be fetched for a while."""

from typing import Any

from dicom_service import settings
from dicom_service.stores import client, translated

URL_SECONDS = 300
PATIENCE_SECONDS = 20.0


def signed_url(key: str) -> str:
    """A URL from which the object can be fetched for five minutes."""
    with translated("sign an address of its bucket"):
        return client("s3").generate_presigned_url(
            "get_object",
            Params={"Bucket": settings.required("TRANSFER_BUCKET"), "Key": key},
            ExpiresIn=URL_SECONDS,
        )


def kept(key: str, content: bytes, content_type: str, *, gzipped: bool) -> str:
    """Puts the content under the key, and gives a URL of it; raises StoreUnavailable."""
    encoding: Any = {"ContentEncoding": "gzip"} if gzipped else {}
    with translated("keep an answer in its bucket"):
        client("s3", PATIENCE_SECONDS).put_object(
            Bucket=settings.required("TRANSFER_BUCKET"), Key=key, Body=content, ContentType=content_type, **encoding
        )
    return signed_url(key)
