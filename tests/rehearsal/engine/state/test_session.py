"""What each kind of step leaves in the state, in an order that Pulumi accepts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rehearsal.engine.properties import secret
from rehearsal.engine.state import Backend, PassphraseSecrets, ResourceState, Session, UpdateRecord
from rehearsal.engine.state import session as session_module
from rehearsal.engine.state.deployment import problem

Make = Callable[..., ResourceState]
Start = Callable[[], Session]
DONE = UpdateRecord("update", ok=True)


def create(
    session: Session, state: ResourceState, op: str = "create", old: ResourceState | None = None
) -> ResourceState:
    made = replace(state)
    session.end(session.begin(op, new=replace(state, id=""), old=old), new=made)
    return made


def seen(session: Session) -> list[tuple[str, str, bool, bool]]:
    return [
        (state.urn.rsplit("::")[-1], state.id, state.delete, state.pending_replacement)
        for state in session.snapshot.resources
    ]


def test_create_update_delete(start: Start, make: Make) -> None:
    session = start()
    a = create(session, make("a", id="1", inputs={"n": 1}))
    create(session, make("b", id="2", dependencies=[a.urn]))
    session.close(DONE)

    session = start()
    assert seen(session) == [("a", "1", False, False), ("b", "2", False, False)]
    a, b = session.snapshot.resources
    new = replace(a, inputs={"n": 2})
    session.end(session.begin("update", new=new, old=a), new=new)
    session.end(session.begin("delete", old=b))
    session.close(DONE)

    session = start()
    [found] = session.snapshot.resources
    assert found.inputs == {"n": 2}
    assert (found.created, found.modified > found.created) == (a.created, True)
    session.close(DONE)


def test_create_before_delete(start: Start, make: Make) -> None:
    session = start()
    create(session, make("a", id="old"))
    session.close(DONE)
    session = start()
    [old] = session.snapshot.resources
    create(session, make("a", id="new"), "create-replacement", old)
    assert old.delete
    session.close(DONE)
    session = start()
    assert seen(session) == [("a", "new", False, False), ("a", "old", True, False)]
    _, old = session.snapshot.resources
    session.end(session.begin("delete-replaced", old=old))
    session.close(DONE)
    assert [state.id for state in start().snapshot.resources] == ["new"]


def test_delete_before_replace(start: Start, make: Make) -> None:
    session = start()
    create(session, make("a", id="old"))
    session.close(DONE)
    session = start()
    [old] = session.snapshot.resources
    session.end(session.begin("delete-replaced", old=old), pending_replacement=True)
    session.close(DONE)
    session = start()
    assert seen(session) == [("a", "old", False, True)]
    [old] = session.snapshot.resources
    create(session, make("a", id="new"), "create-replacement", old)
    session.close(DONE)
    assert seen(start()) == [("a", "new", False, False)]


def test_a_failed_step_leaves_nothing_and_an_unknown_one_stays_pending(start: Start, make: Make) -> None:
    session = start()
    session.abandon(session.begin("create", new=make("failed", id="")))
    session.begin("create", new=make("unknown", id="", inputs={"p": secret("s")}))
    session.leave_pending(session.begin("create", new=make("left", id="")))
    session.close(UpdateRecord("update", ok=False))
    session = start()
    assert session.snapshot.resources == []
    pending = session.snapshot.pending_operations
    assert [(each.type, each.resource.urn.rsplit("::")[-1]) for each in pending] == [
        ("creating", "unknown"),
        ("creating", "left"),
    ]
    assert pending[0].resource.inputs == {"p": secret("s")}
    for each in pending:
        session.settle(each)
    session.close(DONE)
    assert start().snapshot.pending_operations == []


def test_unsettled_creations_stay_and_other_operations_go(start: Start, make: Make) -> None:
    """As in Pulumi: an update forgets what a refresh shows anyway."""
    session = start()
    a = create(session, make("a"))
    session.begin("update", new=replace(a, inputs={"n": 1}), old=a)
    session.begin("create", new=make("b", id=""))
    session.close(UpdateRecord("update", ok=False))
    start().close(DONE)
    assert [each.type for each in start().snapshot.pending_operations] == ["creating"]


def test_beginning_a_pending_operation_again_takes_its_place(start: Start, make: Make) -> None:
    session = start()
    session.begin("create", new=make("a", id=""))
    session.close(UpdateRecord("update", ok=False))
    session = start()
    [pending] = session.snapshot.pending_operations
    create(session, make("a", id="1"))
    session.settle(pending)
    session.close(DONE)
    assert start().snapshot.pending_operations == []


def test_unchanged_resources_cost_nothing_and_keep_their_bytes(start: Start, make: Make, backend: Backend) -> None:
    session = start()
    create(session, make("a", id="1", inputs={"p": secret("s")}, outputs={"x": [1]}, dependencies=[]))
    session.close(DONE)
    files = backend.files("shop", "dev")
    before = files.checkpoint.read_bytes()
    session = start()
    [old] = session.snapshot.resources
    length = len(files.journal.read_bytes().rstrip(b"\0"))
    assert session.same(old, replace(old, inputs={"p": secret("s")}, source_position="elsewhere#9")) is old
    assert len(files.journal.read_bytes().rstrip(b"\0")) == length
    session.close(DONE)
    assert files.checkpoint.read_bytes() == before


def test_same_records_metadata(start: Start, make: Make) -> None:
    session = start()
    create(session, make("a", id="1"))
    create(session, make("b", id="2"))
    session.close(DONE)
    session = start()
    a, b = session.snapshot.resources
    assert session.same(b, replace(b)) is b
    protected = session.same(a, replace(a, protect=True, dependencies=[b.urn]))
    assert protected is not a
    session.close(DONE)
    session = start()
    assert [(s.id, s.protect) for s in session.snapshot.resources] == [("2", False), ("1", True)]


def test_outputs_of_a_component(start: Start, make: Make) -> None:
    session = start()
    box = create(session, make("box", id="", custom=False))
    child = create(session, make("child", parent=box))
    recorded = session.outputs(box, {"url": "https://x", "token": secret("t")})
    assert session.outputs(recorded, dict(recorded.outputs)) is recorded
    session.close(DONE)
    session = start()
    assert [state.urn for state in session.snapshot.resources] == [box.urn, child.urn]
    assert session.snapshot.resources[0].outputs == {"url": "https://x", "token": secret("t")}


def test_refresh(start: Start, make: Make) -> None:
    session = start()
    a = create(session, make("a", id="1"))
    gone = create(session, make("gone", id="2", dependencies=[a.urn]))
    create(session, make("b", id="3", dependencies=[gone.urn], property_dependencies={"x": [gone.urn]}))
    create(session, make("c", id="4", parent=gone, dependencies=[a.urn]))
    session.close(DONE)
    session = start()
    a, gone, b, _ = session.snapshot.resources
    drifted = replace(a, outputs={"color": "red"})
    session.refreshed(a, drifted)
    session.refreshed(gone, None)
    unchanged = replace(b)
    session.refreshed(b, unchanged)
    assert session.same(unchanged, replace(unchanged)) is unchanged
    session.close(UpdateRecord("refresh", ok=True))
    session = start()
    assert [state.id for state in session.snapshot.resources] == ["3", "1", "4"]
    b, a, c = session.snapshot.resources
    assert a.outputs == {"color": "red"}
    assert (b.dependencies, b.property_dependencies) == ([], {"x": []})
    assert (c.parent, c.dependencies) == ("", [a.urn])


def test_aliases_are_followed_by_those_not_visited_yet(start: Start, make: Make, pulumi: Any, backend: Backend) -> None:
    session = start()
    box = create(session, make("box", id="", custom=False))
    create(session, make("child", parent=box, id="1", dependencies=[box.urn]))
    session.close(DONE)
    session = start()
    box, child = session.snapshot.resources
    renamed = replace(box, urn=box.urn.replace("::box", "::crate"), aliases=[box.urn])
    session.same(box, renamed)
    session.close(UpdateRecord("update", ok=False, message="stopped before the child"))
    session = start()
    assert [state.urn for state in session.snapshot.resources] == [renamed.urn, child.urn]
    assert (session.snapshot.resources[1].parent, session.snapshot.resources[1].dependencies) == (
        renamed.urn,
        [renamed.urn],
    )
    assert all(not state.aliases for state in session.snapshot.resources)


def test_a_renamed_type_renames_the_children(start: Start, make: Make) -> None:
    session = start()
    box = create(session, make("box", id="", custom=False, type="a:b:Box"))
    create(session, make("child", parent=box, id="1"))
    session.close(DONE)
    session = start()
    box, _ = session.snapshot.resources
    renamed = replace(box, urn=box.urn.replace("a:b:Box", "a:b:Crate"), type="a:b:Crate", aliases=[box.urn])
    session.same(box, renamed)
    session.close(DONE)
    [_, child] = start().snapshot.resources
    assert child.urn == "urn:pulumi:dev::shop::a:b:Crate$test:index:Thing::child"


def test_the_death_of_an_update_that_renamed_children(
    start: Start, make: Make, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint in the middle of the update would name the child by its new URN, and the journal's later records by its
    old one: the child would then stand in the state twice."""
    session = start()
    box = create(session, make("box", id="", custom=False, type="a:b:Box"))
    create(session, make("child", parent=box, id="1"))
    session.close(DONE)
    session = start()
    box, child = session.snapshot.resources
    crate = replace(box, urn=box.urn.replace("a:b:Box", "a:b:Crate"), type="a:b:Crate", aliases=[box.urn])
    with monkeypatch.context() as patched:
        patched.setattr(session_module._Costs, "affordable", lambda self: True)
        session.same(box, crate)
    visited = replace(child, urn=child.urn.replace("a:b:Box", "a:b:Crate"), parent=crate.urn, aliases=[child.urn])
    session.same(child, visited)
    session.discard()
    assert [state.urn for state in start().snapshot.resources] == [crate.urn, visited.urn]
    assert not [text for text in notices if "unreadable" in text]


