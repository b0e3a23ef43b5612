"""Where the keys stand that rules speak about most."""

from __future__ import annotations

from mendix_registry.settings.problems import Location

REGISTRY: Location = ("registry",)
NAMESPACES: Location = ("namespaces",)
OPERATOR: Location = ("operatorConfiguration",)
BUILDER: Location = ("builder",)
