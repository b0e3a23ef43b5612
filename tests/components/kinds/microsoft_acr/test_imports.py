"""What a stack imports: its own cloud's SDK and no other."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SDKS = {"pulumi_aws", "pulumi_azure_native", "pulumi_gcp"}


def imported(program: str) -> set[str]:
    text = f"{program}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import mendix_registry.kinds.microsoft_acr.resources", {"pulumi_azure_native"}),
        ("import mendix_registry.stack_file, mendix_registry.deployment", set[str]()),
        ("import mendix_registry.kinds.generic.resources", set[str]()),
    ],
)
def test_a_stack_pays_for_its_own_cloud_only(program: str, expected: set[str]) -> None:
    assert imported(program) & SDKS == expected


def test_of_azures_sdk_only_what_is_used_is_imported() -> None:
    """The whole of azure-native would take seconds. Its packages stand in ``sys.modules`` as placeholders until they are used."""
    text = (
        "import mendix_registry.kinds.microsoft_acr.resources, sys\n"
        "used = [n for n, m in sys.modules.items() if type(m).__name__ != '_LazyModule']\n"
        "print(*[n for n in used if n.startswith('pulumi_azure_native.')])"
    )
    done = subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True)
    packages = {name.split(".")[1] for name in done.stdout.split()} - {
        "_utilities",
        "_inputs",
        "outputs",
        "_enums",
        "provider",
    }
    assert packages == {"containerregistry", "managedidentity", "authorization", "resources"}
