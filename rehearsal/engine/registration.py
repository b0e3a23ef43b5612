"""From a goal to a step: what has to happen so that one resource becomes what the program asks for."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, replace
from typing import Any

from rehearsal.engine import operations, provider_change, replacement
from rehearsal.engine import urn as urns
from rehearsal.engine.context import Context
from rehearsal.engine.errors import ProviderError
from rehearsal.engine.events import Op, Severity
from rehearsal.engine.goal import Goal, matches_path, with_ignored
from rehearsal.engine.operations import StepFailedError, make_step
from rehearsal.engine.plugins.answers import DIFF_NONE, DIFF_SOME, DIFF_UNKNOWN, CheckFailure, DiffResult
from rehearsal.engine.plugins.provider import Provider, Target
from rehearsal.engine.policies.gate import PolicyGate
from rehearsal.engine.properties import UNKNOWN, Properties, contains_unknowns, mark_secret_keys, reveal, secret_keys
from rehearsal.engine.provider_registry import ProviderRegistry, default_name, reference
from rehearsal.engine.resources import Resources
from rehearsal.engine.state import ResourceState

SEED_BYTES = 32


@dataclass(slots=True)
class Registrar:
    context: Context
    resources: Resources
    providers: ProviderRegistry
    policies: PolicyGate

    async def register(self, goal: Goal) -> ResourceState:
        """Do what ``goal`` needs. Raises EngineError; a StepFailedError has been told already."""
        self.context.check_running()
        old = self.resources.claim(goal)
        if urns.is_provider(goal.type):
            new = await self._provider(goal, old)
        elif not goal.custom:
            new = await self._component(goal, old)
        else:
            new = await self._custom(goal, old)
        self.resources.news[goal.urn] = new
        return new

    # --- components -------------------------------------------------------------------------------------------------

    async def _component(self, goal: Goal, old: ResourceState | None) -> ResourceState:
        new = await self.policies.judge(goal, self._state(goal, old, goal.inputs))
        if old is None:
            return self._record(Op.CREATE, None, new)
        new.outputs = old.outputs
        if reveal(old.inputs) == reveal(new.inputs):
            return self._same(old, new)
        return self._record(Op.UPDATE, old, new)

    def _same(self, old: ResourceState, new: ResourceState) -> ResourceState:
        session = self.context.session
        recorded = session.same(old, new) if session is not None else new
        self.context.same(recorded)
        return recorded

    def _record(self, op: Op, old: ResourceState | None, new: ResourceState, **reasons: Any) -> ResourceState:
        """A step that asks no provider."""
        running = self.context.start(make_step(op, old, new, **reasons))
        session = self.context.session
        if session is not None:
            session.end(session.begin(op, new=new, old=old), new=new)
        running.done(new)
        return new

    # --- providers --------------------------------------------------------------------------------------------------

    async def _provider(self, goal: Goal, old: ResourceState | None) -> ResourceState:
        inputs = dict(goal.inputs)
        if goal.version:
            inputs.setdefault("version", goal.version)
        package = urns.package_of(goal.type)
        provider = await self.providers.start(package, str(inputs.get("version") or ""))
        known = not contains_unknowns(inputs)
        if known:
            version = inputs.pop("version", None)
            inputs, failures = await provider.check_config(goal.urn, old.inputs if old is not None else {}, inputs)
            self._refuse(goal, failures)
            if version is not None:
                inputs["version"] = version
        new = await self.policies.judge(goal, self._state(goal, old, inputs))
        new.outputs = inputs = new.inputs
        if old is None:
            new.id = "" if self.context.preview else str(uuid.uuid4())
            await self._configure(provider, new, known)
            return self._record(Op.CREATE, None, new)
        new.id = old.id
        if reveal(old.inputs) == reveal(inputs):
            await self._configure(provider, new, known)
            return self._same(old, new)
        diff = (
            await provider.diff_config(goal.urn, old.inputs, old.outputs, inputs) if known else DiffResult(DIFF_UNKNOWN)
        )
        if diff.replace:
            return await self._replace_provider(provider, old, new, diff)
        await self._configure(provider, new, known)
        reasons = _changed_keys(old.inputs, inputs)
        return self._record(Op.UPDATE, old, new, diff_reasons=reasons, detailed_diff=dict(diff.detailed))

    async def _replace_provider(
        self, provider: Provider, old: ResourceState, new: ResourceState, diff: DiffResult
    ) -> ResourceState:
        """What it manages now is somewhere else (another cluster, another account).

        The new configuration gets an id of its own, and the old one stays in the state, to be deleted after the resources that
        name it: they are replaced because the id differs, now or in a later update, and only the old one can delete them.
        """
        reasons = diff.replaces or tuple(diff.detailed)
        replacement.refuse_protected(self, new.urn, old, reasons)
        new.id = "" if self.context.preview else str(uuid.uuid4())
        await self._configure(provider, new, True)
        why = {
            "diff_reasons": _changed_keys(old.inputs, new.inputs),
            "replace_reasons": reasons,
            "detailed_diff": dict(diff.detailed),
        }
        created = self._record(Op.CREATE_REPLACEMENT, old, new, **why)
        self.resources.condemned.append(old)
        self.context.took(make_step(Op.REPLACE, old, new, **why), created)
        return created

    async def _configure(self, provider: Provider, state: ResourceState, known: bool) -> None:
        if known:
            try:
                await provider.configure(state.urn, state.id or UNKNOWN, state.inputs)
            except ProviderError as error:
                raise self._told(state.urn, str(error)) from error
        self.providers.add(state, provider)

    async def default_provider(self, package: str, version: str, config: Properties) -> str:
        """The reference of the default provider of ``package``, registering it at its first use."""

        async def register() -> str:
            inputs: Properties = dict(config)
            if version:
                inputs["version"] = version
            type_token = f"{urns.PROVIDER_PREFIX}{package}"
            name = default_name(version)
            goal = Goal(
                urn=urns.make(self.context.stack, self.context.project, "", type_token, name),
                type=type_token,
                name=name,
                custom=True,
                inputs=inputs,
            )
            return reference(await self.register(goal))

        return await self.providers.default(package, version, register)

    # --- custom resources -------------------------------------------------------------------------------------------

    async def _custom(self, goal: Goal, old: ResourceState | None) -> ResourceState:
        provider = self.providers.get(goal.provider)
        target = Target(goal.urn, goal.type, goal.name)
        if old is not None and old.external:
            # It was only read so far; from now on it is ours, so it has to be created (or imported).
            self._forget(old)
            old = None
        if goal.import_id and (old is None or (old.id != goal.import_id and old.import_id != goal.import_id)):
            return await self._import(goal, old, provider, target)

        wanted = with_ignored(goal, old.inputs) if old is not None else goal.inputs
        # In a preview, what a cut-off creation had in mind stands in for old inputs, so that generated names stay.
        cut_off = self.resources.pending_creates.get(goal.urn)
        before = old.inputs if old is not None else cut_off.inputs if cut_off is not None else {}
        inputs = await self._check(goal, provider, target, before, wanted)
        new = await self.policies.judge(goal, self._state(goal, old, inputs))
        inputs = new.inputs
        if old is None:
            step = make_step(Op.CREATE, None, new)
            return await operations.create(self.context, provider, new, step, timeout=goal.timeout("create"))

        reasons = await provider_change.reasons(self, goal, old)
        # A resource that is gone cannot be compared; it is created again whatever changed.
        gone = old.pending_replacement or old.urn in self.resources.deleted_early
        diff = DiffResult(DIFF_UNKNOWN) if gone else await self._diff(goal, old, provider, target, inputs)
        replaces = [*reasons, *diff.replaces, *(p for p, d in diff.detailed.items() if d.kind.endswith("-replace"))]
        replaces += [
            path
            for path in (diff.detailed or dict.fromkeys(diff.diffs))
            if any(matches_path(pattern, path) for pattern in goal.replace_on_changes)
        ]
        if replaces or gone:
            return await replacement.replace_resource(
                self, goal, old, new, provider, target, diff, tuple(dict.fromkeys(replaces))
            )
        if diff.changes == DIFF_NONE and not old.init_errors:
            new.id, new.outputs = old.id, old.outputs
            return self._same(old, new)
        changed = tuple(diff.diffs) or tuple(diff.detailed) or _changed_keys(old.inputs, inputs)
        return await operations.update(
            self.context,
            provider,
            old,
            new,
            make_step(Op.UPDATE, old, new, diff_reasons=changed, detailed_diff=dict(diff.detailed)),
            timeout=goal.timeout("update"),
            ignore_changes=goal.ignore_changes,
        )

    def _forget(self, old: ResourceState) -> None:
        session = self.context.session
        if session is not None:
            session.end(session.begin(Op.READ_DISCARD, old=old))

    async def check_inputs(self, goal: Goal, provider: Provider, olds: Properties, news: Properties) -> Properties:
        return await self._check(goal, provider, Target(goal.urn, goal.type, goal.name), olds, news)

    async def _check(
        self, goal: Goal, provider: Provider, target: Target, olds: Properties, news: Properties
    ) -> Properties:
        if not provider.configured:
            return news
        try:
            inputs, failures = await provider.check(target, olds, news, os.urandom(SEED_BYTES))
        except ProviderError as error:
            raise self._told(goal.urn, str(error)) from error
        self._refuse(goal, failures)
        if not provider.accepts_secrets:
            inputs = mark_secret_keys(inputs, secret_keys(news))
        return inputs

    def _refuse(self, goal: Goal, failures: list[CheckFailure]) -> None:
        if failures:
            lines = [
                f"{failure.property}: {failure.reason}" if failure.property else failure.reason for failure in failures
            ]
            raise self._told(goal.urn, "\n".join(lines))

    def _told(self, urn: str, reason: str) -> StepFailedError:
        self.context.say(Severity.ERROR, reason, urn)
        self.context.fail(f"{urns.name_of(urn)}: {reason}")
        return StepFailedError(reason)

    def refuse(self, urn: str, reason: str) -> StepFailedError:
        """Tell that a step cannot be taken, stop the update, and give the error to raise."""
        return self._told(urn, reason)

    async def _diff(
        self, goal: Goal, old: ResourceState, provider: Provider, target: Target, inputs: Properties
    ) -> DiffResult:
        if not provider.configured:
            same = reveal(old.inputs) == reveal(inputs)
            return DiffResult(DIFF_NONE if same else DIFF_UNKNOWN, diffs=_changed_keys(old.inputs, inputs))
        try:
            diff = await provider.diff(target, old.id, old.inputs, old.outputs, inputs, goal.ignore_changes)
        except ProviderError as error:
            raise self._told(goal.urn, str(error)) from error
        if diff.changes == DIFF_UNKNOWN:
            changed = _changed_keys(old.inputs, inputs)
            return DiffResult(
                DIFF_SOME if changed else DIFF_NONE,
                diff.replaces,
                changed,
                diff.stables,
                diff.delete_before_replace,
                diff.detailed,
            )
        return diff

    async def _import(self, goal: Goal, old: ResourceState | None, provider: Provider, target: Target) -> ResourceState:
        if old is not None:
            # The import takes the place of the old resource, which would then be deleted.
            replacement.refuse_protected(self, goal.urn, old, (f"the import of {goal.import_id!r}",))
        new = self._state(goal, old, goal.inputs)
        new.import_id = new.id = goal.import_id
        op = Op.IMPORT if old is None else Op.IMPORT_REPLACEMENT
        async with self.context.slots:
            running = self.context.start(make_step(op, old, new))
            try:
                found, live_inputs, outputs = await provider.read(target, goal.import_id, {}, {})
                if not found:
                    raise ProviderError(
                        f"there is no {goal.type} with the id {goal.import_id!r} to import. Check the id."
                    )
                inputs = await self._check(goal, provider, target, live_inputs, with_ignored(goal, live_inputs))
                inputs = (await self.policies.judge(goal, replace(new, inputs=inputs))).inputs
                diff = await provider.diff(target, found, live_inputs, outputs, inputs, goal.ignore_changes)
                if diff.changes == DIFF_SOME:
                    changed = ", ".join(diff.diffs or tuple(diff.detailed)) or "its inputs"
                    raise ProviderError(
                        f"the existing resource differs from the program in: {changed}. An import changes nothing, so "
                        "the two must agree: correct the program's inputs, or list them in ignoreChanges."
                    )
            except StepFailedError:
                raise
            except ProviderError as error:
                running.failed(str(error))
                raise StepFailedError(str(error)) from error
            imported = replace(new, id=found, inputs=inputs)
            imported = replace(imported, outputs=operations.with_secrets(outputs, imported, provider))
            session = self.context.session
            if session is not None:
                session.end(session.begin(op, new=imported, old=old), new=imported)
            if old is not None and not old.pending_replacement:
                self.resources.condemned.append(old)
            running.done(imported)
        return imported

    async def read(self, goal: Goal, resource_id: str) -> ResourceState:
        """A ``.get``: the resource is managed elsewhere and only looked at."""
        self.context.check_running()
        old = self.resources.claim(goal)
        if old is not None and not old.external:
            raise self._told(
                goal.urn,
                "this resource is managed by the stack and now only read by the program. Reading it would make the stack "
                "forget it. Remove it from the program in one update and read it in the next (with retain_on_delete if it "
                "shall stay).",
            )
        new = self._state(goal, old, goal.inputs)
        new.external, new.id = True, resource_id
        if resource_id == UNKNOWN or not self.providers.get(goal.provider).configured:
            new.id, new.outputs = "", {}
        else:
            provider = self.providers.get(goal.provider)
            new = await operations.read(self.context, provider, new, make_step(Op.READ, old, new), old=old)
        self.resources.news[goal.urn] = new
        return new

    def _state(self, goal: Goal, old: ResourceState | None, inputs: Properties) -> ResourceState:
        protect = goal.protect
        retain = goal.retain_on_delete
        parent = self.resources.news.get(goal.parent)
        if parent is not None:
            protect = parent.protect if protect is None else protect
            retain = parent.retain_on_delete if retain is None else retain
        return ResourceState(
            urn=goal.urn,
            type=goal.type,
            custom=goal.custom,
            inputs=inputs,
            outputs={},
            parent=goal.parent,
            protect=bool(protect),
            retain_on_delete=bool(retain),
            dependencies=list(goal.dependencies),
            provider=goal.provider,
            property_dependencies=dict(goal.property_dependencies),
            additional_secret_outputs=list(goal.additional_secret_outputs),
            custom_timeouts=dict(goal.timeouts),
            deleted_with=goal.deleted_with,
            source_position=goal.source_position,
            import_id=old.import_id if old is not None else "",
            # Until they are registered too, children and dependents name it by its old URN; should the update end before
            # that, the state finds them by this.
            aliases=[old.urn] if old is not None and old.urn != goal.urn else [],
            ignore_changes=list(goal.ignore_changes),
        )


def _changed_keys(old: Properties, new: Properties) -> tuple[str, ...]:
    before, after = reveal(old), reveal(new)
    return tuple(key for key in sorted({*before, *after}) if before.get(key) != after.get(key))
