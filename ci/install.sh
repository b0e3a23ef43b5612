#!/usr/bin/env bash
# Makes the environments of program and policy pack, and puts uv on the PATH of the steps that follow: the Pulumi CLI starts both
# by uv and looks for it there, while make also uses its own. A stack's first command adds the SDK of its cloud.
set -euo pipefail
make pipeline
if command -v uv >/dev/null; then
  exit
fi
cache=${REHEARSAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mendix-registry}
for bin in "$cache"/uv-*/bin; do
  if [ -n "${GITHUB_PATH:-}" ]; then
    echo "$bin" >>"$GITHUB_PATH"
  elif [ -n "${TF_BUILD:-}" ]; then
    echo "##vso[task.prependpath]$bin"
  else
    echo "uv is not on PATH, where the Pulumi CLI looks for it. It is in $bin; or have it in the image." >&2
    exit 1
  fi
done
