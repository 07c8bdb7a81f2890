"""Every exception of imgvec, one sentence each.

A `RequestError` becomes an error response. Its `status` is the one that most vendors use; others
have a table. Its message is safe to show: it has no address, no key, no other exception's text.
"""

from typing import ClassVar, Self

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
    hint: str = ""
    """The next step of an operator; only the command line shows it."""

    def __init__(self, message: str | None = None, hint: str = "") -> None:
        """`message` must be safe to show; without it the class's own sentence is used."""
        super().__init__(message or self.default)
        self.hint = hint or type(self).hint

    @property
    def message(self) -> str:
        """The sentence for the client."""
        return str(self.args[0])

    @property
    def for_operator(self) -> str:
        """The sentence with the hint, for the command line."""
        return f"{self.message} ({self.hint})" if self.hint else self.message

    @property
    def placed(self) -> str:
        """The sentence behind the place of the input at fault, where it is in a list."""
        placed = self.param is not None and self.position is not None
        return f"{self.param}[{self.position}]: {self.message}" if placed else self.message


class BadParameter(RequestError):
    """A parameter is missing, malformed or out of range, or the body does not parse."""

    status = 400
    default = "Bad or missing parameter"


class UnknownModel(BadParameter):
    """No model of this name is served."""

    default = "Unknown model"


class AddressRefused(BadParameter):
    """The address of an image may not be fetched."""

    default = "The image URL may not be fetched, send the image itself"
    hint = "IMGVEC_FETCH_ALLOW names the private hosts that may be fetched from"


class FetchOff(AddressRefused):
    """The operator has switched fetching off."""

    default = "Image URLs are not fetched here, send the image itself"
    hint = "IMGVEC_FETCH=true fetches them"


class KeyInvalid(RequestError):
    """The key is missing, wrong, mistyped, expired or revoked."""

    status = 401
    default = "Missing or invalid API key"


class QuotaExhausted(RequestError):
    """The consumer's quota for this period is used up."""

    status = 402
    default = "Quota used up, RateLimit-Reset has the seconds until it is back"

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
    default = "Not Found, /docs lists the paths"


class AssetNotFound(BadParameter):
    """The asset is unknown, unfinished, or belongs to another consumer."""

    default = "Asset not found"


class FetchFailed(RequestError):
    """The image URL could not be downloaded in time, or at all."""

    status = 404
    default = "The image could not be downloaded, check its URL or send the image itself"


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
    default = "The image takes too much work to decode, save it again as a plain JPEG or PNG"
    subject: ClassVar[str] = "The image"

    @classmethod
    def over(cls, most: int) -> Self:
        """The error of a subject that has more than `most` bytes."""
        return cls(f"{cls.subject} is over the limit of {most:,} bytes")


class ImageTooLarge(TooLarge):
    """The file of an image has too many bytes."""

    hint = "IMGVEC_MAX_IMAGE sets the limit"


class BodyTooLarge(TooLarge):
    """The body of a request has too many bytes."""

    subject = "The request body"


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
    default = "Too many requests, Retry-After has the seconds to wait"

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
