"""Remote state: which backends and secrets providers there are, what each needs, and which of them do not go together.

Sources: Pulumi's pages "Using a DIY backend" and "Secrets handling", the README of its PostgreSQL backend, and gocloud.dev's pages
on the URLs of ``blob`` and ``secrets``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, urlsplit

from fleet.fleet_file import State
from fleet.problems import FleetProblem

_PROVIDERS = {
    "awskms": re.compile(
        r"awskms://(alias/[\w/-]+|[0-9a-f-]{36}|/arn:[\w-]+:kms:[\w-]+:\d{12}:(key|alias)/[\w/-]+)(\?\S+)?"
    ),
    "azurekeyvault": re.compile(
        r"azurekeyvault://[a-z0-9-]+\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net)/keys/[\w-]+(/\w+)?"
    ),
    "gcpkms": re.compile(r"gcpkms://projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+"),
    "hashivault": re.compile(r"hashivault://[\w-]+"),
}

_EXAMPLES = {
    "awskms": "awskms://alias/pulumi-mendix?region=eu-west-1",
    "azurekeyvault": "azurekeyvault://example.vault.azure.net/keys/pulumi-mendix",
    "gcpkms": "gcpkms://projects/example/locations/europe-west4/keyRings/pulumi/cryptoKeys/mendix",
    "hashivault": "hashivault://pulumi-mendix",
}

_VERIFIED = ("verify-full", "verify-ca")


@dataclass(frozen=True, slots=True)
class Need:
    """What an identity that deploys must be allowed or given: ``what``, and ``which`` permissions or variables."""

    what: str
    which: tuple[str, ...]


def state_problems(state: State) -> tuple[FleetProblem, ...]:
    """What is wrong with the fleet's ``state``."""
    return (*_backend(state), *_provider(state))


def state_needs(state: State) -> tuple[Need, ...]:
    """What every identity that deploys needs for the state and its secrets."""
    return (*_backend_needs(state.backend or ""), *_provider_needs(state.secrets_provider or ""))


def state_variables(state: State) -> tuple[str, ...]:
    """Environment variables with credentials that the state needs, and that come from the operator's Secret."""
    names: list[str] = []
    if urlsplit(state.backend or "").scheme == "postgres":
        names.append("PGPASSWORD")
    if urlsplit(state.backend or "").scheme == "https":
        names.append("PULUMI_ACCESS_TOKEN")
    if state.secrets_provider == "passphrase":
        names.append("PULUMI_CONFIG_PASSPHRASE")
    if (state.secrets_provider or "").startswith("hashivault://"):
        names += ["VAULT_SERVER_TOKEN", "VAULT_SERVER_URL"]
    return tuple(names)


def _backend(state: State) -> Iterator[FleetProblem]:
    backend = state.backend or ""
    if not backend:
        return
    try:
        url = urlsplit(backend)
        password = url.password
    except ValueError:
        yield FleetProblem("state.backend", "this is not a URL", "", "correct it")
        return
    if password:
        yield FleetProblem(
            "state.backend",
            "there is a password in the URL",
            "the fleet file and the Stack objects are not secret",
            "remove it, and put it as PGPASSWORD into the operator's Secret and the pipelines' secrets",
        )
    match url.scheme:
        case "s3" | "gs" | "azblob":
            yield from _bucket(url)
        case "postgres":
            yield from _postgres(url)
        case "https":
            if not state.organization:
                yield FleetProblem(
                    "state.organization",
                    "this key is missing",
                    "a Pulumi Cloud would put the stacks under whoever deploys first",
                    "name the organization",
                )
        case "file":
            yield FleetProblem(
                "state.backend",
                "a directory of one machine holds the state",
                "the operator's pods and other machines do not see it, and each would create everything once more",
                "use s3://, azblob://, gs:// or postgres://",
            )
        case _:
            yield FleetProblem(
                "state.backend",
                f"{url.scheme or 'this'!r} is no backend of Pulumi",
                "",
                "use s3://<bucket>, azblob://<container>, gs://<bucket>, postgres://<host>/<database> or https://<Pulumi Cloud>",
            )


