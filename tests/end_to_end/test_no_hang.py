"""`pulumi up` ends soon after a builder Job has failed, whatever the reason, and says why and what to do; what the cluster takes
away goes on; and a failed Job is replaced by the next `up`. The real CLI, provider, cluster, registries and client."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import kr8s
import pytest
from pulumi import automation

from rehearsal.cluster import BuiltCluster, Cluster, ClusterError
from rehearsal.cluster.paths import cache_directory
from rehearsal.registry.spec import RegistryEndpoint, RegistrySpec
from rehearsal.toolchain.go_program import ensure_program
from rehearsal.toolchain.programs import CLIENT
from rehearsal.toolchain.pulumi_tools import KUBERNETES_PROVIDER_VERSION, ensure_pulumi
from tests.end_to_end.no_hang.answering import answering
from tests.end_to_end.no_hang.cases import ALIAS, CASES, PLAIN, POLICY, REAL, SECURED, USER, Case, namespace
from tests.end_to_end.no_hang.program import Facts, deploy

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PASSWORD = "canary-of-a-registry-password"
LATEST = 30
"""Seconds after the Job's end at which `up` has to have ended."""

JOB = "kubernetes:batch/v1:Job"


@pytest.fixture(scope="module")
def node(cluster: Cluster) -> BuiltCluster:
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("needs the rehearsal's own cluster: names and registries of the tests")
    return cluster


@pytest.fixture(scope="module")
def api(node: BuiltCluster) -> kr8s.Api:
    """Another client's view of the cluster."""
    return kr8s.api(kubeconfig=str(node.kubeconfig))


@pytest.fixture(scope="module")
def pulumi_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What the CLI needs to be found, and to find the Kubernetes provider."""
    tools = ensure_pulumi(cache_directory(), lambda _: None)
    home = tmp_path_factory.mktemp("pulumi")
    environment = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    if tools.kubernetes_provider is not None:
        environment["PULUMI_HOME"] = str(home)
        plugin = home / "plugins" / f"resource-kubernetes-v{KUBERNETES_PROVIDER_VERSION}"
        plugin.mkdir(parents=True)
        (plugin / tools.kubernetes_provider.name).symlink_to(tools.kubernetes_provider)
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("PATH", os.pathsep.join((str(tools.cli.parent), os.environ["PATH"])))
        yield environment


@pytest.fixture(scope="module")
def facts(node: BuiltCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    endpoint = node.registry(RegistrySpec(REAL, REAL))
    node.registry(RegistrySpec(SECURED, SECURED, USER, PASSWORD))
    node.registry(RegistrySpec(PLAIN, PLAIN, tls=False))
    node.add_names({ALIAS.partition(":")[0]: endpoint.address.partition(":")[0]})
    with answering(node.host_ip) as other:
        yield Facts(
            kubeconfig=node.kubeconfig.read_text(),
            authority=endpoint.ca_pem,
            password=PASSWORD,
            client=endpoint.client_image,
            base=_base_image(endpoint, tmp_path_factory.mktemp("base")),
            answering=other,
            closed=f"{node.host_ip}:9",
        )
    for host in (REAL, SECURED, PLAIN):
        node.end_registry(host)


def _base_image(endpoint: RegistryEndpoint, directory: Path) -> str:
    krane = ensure_program(CLIENT, cache_directory(), lambda _: None)
    (directory / "file").write_text("base")
    arguments = ["--insecure", "--oci-empty-base", "--new_layer", str(directory / "file")]
    reference = f"{endpoint.address}/mendix/base:1"
    subprocess.run([krane, "append", *arguments, "--new_tag", reference], env={"HOME": str(directory)}, check=True)
    digest = subprocess.run(
        [krane, "digest", "--insecure", reference],
        env={"HOME": str(directory)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    return f"{REAL}/mendix/base@{digest}"


@dataclass
class Update:
    """What the CLI said in one `up`: the lines that it prints, the diagnostics that stay, and when which Job had failed."""

    output: str = ""
    kept: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    failed: dict[str, float] = field(default_factory=dict[str, float])
    operations: dict[str, str] = field(default_factory=dict[str, str])
    ended: float = 0
    success: bool = False

    def heard(self, event: automation.EngineEvent) -> None:
        diagnostic, failure, step = event.diagnostic_event, event.res_op_failed_event, event.resource_pre_event
        if diagnostic and not diagnostic.ephemeral and diagnostic.severity != "debug":
            self.kept.append((diagnostic.urn or "", diagnostic.message))
        if failure and failure.metadata.type == JOB:
            self.failed[failure.metadata.urn.rpartition("::")[2]] = time.time()
        if step and step.metadata.type == JOB:
            self.operations[step.metadata.urn.rpartition("::")[2]] = str(step.metadata.op.value)

    def said(self, name: str) -> str:
        """What stays on the screen about the Job of a namespace."""
        return "\n".join(text for urn, text in self.kept if f"::{name}-" in urn or f" {name}/" in text)


class Stack:
    """A stack of the program, run by the real CLI."""

    def __init__(self, directory: Path, environment: Mapping[str, str], facts: Facts) -> None:
        self.cases: Mapping[str, Case] = {}
        self._stack = automation.create_or_select_stack(
            "no-hang",
            project_name="no-hang",
            program=lambda: deploy(self.cases, facts),
            opts=automation.LocalWorkspaceOptions(work_dir=str(directory), env_vars=dict(environment)),
        )

    def up(self, **options: Any) -> Update:
        update = Update()
        lines: list[str] = []
        with contextlib.suppress(automation.CommandError):
            self._stack.up(on_output=lines.append, on_event=update.heard, parallel=100, **options)
            update.success = True
        update.ended = time.time()
        update.output = "\n".join(lines)
        return update

    def refresh(self) -> None:
        self._stack.refresh(expect_no_changes=True)

    def destroy(self) -> None:
        self._stack.destroy(parallel=100)


@pytest.fixture
def stack(tmp_path: Path, facts: Facts, pulumi_environment: Mapping[str, str]) -> Iterator[Stack]:
    state, directory = tmp_path / "state", tmp_path / "program"
    state.mkdir()
    directory.mkdir()
    environment = {
        **pulumi_environment,
        "PULUMI_BACKEND_URL": f"file://{state}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
    }
    made = Stack(directory, environment, facts)
    yield made
    if made.cases:
        made.destroy()


def when(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@dataclass(frozen=True)
class Ended:
    """When a Job began and had failed, by the cluster's clock, and the reason."""

    began: float
    at: float
    reason: str


