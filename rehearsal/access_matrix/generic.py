"""What to try at a registry with a user and a password, or open to everyone: it decides itself, in its own words.

It knows no owners of repositories: who has the password may push everywhere, which is no cell of the matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from rehearsal.access_matrix.matrix import Attempt, RefusedError
from rehearsal.access_matrix.registry import Service, pull, push_and_read_back
from rehearsal.access_matrix.secrets import Objects, basic, registry_login, user_and_password

_TYPE = "kubernetes.io/dockerconfigjson"
_DECIDED_BY = "registry"


@dataclass(frozen=True, slots=True)
class Builder:
    """Who pushes for a namespace, and where to."""

    namespace: str
    repository: str


@dataclass(frozen=True, slots=True)
class Target:
    """The stack: its builders, the host that builds push to and the one that nodes pull from, whether it asks for a login, and
    whether the nodes get it by ServiceAccount ``default``."""

    builders: Sequence[Builder]
    push_host: str
    pull_host: str
    login: bool
    linked: bool


class Prover:
    """Makes the attempts, with the login that the stack left in each namespace."""

    def __init__(self, target: Target, service: Service, cluster: Objects) -> None:
        self._target, self._service, self._cluster = target, service, cluster

    def attempts(self) -> Iterator[Attempt]:
        """Everything to try, namespace by namespace."""
        for builder in self._target.builders:
            yield from self._pushes(builder)
            yield from self._pulls(builder)

    def _pushes(self, builder: Builder) -> Iterator[Attempt]:
        namespace = builder.namespace
        if not self._target.login:
            run = partial(self._push, builder, _anonymous)
            yield Attempt(namespace, "without a login, as in the stack file", True, run)
            return
        own = partial(registry_login, self._cluster, namespace, self._target.push_host)

        def with_password(change: Callable[[str, str], tuple[str, str]]) -> Callable[[], Mapping[str, str]]:
            return lambda: basic(*change(*user_and_password(own())))

        trials: list[tuple[str, Callable[[], Mapping[str, str]]]] = [
            ("a wrong password", with_password(lambda user, password: (user, f"{password}-wrong"))),
            ("the password of another user", with_password(lambda user, password: (f"{user}-other", password))),
            ("without a login", _anonymous),
        ]
        yield Attempt(namespace, "its login pushes and reads back", True, partial(self._push, builder, own))
        for what, authorization in trials:
            run = partial(self._push, builder, authorization)
            yield Attempt(namespace, what, False, run, _DECIDED_BY, "UNAUTHORIZED")

    def _pulls(self, builder: Builder) -> Iterator[Attempt]:
        if self._target.login and not self._target.linked:
            return
        yield Attempt(builder.namespace, "the nodes read", True, partial(self._read_as_node, builder))

    def _push(self, builder: Builder, authorization: Callable[[], Mapping[str, str]]) -> str:
        with _refusing():
            return push_and_read_back(self._service, self._target.push_host, builder.repository, authorization())

    def _read_as_node(self, builder: Builder) -> None:
        """Read what was pushed with what the kubelet has: the Secrets of ServiceAccount ``default``."""
        namespace, login = builder.namespace, self._target.login
        own = nodes = _anonymous
        if login:
            own = partial(registry_login, self._cluster, namespace, self._target.push_host)
            nodes = partial(registry_login, self._cluster, namespace, self._target.pull_host, of_nodes=True)
        digest, authorization = self._push(builder, own), nodes()
        with _refusing():
            pull(self._service, self._target.push_host, builder.repository, digest, authorization)


@contextmanager
def _refusing() -> Generator[None]:
    """A refusal of the registry is its decision."""
    try:
        yield
    except RefusedError as error:
        raise RefusedError(str(error), _DECIDED_BY) from error


def _anonymous() -> Mapping[str, str]:
    return {}
