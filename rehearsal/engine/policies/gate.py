"""All packs of one update: every resource passes here before its step is decided, and the stack at the end.

As in the CLI (``pkg/resource/deploy/step_generator.go``): remediations first, then all packs judge what came of them. In an
update a mandatory violation stops the resource and the update; in a preview all violations are gathered, and it fails at
its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from rehearsal.engine import urn as urns
from rehearsal.engine.context import Context
from rehearsal.engine.errors import CancelledError
from rehearsal.engine.events import Diagnostic, PolicyReference, Severity
from rehearsal.engine.goal import Goal
from rehearsal.engine.operations import StepFailedError
from rehearsal.engine.policies.analyzer import Analyzer, Surroundings, Verdict
from rehearsal.engine.policies.configuration import read_configuration
from rehearsal.engine.policies.errors import PolicyPackError
from rehearsal.engine.policies.pack import PolicyPackChoice, load_pack
from rehearsal.engine.policies.redaction import redacted
from rehearsal.engine.policies.requests import analyze_request, stack_request
from rehearsal.engine.provider_registry import urn_of_reference
from rehearsal.engine.resources import Resources
from rehearsal.engine.state import ResourceState

T = TypeVar("T")


@dataclass(slots=True)
class PolicyGate:
    context: Context
    resources: Resources
    analyzers: list[Analyzer] = field(default_factory=list[Analyzer])
    violations: int = 0
    """Mandatory ones that did not stop anything at once: a preview's, and the stack's."""
    _goals: dict[str, Goal] = field(default_factory=dict[str, Goal])

    async def open(self, packs: Sequence[PolicyPackChoice], surroundings: Surroundings) -> None:
        """Start the packs side by side. Raises PolicyPackError or PolicyConfigurationError, leaving none running."""
        projects = [(load_pack(pack.directory), read_configuration(pack.configuration), pack) for pack in packs]

        def hear(severity: Severity, line: str) -> None:
            self.context.say(severity, line)

        started = await asyncio.gather(
            *(
                Analyzer.start(project, given, str(pack.configuration or "--policy-pack-config"), surroundings, hear)
                for project, given, pack in projects
            ),
            return_exceptions=True,
        )
        self.analyzers += [each for each in started if isinstance(each, Analyzer)]
        for each in started:
            if isinstance(each, BaseException):
                await self.close()
                raise each

    async def close(self) -> None:
        await asyncio.gather(*(analyzer.stop() for analyzer in self.analyzers), return_exceptions=True)

    # --- resources --------------------------------------------------------------------------------------------------

    async def judge(self, goal: Goal, state: ResourceState) -> ResourceState:
        """The state that may be brought about, remediated where a policy does so.

        Raises StepFailedError where a mandatory policy is violated by an update, or a pack failed; it has been told.
        """
        if not self.analyzers:
            return state
        self._goals[goal.urn] = goal
        try:
            state = await self._remediated(goal, state)
            request = analyze_request(goal, state, self._provider(state))
            answers = await self._answers(analyzer.analyze(request) for analyzer in self.analyzers)
        except PolicyPackError as error:
            raise self._stopped(goal.urn, error) from error
        refused = [verdict for verdicts in answers for verdict in verdicts if self._tell(verdict, goal.urn, state)]
        if refused and not self.context.preview:
            reason = f"it violates the policy {refused[0].policy} of {refused[0].pack}"
            self.context.fail(f"{urns.name_of(goal.urn)}: {reason}")
            raise StepFailedError(reason)
        self.violations += len(refused)
        return state

    async def judge_again(self, goal: Goal, state: ResourceState) -> ResourceState:
        """The state with the remedies it had before: its provider has checked the program's inputs anew, for a replacement.

        Raises StepFailedError where a pack failed; it has been told.
        """
        try:
            return await self._remediated(goal, state, tell=False)
        except PolicyPackError as error:
            raise self._stopped(goal.urn, error) from error

    async def _remediated(self, goal: Goal, state: ResourceState, *, tell: bool = True) -> ResourceState:
        for analyzer in self.analyzers:
            request = analyze_request(goal, state, self._provider(state))
            for remedy in (await self._answers([analyzer.remediate(request)]))[0]:
                reference = PolicyReference(remedy.pack, remedy.version, remedy.policy, mandatory=False)
                if remedy.properties is not None:
                    state = replace(state, inputs=remedy.properties)
                    text, severity = f"remediated: {remedy.description}", Severity.INFO
                else:
                    text, severity = remedy.diagnostic, Severity.WARNING
                if tell:
                    self._say(severity, text, goal.urn, reference, state)
        return state

    async def _answers(self, calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """What the packs answer, side by side. Raises CancelledError once the update is winding down: a policy may be slow."""
        work = asyncio.gather(*calls)
        stopping = asyncio.create_task(self.context.stopping.wait())
        try:
            await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                raise CancelledError("the update is stopping")
            return work.result()
        finally:
            stopping.cancel()

    def _provider(self, state: ResourceState) -> ResourceState | None:
        return self.resources.news.get(urn_of_reference(state.provider)) if state.provider else None

    # --- the stack --------------------------------------------------------------------------------------------------

    async def judge_stack(self) -> None:
        """Have the packs judge all resources together. Raises StepFailedError where any mandatory policy was violated."""
        if not self.analyzers:
            return
        states = list(self.resources.news.values())
        request = stack_request((self._goals.get(state.urn), state, self._provider(state)) for state in states)
        root = next((state.urn for state in states if state.type == urns.STACK_TYPE), "")
        try:
            answers = await self._answers(analyzer.analyze_stack(request) for analyzer in self.analyzers)
        except PolicyPackError as error:
            raise self._stopped(root, error) from error
        for verdict in (verdict for verdicts in answers for verdict in verdicts):
            state = self.resources.news.get(verdict.urn) or self.resources.news.get(root)
            self.violations += self._tell(verdict, state.urn if state is not None else root, state)
        if self.violations:
            plural = "s" if self.violations > 1 else ""
            reason = f"{self.violations} violation{plural} of mandatory policies"
            self.context.fail(reason)
            raise StepFailedError(reason)

    # --- telling ----------------------------------------------------------------------------------------------------

    def _stopped(self, urn: str, error: PolicyPackError) -> StepFailedError | CancelledError:
        if self.context.stopping.is_set():
            return CancelledError("the update is stopping")
        self.context.say(Severity.ERROR, str(error), urn)
        self.context.fail(str(error))
        return StepFailedError(str(error))

    def _tell(self, verdict: Verdict, urn: str, state: ResourceState | None) -> bool:
        """Tell of a violation; whether it is a mandatory one."""
        reference = PolicyReference(verdict.pack, verdict.version, verdict.policy, verdict.mandatory)
        severity = Severity.ERROR if verdict.mandatory else Severity.WARNING
        self._say(severity, verdict.message, urn, reference, state)
        return verdict.mandatory

    def _say(
        self, severity: Severity, message: str, urn: str, policy: PolicyReference, state: ResourceState | None
    ) -> None:
        text = redacted(message, state)
        self.context.tell(Diagnostic(severity, f"{policy}: {text}", urn, policy=policy))
