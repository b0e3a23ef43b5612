"""The lifecycle policy of a repository as ECR's JSON text.

Source: docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html.
"""

from __future__ import annotations

import json
from typing import Any


def lifecycle_policy(untagged_days: int | None, keep_tagged: int | None) -> str | None:
    """The policy that deletes untagged images after ``untagged_days`` days and keeps the newest ``keep_tagged`` tagged
    ones; None if it would delete nothing.

    An image that an index refers to is never deleted before the index, although it has no tag.
    """
    rules: list[dict[str, Any]] = []
    if untagged_days is not None:
        rules.append(
            {
                "rulePriority": 1,
                "description": f"Delete untagged images after {untagged_days} days",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": untagged_days,
                },
                "action": {"type": "expire"},
            }
        )
    if keep_tagged is not None:
        rules.append(
            {
                "rulePriority": 2,
                "description": f"Keep the newest {keep_tagged} tagged images",
                "selection": {
                    "tagStatus": "tagged",
                    "tagPatternList": ["*"],
                    "countType": "imageCountMoreThan",
                    "countNumber": keep_tagged,
                },
                "action": {"type": "expire"},
            }
        )
    return json.dumps({"rules": rules}, separators=(",", ":")) if rules else None
