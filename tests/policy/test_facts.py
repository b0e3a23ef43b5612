"""The library keeps its own constants, for it must not depend on the pack: they are the pack's and the report's facts."""

from __future__ import annotations

from access_documents import amazon, azure, google, kubernetes
from access_documents.verbs import PULL, PUSH, is_expected
from mendix_registry.kinds.amazon_ecr import iam_documents, resources
from mendix_registry.kinds.amazon_ecr.partitions import PARTITIONS
from mendix_registry.kinds.google_gcr import principals
from mendix_registry.kinds.microsoft_acr import roles
from mendix_registry.kinds.openshift.resources import PUSH_ROLE
from mendix_registry.kinds.openshift.settings import OPENSHIFT4_HOST


def test_the_roles_of_azure_are_the_components() -> None:
    assert {guid: azure.ROLES[guid].verbs for guid in (roles.ACR_PUSH, roles.REPOSITORY_WRITER)} == {
        roles.ACR_PUSH: PUSH,
        roles.REPOSITORY_WRITER: PUSH,
    }
    assert azure.ROLES[roles.ACR_PULL].verbs == azure.ROLES[roles.REPOSITORY_READER].verbs == PULL
    narrowed = {guid for guid, role in azure.ROLES.items() if role.by_repository and is_expected(role.verbs)}
    assert narrowed == {roles.REPOSITORY_READER, roles.REPOSITORY_WRITER}
    assert set(azure.data_actions(PUSH)) == set(roles.WRITER_ACTIONS)


def test_the_names_of_aws_are_the_components() -> None:
    granted = (*iam_documents.PUSH_ACTIONS, *iam_documents.OPTIONAL_ACTIONS.values())
    assert [action for action in granted if not amazon.is_expected(action)] == []
    assert {partition: names.suffix for partition, names in PARTITIONS.items()} == amazon.DOMAINS
    assert all(amazon.only_pulls(f"arn:{partition}:iam::aws:{resources.PULL_POLICY}") for partition in PARTITIONS)


def test_the_roles_of_google_and_openshift_are_the_components() -> None:
    assert (google.ROLES[principals.WRITER], google.ROLES[principals.READER]) == (PUSH, PULL)
    assert principals.WORKLOAD_IDENTITY_USER == google.WORKLOAD_IDENTITY
    assert kubernetes.ROLES[PUSH_ROLE.cluster_role] == PUSH
    assert OPENSHIFT4_HOST == kubernetes.OPENSHIFT_HOST
