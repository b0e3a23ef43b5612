"""The Kubernetes provider: resources of the stock ``pulumi-kubernetes`` SDK on a real API server, by server-side apply.

It behaves as pulumi-kubernetes 4.34 does (same inputs, state, annotations, replacement rules) except where its
modules say so. Not part of it: the helm, kustomize and yaml components, which render manifests instead of talking to
the API.

Libraries: kubeconfig, exec plugins, client certificates and in-cluster credentials are kr8s's (lightkube 1.0 knows
neither ``client.authentication.k8s.io/v1`` nor certificates from exec plugins nor several files in KUBECONFIG); HTTP
is httpx. Both are loaded when the first request is made: an update that changes nothing makes none.
"""
