"""The emulated Google Cloud: Artifact Registry, IAM, the Security Token Service, IAM Credentials and GKE's metadata server.

What it keeps is its own JSON document (``store``). Who asks is known by an access token (``access_tokens``): the
operator's, a service account's, or one that a ServiceAccount of the cluster got for its own token. What a caller may do is
decided by the policies that the stack set (``policies``) and Google's predefined roles (``roles``). ``metadata`` is the server
that pods ask at 169.254.169.254; like GKE's it finds the pod's ServiceAccount by the pod's address, exchanges that
ServiceAccount's token at the Security Token Service (``sts``) and, where an annotation names a Google service account, has IAM
Credentials (``credentials``) make a token of that.

Not evaluated: organisation policies, VPC Service Controls, deny policies, custom roles, groups, whether an API is enabled, whether
a project or a KMS key exists, billing, and conditions beyond what ``conditions`` reads.
"""