def test_a_state_of_another_session_is_refused(start: Start, make: Make) -> None:
    session = start()
    with pytest.raises(ValueError, match="not a state of this session"):
        session.same(make("a"), make("a", protect=True))


def test_history_and_backups_as_pulumi_reads_them(
    start: Start, make: Make, backend: Backend, pulumi: Any, secrets: PassphraseSecrets
) -> None:
    session = start()
    create(session, make("a"))
    config = {"shop:size": "3", "shop:password": {"secure": secrets.encrypt("s")}}
    session.close(UpdateRecord("update", ok=True, started=1.5, message="first", config=config, changes={"create": 1}))
    start().close(UpdateRecord("destroy", ok=False))
    files = backend.files("shop", "dev")
    latest, first = backend.history("shop", "dev")
    assert (latest["kind"], latest["result"]) == ("destroy", "failed")
    assert (first["kind"], first["result"], first["message"], first["resourceChanges"]) == (
        "update",
        "succeeded",
        "first",
        {"create": 1},
    )
    assert first["config"] == config
    without_config = {**first, "config": {}}  # Pulumi's type for its service spells the values out
    assert pulumi.ask("history", checkpoint=without_config)["kind"] == "update"
    copies = [*files.history.glob("*.checkpoint.json"), *files.backups.glob("dev.*.json")]
    assert len(copies) == 4
    assert all(copy.read_bytes() == files.checkpoint.read_bytes() for copy in copies)
    assert all(path.stat().st_mode & 0o077 == 0 for path in backend.root.rglob("*"))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["create", "update", "replace", "dbr", "delete", "same", "protect", "refresh", "gone", "fail", "lose"]
        ),
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    max_size=25,
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(updates=st.lists(STEPS, min_size=1, max_size=3))
def test_a_killed_engine_loses_nothing_whatever_it_did(
    updates: list[list[tuple[str, int, int]]], tmp_path_factory: pytest.TempPathFactory, secrets: PassphraseSecrets
) -> None:
    """After every step of random updates, what another process would find is what was recorded."""
    root = tmp_path_factory.mktemp("random")
    for steps in updates:
        session = Backend(root).open("shop", "dev", secrets, notice=lambda text: None)
        for count, step in enumerate(steps):
            _random_step(session, count, *step)
            expected = _facts(session.resources())
            assert _after_a_kill(root, secrets) == expected
        resources = session.resources()
        if len(steps) % 2:
            session.close(DONE)
        else:
            _let_go(session)  # killed: neither checkpoint nor lock are tidied up
        assert _after_a_kill(root, secrets) == _facts(resources)
    shutil.rmtree(root)


