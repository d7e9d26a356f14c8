"""How a command ends: with an exit status and, where it could not do all of its work, one sentence."""

STORED_NOT_ALL = 1
SERVICE_REFUSED = 2
NOTHING_TO_SEND = 3
NOT_WRITTEN = 4

STATUSES = {
    0: "all is well",
    STORED_NOT_ALL: "some files are not stored; each is listed with its reason",
    SERVICE_REFUSED: "the service refused, cannot be reached or is not the DICOM Service; the command or a path is "
    "wrong; or Ctrl-C ended it",
    NOTHING_TO_SEND: "nothing to send: the folders hold no file that would be sent",
    NOT_WRITTEN: "what was fetched or printed cannot be written: the disk is full, the target is no folder, or the "
    "output was closed",
}
"""Every exit status, as `--help` and docs/client.md list them."""


class Ending(Exception):
    """Ends the command with the sentence on stderr and the exit status."""

    def __init__(self, sentence: str, status: int = SERVICE_REFUSED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


class Refusal(Ending):
    """The service or its bucket will not: the HTTP status (0 where there was no answer), and the reason in words.

    `explained` where the reason is the service's own, in a document of JSON.
    """

    def __init__(self, http_status: int, reason: str, *, explained: bool = False) -> None:
        super().__init__(reason)
        self.http_status = http_status
        self.reason = reason
        self.explained = explained


class TurnedAway(Ending):
    """The service does not know who is asking, or does not let them; nothing else that they ask will go better."""


class NotWritten(Ending):
    """A file or the output cannot be written."""

    def __init__(self, what: object, error: OSError) -> None:
        super().__init__(f"{what} cannot be written ({error.strerror or type(error).__name__})", NOT_WRITTEN)
