"""The settings of object stores in the environment: which variables are read, and where requests go."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.core.errors import BucketError
from reconciler.core.value import value

_ORIGIN = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@value
class Cloud:
    """One kind of object store. `settings` are the variables by the name that obstore gives each; the first one that is
    set counts. `endpoint` is the setting that sends requests to another server."""

    name: str
    settings: Mapping[str, tuple[str, ...]]
    endpoint: str
    wrong_key: str
    no_key: str


_AWS = Cloud(
    "s3",
    {
        "access_key_id": ("AWS_ACCESS_KEY_ID",),
        "secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
        "session_token": ("AWS_SESSION_TOKEN",),
        "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
        "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
        "virtual_hosted_style_request": ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST",),
        "skip_signature": ("AWS_SKIP_SIGNATURE",),
        "role_arn": ("AWS_ROLE_ARN",),
        "role_session_name": ("AWS_ROLE_SESSION_NAME",),
        "web_identity_token_file": ("AWS_WEB_IDENTITY_TOKEN_FILE",),
        "container_credentials_relative_uri": ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
        "container_credentials_full_uri": ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
        "container_authorization_token_file": ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",),
        "server_side_encryption": ("AWS_SERVER_SIDE_ENCRYPTION",),
        "sse_kms_key_id": ("AWS_SSE_KMS_KEY_ID",),
        "request_payer": ("AWS_REQUEST_PAYER",),
    },
    "endpoint",
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must belong together and to this server",
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `aws configure export-credentials --format env` prints them",
)
_GOOGLE = Cloud(
    "gs",
    {
        "service_account": ("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH"),
        "service_account_key": ("GOOGLE_SERVICE_ACCOUNT_KEY",),
        "application_credentials": ("GOOGLE_APPLICATION_CREDENTIALS",),
        "bearer_token": ("GOOGLE_BEARER_TOKEN",),
        "skip_signature": ("GOOGLE_SKIP_SIGNATURE",),
        "base_url": ("GOOGLE_BASE_URL",),
    },
    "base_url",
    "GOOGLE_APPLICATION_CREDENTIALS must name the file of an account that is valid",
    "set GOOGLE_APPLICATION_CREDENTIALS to the file of an account, or say `gcloud auth application-default login`",
)
_AZURE = Cloud(
    "az",
    {
        "account_name": ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"),
        "account_key": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"),
        "client_id": ("AZURE_STORAGE_CLIENT_ID", "AZURE_CLIENT_ID"),
        "client_secret": ("AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET"),
        "tenant_id": ("AZURE_STORAGE_TENANT_ID", "AZURE_TENANT_ID"),
        "sas_key": ("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"),
        "token": ("AZURE_STORAGE_TOKEN",),
        "federated_token_file": ("AZURE_FEDERATED_TOKEN_FILE",),
        "use_azure_cli": ("AZURE_USE_AZURE_CLI",),
        "skip_signature": ("AZURE_SKIP_SIGNATURE",),
        "endpoint": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
    },
    "endpoint",
    "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY must belong together",
    "set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
)
CLOUDS = {cloud.name: cloud for cloud in (_AWS, _GOOGLE, _AZURE)}


@value
class Endpoint:
    """A server that the environment names in place of the cloud's own. `variable` names it."""

    url: str
    variable: str
    encrypted: bool
    loopback: bool


def cloud_settings(cloud: Cloud, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings in the environment, by obstore's names."""
    found = {}
    for setting, variables in cloud.settings.items():
        given = next((text for name in variables if (text := environ.get(name, "").strip())), "")
        if given:
            found[setting] = given
    return found


def endpoint_of(cloud: Cloud, environ: Mapping[str, str]) -> Endpoint | None:
    """The server that the environment names; None for the cloud's own. BucketError for what is no address."""
    variables = cloud.settings[cloud.endpoint]
    variable = next((name for name in variables if environ.get(name, "").strip()), "")
    if not variable:
        return None
    url = environ[variable].strip().rstrip("/")
    found = _ORIGIN.fullmatch(url)
    if found is None:
        raise BucketError(
            f"{variable} is not an address of a server", hint="write https://host or http://127.0.0.1:port"
        )
    return Endpoint(url, variable, found[1] == "https", found[2].lower() in _LOOPBACK)