def _random_step(session: Session, count: int, kind: str, target: int, other: int) -> None:
    live = [state for state in session.resources() if not state.delete]
    by_name = {state.urn.rsplit("::")[-1]: state for state in live}
    old = by_name.get(f"r{target}")
    if old is None:
        needed = by_name.get(f"r{other}")
        new = ResourceState(
            urn=f"urn:pulumi:dev::shop::t:t:t::r{target}",
            type="t:t:t",
            inputs={"n": count, "p": secret(f"s{count}")},
            dependencies=[needed.urn] if needed else [],
        )
        token = session.begin("create", new=new)
        if kind == "fail":
            session.abandon(token)
        elif kind == "lose":
            session.leave_pending(token)
        else:
            session.end(token, new=replace(new, id=f"id{count}", outputs={"x": count}))
        return
    changed = replace(old, inputs={**old.inputs, "n": count})
    used = any(old.urn in state.dependencies for state in live)
    if kind == "update":
        session.end(session.begin("update", new=changed, old=old), new=changed)
    elif kind == "replace" and not old.pending_replacement:
        session.end(session.begin("create-replacement", new=changed, old=old), new=replace(changed, id=f"id{count}"))
    elif kind == "dbr" or (kind == "replace" and old.pending_replacement):
        if not old.pending_replacement:
            session.end(session.begin("delete-replaced", old=old), pending_replacement=True)
        new = replace(changed, id=f"id{count}", pending_replacement=False)
        session.end(session.begin("create-replacement", new=new, old=old), new=new)
    elif kind == "delete" and not used:
        session.end(session.begin("delete", old=old))
    elif kind == "protect":
        session.same(old, replace(old, protect=not old.protect))
    elif kind == "refresh":
        session.refreshed(old, replace(old, outputs={"drift": count}))
    elif kind == "gone" and not used:
        session.refreshed(old, None)
    else:
        session.same(old, replace(old))


def _facts(states: list[ResourceState]) -> list[str]:
    return sorted(
        json.dumps([s.urn, s.id, s.delete, s.pending_replacement, s.protect, s.inputs, s.outputs, s.dependencies])
        for s in states
    )


def _after_a_kill(root: Path, secrets: PassphraseSecrets) -> list[str]:
    snapshot = Backend(root).load("shop", "dev", secrets)
    assert problem(snapshot.resources) is None
    return _facts(snapshot.resources)


def _let_go(session: Session) -> None:
    session._journal.close()  # pyright: ignore[reportPrivateUsage]
    session._lock.release()  # pyright: ignore[reportPrivateUsage]
