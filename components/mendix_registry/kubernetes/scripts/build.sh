#!/busybox/sh
# Builder Job, mode build: puts an app's files as one layer on a base image and pushes the result.
#
# All that the image consists of is pinned, so its tag stands for exactly one content: if the tag exists, nothing is left to do.
#
# In:   as client.sh
#       BASE_IMAGE PLATFORM                 base image by digest, and which image of an index
#       MDA_FILE or MDA_URL_FILE            the app's file, or a file with the URL of the app
#       MDA_SHA256                          its digest
#       DIRECTORY UNPACK                    directory of its files; true: the app is a ZIP file and is unpacked
#       TAG LABELS                          of the image; one label a line, key=value
# Out:  JSON with "reference" and "digest"

# shellcheck source=client.sh
. "${0%/*}/client.sh"

reference=$PUSH_HOST/$REPOSITORY:$TAG
already_pushed() {
    probe digest "$reference" >/dev/null
}

read_manifest() {
    run_krane digest "$reference" >"$HOME/digest" &&
        run_krane manifest "$PUSH_HOST/$REPOSITORY@$(cat "$HOME/digest")" >"$HOME/manifest"
}

# done_with DIGEST
done_with() {
    finish "$(printf '{"reference":"%s@%s","digest":"%s"}' "$reference" "$1" "$1")"
}

fetch() {
    mda=$HOME/app.mda
    action="The download of the app"
    attempt=1
    pause=1
    until run_interruptibly timeout "$CALL_SECONDS" wget -q -O "$mda" "$(cat "$MDA_URL_FILE")" 2>"$errors"; do
        log "attempt $attempt of $ATTEMPTS failed: $(tr '\n' ' ' <"$errors")"
        case $(cat "$errors") in
            *" 404 "* | *" 410 "*) fail "the server does not have this file: correct builder.build.mda.url" ;;
            *" 401 "* | *" 403 "*) fail "the server does not let this pod read the file: check whether the token in builder.build.mda.url is expired" ;;
        esac
        if [ "$attempt" -ge "$ATTEMPTS" ]; then
            fail "the download does not succeed: check builder.build.mda.url, and the network policies between the pods and that server"
        fi
        run_interruptibly sleep "$pause"
        attempt=$((attempt + 1))
        pause=$((pause * 2))
        [ "$pause" -le 30 ] || pause=30
    done
}

log_in
action="The push to $reference"
if run_krane digest "$reference" >"$output"; then
    log "the image exists already"
    done_with "$(cat "$output")"
fi

# The app may be on a server with plain http, which log_in prevents.
unset HTTP_PROXY
: >"$errors"
if [ -n "${MDA_URL_FILE:-}" ]; then
    log "downloading the app"
    fetch
else
    mda=$MDA_FILE
fi
: >"$errors"
action="The build of $reference"
got=$(sha256sum <"$mda" | cut -d ' ' -f 1)
if [ "$got" != "$MDA_SHA256" ]; then
    fail "the app's file has the digest $got, and $MDA_SHA256 is expected: correct builder.build.mda.sha256, or the file"
fi

root=$HOME/root
mkdir -p "$root$DIRECTORY"
if [ "$UNPACK" = true ]; then
    if ! unzip -q -o "$mda" -d "$root$DIRECTORY" 2>"$errors"; then
        fail "the file cannot be unpacked: an MDA is a ZIP file (set builder.build.unpack: false for another), and it must fit builder.build.workSize"
    fi
else
    cp "$mda" "$root$DIRECTORY/app.mda"
fi
# The app's container runs as another user than this pod.
chmod -R a+rX,g=u "$root"
tar -cf "$HOME/layer.tar" -C "$root" "${DIRECTORY#/}"
rm -rf "$root"

log_in
host=${BASE_IMAGE%%/*}
host_key=builder.build.baseImage
repository=$BASE_IMAGE
repository_key=builder.build.baseImage
action="Reading the base image $BASE_IMAGE"
retry_krane digest --platform "$PLATFORM" "$BASE_IMAGE"

host=$PUSH_HOST
host_key=registry.pushHost
repository=$REPOSITORY
repository_key=registry.repository
action="The push to $reference"
set -- mutate "$BASE_IMAGE" --platform "$PLATFORM" --append "$HOME/layer.tar" --tag "$reference"
while IFS= read -r label; do
    [ -z "$label" ] || set -- "$@" --label "$label"
done <<END
$LABELS
END
log "pushing the app's image to $reference"
retry_krane "$@"

log "reading it back by digest"
read_back read_manifest
digest=$(cat "$HOME/digest")
got=sha256:$(sha256sum <"$HOME/manifest" | cut -d ' ' -f 1)
if [ "$got" != "$digest" ]; then
    : >"$errors"
    fail "the registry returns $got under the digest $digest: $CHANGED_ON_THE_WAY"
fi
done_with "$digest"
