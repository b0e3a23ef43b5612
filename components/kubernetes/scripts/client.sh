# shellcheck shell=sh
# What the builder Job's modes share: how krane is run, how it logs in, and how a failure is told. Read by the other scripts, never run.
#
# Needs only a POSIX shell, busybox and krane. Credentials come from files or from the pod's own identity, never from arguments or
# variables.
#
# In:   PUSH_HOST REPOSITORY                where to push
#       CREDENTIALS                         anonymous | secret | file | token | identity
#       LOGIN_USER LOGIN_TOKEN              token: the user's name, and the file with the token
#       DOCKER_CONFIG                       directory of the client's config.json; writable with token, else as mounted
#       INSECURE                            true: plain http or an unverified certificate is allowed
#       ATTEMPTS                            tries of a call that bring nothing, with 1, 2, 4 ... 30 seconds between them
#       CALL_SECONDS                        most seconds of one call of krane
#       HOME                                a writable directory
# Out:  the termination message: what finish was given; or the registry's words and a hint
# Exit: 0 done; 1 failed for a reason that may pass, another pod may try; 64 will fail again however often it is tried

set -eu
umask 077

KRANE=${KRANE:-krane}
MESSAGE=${MESSAGE:-/dev/termination-log}
CALL_SECONDS=${CALL_SECONDS:-60}
NO_GOOGLE_IDENTITY="gcloud binary not found"
PASSING=1
LASTING=64

said=$HOME/said
heard=$HOME/heard
flags=
# What is being done, for the first line of a failure; with which registry, and where that is set.
doing="The push to $PUSH_HOST/$REPOSITORY"
host=$PUSH_HOST
host_key=registry.pushHost
repository=$REPOSITORY
repository_key=registry.repository

say() {
    printf '%s\n' "$*"
}

# finish TEXT: the last line and the termination message of a pod that has done its work.
finish() {
    printf '%s' "$1" >"$MESSAGE" || true
    say "$1"
    exit 0
}

# registry_says: $said without krane's own: how far it has come, and what its keychain for Google says whenever it goes on without an
# identity. Fails where nothing is left.
registry_says() {
    grep -v -e "$NO_GOOGLE_IDENTITY" -e '^[0-9/]* [0-9:]* Copying from ' -e '^[0-9/]* [0-9:]* \(existing\|mounted\|pushed\) ' "$said"
}

# fail CODE HINT: ends the pod with the registry's own words, taken from the file $said, and what to do about them.
fail() {
    {
        printf '%s failed.\n' "$doing"
        if registry_says >"$HOME/words"; then
            printf 'registry: '
            tail -n 3 "$HOME/words" | cut -c 1-1200
        fi
        printf 'hint: %s\n' "$2"
    } >"$HOME/message"
    cat "$HOME/message"
    head -c 4000 "$HOME/message" >"$MESSAGE" || true
    exit "$1"
}

# krane_says ARGUMENTS: runs krane for at most CALL_SECONDS; what it says on standard error goes to the file $said.
krane_says() {
    # $flags is one word or none.
    # shellcheck disable=SC2086
    timeout "$CALL_SECONDS" "$KRANE" "$@" $flags 2>"$said" && return 0
    code=$?
    if [ "$code" -eq 143 ] || [ "$code" -eq 124 ]; then
        printf 'no answer within %s seconds: timeout\n' "$CALL_SECONDS" >>"$said"
    fi
    return "$code"
}

# settled: whether a tag that must not be moved holds what was to be pushed. A mode that knows says so itself.
settled() {
    return 1
}

# advanced: whether the call of krane that has just failed brought something that the next need not bring again. A mode that knows
# says so itself.
advanced() {
    return 1
}

# blame WORDS: which registry's words they are, where a call speaks with more than one. A mode that has such calls says so itself.
blame() {
    :
}

# patiently ARGUMENTS: runs krane, its output in the file $heard, until it succeeds. Ends the pod when that cannot come, or after
# ATTEMPTS tries in a row that brought nothing.
patiently() {
    attempt=1
    pause=1
    until krane_says "$@" >"$heard"; do
        words=$(registry_says | tr '\n' ' ')
        say "attempt $attempt of $ATTEMPTS failed: $words"
        if advanced; then
            # Who was let in and then is not has a login that expired: each call of krane logs in anew. However many it takes, the
            # Job's own time limits them.
            attempt=0
            pause=1
        else
            hint=
            blame "$words"
            judge "$words"
            if [ "$hint" = settled ]; then
                break
            fi
            if [ "$attempt" -ge "$ATTEMPTS" ]; then
                fail "$PASSING" "$hint"
            fi
        fi
        sleep "$pause"
        attempt=$((attempt + 1))
        pause=$((pause * 2))
        [ "$pause" -le 30 ] || pause=30
    done
}

