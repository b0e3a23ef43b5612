"""The last line of defence for secrets: what the CLI has marked, and what merely looks like one.

Pulumi writes a value that it knows to be secret as ``[secret]`` or as an object with the secret's signature. A program
that forgot to mark one gives it in plain text. Therefore a value under a key whose name shows that it holds one, everything
in a Kubernetes Secret, and text in the form of a known credential are masked as well: a value shown too little can be looked
up, one shown too much has to be rotated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from report.token_forms import ALONE, SECRET_TEXT
from report.values import (
    OUTPUT_SIGNATURE,
    SECRET,
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    document,
    is_unknown,
    listing,
    mapping,
)

_SECRET_KEY = re.compile(
    r"pass(word|wd|phrase)|secret|token|credential|private_?key|api_?key|access_?key|account_?key|connection_?string|sas_?url"
    r"|kubeconfig|dockerconfig|docker_?cfg|htpasswd|\bauth\b|authorization$|client_?key|signing_?key|ses_?smtp|\bpat\b"
    r"|pwd|(?:^|[_.-]|(?<=(?-i:[a-z0-9]))(?=(?-i:P)))pass$|(?:^|_)auth(?:_|$)|(?-i:[a-z0-9]Auth$)"
    r"|(?:shared|encryption|ssh|deploy)[_-]?key",
    re.IGNORECASE,
)
_ABOUT_ONE = re.compile(
    # Its own word: behind a separator, or in camel case. `rapid` does not end in the word `id`.
    r"(?:^|[^a-z0-9]|(?<=(?-i:[a-z0-9]))(?=(?-i:[A-Z])))"
    r"(?:name|names|arn|ref|refs|reference|references|type|status|version|versions|count|policy|audience|issuer|url|uri"
    r"|host|path|enabled|expiry|expiration|expirationseconds|counter|rotation|mutable|rules|file|mode|method|namespace"
    r"|keyusage|lifetime|date|properties|subresources|project|source|sources|items|keysource|resource"
    # The id of a key is none, but what is called the id of a secret or password may be the secret itself (AppRole's secret_id).
    r"|(?<!secret)(?<!secret[_.-])(?<!password)(?<!password[_.-])ids?)$",
    re.IGNORECASE,
)
_NAMES_A_KEY = re.compile(
    r"arn:[a-z0-9-]+:kms:[^\s]+|alias/[\w/-]+|projects/[^/\s]+/locations/[^\s]+/cryptoKeys/[^\s]+"
    r"|https://[\w.-]+\.(?:vault|managedhsm)\.[\w.-]+/keys/[\w/-]+"
)
"""Names of keys in the clouds' key services: what a reviewer must see, and no secret."""
_OF_A_CLOUD = re.compile(r"encryption[_-]?key", re.IGNORECASE)
_KEY_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")
_SECRET_OPTION = re.compile(r"--?[\w-]{0,40}(?:password|passwd|passphrase|token|secret)", re.IGNORECASE)
"""An option of a command line whose value is the next argument."""
_SECRET_TYPES = frozenset({"kubernetes:core/v1:Secret", "kubernetes:core/v1:SecretPatch"})
_ALONE_LENGTHS = frozenset({32, 40, 44, 52})
"""Of what :data:`ALONE` matches."""
_PLAIN_WORDS = frozenset({"", "identity", "secret", "anonymous", "none", "true", "false"})
"""Values that name what sort of secret there is, and are none."""
_ASSIGNED = re.compile(
    # What is assigned to a name: PASSWORD='…', "password": "…", aws_secret_access_key = …
    r"((?:pass(?:word|wd|phrase)|pwd|secret(?:_?access)?(?:_?key)?)[\"'\\]{0,2}"
    r"(?:[ \t]{0,3}=[ \t]{0,3}|[ \t]{0,3}:(?=[ \t\"'\\])[ \t]{0,3})"
    r"|token(?:[ \t]{0,3}=[ \t]{0,3}|\\?[\"'][ \t]{0,3}:[ \t]{0,3}(?=[\"'\\]))"
    # or given by an option: --docker-password …
    r"|--[\w-]{0,40}(?:password|passwd|passphrase|token|secret)[ \t]{1,3})"
    r"(?:\"[^\"\\]{2,}\"|'[^'\\]{2,}'|\\\"[^\"\\]{2,}\\\"|[^\s,;&'\"\\]{4,})",
    re.IGNORECASE,
)


_LOGIN = re.compile(
    # docker login -u USER -p PASSWORD, skopeo copy --dest-creds USER:PASSWORD
    r"(\blogin\b[^\n;|&]{0,200}?[ \t]-p(?:[ \t]{1,3}|=|(?=\S)(?!assword))|--(?:src-|dest-)?creds(?:[ \t]{1,3}|=)[^\s:]{1,80}:)"
    r"(?:\"[^\"]{2,}\"|'[^']{2,}'|[^\s;&|'\"]{3,})"
)
_MAY_ASSIGN = re.compile(r"pass(?:word|wd|phrase)|pwd|secret|token", re.IGNORECASE)


