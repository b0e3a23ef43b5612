#!/usr/bin/env bash
# Previews stacks and writes what that means: report-out/comment.md and report-out/access.html.
#
#   bash ci/preview.sh SITE STACK...        SITE: github, gitlab or azure-devops
#
# With PLAN=FILE and one stack the plan is saved, for `pulumi up --plan FILE`.
#
# Exit status: 0, or 1 where a preview failed, did not finish or is refused by the policy pack. The report is written in either case.
set -euo pipefail

site=$1
shift
# Never kept: a value that a program forgot to mark as a secret would be in them.
previews=$(mktemp -d)
trap 'rm -rf "$previews"' EXIT
mkdir -p report-out

arguments=()
for stack; do
  status=0
  # The event log has what the policy pack finds; its flag exists only with the first variable. With the second the CLI does not
  # make the whole state after each step, which a preview throws away: it is most of the time of a large first preview.
  PULUMI_DEBUG_COMMANDS=1 PULUMI_SKIP_CHECKPOINTS=true pulumi preview --stack "$stack" --json --show-sames --non-interactive \
    --policy-pack policy --policy-pack-config stacks/policies.json --event-log "$previews/$stack.events" \
    ${PLAN:+--save-plan "$PLAN"} > "$previews/$stack.json" || status=$?
  arguments+=("$stack=$previews/$stack.json" --events "$stack=$previews/$stack.events" --status "$stack=$status")
done
.venv/bin/mendix-registry-report "${arguments[@]}" --for "$site" --comment report-out/comment.md --page report-out/access.html