def jobs(api: kr8s.Api, place: str) -> list[Ended]:
    found: list[Ended] = []
    for job in api.get("jobs", namespace=place):
        status: dict[str, Any] = job.raw["status"]
        for condition in status.get("conditions", ()):
            if condition["type"] == "Failed" and condition["status"] == "True":
                at = when(condition["lastTransitionTime"])
                found.append(Ended(when(status["startTime"]), at, condition["reason"]))
    return found


@pytest.fixture
def admission_policy(api: kr8s.Api, node: BuiltCluster) -> Iterator[None]:
    """A policy of the cluster that lets no pod into one namespace (and into another, which shows when it is in force)."""
    name = "no-hang"
    places = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [namespace("admission policy"), name]}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": POLICY}],
    }
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchExpressions": [places]}},
    }
    made = [
        _object(api, "Namespace", "namespaces", "v1", name, None),
        _object(api, "ValidatingAdmissionPolicy", "validatingadmissionpolicies", REGISTRATION, name, policy),
        _object(
            api, "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", REGISTRATION, name, binding
        ),
    ]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}}
    pod["spec"] = {"containers": [{"name": "a", "image": "a"}]}

    def in_force() -> list[str]:
        try:
            with node.connect() as server:
                server.create(f"/api/v1/namespaces/{name}/pods?dryRun=All", pod)
        except ClusterError as error:
            return [str(error)] if POLICY in str(error) else []
        return []

    awaited(in_force)
    yield
    for item in made:
        item.delete()


REGISTRATION = "admissionregistration.k8s.io/v1"


def _object(api: kr8s.Api, kind: str, plural: str, version: str, name: str, spec: Mapping[str, Any] | None) -> Any:
    made: Any = kr8s.objects.new_class(kind, version, asyncio=False, namespaced=False, plural=plural)(
        {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **({"spec": spec} if spec else {})}, api=api
    )
    made.create()
    return made


