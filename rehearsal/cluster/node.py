"""The built node: brings it to life, finds it alive, repairs it when it is half dead."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from rehearsal.cluster import api, containerd, control_plane, dns, launch, registry_files, services
from rehearsal.cluster.api import ApiServer, polled
from rehearsal.cluster.control_plane import API_PORT, NODE_NAME
from rehearsal.cluster.errors import ClusterError, Progress, Report
from rehearsal.cluster.images import SandboxImage, ensure_images
from rehearsal.cluster.network import (
    METADATA_ADDRESSES,
    SERVICE_ADDRESS,
    Subnet,
    claim_subnet,
    join_node,
    release_subnet,
)
from rehearsal.cluster.packages import ensure_packages
from rehearsal.cluster.paths import NodeDirectory, cache_directory, write_atomically
from rehearsal.cluster.pki import Pair
from rehearsal.cluster.processes import NodeSpec, Running
from rehearsal.cluster.state import NodeState, ProcessIdentity
from rehearsal.toolchain.commands import run
from rehearsal.toolchain.go_program import ensure_program
from rehearsal.toolchain.programs import CLIENT, KUBERNETES, PAUSE, REGISTRY

_INTERFACE = "eth0"
_PREFIX_LENGTH = 24
_HEALTHY_SECONDS = 8.0
_SLOW_SECONDS = 40.0
"""How long a node is waited for whose processes all run. A busy machine makes it slow; to start it again ends every pod of it."""
_READY_SECONDS = 120.0
_APPLY_SECONDS = 20.0
_LOG_LIMIT = 20_000_000


class BuiltNode:
    """One home's node. Callers hold the home's lock while they start, change or end it."""

    def __init__(self, home: Path, report: Report) -> None:
        self.directory = NodeDirectory.of(home)
        self._report = report
        self._began = time.monotonic()

    # -- bringing it up ------------------------------------------------------------------------------------------------

    def ensure(self) -> NodeState:
        """A node that is alive and ready: the one that runs, or a new start on the data of the last.

        Raises :class:`ClusterError`.
        """
        state = NodeState.read(self.directory) or NodeState.new()
        cache = cache_directory()
        if state.alive:
            trouble = self.trouble(state, _HEALTHY_SECONDS)
            if trouble is not None and self._outdated(state) is None and not self._stopped():
                self._tell("node", f"the sandbox's cluster is slow ({trouble}): waiting for it")
                trouble = self.trouble(state, _SLOW_SECONDS)
            if trouble is None:
                self._tell("node", "the sandbox's cluster is running")
                return state
            self._tell("node", f"the sandbox's cluster is not well ({trouble}): starting it again")
        elif state.init is not None:
            self._tell("node", "the sandbox's cluster has ended: starting it again with its data")
        launch.end_node(state)
        self._prepare(cache)
        images = ensure_images(cache, self._report)
        return self._start(state, cache, images)

    def trouble(self, state: NodeState, seconds: float) -> str | None:
        """What is wrong with a node whose first process is alive; None when it is ready within ``seconds``."""
        outdated = self._outdated(state)
        if outdated is not None or state.subnet is None:
            return outdated
        last = "its node is not ready"
        with self.connect(state.subnet) as server:

            def well() -> bool:
                nonlocal last
                try:
                    return server.ready() and self._schedulable(server)
                except ClusterError as error:
                    last = error.message
                    return False

            try:
                for _ in polled(well, seconds):
                    pass
            except TimeoutError:
                stopped = self._stopped()
                return f"{last}{'; not running: ' + ', '.join(stopped) if stopped else ''}"
        return None

    def _outdated(self, state: NodeState) -> str | None:
        """Why this version has to start the node again, however well it is; None where it has not."""
        if state.subnet is None or Running.read(self.directory.running) is None:
            return "its start was interrupted"
        try:
            wanted = NodeSpec.read(self.directory.processes)
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return "its process list is not of this version"
        if wanted.address != state.subnet.node:
            return "its address has changed"
        # By its key, not its path: another cache holds the same build.
        build = KUBERNETES.cached(cache_directory()).parent.name
        if all(Path(process.argv[0]).parent.name != build for process in wanted.processes):
            return "it runs another build of Kubernetes"
        return None

    def _stopped(self) -> list[str]:
        """Processes that shall run and do not."""
        running = Running.read(self.directory.running)
        wanted = NodeSpec.read(self.directory.processes).processes
        return [process.name for process in wanted if running is None or process.name not in running.processes]

    def connect(self, subnet: Subnet) -> ApiServer:
        """The node's API server, as cluster administrator."""
        pki = self.directory.pki
        return ApiServer.with_certificates(
            f"https://{subnet.node}:{API_PORT}", pki / "cluster-ca.crt", Pair.named(pki, "admin")
        )

    def _prepare(self, cache: Path) -> None:
        ensure_packages(self._report, cache / "packages.lock")
        for program in (PAUSE, CLIENT, REGISTRY, KUBERNETES):
            ensure_program(program, cache, self._report)

    def _start(self, state: NodeState, cache: Path, images: dict[str, SandboxImage]) -> NodeState:
        node = self.directory
        node.create()
        self._shorten_logs()
        # The name of the link's owner is remembered before there is a link: a start that is killed is tidied up by its name.
        state.write(node)
        subnet = claim_subnet(state.subnet_index, state.cgroup)
        try:
            snapshotter = state.snapshotter or ("overlayfs" if containerd.overlay_works(node.data) else "native")
            if not (node.data / "containerd").is_dir():
                state = state.with_changes(images=[])
            # Remembered before anything runs: a start that is killed from here on is found and ended by the next.
            state = state.with_changes(subnet_index=subnet.index, snapshotter=snapshotter, launcher=None, init=None)
            state.write(node)
            self._write_specification(state, subnet, KUBERNETES.cached(cache))
            launcher, init = launch.start_init(node)
            state = state.with_changes(launcher=launcher, init=init)
            state.write(node)
            join_node(subnet, init.pid, _INTERFACE)
        except BaseException:
            launch.end_node(state)
            release_subnet(state.cgroup)
            raise
        with ThreadPoolExecutor(1) as executor:
            imported = executor.submit(self._import_images, state, init, images)
            self._await_ready(state, subnet, imported)
            state = state.with_changes(images=imported.result())
        state.write(node)
        self._tell("node", "the cluster is ready")
        return state

    def _await_ready(self, state: NodeState, subnet: Subnet, images: Future[list[str]]) -> None:
        done: set[str] = set()
        with self.connect(subnet) as server:

            def advance() -> bool:
                self._check_alive(state)
                if "server" not in done:
                    if not server.ready():
                        return False
                    done.add("server")
                    self._tell("kubernetes", "the API server is ready")
                if "definition" not in done:
                    api.install_operator_configuration(server)
                    _open_issuer(server)
                    done.add("definition")
                return self._schedulable(server) and api.operator_configuration_served(server) and images.done()

            try:
                for _ in polled(advance, _READY_SECONDS):
                    pass
            except TimeoutError:
                raise ClusterError(
                    f"The rehearsal's node was not ready within {_READY_SECONDS:.0f} s.",
                    f"See the logs in {self.directory.logs}, kubelet.log first.",
                ) from None

    def _schedulable(self, server: ApiServer) -> bool:
        account = server.get("/api/v1/namespaces/default/serviceaccounts/default")
        return account is not None and api.node_schedulable(server.get(f"/api/v1/nodes/{NODE_NAME}"))

    def _check_alive(self, state: NodeState) -> None:
        if state.alive:
            return
        running = Running.read(self.directory.running)
        log = self.directory.logs / "supervisor.log"
        reason = (running.error if running else "") or "its first process ended"
        raise ClusterError(f"The rehearsal's node could not start: {reason}", f"See {log}.")

    def _import_images(self, state: NodeState, init: ProcessIdentity, images: dict[str, SandboxImage]) -> list[str]:
        """Import what the runtime does not hold yet; gives the references it holds then."""
        wanted = [image for image in images.values() if image.reference not in state.images]
        for image in wanted:
            command = containerd.import_command(Path(image.archive), state.snapshotter)
            deadline = time.monotonic() + _READY_SECONDS
            while True:
                result = run(launch.inside(init, command))
                if result.ok:
                    break
                # containerd needs a moment to make its socket; other reasons do not go away.
                waiting = "connect" in result.errors or "no such file" in result.errors
                if not (waiting and state.alive and time.monotonic() < deadline):
                    raise ClusterError(
                        f"The image {image.tag} could not be imported: {result.errors.strip()}",
                        f"See {self.directory.logs / 'containerd.log'}.",
                    )
                time.sleep(0.1)
            self._tell("images", f"imported {image.tag}")
        return [image.reference for image in images.values()]

    # -- changing it ---------------------------------------------------------------------------------------------------

    def names(self) -> dict[str, str]:
        """Names that were added to the node's DNS, to their addresses."""
        try:
            return json.loads(self.directory.names.read_text())
        except FileNotFoundError:
            return {}

    def set_names(self, names: dict[str, str]) -> None:
        write_atomically(self.directory.names, json.dumps(dns.checked(names), indent=1))

    def apply(self, state: NodeState) -> None:
        """Make the running node follow the files: names, registries. What has not changed goes on undisturbed."""
        if state.subnet is None or state.init is None:
            raise ClusterError("The sandbox's cluster is not running.", "Start it with `rehearse up`.")
        generation = self._write_specification(state, state.subnet, KUBERNETES.cached(cache_directory()))
        running = Running.read(self.directory.running)
        if running is not None and running.generation == generation:
            return
        state.init.send(signal.SIGHUP)
        try:
            for _ in polled(lambda: self._generation() == generation, _APPLY_SECONDS):
                self._check_alive(state)
        except TimeoutError:
            raise ClusterError(
                "The node's supervisor did not carry out a change of its processes.",
                f"See {self.directory.logs / 'supervisor.log'}; `rehearse down` and `rehearse up` start it again.",
            ) from None

    def _generation(self) -> str:
        running = Running.read(self.directory.running)
        return running.generation if running is not None else ""

    def _write_specification(self, state: NodeState, subnet: Subnet, executable: Path) -> str:
        node = self.directory
        certificates = control_plane.ensure_certificates(node.pki, subnet.node)
        control_plane.write_configuration(node, subnet, certificates)
        services_, service_names, service_hosts = services.write_configuration(node, subnet)
        registries, registry_names = registry_files.write_configuration(node, subnet, service_hosts)
        specification = NodeSpec(
            cgroup=state.cgroup,
            interface=_INTERFACE,
            address=subnet.node,
            gateway=subnet.host,
            prefix_length=_PREFIX_LENGTH,
            local_ranges=(subnet.local_range, *METADATA_ADDRESSES),
            service_address=SERVICE_ADDRESS,
            api_port=API_PORT,
            hostname=NODE_NAME,
            processes=(
                *control_plane.specifications(node, executable, subnet, certificates),
                containerd.write_configuration(node, subnet, state.snapshotter),
                dns.write_configuration(node, subnet, {**registry_names, **service_names, **self.names()}),
                *registries,
                *services_,
            ),
        )
        generation = hashlib.sha256(specification.to_json().encode()).hexdigest()[:16]
        write_atomically(node.processes, replace(specification, generation=generation).to_json())
        return generation

    def _shorten_logs(self) -> None:
        for log in self.directory.logs.glob("*.log"):
            if log.stat().st_size > _LOG_LIMIT:
                shutil.move(log, log.with_suffix(".log.old"))

    def _tell(self, stage: str, message: str) -> None:
        self._report(Progress(stage, message, seconds=time.monotonic() - self._began))


def _open_issuer(server: ApiServer) -> None:
    """Serve the token issuer's discovery documents to everyone, as the clouds' managed clusters do."""
    name = "rehearsal-service-account-issuer-discovery"
    server.apply(
        f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}",
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:service-account-issuer-discovery",
            },
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"},
            ],
        },
    )
