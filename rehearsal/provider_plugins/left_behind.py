"""``python -m rehearsal.provider_plugins.left_behind``: what a killed update has made in the emulated clouds.

Standard input is a JSON list of questions, one for each creation that was under way: ``type``, ``inputs``, ``settings`` of the
provider, ``known`` ids of the type in the state, whether it ``replaces`` a resource that the state still has and whether that
``replaced_is_gone`` from the cloud. Standard output is the list of answers: ``id`` as an import takes it (null where there is
nothing to import), ``deleted`` if what was there could not be imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from rehearsal.provider_plugins.framework.package import Package
from rehearsal.provider_plugins.framework.resource import CloudError


def answer(package: Package[Any], question: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to one question. Raises CloudError where the cloud does not give it."""
    rtype = package.resource(question["type"])
    if rtype is None:
        return {"id": None, "deleted": False}
    resource = rtype(package.connect(dict(question["settings"])))
    left = resource.left_behind(question["inputs"], frozenset(question["known"]))
    if left is None:
        return {"id": None, "deleted": False}
    live = resource.read(left, {})
    identity = live.id if live else left
    if identity in question["known"] and not question["replaced_is_gone"]:
        return {"id": None, "deleted": False}
    if question["replaces"] or not resource.importable:
        resource.delete(identity, {**question["inputs"], **(live.outputs if live else {})})
        return {"id": None, "deleted": True}
    return {"id": left, "deleted": False}


def main() -> int:
    answers: list[dict[str, Any]] = []
    for question in json.load(sys.stdin):
        name = str(question["type"]).partition(":")[0].replace("-", "_")
        package = import_module(f"rehearsal.provider_plugins.{name}.package").PACKAGE
        try:
            answers.append(answer(package, question))
        except CloudError as error:
            sys.stderr.write(f"{question['type']}: {error}\n")
            return 1
    json.dump(answers, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