def test_every_failed_job_ends_the_update_with_its_reason(
    stack: Stack, api: kr8s.Api, admission_policy: None, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.cases = CASES
    update = stack.up(continue_on_error=True)
    assert not update.success
    problems: list[str] = []
    rows: list[str] = []
    for name, case in CASES.items():
        place = namespace(name)
        said = update.said(place)
        found = jobs(api, place)
        failed = [moment for job, moment in update.failed.items() if job.startswith(f"{place}-")]
        if len(found) != 1 or len(failed) != 1:
            problems.append(f"{name}: {len(found)} Jobs have failed, {len(failed)} of them for the CLI: {said}")
            continue
        [ended], [moment] = found, failed
        seconds = case.builder.get("timeout_seconds", 120)
        late, too_late = moment - ended.at, moment - ended.began - seconds
        rows.append(f"| {name} | {ended.reason} | {ended.at - ended.began:.0f} | {late:.1f} |")
        if late > LATEST or too_late > LATEST:
            problems.append(f"{name}: `up` knew {late:.1f} s after the Job's end, {too_late:.1f} s after its deadline")
        if (ended.reason == "DeadlineExceeded") != case.deadline:
            problems.append(f"{name}: ended by {ended.reason}")
        problems += [f"{name}: does not say {text!r}:\n{said}" for text in (case.words, case.hint) if text not in said]
        if PASSWORD in said:
            problems.append(f"{name}: the password is in the output")
    # Pulumi's own way, which waits for each namespace, is the other tests'.
    for name in CASES:
        kr8s.objects.Namespace(namespace(name), api=api).delete()
    stack.cases = {}
    with capsys.disabled():
        print("\n| failure | Job's reason | Job failed after s | `up` knew after s more |\n| --- | --- | --- | --- |")
        print("\n".join(rows))
        print(f"\n`up` ended {update.ended - max(update.failed.values()):.1f} s after the last of them.")
    assert not problems, "\n\n".join(problems)


def test_a_failed_job_ends_the_update_and_is_replaced(stack: Stack, api: kr8s.Api) -> None:
    name, case = "mistyped password", CASES["wrong password"]
    place = namespace(name)
    push = f"{place}-push"
    stack.cases = {name: case}
    update = stack.up()
    [ended] = jobs(api, place)
    assert not update.success and 0 <= update.ended - ended.at < LATEST
    assert "check registry.authentication" in update.output

    # Nothing has changed, and it is tried again all the same.
    again = stack.up()
    assert not again.success and "replace" in again.operations[push]
    [second] = jobs(api, place)
    assert second.began >= ended.at, "the failed Job was waited for again"
    assert 0 <= again.ended - second.at < LATEST

    stack.cases = {name: replace(case, credentials="password")}
    mended = stack.up()
    assert mended.success, mended.output
    assert len(list(api.get("jobs", namespace=place))) == 1, "the failed Job is still there"
    assert stack.up(expect_no_changes=True).success
    stack.refresh()


def test_an_evicted_pod_gets_a_successor(stack: Stack, api: kr8s.Api, node: BuiltCluster) -> None:
    """As `kubectl drain` evicts it: with the one node there is, by the same API."""
    late, name = "late.no-hang.test:5000", "drained node"
    place = namespace(name)
    stack.cases = {name: Case("", "", host=late, builder={"attempts": 50})}
    updates: list[Update] = []
    updating = threading.Thread(target=lambda: updates.append(stack.up()))
    updating.start()
    try:
        [first] = awaited(lambda: _pods(api, place, "Running"))
        evict(node, first)
        [second] = awaited(lambda: [pod for pod in _pods(api, place, "Running") if pod.name != first.name])
        node.registry(RegistrySpec(late, late))
    finally:
        updating.join()
        node.end_registry(late)
    [update] = updates
    assert update.success, update.output
    [job] = api.get("jobs", namespace=place)
    status: dict[str, Any] = job.raw["status"]
    assert (status["succeeded"], status.get("failed", 0)) == (1, 0), "the pod that was taken away counts as a failure"
    assert [pod.name for pod in api.get("pods", namespace=place)] == [second.name]


def _pods(api: kr8s.Api, place: str, phase: str) -> list[Any]:
    return [pod for pod in api.get("pods", namespace=place) if pod.raw["status"].get("phase") == phase]


def evict(node: BuiltCluster, pod: Any) -> None:
    """A request to the Eviction API."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod.name, "namespace": pod.namespace}}
    with node.connect() as server:
        server.create(f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction", body)


def awaited(found: Callable[[], list[Any]]) -> list[Any]:
    for _ in range(480):
        if result := found():
            return result
        time.sleep(0.25)
    raise AssertionError("it did not come to that")
