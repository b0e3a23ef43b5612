"""What credentials look like: of the registries that the kinds and presets are for, and of the sites that deploy them.

detect-secrets 1.5.0 is not used: ARCHITECTURE.md, "Libraries tried".
"""

from __future__ import annotations

import re
from typing import Final

_FORMS: Final = (
    # PEM, and the same in base64 as kubeconfigs have it. Certificates are no secrets.
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)",
    r"\bLS0tLS1CRUdJTiB(?!D)[A-Za-z0-9+/]{20,}={0,2}",
    # JWT: ServiceAccounts, Entra, refresh tokens of ACR, identity tokens of JFrog.
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    # JSON in base64: a docker config, a Google key (_json_key_base64), ECR's password.
    r"\b(?:ey[JA]|ewo|ew0K)[A-Za-z0-9+/_-]{40,}={0,2}",
    # AWS: ids of keys, session tokens, "AWS:<password>" of ECR in base64, tokens of EKS.
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    r"\b(?:FwoGZXIvYXdz|IQoJb3JpZ2lu|FQoGZXIvYXdz|QVdTOmV5S)[A-Za-z0-9+/=_-]{20,}",
    r"\bk8s-aws-v1\.[A-Za-z0-9_-]{20,}={0,2}",
    # Azure: storage keys, registries' passwords, their successors with checksums, secrets of applications, PATs of Azure DevOps.
    r"(?<=AccountKey=)[A-Za-z0-9+/=]{20,}",
    r"\b[A-Za-z0-9+/]{42}\+ACR[A-Za-z0-9]{6}\b",
    r"\b[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9]{20,32}(?:==)?",
    r"(?<![\w~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}",
    r"\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b",
    # Google: API keys, access and refresh tokens, clients' secrets, HMAC keys.
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\bya29\.[A-Za-z0-9_.-]{20,}",
    r"(?<![\w/])1//0[A-Za-z0-9_-]{20,}",
    r"\bGOCSPX-[A-Za-z0-9_-]{20,}",
    r"\bGOOG(?:1E)?[A-Z0-9]{20,}\b",
    # GitLab: personal, group and project, deploy, runner, job, agent and other tokens (docs.gitlab.com/security/tokens), also those
    # with dots; registration tokens of runners.
    r"\bgl(?:pat|dt|rtr|rt|cbt|ptt|ft|imt|agent|wt|soat|ffct|oas)-[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]{2,})*",
    r"\bGR1348941[A-Za-z0-9_-]{16,}",
    r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})",
    # Docker Hub: personal and of organisations. quay.io: robots. JFrog: API keys, encrypted passwords, reference tokens.
    r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}",
    r"\b(?=[A-Z]*[0-9])(?=[0-9]*[A-Z])[A-Z0-9]{64}\b",
    r"\bAKC[A-Za-z0-9]{20,}|\bAP[\dA-F][A-Za-z0-9]{30,}|\bcmVmdGtu[A-Za-z0-9+/]{40,}={0,2}",
    # OpenShift's OAuth tokens. Pulumi's own.
    r"\bsha256~[A-Za-z0-9_-]{40,}",
    r"\bpul-[a-f0-9]{40}\b",
    # In addresses and headers: user:password@, not host:port/name@digest; bearer, basic; the signature of what Azure has signed.
    r"(?<=://)[^\s/:@]*:(?!\d{1,5}[/?#])[^\s@\"']{1,200}(?=@)",
    r"(?i:(?<=bearer ))(?!authentication|authorization)[A-Za-z0-9._~+/=-]{12,}",
    r"(?<=Basic )[A-Za-z0-9+/=]{12,}|(?i:(?<=authorization: basic ))[A-Za-z0-9+/=]{8,}",
    r"\"auth\"\s*:\s*\"[A-Za-z0-9+/=]{8,}\"",
    r"(?<=\bsig=)[A-Za-z0-9%+/=_-]{8,}",
)
SECRET_TEXT: Final = re.compile("|".join(_FORMS), re.DOTALL)

ALONE: Final = re.compile(
    # Without their own mark: only where nothing else is in the value, and there are capitals, small letters and digits.
    # Harbor's robots (32), AWS's secret keys and quay.io's applications (40), passwords of Nexus's user tokens (44).
    r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])(?:[A-Za-z0-9]{32}|[A-Za-z0-9+][A-Za-z0-9+/]{39}|[A-Za-z0-9+/]{43}=)"
    # The older PATs of Azure DevOps.
    r"|(?=.*[2-7])[a-z2-7]{52}"
)