# judge WORDS: what the registry's words mean. Ends the pod where trying again is useless, else sets $hint; "settled" means done.
judge() {
    case $1 in
        *x509*authority*)
            fail "$LASTING" "the registry's certificate is signed by an authority that is not known here: put its certificate into registry.transport.caCertificate" ;;
        *x509*)
            fail "$LASTING" "the registry's certificate does not fit: compare its names and dates with $host ($host_key)" ;;
        *"server gave HTTP response to HTTPS client"* | *"proxyconnect"* | *"127.0.0.1:9"*)
            fail "$LASTING" "the registry speaks plain http, and https was decided for it: serve it by https, or set registry.transport.insecure: true for a test cluster" ;;
        *immutable* | *immutability* | *"already exists"* | *"cannot be overwritten"*)
            # The registry has let us in; if the tag holds this very image, an earlier pod has pushed it.
            if settled; then
                hint=settled
                return
            fi
            fail "$LASTING" "the tag is there with another image and must not be moved: choose another tag" ;;
        *MANIFEST_UNKNOWN* | *"manifest unknown"*)
            fail "$LASTING" "there is no such tag or digest in that repository: correct the reference" ;;
        *NAME_UNKNOWN* | *"name not known"* | *"does not exist"* | *"not found"* | *"404 Not Found"*)
            fail "$LASTING" "there is no repository $repository: create it first, or correct $repository_key" ;;
        *UNAUTHORIZED* | *"401 Unauthorized"* | *unauthorized* | *"authentication required"* | *"incorrect username or password"*)
            unauthorized "$1" ;;
        *DENIED* | *denied* | *"403 Forbidden"* | *forbidden*)
            case $CREDENTIALS in
                secret | anonymous)
                    fail "$LASTING" "the registry knows the user but does not allow this in $repository: give it permission, or correct $repository_key" ;;
                token)
                    hint="the ServiceAccount may not push to $repository: it needs the role system:image-builder in the project of that name" ;;
                *)
                    if grep -q "$NO_GOOGLE_IDENTITY" "$said"; then
                        hint="krane asked anonymously, as the metadata server gave it no identity: the ServiceAccount must be allowed to act as its Google service account; new permissions take up to some minutes to work"
                        return
                    fi
                    hint="the identity may not do this in $repository: check its role or permission; new ones take up to some minutes to work" ;;
            esac ;;
        *UNSUPPORTED* | *MANIFEST_INVALID* | *NAME_INVALID* | *TAG_INVALID*)
            fail "$LASTING" "the registry does not take such a name or image: check $repository_key against its rules" ;;
        *"no such host"* | *"server misbehaving"*)
            hint="the name $host does not resolve inside the cluster: correct $host_key, or the cluster's DNS" ;;
        *"connection refused"* | *"no route to host"* | *"network is unreachable"*)
            hint="nothing answers at $host: check its port, the network policies of the namespace and the registry itself" ;;
        *timeout* | *"deadline exceeded"*)
            hint="$host does not answer in time: check network policies, firewall and proxy between the pods and the registry" ;;
        *)
            hint="see the registry's own words above, and its log" ;;
    esac
}

# unauthorized WORDS: the registry wants to know who asks, or does not believe it.
unauthorized() {
    if [ "$host" != "$PUSH_HOST" ]; then
        fail "$LASTING" "$host wants a login for $repository (or has it not): take a source that everyone may read, or the type docker-secret with an entry for both hosts"
    fi
    case $CREDENTIALS in
        secret)
            fail "$LASTING" "the registry refuses user or password: check registry.authentication (is the token expired, does it belong to this user?)" ;;
        anonymous)
            fail "$LASTING" "the registry wants a login, and registry.authentication is none" ;;
        file)
            hint="the registry saw no valid login. krane asks anonymously when the cloud refuses its key: check the key and its permissions; a new key takes some seconds to work" ;;
        token)
            case $1 in
                # OpenShift's endpoint for tokens asks no more than whose they are.
                */openshift/token*)
                    hint="the registry does not take the ServiceAccount's token: check that it asks this cluster's API server about tokens" ;;
                # OpenShift's registry says the same to a token that it does not know and to a ServiceAccount that may not.
                *)
                    hint="the registry does not take the ServiceAccount's token for $repository: the ServiceAccount needs the role system:image-builder in the project of that name; if it has it, check that the registry asks this cluster's API server about tokens" ;;
            esac ;;
        *)
            hint="the registry saw no valid identity. krane asks anonymously when it gets no token from the cloud: check the ServiceAccount's annotations, the pod's labels and the trust" ;;
    esac
}

# log_in: what must stand ready before the first call.
log_in() {
    : >"$said"
    if [ "$INSECURE" = true ]; then
        flags=--insecure
    else
        # For private addresses and .localhost names krane tries plain http beside https, and would send the password there. A proxy that
        # is not there closes that way; the clouds' metadata services, which only speak plain http, stay reachable.
        HTTP_PROXY=http://127.0.0.1:9
        NO_PROXY=169.254.169.254,169.254.170.23,169.254.170.2,fd00:ec2::23,fd00:ec2::254,metadata.google.internal${NO_PROXY:+,$NO_PROXY}
        export HTTP_PROXY NO_PROXY
    fi
    case $CREDENTIALS in
        secret)
            # krane turns everything that goes wrong with credentials into an anonymous attempt: look before pushing.
            if ! "$KRANE" auth get "$PUSH_HOST" >/dev/null 2>"$said"; then
                fail "$LASTING" "the mounted pull secret has no credentials for $PUSH_HOST; add an entry for exactly this host (with its port) to .dockerconfigjson"
            fi ;;
        token)
            if [ ! -s "$LOGIN_TOKEN" ]; then
                fail "$PASSING" "the pod got no token of its ServiceAccount"
            fi
            # printf belongs to the shell, so the token is in no process's arguments.
            login=$({ printf '%s:' "$LOGIN_USER" && cat "$LOGIN_TOKEN"; } | base64 | tr -d '\n')
            printf '{"auths":{"%s":{"auth":"%s"}}}' "$PUSH_HOST" "$login" >"$DOCKER_CONFIG/config.json"
            login= ;;
    esac
}
