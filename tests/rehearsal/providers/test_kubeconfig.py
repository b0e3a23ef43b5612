"""Which cluster a configuration selects, and what is said when it selects none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.providers.kubernetes.configuration import compare_configuration, problems, read_configuration
from rehearsal.providers.kubernetes.errors import ClusterUnavailableError
from rehearsal.providers.kubernetes.kubeconfig import select


def document(name: str = "one", **context: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": f"{name}-cluster", "cluster": {"server": f"https://{name}.example:6443"}}],
        "users": [{"name": f"{name}-user", "user": {"token": f"{name}-token"}}],
        "contexts": [{"name": name, "context": {"cluster": f"{name}-cluster", "user": f"{name}-user", **context}}],
    }


@pytest.fixture(autouse=True)
def no_ambient_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_contents_and_path_select_the_same(tmp_path: Path) -> None:
    text = yaml.safe_dump(document(namespace="apps"))
    path = tmp_path / "config"
    path.write_text(text)
    for setting in (text, str(path)):
        chosen = select(setting, None, None)
        assert (chosen.server, chosen.context, chosen.namespace) == ("https://one.example:6443", "one", "apps")


def test_the_first_file_of_several_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text(yaml.safe_dump(document("one")))
    second = document("two")
    second["clusters"].append({"name": "one-cluster", "cluster": {"server": "https://other.example"}})
    (tmp_path / "b").write_text(yaml.safe_dump(second))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'a'}:{tmp_path / 'missing'}:{tmp_path / 'b'}")
    assert select(None, None, None).server == "https://one.example:6443"
    assert select(None, "two", None).server == "https://two.example:6443"
    assert select(None, "two", "one-cluster").server == "https://one.example:6443"


def test_relative_paths_belong_to_their_file(tmp_path: Path) -> None:
    config = document()
    config["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    config["users"][0]["user"] = {"tokenFile": "token"}
    (tmp_path / "token").write_text("from-file\n")
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    chosen = select(str(tmp_path / "config"), None, None)
    assert chosen.document is not None
    assert chosen.document["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.crt")
    assert chosen.document["users"][0]["user"] == {"token": "from-file"}


@pytest.mark.parametrize(
    ("setting", "context", "words"),
    [
        (None, None, ["no Kubernetes cluster is configured", "KUBECONFIG"]),
        ("/does/not/exist", None, ["/does/not/exist does not exist"]),
        (yaml.safe_dump(document()), "tow", ["no context 'tow'", "it has: one"]),
        ("a: [b\n", None, ["no valid YAML", "line"]),
        ("- just\n- a list\n", None, ["no kubeconfig"]),
        (yaml.safe_dump({**document(), "current-context": ""}), None, ["names no current context", "one"]),
        (yaml.safe_dump({**document(), "clusters": []}), None, ["no cluster 'one-cluster'"]),
    ],
)
def test_what_is_missing_is_named_with_a_remedy(setting: str | None, context: str | None, words: list[str]) -> None:
    with pytest.raises(ClusterUnavailableError) as caught:
        select(setting, context, None)
    for word in (*words, "kubernetes:kubeconfig"):
        assert word in str(caught.value)


def test_credentials_in_a_broken_kubeconfig_are_not_quoted() -> None:
    with pytest.raises(ClusterUnavailableError) as caught:
        select("users:\n  token: hunter2\n bad", None, None)
    assert "hunter2" not in str(caught.value) + repr(caught.value.__cause__)


def test_settings_of_both_protocols_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    old = read_configuration({}, {"kubernetes:config:namespace": "n", "kubernetes:config:enableSecretMutable": "true"})
    assert old.namespace == "n" and old.mutability.secrets and old.delete_unreachable
    new = read_configuration({"namespace": "m", "deleteUnreachable": False, "upsertExistingObjects": "true"}, {})
    assert new.namespace == "m" and not new.delete_unreachable and new.upsert


def test_all_unusable_settings_are_told_at_once() -> None:
    found = problems(
        {
            "enableServerSideApply": "false",
            "renderYamlToDirectory": "out",
            "deleteUnreachable": "perhaps",
            "namespace": 3,
        }
    )
    assert [item.property for item in found] == [
        "deleteUnreachable",
        "renderYamlToDirectory",
        "enableServerSideApply",
        "namespace",
    ]
    assert not problems(
        {"enableServerSideApply": True, "namespace": "n", "kubeconfig": "x", "helmReleaseSettings": "{}"}
    )


def test_another_server_replaces_the_provider_but_another_token_does_not() -> None:
    same, moved = document(), document()
    same["users"][0]["user"]["token"] = "rotated"
    moved["clusters"][0]["cluster"]["server"] = "https://elsewhere.example"
    old = {"kubeconfig": yaml.safe_dump(document())}
    rotated = compare_configuration(old, {"kubeconfig": yaml.safe_dump(same)})
    assert rotated.changed == ["kubeconfig"] and not rotated.replaces
    assert compare_configuration(old, {"kubeconfig": yaml.safe_dump(moved)}).replaces == ["kubeconfig"]
    identified = {"kubeconfig": yaml.safe_dump(moved), "clusterIdentifier": "a"}
    assert not compare_configuration({**old, "clusterIdentifier": "a"}, identified).replaces
