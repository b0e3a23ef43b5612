"""A registry of each kind, as stack files have it: what previews of the real program are made of."""

from __future__ import annotations

from typing import Any

ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/5C4F0E1D2B3A49588776655443322110"
IRSA: dict[str, Any] = {
    "method": "irsa",
    "oidcProvider": {"existing": f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"},
}
ECR: dict[str, Any] = {
    "type": "amazon-ecr",
    "region": "eu-west-1",
    "accountId": "123456789012",
    "repository": "mendixapps/{namespace}",
    "authentication": IRSA,
}
ECR_STATIC = {**ECR, "authentication": {"method": "static"}}
ECR_POD_IDENTITY = {**ECR, "authentication": {"method": "pod-identity", "cluster": {"name": "prod"}}}
ACR: dict[str, Any] = {
    "type": "microsoft-acr",
    "name": "mendixacr",
    "resourceGroup": "rg-mendix",
    "repository": "mendixapps/{namespace}",
    "authentication": {
        "method": "workload-identity",
        "issuerUrls": ["https://westeurope.oic.prod-aks.azure.com/7d3b0f1e-0000-4000-8000-000000000001/1c2d3e4f/"],
    },
}
ACR_ADMIN = {**ACR, "authentication": {"method": "admin"}}
ACR_TOKEN = {
    **ACR,
    "authentication": {
        "method": "token",
        "passwords": {"orders": {"environment": "REGISTRY_PASSWORD"}, "billing": "pending"},
    },
}
GAR: dict[str, Any] = {
    "type": "google-gcr",
    "pushHost": "europe-west4-docker.pkg.dev",
    "repository": "example-mendix/{namespace}/apps",
    "authentication": {"method": "workload-identity", "serviceAccount": "builder-{namespace}"},
}
GENERIC: dict[str, Any] = {
    "type": "generic",
    "pushHost": "registry.example.com",
    "repository": "mendixapps/{namespace}",
    "authentication": {"username": "builder", "password": {"environment": "REGISTRY_PASSWORD"}},
}
OPENSHIFT: dict[str, Any] = {"type": "openshift4", "repository": "{namespace}/mendix-apps"}
