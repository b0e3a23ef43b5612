"""OpenShift as far as its own registry needs it: a platform inside the cluster, not a cloud beside it.

* ``registry`` authorizes each request by TokenReview and SubjectAccessReview of the real API server: real RBAC decides;
* ``controllers`` do in the cluster what OpenShift's do: ServiceAccount ``builder`` and default RoleBindings in each project, pull
  secrets of ServiceAccounts, the service CA in annotated ConfigMaps;
* ``security_context`` gives pods the project's user, as the SCC ``restricted-v2`` does;
* ``service_ca`` is the authority of the cluster's services, which no image trusts by itself.
"""
