"""The rules of the pack, in the order in which they are reported."""

from .credentials import NO_STATIC_CREDENTIALS
from .privilege import LEAST_PRIVILEGE
from .registries import ENCRYPTION, IMMUTABLE_TAGS, NO_ANONYMOUS_ACCESS, PROTECTED_REGISTRIES
from .rule import Finding, Resource, Rule
from .transport import NO_PLAIN_HTTP
from .trust import EXACT_TRUST
from .workloads import DIGEST_PINNED_IMAGES, RESTRICTED_JOBS

RULES: tuple[Rule, ...] = (
    EXACT_TRUST,
    LEAST_PRIVILEGE,
    NO_STATIC_CREDENTIALS,
    IMMUTABLE_TAGS,
    ENCRYPTION,
    PROTECTED_REGISTRIES,
    NO_ANONYMOUS_ACCESS,
    NO_PLAIN_HTTP,
    RESTRICTED_JOBS,
    DIGEST_PINNED_IMAGES,
)

__all__ = ["RULES", "Finding", "Resource", "Rule"]
