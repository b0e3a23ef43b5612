# shellcheck shell=sh
# What the builder Job's modes share: how krane is run, how it logs in, and how a failure is told. Read by the other scripts, never run.
#
# Needs only a POSIX shell, busybox and krane. Credentials come from files or from the pod's own identity, never from arguments or
# variables.
#
# In:   PUSH_HOST REPOSITORY                where to push
#       CREDENTIALS                         anonymous | secret | file | token | identity
#       LOGIN_SECRET                        secret: its name, if the stack has not made it
#       LOGIN_USER LOGIN_TOKEN              token: the user's name, and the file with the token
#       DOCKER_CONFIG                       directory of the client's config.json; writable with token, else as mounted
#       INSECURE                            true: plain http or an unverified certificate is allowed
#       ATTEMPTS                            tries of a call that bring nothing, with 1, 2, 4 ... 30 seconds between them
#       CALL_SECONDS                        most seconds of one call of krane
#       HOME                                a writable directory
# Out:  the termination message: what finish was given; or the registry's words and a hint
# Exit: 0 done; 1 failed: another pod would fail, too. What may pass is tried again here.
#
# The shell is the container's first process, which gets no signal that it does not ask for; and it asks only between two commands or
# while it waits. So whatever may take long runs beside it, and the shell waits.

set -eu
umask 077

KRANE=${KRANE:-krane}
MESSAGE=${MESSAGE:-/dev/termination-log}
CALL_SECONDS=${CALL_SECONDS:-30}
NO_GOOGLE_IDENTITY="gcloud binary not found"

said=$HOME/said
heard=$HOME/heard
flags=
# What is being done, for the first line of a failure; with which registry, and where that is set.
doing="The push to $PUSH_HOST/$REPOSITORY"
host=$PUSH_HOST
host_key=registry.pushHost
repository=$REPOSITORY
repository_key=registry.repository
# What the last try that failed brought: the registry's words, and what to do about them.
words=
hint=
# The process that the shell waits for.
beside=
# The log, also where a function's output goes elsewhere.
exec 3>&1

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

# fail HINT: ends the pod with the registry's own words, taken from the file $said, and what to do about them.
fail() {
    trap '' TERM
    {
        printf '%s failed.\n' "$doing"
        if registry_says >"$HOME/words"; then
            printf 'registry: '
            tail -n 3 "$HOME/words" | cut -c 1-1200
        fi
        printf 'hint: %s\n' "$1"
    } >"$HOME/message"
    cat "$HOME/message" >&3
    head -c 4000 "$HOME/message" >"$MESSAGE" || true
    exit 1
}

# ended: the cluster ends the pod, because the Job's time is over or the node is wanted for something else.
ended() {
    [ -z "$beside" ] || kill "$beside" 2>/dev/null || true
    [ -s "$said" ] || say "$words" >"$said"
    fail "${hint:+$hint; }the cluster ended the pod before this was done: if the Job's time was over, raise builder.timeoutSeconds"
}
trap ended TERM

# waiting COMMAND ARGUMENTS: runs a command; the pod can be ended meanwhile.
waiting() {
    "$@" &
    beside=$!
    code=0
    wait "$beside" || code=$?
    beside=
    return "$code"
}

# krane_says ARGUMENTS: runs krane for at most CALL_SECONDS; what it says on standard error goes to the file $said.
krane_says() {
    # $flags is one word or none.
    # shellcheck disable=SC2086
    waiting timeout "$CALL_SECONDS" "$KRANE" "$@" $flags 2>"$said" && return 0
    if [ "$code" -eq 143 ] || [ "$code" -eq 124 ]; then
        printf 'no answer within %s seconds: timeout\n' "$CALL_SECONDS" >>"$said"
    fi
    return "$code"
}

# aside ARGUMENTS: runs krane once, and leaves alone what was said before.
aside() {
    said=$HOME/aside
    code=0
    krane_says "$@" || code=$?
    said=$HOME/said
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
                hint=
                break
            fi
            if [ "$attempt" -ge "$ATTEMPTS" ]; then
                fail "$hint"
            fi
        fi
        waiting sleep "$pause"
        attempt=$((attempt + 1))
        pause=$((pause * 2))
        [ "$pause" -le 30 ] || pause=30
    done
}

