"""The fleet file as types: what all stacks have in common, who is in the fleet, and how it is rolled out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, JsonValue, ValidationError

from fleet.problems import FleetError, FleetProblem
from fleet.state_writes import NAMESPACES_PER_STACK
from mendix_registry.settings.section import Section

NAME = r"^[a-z0-9]([a-z0-9-]{0,36}[a-z0-9])?$"
"""At most 38 characters: with a number behind, such as ``-999``, it names the Stack objects, of which the operator takes 42."""

MOST_STACKS = 1000


class State(Section):
    """Where the stacks' states are, and who encrypts the secrets in them."""

    backend: str | None = None
    """``s3://``, ``azblob://``, ``gs://`` or ``postgres://``; ``https://`` is a Pulumi Cloud. Default: whatever the machine or
    the operator is logged in to."""

    organization: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    """In a Pulumi Cloud: the organization that the stacks belong to."""

    secrets_provider: str | None = None
    """``awskms://``, ``azurekeyvault://``, ``gcpkms://``, ``hashivault://`` or ``passphrase``. Needed with every backend except a
    Pulumi Cloud."""


class Rollout(Section):
    """How the stacks are brought up, as far as it decides how long that takes."""

    stacks_at_once: Annotated[int, Field(ge=1, le=100)] = 4
    """How many stacks are updated at the same time. The operator's Stack objects wait for one another accordingly."""

    parallel: Annotated[int, Field(ge=1, le=256)] = 16
    """How many resources one update works on at once (``pulumi up --parallel``)."""

    resource_seconds: Annotated[float, Field(gt=0)] = 1.0
    """How long one resource takes to write where no quota makes it wait."""

    job_seconds: Annotated[float, Field(gt=0)] = 40.0
    """How long one Job of a builder takes, images and the cloud's propagation included."""

    state_request_seconds: Annotated[float, Field(ge=0)] = 0.05
    """How long one request to the state's bucket or database takes from where the stacks are deployed. The default is an
    assumption, not measured."""


class Trust(Section):
    """The cloud identity of the workspaces' pods."""

    service_account_annotations: dict[str, str] = Field(default_factory=dict[str, str])
    """For the ServiceAccount: ``eks.amazonaws.com/role-arn``, ``azure.workload.identity/client-id`` or
    ``iam.gke.io/gcp-service-account``."""

    pod_labels: dict[str, str] = Field(default_factory=dict[str, str])
    """For the pods: ``azure.workload.identity/use: "true"`` in Azure."""


class GitRepository(Section):
    """Where the project is, with the stack files in it."""

    url: str
    """``https://<host>/<owner>/<repository>.git``. Without ``.git`` the operator takes two parts of the path for the repository."""

    branch: str | None = None
    """The branch that is followed: ``refs/heads/main``. Either this or ``commit``."""

    commit: str | None = None
    """The one commit that is deployed, by its full hash."""

    directory: str = ""
    """Where ``Pulumi.yaml`` is, if not at the top."""

    token_secret: str | None = None
    """Secret with the key ``accessToken``, which may read the repository."""


class Operator(Section):
    """What the Pulumi Kubernetes Operator (version 2) needs to know."""

    repository: GitRepository
    """The Git repository."""

    namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")] = "pulumi-mendix-registry"
    """The namespace of the Stack objects and of the pods that deploy."""

    image: Annotated[str, Field(min_length=1)]
    """The image with the Pulumi CLI and Python that the pods run. Pin it by digest."""

    secret: str = "mendix-registry-fleet"  # noqa: S105 - the name of an object, not a secret
    """The existing Secret, in that namespace, with the environment variables that the stack files name
    (``{environment: NAME}``)."""

    environment: dict[str, str] = Field(default_factory=dict[str, str])
    """Environment variables that are no secrets, by their values. What the stack files name and is not here comes from the
    Secret."""

    trust: Trust = Trust()
    """The pods' cloud identity."""

    resync_seconds: Annotated[int, Field(ge=60)] = 600
    """How often each stack looks for new commits of the branch. Between commits nothing is updated."""

    refresh: bool = False
    """Whether each update first reads everything back from the cloud, as Pulumi recommends. It costs a read of every resource."""


class Fleet(Section):
    """Everything that a fleet file has. Made by :func:`read_fleet`."""

    name: Annotated[str, Field(pattern=NAME)]
    """The stacks are called ``<name>-00``, ``<name>-01`` and so on."""

    stacks: Annotated[int, Field(ge=1, le=MOST_STACKS)]
    """Over how many stacks the namespaces are spread. Another number moves namespaces; see docs/fleet.md first."""

    namespaces: JsonValue
    """The namespaces: a list as in a stack file, where a name alone is enough, or ``{file: namespaces.csv}``."""

    config: dict[str, JsonValue]
    """What all stack files have under ``config``, without ``mendix-registry:namespaces``. ``{stack}`` in a text becomes the stack's
    number."""

    state: State = State()
    """Where the states are."""

    quotas: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict[str, float])
    """What the accounts allow, where it is not the clouds' default: the registry kind's limits by their keys (docs/fleet.md)."""

    rollout: Rollout = Rollout()
    """How the stacks are brought up."""

    operator: Operator | None = None
    """The Pulumi Kubernetes Operator, where it is used."""


def qualified_name(fleet: Fleet, stack: str) -> str:
    """A stack's name as a Pulumi Cloud needs it; other backends know no organizations."""
    return f"{fleet.state.organization}/{stack}" if fleet.state.organization else stack


def read_fleet(path: Path) -> Fleet:
    """Reads a fleet file; the namespaces are not looked at yet.

    Raises:
        FleetError: with everything that is wrong with its form.
    """
    try:
        content: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except OSError as error:
        raise FleetError(
            [FleetProblem(str(path), f"it cannot be read: {error.strerror}", "", "correct the path")]
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # The parser's message quotes the text, which may hold a secret; its place is enough.
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise FleetError(
            [FleetProblem(str(path), f"it is not YAML{place}", "", "correct it there or just before")]
        ) from error
    if not isinstance(content, Mapping):
        raise FleetError(
            [FleetProblem(str(path), "it is no object with keys", "", "begin it with name, stacks, namespaces, config")]
        )
    try:
        return Fleet.model_validate(content, by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise FleetError(
            FleetProblem(_path(detail["loc"]), *_told(detail["type"], detail["msg"], detail["loc"]))
            for detail in details
        ) from None


def _path(location: tuple[str | int, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or "the fleet file"


def _told(kind: str, message: str, location: tuple[str | int, ...]) -> tuple[str, str, str]:
    match kind:
        case "missing" if location == ("stacks",):
            return (
                "this key is missing",
                "it decides which namespace is in which stack, so it must not change with their number",
                f"choose it for the size that the fleet will have: one for each {NAMESPACES_PER_STACK} namespaces",
            )
        case "extra_forbidden":
            return "there is no such key", "it would have no effect", "see docs/fleet.md for the keys"
        case "missing":
            return "this key is missing", "", "add it; docs/fleet.md describes it"
        case "string_pattern_mismatch":
            return (
                "this name has characters that cannot be in it, or too many of them",
                "",
                "use letters (a fleet's name: lower-case, at most 38), digits and dashes, with a letter or digit at both ends",
            )
        case _:
            return message[:1].lower() + message[1:], "", "correct the value; docs/fleet.md describes the key"
