"""Stands before moto's server: fills its stores when it is asked to, and keeps from then on what requests change."""

import io
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from local.persistence.buckets import Buckets, Lifecycle
from local.persistence.queues import record_messages, restore_messages
from local.persistence.records import Records, files_of_other_versions
from local.persistence.tables import Tables

RESTORE = "/local/restore"

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Recorder:
    """A WSGI application around moto's. A request is answered when what it changed is on disk."""

    def __init__(self, application: Application, folder: Path, account: str, region: str) -> None:
        self._application = application
        self._folder = folder
        self._place = (account, region)
        self._tables: Tables | None = None
        self._buckets: Buckets | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == RESTORE:
            return self._answer_restore(environ, start_response)
        if self._tables is None or self._buckets is None:
            return self._application(environ, start_response)
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if target.startswith("DynamoDB"):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            answer = self._application(environ | {"wsgi.input": io.BytesIO(body)}, start_response)
            self._tables.record(target.rpartition(".")[2], json.loads(body))
            return answer
        answer = self._application(environ, start_response)
        if not target and environ["REQUEST_METHOD"] in ("POST", "PUT", "DELETE"):
            self._buckets.record()
        return answer

    def _answer_restore(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        try:
            answer = self._restore(asked)
        except (sqlite3.Error, OSError) as error:
            answer = {"error": str(error)}
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def _restore(self, asked: dict[str, Any]) -> dict[str, Any]:
        """`{"restored": {table: items, "messages": 2, "objects": 1}, "left": {…}, "others": [path]}`."""
        from moto.dynamodb.models import dynamodb_backends
        from moto.dynamodbstreams.models import dynamodbstreams_backends
        from moto.s3.models import s3_backends
        from moto.sqs.models import sqs_backends

        account, region = self._place
        records = Records(self._folder)
        tables = Tables(dynamodb_backends[account][region], dynamodbstreams_backends[account][region], records)
        buckets = Buckets(s3_backends[account]["aws"], records, self._folder / "objects")
        restored, left = tables.restore(asked["expiry"])
        restored["messages"], left["messages"] = restore_messages(sqs_backends[account][region], records)
        lifecycles = {name: Lifecycle(**lifecycle) for name, lifecycle in asked["lifecycles"].items()}
        restored["objects"], left["objects"] = buckets.restore(lifecycles)
        record_messages(records)
        self._tables, self._buckets = tables, buckets
        others = [str(path) for path in files_of_other_versions(self._folder)]
        return {"restored": +Counter(restored), "left": +Counter(left), "others": others}
