"""Say in our words why an object store refused. The text of its client is never shown: it can hold a signed URL.

obstore raises its general error for most refusals of lists and deletes. So the status and the code of the server are
read from the first paragraph of the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.core.errors import BucketDenied, BucketError, BucketUnreachable
from reconciler.team.clouds import Cloud

_STATUS = re.compile(r"status code: ([0-9]{3})")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>|\(code: ([A-Za-z]{1,60})\)")
_KIND = re.compile(r"kind: (Connect|Timeout|Interrupted|Decode|Request)\b")
_KEY_CODES = {
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthenticationFailed", "InvalidToken", "ExpiredToken",
    "TokenRefreshRequired", "AuthorizationHeaderMalformed", "InvalidAuthenticationInfo", "NoAuthenticationInformation",
    "RequestTimeTooSkewed", "InvalidSecurity",
}  # fmt: skip
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound", "InvalidBucketName", "InvalidResourceName", "ContainerBeingDeleted"}
_REGION = {"PermanentRedirect", "IllegalLocationConstraintException", "TemporaryRedirect"}
_MEANS: Mapping[str, str] = {
    "Connect": "no connection",
    "Timeout": "it did not answer in time",
    "Interrupted": "the connection broke off",
    "Decode": "the answer was cut off",
    "Request": "the request was not answered",
}
_INSTANCE = ("169.254.169.254", "metadata.google.internal", "169.254.170.2", "169.254.169.253")
_HEAD = 4_000


def refusal(error: Exception, *, place: str, what: str, cloud: Cloud) -> BucketError:
    """The BucketError of what obstore raised for a call. `what` is that call: "write objects/…"."""
    text = str(error)[:_HEAD]
    first = text.partition("Debug source:")[0]
    status = int(found[1]) if (found := _STATUS.search(first)) else 0
    code = (found[1] or found[2]) if (found := _CODE.search(first)) else ""
    kind = type(error).__name__
    if any(host in first for host in _INSTANCE) or "MissingRegion" in text:
        return BucketDenied(f"there are no credentials for {place}", hint=cloud.no_key)
    if code in _NO_BUCKET:
        return BucketError(
            f"there is no bucket {place}", hint="correct team.url in reconciler.yaml, or make the bucket"
        )
    if code in _REGION or status in (301, 307):
        return BucketError(f"the bucket {place} is in another region", hint="set AWS_REGION")
    if code in _KEY_CODES or status == 401 or kind == "UnauthenticatedError":
        return BucketDenied(f"the credentials for {place} are not valid", hint=cloud.wrong_key)
    if status == 403 or kind == "PermissionDeniedError" or code == "AccessDenied":
        return BucketDenied(f"the credentials do not allow to {what} in {place}", hint=_OTHER_PLACE)
    if status == 501 or kind == "NotSupportedError" or code == "NotImplemented":
        return BucketError(f"{place} cannot create an object only if it is absent", hint=CANNOT_CLAIM)
    if status in (408, 429) or status >= 500:
        return BucketUnreachable(f"cannot {what} in {place}: the server said {status}")
    if status:
        said = f"the server said {status}{f' ({code})' if code else ''}"
        return BucketError(f"cannot {what} in {place}: {said}", hint=_NO_STORE)
    if kind == "GenericError":
        reason = _MEANS[found[1]] if (found := _KIND.search(text)) else "it did not answer as an object store does"
        if "dns error" in text:
            reason = "there is no server of that name"
        return BucketUnreachable(f"cannot {what} in {place}: {reason}", hint=_NO_STORE)
    return BucketError(f"cannot {what} in {place}: {_words(kind)}")


CANNOT_CLAIM = "use a server that supports conditional writes (the documentation lists some), or claims: off"


_OTHER_PLACE = "use credentials that may, or correct the path in team.url"
_NO_STORE = "check team.url in reconciler.yaml, and AWS_ENDPOINT_URL if the server is one of your own"


def _words(kind: str) -> str:
    """The name of a class of errors as words: `InvalidPathError`, `invalid path`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind.removesuffix("Error") or "it failed").lower()
