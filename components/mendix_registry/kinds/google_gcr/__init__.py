"""Google Artifact Registry: repositories, and who may push to them by a bound service account or directly.

Resource types that this kind registers, with the inputs it may set. ``project`` is always given; credentials and endpoints
are the default provider's (``gcp:…`` keys of the stack file, or the environment).

* ``gcp:artifactregistry/repository:Repository``: repositoryId, location, project, format (``DOCKER``), mode
  (``STANDARD_REPOSITORY``), description, labels, kmsKeyName, dockerConfig (immutableTags), cleanupPolicies (id, action,
  condition (tagState, tagPrefixes, olderThan, newerThan, packageNamePrefixes, versionNamePrefixes), mostRecentVersions
  (keepCount, packageNamePrefixes)), cleanupPolicyDryRun, vulnerabilityScanningConfig (enablementConfig), deletionPolicy
  (``DELETE``, ``PREVENT``) (outputs used: repositoryId, location, project, registryUri)
* ``gcp:artifactregistry/repositoryIamMember:RepositoryIamMember``: repository, location, project, role
  (``roles/artifactregistry.writer``, ``roles/artifactregistry.reader``), member, condition (title, expression, description)
* ``gcp:serviceaccount/account:Account``: accountId, project, displayName, description (outputs used: email, member, name)
* ``gcp:serviceaccount/iAMMember:IAMMember``: serviceAccountId (``projects/PROJECT/serviceAccounts/EMAIL``), role
  (``roles/iam.workloadIdentityUser``), member (``serviceAccount:POOL[NAMESPACE/NAME]``)

Invokes: none. What only a cloud call could return (the project's number) is an input, so that a preview needs no account.
"""
