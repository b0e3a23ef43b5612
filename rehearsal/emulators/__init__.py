"""The emulated clouds: their APIs and their token services, in one process of the rehearsal.

They *authorize*: a token by the cluster's own keys, its issuer, audience, subject and expiry; then the trust that the stack
created; then the permission on this very repository by the documents that the stack created. Each refusal has a reason.

``python -m rehearsal.emulators SETTINGS`` serves, under the clouds' production host names and with certificates of the
rehearsal's cloud authority, everything that a stack's registry kind needs:

* ``service`` joins the parts; ``hosts`` sends a request to the cloud that owns its host name;
* ``tokens`` verifies the cluster's ServiceAccount tokens; ``admission`` is what the clouds' webhooks do to pods;
* ``aws`` is Amazon: API (moto with what moto lacks), STS, Pod Identity, ECR;
* ``rehearsal.registry.proxy`` is the registry behind them: it asks a cloud's :class:`Authority` for each request.

A cloud is a module with a class that satisfies :class:`rehearsal.emulators.cloud.Cloud`; ``service`` lists them.
"""
