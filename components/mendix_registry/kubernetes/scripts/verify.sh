#!/busybox/sh
# Builder Job, mode verify: pushes the proof image with exactly the identity of this pod and reads it back by digest.
#
# The image is an OCI layout made by the program, so its digest is known before anything is pushed.
#
# In:   what client.sh needs
#       TAG DIGEST                          what to push
#       IMAGE                               directory of the OCI layout
# Out:  JSON with "reference" and "digest"

# shellcheck source=client.sh
. "${0%/*}/client.sh"

reference=$PUSH_HOST/$REPOSITORY:$TAG
doing="The push to $reference"

settled() {
    aside digest "$reference" >"$HOME/tagged" && [ "$(cat "$HOME/tagged")" = "$DIGEST" ]
}

read_tag() {
    krane_says digest "$reference" >"$HOME/tagged"
}

read_manifest() {
    krane_says manifest "$PUSH_HOST/$REPOSITORY@$DIGEST" >"$HOME/manifest"
}

log_in
say "pushing the proof image to $reference"
patiently push "$IMAGE" "$reference"

say "reading it back by digest"
read_back read_manifest
got=sha256:$(sha256sum <"$HOME/manifest" | cut -d ' ' -f 1)
if [ "$got" != "$DIGEST" ]; then
    : >"$said"
    fail "the registry gives back $got where $DIGEST was pushed: something between here and the registry changes images"
fi
read_back read_tag
if [ "$(cat "$HOME/tagged")" != "$DIGEST" ]; then
    fail "the tag $TAG points to $(cat "$HOME/tagged") instead of $DIGEST: is another stack using the same repository and tag?"
fi

finish "$(printf '{"reference":"%s@%s","digest":"%s"}' "$reference" "$DIGEST" "$DIGEST")"