# read_back COMMAND ARGUMENTS: runs one of these functions until it succeeds, to see what was pushed as others see it. Ends the pod after
# ATTEMPTS tries.
read_back() {
    attempt=1
    until "$@"; do
        if grep -q "does not match requested digest" "$said"; then
            fail "the registry gives back something else than was pushed: something between here and the registry changes images"
        fi
        if [ "$attempt" -ge "$ATTEMPTS" ]; then
            fail "the push went well, but the image cannot be read back as it was pushed: the identity needs pull permission, too (Mendix's build reads before it pushes), and nobody else may use this tag"
        fi
        say "attempt $attempt of $ATTEMPTS to read it back failed: $(registry_says | tr '\n' ' ')"
        waiting sleep "$attempt"
        attempt=$((attempt + 1))
    done
}

# judge WORDS: what the registry's words mean. Ends the pod where trying again is useless, else sets $hint; "settled" means done.
judge() {
    case $1 in
        *x509*authority*)
            fail "the registry's certificate is signed by an authority that is not known here: put its certificate into registry.transport.caCertificate" ;;
        *x509*)
            fail "the registry's certificate does not fit: compare its names and dates with $host ($host_key)" ;;
        *"server gave HTTP response to HTTPS client"* | *"does not look like a TLS handshake"* | *"proxyconnect"* | *"127.0.0.1:9"*)
            fail "the registry speaks plain http, and https was decided for it: serve it by https, or set registry.transport.insecure: true for a test cluster" ;;
        *TOOMANYREQUESTS* | *toomanyrequests* | *"429 Too Many Requests"* | *"status code 429"*)
            # Each try would count again, but the limits of most registries are for a minute or less.
            hint="the registry limits how often it is asked (HTTP 429): wait and run the same command again, ask with a login where builds ask anonymously, or have the limit raised" ;;
        *immutable* | *immutability* | *"already exists"* | *"cannot be overwritten"*)
            # The registry has let us in; if the tag holds this very image, an earlier pod has pushed it.
            if settled; then
                hint=settled
                return
            fi
            fail "the tag is there with another image and must not be moved: choose another tag" ;;
        *MANIFEST_UNKNOWN* | *"manifest unknown"*)
            fail "there is no such tag or digest in that repository: correct $repository_key" ;;
        *NAME_UNKNOWN* | *"name not known"* | *"does not exist"* | *"not found"* | *"404 Not Found"*)
            fail "there is no repository $repository: create it first, or correct $repository_key" ;;
        *UNAUTHORIZED* | *"401 Unauthorized"* | *unauthorized* | *"authentication required"* | *"incorrect username or password"*)
            unauthorized "$1" ;;
        *DENIED* | *denied* | *"403 Forbidden"* | *forbidden*)
            case $CREDENTIALS in
                secret | anonymous)
                    fail "the registry knows the user but does not allow this in $repository: give it permission, or correct $repository_key" ;;
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
            fail "the registry does not take such a name or image: check $repository_key against its rules" ;;
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
        fail "$host wants a login for $repository (or has it not): take a source that everyone may read, or the type docker-secret with an entry for both hosts"
    fi
    case $CREDENTIALS in
        secret)
            if [ -n "${LOGIN_SECRET:-}" ]; then
                server=$host
                # The key of Docker Hub is an address.
                [ "$server" != index.docker.io ] || server=https://index.docker.io/v1/
                fail "the registry rejects the login in the Secret $LOGIN_SECRET (expired, or of another user): create it again with 'kubectl create secret docker-registry $LOGIN_SECRET --docker-server=$server --docker-username=USER --docker-password=TOKEN --dry-run=client -o yaml | kubectl apply -f -' in this namespace, or where it is made, and run the same command again"
            fi
            fail "the registry refuses user or password: check registry.authentication (is the token expired, does it belong to this user?)" ;;
        anonymous)
            fail "the registry wants a login, and registry.authentication is none" ;;
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
                fail "the mounted pull secret has no credentials for $PUSH_HOST; add an entry for exactly this host (with its port) to .dockerconfigjson"
            fi ;;
        token)
            if [ ! -s "$LOGIN_TOKEN" ]; then
                fail "the pod got no token of its ServiceAccount"
            fi
            # printf belongs to the shell, so the token is in no process's arguments.
            login=$({ printf '%s:' "$LOGIN_USER" && cat "$LOGIN_TOKEN"; } | base64 | tr -d '\n')
            printf '{"auths":{"%s":{"auth":"%s"}}}' "$PUSH_HOST" "$login" >"$DOCKER_CONFIG/config.json"
            login= ;;
    esac
}
