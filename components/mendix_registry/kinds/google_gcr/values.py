"""Names that Google's stack-file keys take: project ids and numbers, service accounts, pools, keys, labels.

Sources: the discovery documents ``artifactregistry.v1`` and ``iam.v1``; Google's page "About Workload Identity Federation for
GKE" for pools and principals.
"""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from mendix_registry.settings.problems import Rule, raises
from mendix_registry.settings.references import NAMESPACE_PLACEHOLDER
from mendix_registry.settings.values import Text, known

SHARD_PLACEHOLDER = "{shard}"

MAXIMUM_ACCOUNT_ID = 30
MINIMUM_ACCOUNT_ID = 6

ACCOUNT_ID = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?")
_DURATION = re.compile(r"[1-9][0-9]*[smhd]")
_KMS_KEY = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_POOL = re.compile(r"[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?\.svc\.id\.goog")
PROJECT_ID = re.compile(r"(?:[a-z0-9.-]+:)?[a-z](?:[-a-z0-9]{4,28}[a-z0-9])")
_SERVICE_ACCOUNT = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.gserviceaccount\.com")


GAR001 = Rule(
    "GAR001",
    "{value!r} gives no id of a service account",
    "Google accepts lower-case letters, digits and dashes, beginning with a letter and not ending with a dash",
    "write for example mendix-{{namespace}}",
)


@raises(GAR001)
def _account_name(value: str) -> str:
    sample = value.replace(NAMESPACE_PLACEHOLDER, "n").replace(SHARD_PLACEHOLDER, "0")
    if not ACCOUNT_ID.fullmatch(sample):
        raise GAR001.error(value=value)
    return value


GAR002 = Rule(
    "GAR002",
    "{value!r} is not the e-mail address of a Google service account",
    "members of Google's policies are given by this address",
    "write NAME@PROJECT.iam.gserviceaccount.com ('gcloud iam service-accounts list' shows it)",
)


@raises(GAR002)
def _email(value: str) -> str:
    if not _SERVICE_ACCOUNT.fullmatch(value.replace(NAMESPACE_PLACEHOLDER, "n")):
        raise GAR002.error(value=value)
    return value


GAR003 = Rule(
    "GAR003",
    "{value!r} is a project number",
    "this is where the project's id is needed: it is part of names",
    "write the id ('gcloud projects describe NUMBER --format=value(projectId)' prints it)",
)
GAR004 = Rule(
    "GAR004",
    "{value!r} is not the id of a Google project",
    "Google accepts 6 to 30 lower-case letters, digits and dashes, beginning with a letter",
    "write the project's id, not its display name",
)


@raises(GAR003, GAR004)
def _project(value: str) -> str:
    if value.isdigit():
        raise GAR003.error(value=value)
    if not PROJECT_ID.fullmatch(value):
        raise GAR004.error(value=value)
    return value


GAR005 = Rule(
    "GAR005",
    "{value!r} is not a project number",
    "a principal names the pool by the project's number, though the pool's own name has the project's id in it",
    "write the number in quotes ('gcloud projects describe PROJECT --format=value(projectNumber)' prints it)",
)


@raises(GAR005)
def _project_number(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{5,18}", value):
        raise GAR005.error(value=value)
    return value


GAR006 = Rule(
    "GAR006",
    "{value!r} is not the workload identity pool of a cluster or fleet",
    "who pushes is named within this pool; a wrong one names no one, or someone else",
    "write PROJECT.svc.id.goog, with the id of the cluster's (or the fleet host's) project",
)


@raises(GAR006)
def _pool(value: str) -> str:
    if not _POOL.fullmatch(value):
        raise GAR006.error(value=value)
    return value


GAR007 = Rule(
    "GAR007",
    "{value!r} is not the name of a Cloud KMS key",
    "a repository's key cannot be changed later",
    "write projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY, without a version",
)


@raises(GAR007)
def _kms_key(value: str) -> str:
    if not _KMS_KEY.fullmatch(value):
        raise GAR007.error(value=value)
    return value


GAR008 = Rule(
    "GAR008",
    "the label {key!r} is none that Google accepts",
    "key and value have at most 63 lower-case letters, digits, '_' and '-'; the key begins with a letter",
    "correct it",
)
GAR009 = Rule("GAR009", "there are {count} labels", "Artifact Registry accepts at most 64", "remove some")


@raises(GAR008, GAR009)
def _labels(value: dict[str, str]) -> dict[str, str]:
    wrong = [k for k, v in value.items() if not _LABEL_KEY.fullmatch(k) or not _LABEL_VALUE.fullmatch(v)]
    if wrong:
        raise GAR008.error(key=wrong[0])
    if len(value) > 64:
        raise GAR009.error(count=len(value))
    return value


GAR010 = Rule(
    "GAR010",
    "{value!r} is no length of time",
    "the clean-up counts in seconds, minutes, hours or days",
    "write a whole number and s, m, h or d, such as 30d",
)


@raises(GAR010)
def _duration(value: str) -> str:
    if not _DURATION.fullmatch(value):
        raise GAR010.error(value=value)
    return value


GAR011 = Rule(
    "GAR011",
    "{{namespace}} has no meaning here",
    "nodes belong to the cluster, not to a namespace",
    "write the e-mail address of the nodes' service account",
)


@raises(GAR011, GAR002)
def _one_email(value: str) -> str:
    if NAMESPACE_PLACEHOLDER in value:
        raise GAR011.error()
    return _email(value)


AccountIdPattern: TypeAlias = Annotated[str, AfterValidator(_account_name)]
"""Id of a service account, with ``{namespace}`` or ``{shard}`` in it."""

Duration: TypeAlias = Annotated[str, AfterValidator(_duration)]
EmailAddress: TypeAlias = Annotated[str, AfterValidator(_one_email)]
EmailPattern: TypeAlias = Annotated[str, AfterValidator(_email)]
"""E-mail address of a service account; ``{namespace}`` may stand in it."""

KmsKeyName: TypeAlias = Annotated[str, AfterValidator(_kms_key)]
Labels: TypeAlias = Annotated[dict[str, str], AfterValidator(_labels)]
ProjectId: TypeAlias = Annotated[Text, known(_project)]
ProjectNumber: TypeAlias = Annotated[Text, known(_project_number)]
WorkloadPool: TypeAlias = Annotated[Text, known(_pool)]
