"""A policy pack as the engine speaks to it: Pulumi's Analyzer service (``sdk/go/common/resource/plugin/analyzer_plugin.go``)."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from rehearsal.engine.errors import PluginError
from rehearsal.engine.plugins.port import START_SECONDS, announced_port
from rehearsal.engine.plugins.process import ChildProcess
from rehearsal.engine.plugins.provider import CHANNEL_OPTIONS, Hear
from rehearsal.engine.policies.configuration import PolicyConfiguration, message, reconcile
from rehearsal.engine.policies.errors import PolicyConfigurationError, PolicyPackError
from rehearsal.engine.policies.pack import PolicyPackProject
from rehearsal.engine.properties import Properties, from_struct

ORGANIZATION = "organization"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pack is told of the update. ``config`` maps ``namespace:key`` to strings, secrets in plain text."""

    engine_address: str
    project: str
    stack: str
    preview: bool
    environment: Mapping[str, str]
    config: Mapping[str, str]
    secret_keys: Iterable[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One violation. ``urn`` is what the policy names, empty where it names nothing."""

    pack: str
    version: str
    policy: str
    message: str
    mandatory: bool
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One remediation: the properties as the policy wants them, or why it could not tell."""

    pack: str
    version: str
    policy: str
    description: str
    properties: Properties | None
    diagnostic: str


class Analyzer:
    """One running pack. Its calls raise PolicyPackError: a verdict that cannot be had counts as none, never as a good one."""

    def __init__(self, project: PolicyPackProject, process: ChildProcess, port: int) -> None:
        self.name = project.directory.name
        self.version = project.version
        self._process = process
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)
        # Calls and messages are untyped in the stubs' eyes: they are made for both kinds of channels.
        self._stub: Any = cast("Any", analyzer_pb2_grpc).AnalyzerStub(self._channel)

    @classmethod
    async def start(
        cls,
        project: PolicyPackProject,
        given: Mapping[str, PolicyConfiguration],
        where: str,
        surroundings: Surroundings,
        hear: Hear,
    ) -> Analyzer:
        """Start a pack as the SDK's ``pulumi.policy`` does for the CLI, greet it and configure it.

        Raises PolicyPackError, or PolicyConfigurationError where ``given`` (read from ``where``) does not fit the pack.
        """
        environment = {
            **surroundings.environment,
            "PULUMI_PROJECT": surroundings.project,
            "PULUMI_STACK": surroundings.stack,
            "PULUMI_ORGANIZATION": ORGANIZATION,
            "PULUMI_DRY_RUN": "true" if surroundings.preview else "false",
            "GRPC_ENABLE_FORK_SUPPORT": "0",
        }
        # The passphrase opens the state; a pack has no use for it.
        for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PYTHONHOME", "PYTHONPATH"):
            environment.pop(name, None)
        command = [project.python, "-u", "-m", "pulumi.policy", surroundings.engine_address, project.program]
        try:
            process = await ChildProcess.start(
                f"the policy pack {project.directory}", command, cwd=project.directory, environment=environment
            )
            port = await announced_port(process, hear)
        except OSError as error:
            raise PolicyPackError(f"{project.python} cannot be run: {error.strerror}. The pack needs it.") from error
        except PluginError as error:
            raise PolicyPackError(f"{error}\nNothing was changed, because nothing could be checked.") from error
        analyzer = cls(project, process, port)
        try:
            await analyzer._greet(project, given, where, surroundings)
        except (PolicyPackError, PolicyConfigurationError):
            await analyzer.stop()
            raise
        return analyzer

    async def _greet(
        self,
        project: PolicyPackProject,
        given: Mapping[str, PolicyConfiguration],
        where: str,
        surroundings: Surroundings,
    ) -> None:
        directory = str(project.directory)
        await self._optional(
            self._stub.Handshake(
                analyzer_pb2.AnalyzerHandshakeRequest(
                    engine_address=surroundings.engine_address, root_directory=directory, program_directory=directory
                ),
                timeout=START_SECONDS,
                wait_for_ready=True,
            )
        )
        await self._optional(
            self._stub.ConfigureStack(
                analyzer_pb2.AnalyzerStackConfigureRequest(
                    stack=surroundings.stack,
                    project=surroundings.project,
                    organization=ORGANIZATION,
                    dry_run=surroundings.preview,
                    config=dict(surroundings.config),
                    config_secret_keys=sorted(surroundings.secret_keys),
                ),
                timeout=START_SECONDS,
            )
        )
        info = await self._call(self._stub.GetAnalyzerInfo(empty_pb2.Empty(), timeout=START_SECONDS))
        self.name = info.name
        self.version = self.version or info.version
        if info.supportsConfig:
            await self._call(self._stub.Configure(message(reconcile(info, given, where)), timeout=START_SECONDS))
        elif given:
            raise PolicyConfigurationError(f"{where}: the pack {info.name} takes no configuration. Leave the file out.")

    # --- judging ----------------------------------------------------------------------------------------------------

    async def remediate(self, request: Any) -> list[Remedy]:
        response = await self._optional(self._stub.Remediate(request))
        return [
            Remedy(
                item.policyPackName,
                self.version,
                item.policyName,
                item.description,
                from_struct(item.properties) if item.HasField("properties") else None,
                item.diagnostic,
            )
            for item in (response.remediations if response is not None else ())
        ]

    async def analyze(self, request: Any) -> list[Verdict]:
        return self._verdicts(await self._call(self._stub.Analyze(request)))

    async def analyze_stack(self, request: Any) -> list[Verdict]:
        response = await self._optional(self._stub.AnalyzeStack(request))
        return self._verdicts(response) if response is not None else []

    def _verdicts(self, response: Any) -> list[Verdict]:
        return [
            Verdict(
                item.policyPackName,
                self.version,
                item.policyName,
                item.message,
                # What a remediation left standing is a violation like any other.
                item.enforcementLevel in (analyzer_pb2.MANDATORY, analyzer_pb2.REMEDIATE),
                item.urn,
            )
            for item in response.diagnostics
            if item.enforcementLevel != analyzer_pb2.DISABLED
        ]

    # --- life -------------------------------------------------------------------------------------------------------

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise self._failed(error) from error

    async def _optional(self, call: Awaitable[T]) -> T | None:
        """The answer to a call that an older SDK's pack does not know; None then."""
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return None
            raise self._failed(error) from error

    def _failed(self, error: grpc.aio.AioRpcError) -> PolicyPackError:
        gone = error.code() == grpc.StatusCode.UNAVAILABLE
        reason = self._process.obituary() if gone else (error.details() or error.code().name)
        return PolicyPackError(
            f"the policy pack {self.name} could not judge: {reason}\n"
            "What is not judged is not changed. Correct the pack, or leave it out to go on without its rules."
        )

    async def stop(self) -> None:
        await self._channel.close()
        await self._process.end()
