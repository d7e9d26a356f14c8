"""Objects beyond the platform's response limit: through the bucket, by a signed URL of minutes."""

import secrets

from dicom_service import settings
from dicom_service.stores import client, translated

MOST_INLINE_BYTES = 4_500_000
"""What a function can answer: 6 MB, of which base64 takes a quarter.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

URL_SECONDS = 300


def signed_url(content: bytes, file_name: str) -> str:
    """A URL from which the content can be fetched for five minutes, as a download of that name.

    Raises StoreUnavailable where the bucket cannot be written.
    """
    s3 = client("s3")
    bucket = settings.required("TRANSFER_BUCKET")
    key = f"retrievals/{secrets.token_urlsafe(24)}"
    disposition = f'attachment; filename="{file_name}"'
    with translated("put an object into its bucket"):
        s3.put_object(
            Bucket=bucket, Key=key, Body=content, ContentType="application/dicom", ContentDisposition=disposition
        )
        return s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=URL_SECONDS)
