#!/usr/bin/env bash
# Compares a stack with cluster and cloud. Where they differ, or cannot be compared, report-out/drift.md has what differs, or why not.
#
#   bash ci/drift.sh SITE STACK RUN        SITE: github, gitlab or azure-devops; RUN: where this run's log is
#
# Exit status: 0 where everything is as deployed, else 1.
set -euo pipefail

site=$1
stack=$2
run=$3
# Never kept: a value that a program forgot to mark as a secret would be in it.
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT

status=0
# The object of --json lacks some of what a refresh finds; the event log has all of it, and its flag exists only with this variable.
PULUMI_DEBUG_COMMANDS=1 pulumi refresh --stack "$stack" --preview-only --expect-no-changes --json --non-interactive \
  --event-log "$found/events" > "$found/refresh.json" || status=$?
[ "$status" != 0 ] || exit 0
mkdir -p report-out
# The report ends with 1 where the comparison failed, and has written why.
.venv/bin/mendix-registry-report "$stack=$found/refresh.json" --events "$stack=$found/events" --status "$stack=$status" --for "$site" \
  --comment report-out/drift.md || [ $? = 1 ] || echo "The comparison ended without a result. See $run" > report-out/drift.md
exit 1
