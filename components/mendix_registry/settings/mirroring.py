"""The mirror list as what is to be done: sources, and destinations with everything filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mendix_registry.settings.builder import MirrorImage
from mendix_registry.settings.references import split_reference


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy: ``source`` with its host, ``destination`` as ``repository:tag`` without one; ``platforms`` empty for all."""

    source: str
    destination: str
    platforms: tuple[str, ...]

    @property
    def repository(self) -> str:
        """The destination's repository."""
        return self.destination.rpartition(":")[0]


def copies(images: Iterable[MirrorImage], filled: Callable[[str], str]) -> tuple[Copy, ...]:
    """The list for one namespace; ``filled`` puts the namespace's values into a destination."""
    return tuple(Copy(image.source, destination(image, filled), image.platforms or ()) for image in images)


def destination(image: MirrorImage, filled: Callable[[str], str]) -> str:
    """Where ``image`` goes, as ``repository:tag``."""
    source = split_reference(image.source)
    tag = source.tag or source.digest.removeprefix("sha256:")[:12]
    if image.destination is None:
        return filled(f"{{repository}}:{source.repository.rpartition('/')[2]}-{tag}")
    text = filled(image.destination)
    return text if ":" in text.rpartition("/")[2] else f"{text}:{tag}"