@lru_cache(maxsize=4096)
def mask_text(text: str) -> str:
    """``text`` with everything masked that has the form of a known credential."""
    masked = SECRET_TEXT.sub(SECRET, text)
    # Most values are names and documents without any such word; to look for it is quicker than to match.
    masked = _ASSIGNED.sub(_keep_name, masked) if _MAY_ASSIGN.search(masked) else masked
    return _LOGIN.sub(_keep_name, masked) if "login" in masked or "creds" in masked else masked


def _keep_name(match: re.Match[str]) -> str:
    return f"{match[1]}{SECRET}"


@lru_cache(maxsize=4096)
def bears_secret(key: str) -> bool:
    """Whether a key's name shows that its value is a secret (``password``), not something about one (``secretName``)."""
    return bool(_SECRET_KEY.search(key)) and not _ABOUT_ONE.search(key)


def mask(value: Any, *, key: str = "") -> Any:
    """A copy of a property value that may be shown. ``key`` is the name that it stands under."""
    if isinstance(value, str):
        if is_unknown(value):
            return value
        if key and value and bears_secret(key):
            return value if _names_a_key(key, value) else SECRET
        return _mask_string(value)
    if isinstance(value, dict):
        return _mask_object(mapping(value), key)
    if isinstance(value, list):
        items = listing(value)
        masked = [mask(item, key=key) for item in items]
        for index, item in enumerate(items):
            if not isinstance(item, str) or item[:1] != "-":
                continue
            short = item[:2] == "-p" and "login" in items
            if short and len(item) > 2:
                masked[index] = f"-p{SECRET}"
            elif index + 1 < len(items) and (short or item.endswith("creds") or _SECRET_OPTION.fullmatch(item)):
                masked[index + 1] = SECRET
        return masked
    if isinstance(value, int | float) and not isinstance(value, bool) and key and bears_secret(key):
        return SECRET
    return value


def mask_properties(type_: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs or outputs of a resource of ``type_``, as they may be shown."""
    masked = {key: mask(value, key=key) for key, value in properties.items()}
    if type_ in _SECRET_TYPES:
        for member in ("data", "stringData"):
            content = masked.get(member)
            if isinstance(content, dict):
                masked[member] = dict.fromkeys(cast("dict[str, Any]", content), SECRET)
            elif content is not None and not is_unknown(content):
                masked[member] = SECRET
        metadata = mapping(masked.get("metadata"))
        if annotations := mapping(metadata.get("annotations")):
            hidden = {key: SECRET if _is_document(key, value) else value for key, value in annotations.items()}
            masked["metadata"] = {**metadata, "annotations": hidden}
    return masked


def _is_document(key: str, value: Any) -> bool:
    """Whether an annotation of a Secret may repeat the Secret, as ``kubectl apply`` and others make it."""
    return "last-applied" in key or (isinstance(value, str) and isinstance(document(value), dict | list))


def _names_a_key(key: str, value: str) -> bool:
    if _NAMES_A_KEY.fullmatch(value):
        return True
    return bool(_OF_A_CLOUD.search(key)) and bool(_KEY_ID.fullmatch(value))


def _mask_object(value: Mapping[str, Any], key: str) -> Any:
    signature = value.get(SIGNATURE_KEY)
    if signature == SECRET_SIGNATURE or (signature == OUTPUT_SIGNATURE and value.get("secret")):
        return SECRET
    if signature == OUTPUT_SIGNATURE and "value" in value:
        return mask(value["value"], key=key)
    if signature is not None:
        # An asset, an archive, a reference: what it is, not what is in it.
        return value if is_unknown(value) else f"({str(value.get('path') or 'asset')[:80]})"
    name = value.get("name")
    if isinstance(name, str) and bears_secret(name) and isinstance(value.get("value"), str):
        # An environment variable: {name: REGISTRY_PASSWORD, value: …}.
        if value["value"] in _PLAIN_WORDS:
            return value
        return {**{member: mask(item, key=member) for member, item in value.items()}, "value": SECRET}
    if value.get("kind") == "Secret" and ("data" in value or "stringData" in value):
        # An object in an object, as lists and the annotations of kubectl have them.
        return mask_properties("kubernetes:core/v1:Secret", value)
    # Below `secret: {…}` only the leaves are secret, and only if their own names do not state otherwise.
    inherited = key if bears_secret(key) else ""
    return {member: mask(item, key=_stricter(member, inherited)) for member, item in value.items()}


def _stricter(member: str, inherited: str) -> str:
    return inherited if inherited and not bears_secret(member) and not _ABOUT_ONE.search(member) else member


def _mask_string(value: str) -> str:
    # A credential file or a setting is often JSON in a string.
    if value[:1] in "{[" and value.rstrip()[-1:] in "}]":
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            return mask_text(value)
        masked = mask(inner)
        return value if masked == inner else json.dumps(masked, separators=(",", ":"), ensure_ascii=False)
    if len(value) in _ALONE_LENGTHS and ALONE.fullmatch(value):
        return SECRET
    return mask_text(value) if len(value) > 11 else value
