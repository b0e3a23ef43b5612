#!/usr/bin/env bash
# Writes the kubeconfig with which a pipeline reaches its clusters, as the identity that the job is logged in with:
#
#   EKS_CLUSTERS   NAME or REGION/NAME               needs aws, and kubectl
#   AKS_CLUSTERS   RESOURCEGROUP/NAME                needs az, and kubectl; the cluster has to authenticate by Entra ID
#   GKE_CLUSTERS   PROJECT/LOCATION/NAME             needs gcloud, and kubectl
#
# Several are separated by spaces. Each becomes a context of the cluster's NAME, which a stack file chooses by `cluster.context`.
# Where there are several, none is the current one: a stack that chooses none must fail, and not deploy into another's cluster.
set -euo pipefail
umask 077

contexts=()

refuse() {
  echo "$1" >&2
  exit 1
}

# Of two contexts of one name, the last one written would be left.
note() {
  local each
  for each in "${contexts[@]}"; do
    [ "$each" != "$1" ] ||
      refuse "Two clusters are called $1, and contexts are named as their clusters. Write your own kubeconfig (docs/ci.md)."
  done
  contexts+=("$1")
}

read -ra clusters <<<"${EKS_CLUSTERS:-}"
for cluster in "${clusters[@]}"; do
  [[ $cluster =~ ^(([a-z0-9-]+)/)?([^/]+)$ ]] || refuse "EKS_CLUSTERS: $cluster is not NAME or REGION/NAME."
  region=${BASH_REMATCH[2]:-${AWS_REGION:-}} name=${BASH_REMATCH[3]}
  [ -n "$region" ] || refuse "EKS_CLUSTERS: the region of $name is not set. Set AWS_REGION, or write REGION/$name."
  note "$name"
  aws eks update-kubeconfig --region "$region" --name "$name" --alias "$name"
done

# Tokens for AKS and GKE are asked for here, once, and last about an hour. The usual plugins (kubelogin, gke-gcloud-auth-plugin)
# would have to be downloaded, and ask when a cluster is first reached: the token that the job logged in with has expired then.
read -ra clusters <<<"${AKS_CLUSTERS:-}"
if [ ${#clusters[@]} -gt 0 ]; then
  # The application of AKS' API servers, the same in every tenant.
  token=$(az account get-access-token --resource 6dae42f8-4368-4678-94ff-3960e28e3630 --query accessToken --output tsv)
  kubectl config set-credentials azure --token="$token"
fi
for cluster in "${clusters[@]}"; do
  [[ $cluster =~ ^([^/]+)/([^/]+)$ ]] || refuse "AKS_CLUSTERS: $cluster is not RESOURCEGROUP/NAME."
  group=${BASH_REMATCH[1]} name=${BASH_REMATCH[2]}
  note "$name"
  az aks get-credentials --resource-group "$group" --name "$name" --context "$name" --overwrite-existing
  kubectl config set-context "$name" --user=azure
done

read -ra clusters <<<"${GKE_CLUSTERS:-}"
if [ ${#clusters[@]} -gt 0 ]; then
  token=$(gcloud auth print-access-token)
  kubectl config set-credentials google --token="$token"
fi
for cluster in "${clusters[@]}"; do
  [[ $cluster =~ ^([^/]+)/([^/]+)/([^/]+)$ ]] || refuse "GKE_CLUSTERS: $cluster is not PROJECT/LOCATION/NAME."
  project=${BASH_REMATCH[1]} location=${BASH_REMATCH[2]} name=${BASH_REMATCH[3]}
  note "$name"
  # It warns that its plugin is missing; the context below does without.
  gcloud container clusters get-credentials "$name" --location "$location" --project "$project"
  kubectl config set-context "$name" --cluster="gke_${project}_${location}_$name" --user=google
done

case ${#contexts[@]} in
  0) echo "Neither EKS_CLUSTERS, AKS_CLUSTERS nor GKE_CLUSTERS names a cluster: stack files have to bring cluster.kubeconfig." ;;
  1) kubectl config use-context "${contexts[0]}" ;;
  *) kubectl config unset current-context ;;
esac