def _bucket(url: SplitResult) -> Iterator[FleetProblem]:
    query = parse_qs(url.query)
    if not url.netloc:
        yield FleetProblem("state.backend", f"{url.scheme}:// names no bucket or container", "", "add its name")
    if url.scheme == "azblob" and "storage_account" not in query:
        yield FleetProblem(
            "state.backend",
            "the storage account is missing",
            "the container's name alone does not show where it is",
            "add ?storage_account=<name>",
        )
    if url.scheme == "s3" and "region" not in query:
        yield FleetProblem(
            "state.backend",
            "the bucket's region is missing",
            "it would depend on the machine that deploys",
            "add ?region=<region>",
        )
    if query.get("disableSSL", query.get("disable_https", ["false"]))[0].lower() in ("1", "true"):
        yield FleetProblem(
            "state.backend",
            "the state would travel unencrypted",
            "it names every resource, and whoever sits between can change it",
            "remove disableSSL or disable_https",
        )


def _postgres(url: SplitResult) -> Iterator[FleetProblem]:
    if not url.hostname or not url.path.strip("/"):
        yield FleetProblem(
            "state.backend",
            "the host or the database is missing",
            "",
            "write postgres://<user>@<host>:5432/<database>?sslmode=verify-full",
        )
    if parse_qs(url.query).get("sslmode", [""])[0] not in _VERIFIED:
        yield FleetProblem(
            "state.backend",
            "the server's certificate is not verified",
            "without it the password and the state go to whoever answers (the driver's default, sslmode=require, does not look)",
            "add ?sslmode=verify-full, and sslrootcert for your own authority",
        )


def _provider(state: State) -> Iterator[FleetProblem]:
    provider = state.secrets_provider
    if provider is None:
        if state.backend and not state.backend.startswith("https://"):
            yield FleetProblem(
                "state.secretsProvider",
                "this key is missing",
                "only a Pulumi Cloud encrypts by itself; without a key service all secrets hang on one passphrase",
                f"name a key, such as {_EXAMPLES['awskms']}, or write passphrase if that is what you mean",
            )
        return
    if provider == "passphrase":
        return
    scheme = provider.split("://", 1)[0]
    pattern = _PROVIDERS.get(scheme)
    if pattern is None:
        yield FleetProblem(
            "state.secretsProvider",
            f"{scheme!r} is no secrets provider of Pulumi",
            "",
            f"use one of {', '.join(f'{name}://' for name in _PROVIDERS)} or passphrase",
        )
    elif not pattern.fullmatch(provider):
        yield FleetProblem(
            "state.secretsProvider",
            f"this names no key of {scheme}",
            "the first update would fail, after it has created resources",
            f"write it as {_EXAMPLES[scheme]}",
        )
    elif scheme == "awskms" and "region=" not in provider:
        yield FleetProblem(
            "state.secretsProvider",
            "the key's region is missing",
            "it would depend on the machine that deploys",
            "add ?region=<region>",
        )


def _backend_needs(backend: str) -> Iterator[Need]:
    url = urlsplit(backend)
    match url.scheme:
        case "s3":
            yield Need(f"on the bucket {url.netloc}", ("s3:ListBucket", "s3:GetBucketLocation"))
            yield Need(
                f"on the objects of the bucket {url.netloc}", ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
            )
        case "azblob":
            yield Need(
                f"on the container {url.netloc}",
                ("Storage Blob Data Contributor (a role; no account key, no connection string)",),
            )
        case "gs":
            yield Need(f"on the bucket {url.netloc}", ("roles/storage.objectAdmin",))
        case "postgres":
            yield Need(
                f"on the database {url.path.strip('/')}",
                (
                    "CONNECT",
                    "SELECT, INSERT, UPDATE and DELETE on the table pulumi_state; CREATE on its schema, the first time",
                ),
            )
        case "https":
            yield Need("for the Pulumi Cloud", ("an access token that may write the stacks",))
        case _:
            pass


def _provider_needs(provider: str) -> Iterator[Need]:
    match provider.split("://", 1)[0]:
        case "awskms":
            yield Need("on the KMS key", ("kms:Encrypt", "kms:Decrypt"))
        case "azurekeyvault":
            yield Need("on the key in Key Vault", ("Key Vault Crypto User (a role)",))
        case "gcpkms":
            yield Need("on the Cloud KMS key", ("roles/cloudkms.cryptoKeyEncrypterDecrypter",))
        case "hashivault":
            yield Need("on the transit key in Vault", ("update on encrypt and decrypt",))
        case _:
            pass
