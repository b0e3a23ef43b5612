"""A real OCI registry for a rehearsal: CNCF distribution, configured per stack."""

from rehearsal.registry.spec import RegistryEndpoint, RegistrySpec

__all__ = ["RegistryEndpoint", "RegistrySpec"]
