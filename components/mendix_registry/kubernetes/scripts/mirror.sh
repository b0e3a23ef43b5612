#!/busybox/sh
# Builder Job, mode mirror: copies images and indexes into the registry as they are, digests kept.
#
# What is there already is skipped, image by image and layer by layer, so a Job that was ended goes on where it was.
#
# In:   what client.sh needs
#       LIST                                file, a line per copy: source destination platforms (with commas; - for all)
# Out:  JSON with how many were copied and how many were there

# shellcheck source=client.sh
. "${0%/*}/client.sh"

log_in
own_flags=$flags
own_proxy=${HTTP_PROXY:-}
there=$HOME/there
arrived=$HOME/arrived

# source_is_asked: a failure from here on is one of reading the source.
source_is_asked() {
    host=${source%%/*}
    host_key="the source in builder.mirror"
    repository=$source
    repository_key="the source in builder.mirror"
    doing="Reading $source"
}

# strictly: a source is not this registry: what was decided for that one's transport does not hold for it.
strictly() {
    source_is_asked
    if [ "$host" != "$PUSH_HOST" ]; then
        flags=
        HTTP_PROXY=http://127.0.0.1:9
        export HTTP_PROXY
    fi
}

own_is_asked() {
    host=$PUSH_HOST
    host_key=registry.pushHost
    repository=${destination%:*}
    repository_key="the destination in builder.mirror"
    doing="The copy of $source to $target"
}

own() {
    own_is_asked
    flags=$own_flags
    HTTP_PROXY=$own_proxy
    if [ -z "$HTTP_PROXY" ]; then
        unset HTTP_PROXY
    fi
}

# A copy speaks with two registries; krane says what it was fetching, or names the URL that failed.
blame() {
    if [ -z "$copying" ]; then
        return
    fi
    own_is_asked
    case $1 in
        *'fetching "'*) source_is_asked ;;
        *"//${source%%/*}/"*)
            if [ "${source%%/*}" != "$PUSH_HOST" ]; then
                source_is_asked
            fi ;;
    esac
}

# What krane has once found or put there stays, also where it was not told that a layer had come. Each counts once.
advanced() {
    {
        cat "$arrived"
        grep -e ' existing [a-z]*: ' -e ' pushed blob: ' -e ' mounted blob: ' -e ': digest: sha256:' "$said" | grep -o 'sha256:[0-9a-f]*'
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

# look: what the registry holds under the tag; its manifest in the file $there.
look() {
    aside manifest "$target" >"$there"
}

# held: whether $there is what was wanted.
held() {
    if [ -z "$wanted" ]; then
        [ "$(digests_in <"$there")" = "$images" ]
        return
    fi
    case sha256:$(sha256sum <"$there") in
        "$wanted "*) ;;
        *) return 1 ;;
    esac
}

settled() {
    if [ -z "$wanted$images" ]; then
        aside digest "$source" >"$HOME/wanted" || return 1
        wanted=$(cat "$HOME/wanted")
    fi
    look && held
}

# readable: whether the registry gives the copy to whoever pulls.
readable() {
    settled || {
        cp "$HOME/aside" "$said"
        return 1
    }
}

# resolve: what is wanted, by digest, asked of the source.
resolve() {
    strictly
    case $one in
        '')
            patiently digest "$source"
            read -r wanted <"$heard" ;;
        several)
            patiently digest "$source"
            read -r pinned <"$heard"
            for platform in $(printf '%s' "$platforms" | tr ',' ' '); do
                patiently digest --platform "$platform" "${source%@*}@$pinned"
                images="$images$(cat "$heard")
"
            done
            images=$(printf '%s' "$images" | sort -u) ;;
        *)
            patiently digest --platform "$one" "$source"
            read -r wanted <"$heard" ;;
    esac
    own
}

# copied_digest: what krane says it has copied; nothing where it words that in another way.
copied_digest() {
    sed -n -e 's/.* existing manifest: [^@ ]*@\(sha256:[0-9a-f]*\).*/\1/p' -e 's/.*: digest: \(sha256:[0-9a-f]*\) size: .*/\1/p' "$said" |
        tail -n 1
}

copied=0
present=0
while read -r source destination platforms; do
    target=$PUSH_HOST/$destination
    wanted=
    images=
    one=
    copying=
    pinned=
    tagged=
    : >"$arrived"
    case $source in
        *@*) pinned=${source##*@} ;;
    esac
    case $platforms in
        -) ;;
        *,*) one=several ;;
        *) one=$platforms ;;
    esac
    own
    if look; then
        tagged=yes
    fi
    # Each call of krane costs a process and a login. A whole image that is not there yet needs no digest beforehand, as the copy tells
    # it; nor does one that the list names by digest, whose source need not even be reached if it is there. But a copy reads its source
    # by this registry's transport: where that is not strict, the digest comes first.
    if [ -n "$one" ] || { [ -n "$own_flags" ] && [ "${source%%/*}" != "$PUSH_HOST" ]; }; then
        resolve
    elif [ -n "$pinned" ]; then
        wanted=$pinned
    elif [ -n "$tagged" ]; then
        resolve
    fi
    if [ -n "$tagged" ] && held; then
        say "there already: $target"
        present=$((present + 1))
        continue
    fi
    say "copying $source to $target"
    copying=yes
    name=${source%@*}
    last=${name##*/}
    name=${name%"$last"}${last%%:*}
    if [ "$one" = several ]; then
        set -- index filter "$name@$pinned" --tag "$target"
        for platform in $(printf '%s' "$platforms" | tr ',' ' '); do
            set -- "$@" --platform "$platform"
        done
        patiently "$@"
    elif [ -n "$wanted" ]; then
        patiently copy "$name@$wanted" "$target"
    else
        patiently copy "$source" "$target"
        [ -n "$wanted" ] || wanted=$(copied_digest)
        [ -n "$wanted" ] || resolve
    fi
    read_back readable
    copied=$((copied + 1))
done <"$LIST"

finish "$(printf '{"copied":%d,"present":%d}' "$copied" "$present")"
