#!/busybox/sh
# Builder Job, mode mirror: copies images and indexes into the registry unchanged, with their digests.
#
# Images and layers that the registry has already are skipped, so a Job that was ended resumes where it stopped.
#
# In:   as client.sh
#       LIST                                file, one line for each copy: source destination platforms (with commas; - for all)
# Out:  JSON with the numbers of images that were copied and that existed already

# shellcheck source=client.sh
. "${0%/*}/client.sh"

log_in
destination_flags=$flags
destination_proxy=${HTTP_PROXY:-}
present_manifest=$HOME/present_manifest
arrived=$HOME/arrived

# about_source: the next failure is one of reading the source.
about_source() {
    host=${source%%/*}
    host_key="the source in builder.mirror"
    repository=$source
    repository_key="the source in builder.mirror"
    action="Reading $source"
}

# use_source: what the stack file sets for its registry's transport does not hold for another registry.
use_source() {
    about_source
    if [ "$host" != "$PUSH_HOST" ]; then
        flags=
        HTTP_PROXY=http://127.0.0.1:9
        export HTTP_PROXY
    fi
}

about_destination() {
    host=$PUSH_HOST
    host_key=registry.pushHost
    repository=${destination%:*}
    repository_key="the destination in builder.mirror"
    action="The copy of $source to $target"
}

use_destination() {
    about_destination
    flags=$destination_flags
    HTTP_PROXY=$destination_proxy
    if [ -z "$HTTP_PROXY" ]; then
        unset HTTP_PROXY
    fi
}

# A copy uses two registries. krane prints what it was fetching, or the URL that failed.
find_registry() {
    if [ -z "$copying" ]; then
        return
    fi
    about_destination
    case $1 in
        *'fetching "'*) about_source ;;
        *"//${source%%/*}/"*)
            if [ "${source%%/*}" != "$PUSH_HOST" ]; then
                about_source
            fi ;;
    esac
}

# What krane has found or pushed stays in the registry, also a layer whose confirmation krane did not receive. Each counts once.
progressed() {
    {
        cat "$arrived"
        grep -e ' existing [a-z]*: ' -e ' pushed blob: ' -e ' mounted blob: ' -e ': digest: sha256:' "$errors" | grep -o 'sha256:[0-9a-f]*'
    } | sort -u >"$HOME/arrived.now"
    if cmp -s "$arrived" "$HOME/arrived.now"; then
        return 1
    fi
    mv "$HOME/arrived.now" "$arrived"
}

# digests_in: the digests of an index's images, from standard input, in order.
digests_in() {
    tr -d ' \n\t' | sed 's/"platform":{[^}]*}//g' | tr ',{' '\n\n' | sed -n 's/^"digest":"\(sha256:[0-9a-f]*\)".*/\1/p' | sort -u
}

# read_present: what the registry holds under the tag; its manifest in the file $present_manifest.
read_present() {
    probe manifest "$target" >"$present_manifest"
}

# matches: whether $present_manifest is what the list asks for.
matches() {
    if [ -z "$expected" ]; then
        [ "$(digests_in <"$present_manifest")" = "$images" ]
        return
    fi
    case sha256:$(sha256sum <"$present_manifest") in
        "$expected "*) ;;
        *) return 1 ;;
    esac
}

already_pushed() {
    if [ -z "$expected$images" ]; then
        probe digest "$source" >"$HOME/expected" || return 1
        expected=$(cat "$HOME/expected")
    fi
    read_present && matches
}

# readable: whether the copy can be read back.
readable() {
    already_pushed || {
        cp "$HOME/probe" "$errors"
        return 1
    }
}

# resolve: reads from the source the digests that the copy must have.
resolve() {
    use_source
    case $chosen in
        '')
            retry_krane digest "$source"
            read -r expected <"$output" ;;
        several)
            retry_krane digest "$source"
            read -r pinned <"$output"
            for platform in $(printf '%s' "$platforms" | tr ',' ' '); do
                retry_krane digest --platform "$platform" "${source%@*}@$pinned"
                images="$images$(cat "$output")
"
            done
            images=$(printf '%s' "$images" | sort -u) ;;
        *)
            retry_krane digest --platform "$chosen" "$source"
            read -r expected <"$output" ;;
    esac
    use_destination
}

# copied_digest: the digest that krane reports as copied; nothing where its report has another form.
copied_digest() {
    sed -n -e 's/.* existing manifest: [^@ ]*@\(sha256:[0-9a-f]*\).*/\1/p' -e 's/.*: digest: \(sha256:[0-9a-f]*\) size: .*/\1/p' "$errors" |
        tail -n 1
}

copied=0
present=0
while read -r source destination platforms; do
    target=$PUSH_HOST/$destination
    expected=
    images=
    chosen=
    copying=
    pinned=
    tagged=
    : >"$arrived"
    case $source in
        *@*) pinned=${source##*@} ;;
    esac
    case $platforms in
        -) ;;
        *,*) chosen=several ;;
        *) chosen=$platforms ;;
    esac
    use_destination
    if read_present; then
        tagged=yes
    fi
    # Each call of krane costs a process and a login. A whole image that is not in the registry yet needs no digest beforehand,
    # because the copy prints it. Nor does an image that the list names by digest: if the registry has it, its source need not be
    # reachable. But a copy reads its source with this registry's transport: where that is not strict, the digest is read first.
    if [ -n "$chosen" ] || { [ -n "$destination_flags" ] && [ "${source%%/*}" != "$PUSH_HOST" ]; }; then
        resolve
    elif [ -n "$pinned" ]; then
        expected=$pinned
    elif [ -n "$tagged" ]; then
        resolve
    fi
    if [ -n "$tagged" ] && matches; then
        log "exists already: $target"
        present=$((present + 1))
        continue
    fi
    log "copying $source to $target"
    copying=yes
    name=${source%@*}
    last=${name##*/}
    name=${name%"$last"}${last%%:*}
    if [ "$chosen" = several ]; then
        set -- index filter "$name@$pinned" --tag "$target"
        for platform in $(printf '%s' "$platforms" | tr ',' ' '); do
            set -- "$@" --platform "$platform"
        done
        retry_krane "$@"
    elif [ -n "$expected" ]; then
        retry_krane copy "$name@$expected" "$target"
    else
        retry_krane copy "$source" "$target"
        [ -n "$expected" ] || expected=$(copied_digest)
        [ -n "$expected" ] || resolve
    fi
    read_back readable
    copied=$((copied + 1))
done <"$LIST"

finish "$(printf '{"copied":%d,"present":%d}' "$copied" "$present")"
