"""What all AWS types share: a region, tags, and what "gone" means."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal.emulators.rules import Entries, Rule, Text
from rehearsal.provider_plugins.aws.cloud import Aws, AwsError
from rehearsal.provider_plugins.framework.properties import UNKNOWN, Properties, has_unknown
from rehearsal.provider_plugins.framework.resource import Input, Resource

REGION = Input(Text(r"[a-z0-9-]+"), replaces=True)
# docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html: "aws:" is AWS's own.
TAG_KEY, TAG_VALUE = Text(r"(?!aws:).+", 1, 128), Text("", 0, 256)


def tags(most: int = 50) -> Input:
    return Input(Entries(TAG_KEY, TAG_VALUE, most))


def json_text(rule: Rule, *, required: bool = True, replaces: bool = False) -> Input:
    """A JSON document whose length and characters the API's model limits."""
    return Input(rule, required=required, replaces=replaces, json=True)


class AwsResource(Resource[Aws]):
    """``gone`` are the API's error codes for a resource that does not exist."""

    service: ClassVar[str]
    gone: ClassVar[frozenset[str]] = frozenset()
    regional: ClassVar[bool] = True
    tagged: ClassVar[bool] = True

    def call(self, operation: str, state: Properties, /, **arguments: Any) -> dict[str, Any]:
        return self.cloud.call(self.service, operation, state.get("region"), **arguments)

    def found(self, operation: str, state: Properties, /, **arguments: Any) -> dict[str, Any] | None:
        """The answer, or None where the API reports that there is no such thing."""
        try:
            return self.call(operation, state, **arguments)
        except AwsError as error:
            if error.code in self.gone:
                return None
            raise

    @staticmethod
    def imported(identity: str, state: Properties) -> tuple[str, Properties]:
        """An import's id without the ``@<region>`` that may end it, and the input ``region`` that this is, if any. As with
        the real provider, an import has no other source for where to look."""
        bare, at, region = identity.rpartition("@")
        return (bare, {"region": region}) if at and not state else (identity, {})

    def existing(self, identity: str, inputs: Properties) -> str | None:
        """An id as an import takes it, if there is such a thing."""
        if self.read(identity, inputs) is None:
            return None
        return f"{identity}@{inputs['region']}" if self.regional and inputs.get("region") else identity

    def derived(self, inputs: Properties) -> Properties:
        known: Properties = {"region": inputs.get("region") or self.cloud.region} if self.regional else {}
        if self.tagged:
            known["tagsAll"] = UNKNOWN if has_unknown(inputs.get("tags")) else self.cloud.tags(inputs)
        return known

    def own_tags(self, live: dict[str, str], state: Properties) -> dict[str, str]:
        """The tags that a program would have given: without those that only the provider's defaults set."""
        defaults = self.cloud.tags({})
        given: dict[str, str] = state.get("tags") or {}
        return {key: value for key, value in live.items() if key in given or defaults.get(key) != value}
