#!/busybox/sh
# Builder Job, mode build: puts an app's files as one layer on a base image and pushes the result.
#
# Everything that goes into the image is pinned, so its tag names exactly one content: if the tag is there, there is nothing to do.
#
# In:   what client.sh needs
#       BASE_IMAGE PLATFORM                 base image by digest, and which one of an index
#       MDA_FILE or MDA_URL_FILE            the app, or a file with the URL to download it from
#       MDA_SHA256                          its digest
#       DIRECTORY UNPACK                    where its files go; true: the app is a ZIP file and is unpacked
#       TAG LABELS                          of the image; one label a line, key=value
# Out:  JSON with "reference" and "digest"

# shellcheck source=client.sh
. "${0%/*}/client.sh"

reference=$PUSH_HOST/$REPOSITORY:$TAG
settled() {
    aside digest "$reference" >/dev/null
}

read_manifest() {
    krane_says digest "$reference" >"$HOME/digest" &&
        krane_says manifest "$PUSH_HOST/$REPOSITORY@$(cat "$HOME/digest")" >"$HOME/manifest"
}

# done_with DIGEST
done_with() {
    finish "$(printf '{"reference":"%s@%s","digest":"%s"}' "$reference" "$1" "$1")"
}

fetch() {
    mda=$HOME/app.mda
    doing="The download of the app"
    attempt=1
    pause=1
    until waiting timeout "$CALL_SECONDS" wget -q -O "$mda" "$(cat "$MDA_URL_FILE")" 2>"$said"; do
        say "attempt $attempt of $ATTEMPTS failed: $(tr '\n' ' ' <"$said")"
        case $(cat "$said") in
            *" 404 "* | *" 410 "*) fail "there is no such file: correct builder.build.mda.url" ;;
            *" 401 "* | *" 403 "*) fail "the server does not give it to this pod: is the URL's token expired?" ;;
        esac
        if [ "$attempt" -ge "$ATTEMPTS" ]; then
            fail "check builder.build.mda.url, and the network policies between the pods and that server"
        fi
        waiting sleep "$pause"
        attempt=$((attempt + 1))
        pause=$((pause * 2))
        [ "$pause" -le 30 ] || pause=30
    done
}

log_in
doing="The push to $reference"
if krane_says digest "$reference" >"$heard"; then
    say "the image is there already"
    done_with "$(cat "$heard")"
fi

# The way that log_in closes may be the one to the app.
unset HTTP_PROXY
: >"$said"
if [ -n "${MDA_URL_FILE:-}" ]; then
    say "downloading the app"
    fetch
else
    mda=$MDA_FILE
fi
: >"$said"
doing="The build of $reference"
got=$(sha256sum <"$mda" | cut -d ' ' -f 1)
if [ "$got" != "$MDA_SHA256" ]; then
    fail "the app's file has the digest $got, and $MDA_SHA256 is wanted: correct builder.build.mda.sha256, or the file"
fi

root=$HOME/root
mkdir -p "$root$DIRECTORY"
if [ "$UNPACK" = true ]; then
    if ! unzip -q -o "$mda" -d "$root$DIRECTORY" 2>"$said"; then
        fail "the file cannot be unpacked: an MDA is a ZIP file (set builder.build.unpack: false for another), and it must fit builder.build.workSize"
    fi
else
    cp "$mda" "$root$DIRECTORY/app.mda"
fi
# App containers run as other users than this pod.
chmod -R a+rX,g=u "$root"
tar -cf "$HOME/layer.tar" -C "$root" "${DIRECTORY#/}"
rm -rf "$root"

log_in
host=${BASE_IMAGE%%/*}
host_key=builder.build.baseImage
repository=$BASE_IMAGE
repository_key=builder.build.baseImage
doing="Reading the base image $BASE_IMAGE"
patiently digest --platform "$PLATFORM" "$BASE_IMAGE"

host=$PUSH_HOST
host_key=registry.pushHost
repository=$REPOSITORY
repository_key=registry.repository
doing="The push to $reference"
set -- mutate "$BASE_IMAGE" --platform "$PLATFORM" --append "$HOME/layer.tar" --tag "$reference"
while IFS= read -r label; do
    [ -z "$label" ] || set -- "$@" --label "$label"
done <<END
$LABELS
END
say "pushing the app's image to $reference"
patiently "$@"

say "reading it back by digest"
read_back read_manifest
digest=$(cat "$HOME/digest")
got=sha256:$(sha256sum <"$HOME/manifest" | cut -d ' ' -f 1)
if [ "$got" != "$digest" ]; then
    : >"$said"
    fail "the registry gives back $got where it says $digest: something between here and the registry changes images"
fi
done_with "$digest"
