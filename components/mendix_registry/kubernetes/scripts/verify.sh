#!/busybox/sh
# Builder Job, mode verify: pushes the proof image with this pod's identity and reads it back by digest.
#
# The Pulumi program creates the image as an OCI layout, so its digest is known before the push.
#
# In:   as client.sh
#       TAG DIGEST                          what to push
#       IMAGE                               directory of the OCI layout
# Out:  JSON with "reference" and "digest"

# shellcheck source=client.sh
. "${0%/*}/client.sh"

reference=$PUSH_HOST/$REPOSITORY:$TAG
action="The push to $reference"

already_pushed() {
    probe digest "$reference" >"$HOME/tagged" && [ "$(cat "$HOME/tagged")" = "$DIGEST" ]
}

read_tag() {
    run_krane digest "$reference" >"$HOME/tagged"
}

read_manifest() {
    run_krane manifest "$PUSH_HOST/$REPOSITORY@$DIGEST" >"$HOME/manifest"
}

log_in
log "pushing the proof image to $reference"
retry_krane push "$IMAGE" "$reference"

log "reading it back by digest"
read_back read_manifest
got=sha256:$(sha256sum <"$HOME/manifest" | cut -d ' ' -f 1)
if [ "$got" != "$DIGEST" ]; then
    : >"$errors"
    fail "the registry returns $got, and $DIGEST was pushed: $CHANGED_ON_THE_WAY"
fi
read_back read_tag
if [ "$(cat "$HOME/tagged")" != "$DIGEST" ]; then
    fail "the tag $TAG points to $(cat "$HOME/tagged") instead of $DIGEST: check whether another stack uses the same repository and tag, and change registry.repository or builder.tag in one of them"
fi

finish "$(printf '{"reference":"%s@%s","digest":"%s"}' "$reference" "$DIGEST" "$DIGEST")"
