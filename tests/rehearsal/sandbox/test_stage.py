"""Which registry a stack gets, and what is kept in the sandbox home."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rehearsal.sandbox.description import Description
from rehearsal.sandbox.home import home_directory, registry_password
from rehearsal.sandbox.setting import StageError, registry_spec
from rehearsal.sandbox.wanted import WantedRegistry, wanted_registry
from tests.rehearsal.descriptions import described, described_stack

PUSH = "registry.mendix-rehearsal.svc.cluster.local:5000"


USER = {"username": "builder", "password": {"environment": "REHEARSAL_REGISTRY_PASSWORD"}}


def _registry(**changes: Any) -> Description:
    return described(
        {"type": "generic", "pushHost": PUSH, "pullHost": "localhost:32000", "authentication": USER, **changes}
    )


def test_a_sandbox_name_asks_for_the_sandbox_registry() -> None:
    assert wanted_registry(_registry()) == WantedRegistry(PUSH, "localhost:32000", "builder")


def test_the_sandbox_registry_does_not_adopt_a_wrong_password() -> None:
    """It would then accept it, and a rehearsal of a wrong password would end well."""
    wrong = {"authentication": {"username": "builder", "password": {"environment": "WRONG"}}}
    found = wanted_registry(_registry(**wrong))
    assert found is not None
    assert found.password_variable == ""


@pytest.mark.parametrize("host", ["harbor.example.com", "registry.container-registry.svc.cluster.local:5000"])
def test_registries_of_examples_are_served_in_own_clusters_only(host: str) -> None:
    assert wanted_registry(_registry(pushHost=host)) is None
    found = wanted_registry(_registry(pushHost=host), own_cluster=True)
    assert found is not None
    assert found.push_host == host


def test_somebodys_registry_is_left_alone_in_any_cluster() -> None:
    assert wanted_registry(_registry(pushHost="harbor.company.com"), own_cluster=True) is None


def test_certificates_come_from_the_authority_in_the_stack_file() -> None:
    own = wanted_registry(_registry(transport={"caCertificate": {"environment": "REHEARSAL_REGISTRY_CA"}}))
    plain = wanted_registry(_registry(transport={"insecure": True}))
    assert own is not None
    assert plain is not None
    assert (own.tls, own.public, plain.tls, plain.public) == (True, False, False, False)


def test_the_stack_file_names_the_user_or_none() -> None:
    authentication = {"username": "robot", "password": {"environment": "REHEARSAL_REGISTRY_PASSWORD"}}
    named = wanted_registry(_registry(authentication=authentication))
    anonymous = wanted_registry(_registry(authentication="none"))
    assert named is not None
    assert anonymous is not None
    assert (named.username, anonymous.username) == ("robot", "")


@pytest.mark.parametrize("host", ["quay.io", "mendix-rehearsal.svc.cluster.local.example.org:5000"])
def test_a_foreign_registry_stays_as_it_is(host: str) -> None:
    assert wanted_registry(_registry(pushHost=host)) is None


def test_the_variable_of_an_examples_password_is_known() -> None:
    found = wanted_registry(described_stack("example-generic"), own_cluster=True)
    assert found is not None
    assert found.password_variable == "REGISTRY_PASSWORD"


def test_home_and_password_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    home = home_directory(tmp_path, {})
    password = registry_password(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    (file,) = home.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(password) >= 32
    assert registry_password(home) == password


def test_the_home_can_be_elsewhere(tmp_path: Path) -> None:
    assert home_directory(tmp_path / "project", {"REHEARSAL_HOME": str(tmp_path / "h")}) == (tmp_path / "h").resolve()


def test_rehearsals_that_start_at_once_agree_on_one_password(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        passwords = set(pool.map(registry_password, [tmp_path] * 32))
    assert len(passwords) == 1


def test_a_password_that_cannot_be_checked_is_reported() -> None:
    """Tokens of real registries are longer than bcrypt reads; that was told as a fault of the rehearsal."""
    wanted = WantedRegistry("harbor.example.com", "harbor.example.com", "robot", "HARBOR_PASSWORD")
    with pytest.raises(StageError, match=r"72 bytes(.|\n)*HARBOR_PASSWORD"):
        registry_spec(wanted, "x" * 73)
    assert registry_spec(wanted, "x" * 72).password == "x" * 72


def test_a_given_password_is_read_as_the_program_does() -> None:
    from rehearsal.sandbox.home import given_password

    ends = {"A": "pw\n", "B": "pw\r\n", "C": "pw", "D": ""}
    assert [given_password(name, ends) for name in (*ends, "E")] == ["pw", "pw", "pw", "", ""]
