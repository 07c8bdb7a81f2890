"""Every exception of imgvec, one sentence each.

A `RequestError` becomes an error response. Its `status` is the HTTP status that most vendors use; a
dialect that differs has its own table. Its message is safe to show: imgvec writes it itself,
and never contains an address, a key or the text of another exception.
"""

from typing import ClassVar

from imgvec.types import Allowance


class ImgvecError(Exception):
    """Base of everything that imgvec raises on purpose."""


class SettingsError(ImgvecError):
    """A setting is unknown or wrong; the message names it."""


class ModelError(ImgvecError):
    """An encoder cannot be served as configured; the message names the file and the fix."""


class StoreError(ImgvecError):
    """A store was written by a newer imgvec or cannot be opened."""


class SearchError(ImgvecError):
    """A local index cannot be used as it is; the message says what to do."""


class BulkError(ImgvecError):
    """A job cannot be planned, or cannot go on; the message says why."""


class StackError(ImgvecError):
    """A stack is absent, or its gateway rejects a call; the message says why."""


class ConsumerError(ImgvecError):
    """An action on a consumer, a plan or a key is invalid; the message says why."""


class RequestError(ImgvecError):
    """A request that is answered with an error of its dialect."""

    status: ClassVar[int] = 500
    default: ClassVar[str] = "Internal error"

    position: int | None = None
    """The input of a list that is at fault, from 0."""
    param: str | None = None
    """The parameter at fault, where a dialect names it."""

    def __init__(self, message: str | None = None) -> None:
        """`message` must be safe to show; without it the class's own sentence is used."""
        super().__init__(message or self.default)

    @property
    def message(self) -> str:
        """The sentence for the client."""
        return str(self.args[0])

    @property
    def placed(self) -> str:
        """The sentence behind the place of the input at fault, where it is in a list."""
        if self.param is None or self.position is None:
            return self.message
        return f"{self.param}[{self.position}]: {self.message}"


class BadParameter(RequestError):
    """A parameter is missing, malformed or out of range, or the body does not parse."""

    status = 400
    default = "Bad or missing parameter"


class UnknownModel(BadParameter):
    """No model of this name is served."""

    default = "Unknown model"


class AddressRefused(BadParameter):
    """The address of an image may not be fetched."""

    default = "The image URL may not be fetched"


class KeyInvalid(RequestError):
    """The key is missing, wrong, mistyped, expired or revoked."""

    status = 401
    default = "Missing or invalid API key"


class QuotaExhausted(RequestError):
    """The consumer's quota for this period is used up."""

    status = 402
    default = "Quota used up"

    def __init__(self, message: str | None = None, allowance: Allowance | None = None) -> None:
        """`allowance` is the quota that is used up."""
        super().__init__(message)
        self.allowance = allowance


class StorageFull(QuotaExhausted):
    """The consumer's files would take more bytes than its plan has."""

    default = "The storage quota is used up, delete files to make room"


class KeyMissing(KeyInvalid):
    """The request has no key."""


class KeyDisabled(RequestError):
    """The key is known and switched off."""

    status = 401
    default = "API key disabled"


class SpaceForbidden(RequestError):
    """The plan does not allow the dimensions that were asked for."""

    status = 403
    default = "This key may not use this model"


class NotFound(RequestError):
    """No such path."""

    status = 404
    default = "Not Found"


class AssetNotFound(BadParameter):
    """The asset is unknown, unfinished, or belongs to another consumer."""

    default = "Asset not found"


class FetchFailed(RequestError):
    """The image URL could not be downloaded in time, or at all."""

    status = 404
    default = "The image could not be downloaded"


class MethodNotAllowed(RequestError):
    """The path exists and does not support this method."""

    status = 405
    default = "Method Not Allowed"


class OtherRevision(RequestError):
    """The client wants vectors of a revision that is not served; nothing was counted."""

    status = 412
    default = "Another revision is served"


class TooLarge(RequestError):
    """A limit of bytes, pixels or frames is exceeded."""

    status = 413
    default = "Over the size limit"


class WrongContentType(RequestError):
    """The route does not accept the request's content type."""

    status = 415
    default = "Unsupported content type"


class NotAnImage(RequestError):
    """The bytes are not an image of a supported format, or a damaged one."""

    status = 415
    default = "Not a supported image, or a damaged one"


class TooFast(RequestError):
    """Requests arrive faster than they may or can be served."""

    status = 429
    default = "Too many requests"

    def __init__(
        self,
        message: str | None = None,
        retry_after: int = 1,
        allowance: Allowance | None = None,
    ) -> None:
        """`retry_after` is in seconds; `allowance` is the empty bucket, if there is one."""
        super().__init__(message)
        self.retry_after = retry_after
        self.allowance = allowance


class TooManyUploads(TooFast):
    """The consumer has begun too many uploads that are not finished."""

    default = "Too many uploads are unfinished, finish or delete some first"


class Overloaded(TooFast):
    """The load of all clients exceeds the capacity; nothing was counted."""

    default = "The service is busy, try again shortly"


class InternalFault(RequestError):
    """An internal error; only the log has the reason."""


class NotReady(RequestError):
    """The service is starting or draining, or its endpoint cannot be reached."""

    status = 503
    default = "The service is starting, try again shortly"

    def __init__(self, message: str | None = None, retry_after: int = 1) -> None:
        """`retry_after` is in seconds."""
        super().__init__(message)
        self.retry_after = retry_after
