"""Microsoft Azure as far as a registry needs it: Azure Resource Manager, Entra's token endpoint, Azure Container Registry.

* ``arm`` is the front door of the management API; ``registries``, ``identities``, ``assignments``, ``deployments`` are its resource
  types over one ``store``, which remembers what it was some seconds ago, because Entra and role assignments take their time;
* ``entra`` exchanges a ServiceAccount's token for a managed identity's, by federated credentials;
* ``permissions`` (with ``roles`` and ``conditions``) decides what an identity, the admin user or a token may do in a repository;
* ``acr`` is the registry's token realm and the :class:`Authority` that lets requests pass; ``nodes`` the kubelet's identity;
* ``webhooks`` is what Azure's workload identity webhook does to pods.

Errors have Azure's own codes and words where they are known from its documentation or from reports of them.
"""
