"""The emulated AWS: one account in one partition.

moto keeps what the APIs make; this package adds what moto does not do: it verifies signatures, enforces the limits of the
service models and of IAM's and ECR's quotas, has the operations that moto lacks (``templates``, ``associations``), and authorizes:
``sts`` (web identities), ``pod_identity``, ``ecr`` (each push and pull), with the policy evaluator in ``policy``.

``api`` is the way in. Everything that changes something goes through ``store``, which writes it to a journal and plays the journal
again when the process starts again: the account outlives the process, as a real one does.
"""
