"""Amazon ECR: repositories, and who may push to them by IRSA, EKS Pod Identity or an access key.

Resource types that this kind registers, with the inputs it may set:

* ``aws:ecr/repository:Repository``: name, imageTagMutability, imageTagMutabilityExclusionFilters (filter, filterType),
  imageScanningConfiguration (scanOnPush), encryptionConfigurations (encryptionType, kmsKey), forceDelete, region, tags
* ``aws:ecr/lifecyclePolicy:LifecyclePolicy``: repository, policy, region
* ``aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate``: prefix, appliedFors (``CREATE_ON_PUSH``), description,
  imageTagMutability, imageTagMutabilityExclusionFilters, encryptionConfigurations, lifecyclePolicy, resourceTags,
  customRoleArn, region
* ``aws:iam/openIdConnectProvider:OpenIdConnectProvider``: url, clientIdLists, thumbprintLists, tags
* ``aws:iam/role:Role``: name, path, description, assumeRolePolicy, maxSessionDuration, permissionsBoundary, tags
* ``aws:iam/rolePolicy:RolePolicy``: name, role, policy
* ``aws:iam/rolePolicyAttachment:RolePolicyAttachment``: role, policyArn
* ``aws:iam/user:User``: name, path, permissionsBoundary, forceDestroy, tags
* ``aws:iam/userPolicy:UserPolicy``: name, user, policy
* ``aws:iam/accessKey:AccessKey``: user (outputs used: id, secret)
* ``aws:eks/podIdentityAssociation:PodIdentityAssociation``: clusterName, namespace, serviceAccount, roleArn, region, tags

Invokes, each only where the stack file leaves the value out:

* ``aws:index/getCallerIdentity:getCallerIdentity`` (accountId)
* ``aws:index/getRegion:getRegion`` (region)
* ``aws:index/getPartition:getPartition`` (partition)
* ``aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider`` (by url: arn)
"""
