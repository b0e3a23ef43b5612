# shellcheck shell=sh
# What the builder Job's modes share: how krane runs and logs in, and how a failure is reported. The other scripts read this file;
# it is never run.
#
# Needs only a POSIX shell, busybox and krane. Credentials come from files or from the pod's own identity, never from arguments or
# variables.
#
# In:   PUSH_HOST REPOSITORY                where to push
#       CREDENTIALS                         anonymous | secret | file | token | identity
#       LOGIN_SECRET                        secret: its name, if the stack did not create it
#       LOGIN_USER LOGIN_TOKEN              token: the user's name, and the file with the token
#       DOCKER_CONFIG                       directory of the client's config.json; writable with token, else as mounted
#       INSECURE                            true: plain http or an unverified certificate is allowed
#       ATTEMPTS                            attempts in a row without progress, with 1, 2, 4 ... 30 seconds between them
#       CALL_SECONDS                        limit of one call of krane, in seconds
#       HOME                                a writable directory
# Out:  the termination message: the result given to finish; or the registry's answer and a hint
# Exit: 0 done; 1 failed: another pod would fail as well. What may be temporary is tried again here.
#
# The shell is the container's first process: the kernel delivers it only signals that it has a trap for. A shell runs a trap
# between two commands or while it waits. So whatever may take long runs in the background, and the shell waits.

set -eu
umask 077

KRANE=${KRANE:-krane}
MESSAGE=${MESSAGE:-/dev/termination-log}
CALL_SECONDS=${CALL_SECONDS:-30}
NO_GOOGLE_IDENTITY="gcloud binary not found"
CHANGED_ON_THE_WAY="something between this pod and the registry changes images (a proxy, a scanner); exempt this registry from it"

errors=$HOME/errors
output=$HOME/output
flags=
# The action, for the first line of a failure; the registry that it uses, and the key in the stack file that sets that registry.
action="The push to $PUSH_HOST/$REPOSITORY"
host=$PUSH_HOST
host_key=registry.pushHost
repository=$REPOSITORY
repository_key=registry.repository
# Of the last failed attempt: the registry's answer, and what to do.
answer=
hint=
# The background process that the shell waits for.
background=
# The log, also where a function's standard output is redirected.
exec 3>&1

log() {
    printf '%s\n' "$*"
}

# finish RESULT: ends the pod with success; RESULT is its termination message.
finish() {
    printf '%s' "$1" >"$MESSAGE" || true
    log "$1"
    exit 0
}

# registry_answer: $errors without krane's own lines: its progress, and what its keychain for Google prints whenever it continues
# without an identity. Fails where nothing is left.
registry_answer() {
    grep -v -e "$NO_GOOGLE_IDENTITY" -e '^[0-9/]* [0-9:]* Copying from ' -e '^[0-9/]* [0-9:]* \(existing\|mounted\|pushed\) ' "$errors"
}

# fail HINT: ends the pod with the registry's answer, which is in the file $errors, and what to do.
fail() {
    trap '' TERM
    {
        printf '%s failed.\n' "$action"
        if registry_answer >"$HOME/answer"; then
            printf 'registry: '
            tail -n 3 "$HOME/answer" | cut -c 1-1200
        fi
        printf 'hint: %s\n' "$1"
    } >"$HOME/message"
    cat "$HOME/message" >&3
    head -c 4000 "$HOME/message" >"$MESSAGE" || true
    exit 1
}

# terminated: the cluster ends the pod, because the Job's time is over or the node is needed for another pod.
terminated() {
    [ -z "$background" ] || kill "$background" 2>/dev/null || true
    [ -s "$errors" ] || log "$answer" >"$errors"
    fail "${hint:+$hint; }the cluster ended the pod before this was finished: if the Job's time was over, raise builder.timeoutSeconds"
}
trap terminated TERM

# run_interruptibly COMMAND ARGUMENTS: runs a command that does not delay the end of the pod.
run_interruptibly() {
    "$@" &
    background=$!
    code=0
    wait "$background" || code=$?
    background=
    return "$code"
}

# run_krane ARGUMENTS: runs krane for at most CALL_SECONDS, its standard error in the file $errors.
run_krane() {
    # $flags is one word or none.
    # shellcheck disable=SC2086
    run_interruptibly timeout "$CALL_SECONDS" "$KRANE" "$@" $flags 2>"$errors" && return 0
    if [ "$code" -eq 143 ] || [ "$code" -eq 124 ]; then
        printf 'no answer within %s seconds: timeout\n' "$CALL_SECONDS" >>"$errors"
    fi
    return "$code"
}

# probe ARGUMENTS: runs krane once, and keeps the standard error of the call before.
probe() {
    errors=$HOME/probe
    code=0
    run_krane "$@" || code=$?
    errors=$HOME/errors
    return "$code"
}

# already_pushed: whether an immutable tag already holds what is pushed. A mode that knows defines its own function.
already_pushed() {
    return 1
}

# progressed: whether the call of krane that just failed made progress that the next call need not repeat. A mode that knows defines
# its own function.
progressed() {
    return 1
}

# find_registry ANSWER: sets the registry that gave the answer, where a call uses two registries. A mode with such calls defines its
# own function.
find_registry() {
    :
}

# retry_krane ARGUMENTS: runs krane, its standard output in the file $output, until it succeeds. Ends the pod when another attempt
# cannot help, or after ATTEMPTS attempts in a row without progress.
retry_krane() {
    attempt=1
    pause=1
    until run_krane "$@" >"$output"; do
        answer=$(registry_answer | tr '\n' ' ')
        log "attempt $attempt of $ATTEMPTS failed: $answer"
        if progressed; then
            # A registry that accepts a login first and rejects it later has let it expire: each call of krane logs in again. The
            # Job's own time limits the number of calls.
            attempt=0
            pause=1
        else
            hint=
            find_registry "$answer"
            diagnose "$answer"
            if [ "$hint" = already_pushed ]; then
                hint=
                break
            fi
            if [ "$attempt" -ge "$ATTEMPTS" ]; then
                fail "$hint"
            fi
        fi
        run_interruptibly sleep "$pause"
        attempt=$((attempt + 1))
        pause=$((pause * 2))
        [ "$pause" -le 30 ] || pause=30
    done
}

# read_back COMMAND ARGUMENTS: runs a function that reads what was pushed, until it succeeds. Ends the pod after ATTEMPTS attempts.
read_back() {
    attempt=1
    until "$@"; do
        if grep -q "does not match requested digest" "$errors"; then
            fail "the registry returns another image than the one that was pushed: $CHANGED_ON_THE_WAY"
        fi
        if [ "$attempt" -ge "$ATTEMPTS" ]; then
            fail "the push succeeded, but the image cannot be read back: the identity needs pull permission as well (Mendix's build reads before it pushes), and no one else may use this tag"
        fi
        log "attempt $attempt of $ATTEMPTS to read it back failed: $(registry_answer | tr '\n' ' ')"
        run_interruptibly sleep "$attempt"
        attempt=$((attempt + 1))
    done
}

# diagnose ANSWER: finds the cause in the registry's answer. Ends the pod where another attempt cannot help, else sets $hint;
# "already_pushed" means that nothing is left to push.
diagnose() {
    case $1 in
        *x509*authority*)
            fail "the registry's certificate is signed by an authority that is not known here: put its certificate into registry.transport.caCertificate" ;;
        *x509*)
            fail "the registry's certificate is not valid for $host ($host_key): compare its names and dates" ;;
        *"server gave HTTP response to HTTPS client"* | *"does not look like a TLS handshake"* | *"proxyconnect"* | *"127.0.0.1:9"*)
            fail "the registry serves plain http, and this stack requires https: serve it by https, or, in a test cluster, set registry.transport.insecure: true" ;;
        *TOOMANYREQUESTS* | *toomanyrequests* | *"429 Too Many Requests"* | *"status code 429"*)
            # Each attempt counts again, but the limits of most registries are for a minute or less.
            hint="the registry limits the number of requests (HTTP 429): wait and run the same command again, use a login where requests are anonymous, or have the limit raised" ;;
        *immutable* | *immutability* | *"already exists"* | *"cannot be overwritten"*)
            # The registry has accepted the login. If the tag holds exactly this image, an earlier pod has pushed it.
            if already_pushed; then
                hint=already_pushed
                return
            fi
            fail "the tag exists with another image and is immutable: choose another tag" ;;
        *MANIFEST_UNKNOWN* | *"manifest unknown"*)
            fail "the repository does not have this tag or digest: correct $repository_key" ;;
        *NAME_UNKNOWN* | *"name not known"* | *"does not exist"* | *"not found"* | *"404 Not Found"*)
            fail "the repository $repository does not exist: create it first, or correct $repository_key" ;;
        *UNAUTHORIZED* | *"401 Unauthorized"* | *unauthorized* | *"authentication required"* | *"incorrect username or password"*)
            unauthorized "$1" ;;
        *DENIED* | *denied* | *"403 Forbidden"* | *forbidden*)
            case $CREDENTIALS in
                secret | anonymous)
                    fail "the registry does not allow this in $repository: give the user permission, or correct $repository_key" ;;
                token)
                    hint="the ServiceAccount may not push to $repository: it needs the role system:image-builder in the project of that name" ;;
                *)
                    if grep -q "$NO_GOOGLE_IDENTITY" "$errors"; then
                        hint="the metadata server gave krane no identity, so krane asked anonymously: allow the ServiceAccount to act as its Google service account; a new permission can need some minutes"
                        return
                    fi
                    hint="the identity may not do this in $repository: check its role or permission; a new one can need some minutes" ;;
            esac ;;
        *UNSUPPORTED* | *MANIFEST_INVALID* | *NAME_INVALID* | *TAG_INVALID*)
            fail "the registry rejects this name or image: check $repository_key against its rules" ;;
        *"no such host"* | *"server misbehaving"*)
            hint="the name $host does not resolve inside the cluster: correct $host_key, or the cluster's DNS" ;;
        *"connection refused"* | *"no route to host"* | *"network is unreachable"*)
            hint="nothing answers at $host: check its port, the network policies of the namespace and the registry itself" ;;
        *timeout* | *"deadline exceeded"*)
            hint="$host does not answer in time: check network policies, firewall and proxy between the pods and the registry" ;;
        *)
            hint="the cause is not known here: read the registry's answer above, and its log" ;;
    esac
}

# unauthorized ANSWER: the registry requires a login, or rejects it.
unauthorized() {
    if [ "$host" != "$PUSH_HOST" ]; then
        fail "$host requires a login for $repository, or does not have it: use a source that everyone may read, or the type docker-secret with an entry for both hosts"
    fi
    case $CREDENTIALS in
        secret)
            if [ -n "${LOGIN_SECRET:-}" ]; then
                server=$host
                # The key of Docker Hub is an address.
                [ "$server" != index.docker.io ] || server=https://index.docker.io/v1/
                fail "the registry rejects the login in the Secret $LOGIN_SECRET (expired, or of another user): create it again with 'kubectl create secret docker-registry $LOGIN_SECRET --docker-server=$server --docker-username=USER --docker-password=TOKEN --dry-run=client -o yaml | kubectl apply -f -' in this namespace, or with the tool that manages it, and run the same command again"
            fi
            fail "the registry rejects user or password: check registry.authentication (is the token expired, does it belong to this user?)" ;;
        anonymous)
            fail "the registry requires a login, and registry.authentication is none: give username and password there" ;;
        file)
            hint="the registry received no valid login, because krane asks anonymously when the cloud rejects its key: check the key and its permissions; a new key can need some seconds" ;;
        token)
            case $1 in
                # OpenShift's endpoint for tokens only authenticates: it checks no permission.
                */openshift/token*)
                    hint="the registry rejects the ServiceAccount's token: check that it verifies tokens with this cluster's API server" ;;
                # OpenShift's registry gives the same answer to an unknown token and to a ServiceAccount without permission.
                *)
                    hint="the registry rejects the ServiceAccount's token for $repository: the ServiceAccount needs the role system:image-builder in the project of that name; if it has it, check that the registry verifies tokens with this cluster's API server" ;;
            esac ;;
        *)
            hint="the registry received no valid identity, because krane asks anonymously when it gets no token from the cloud: check the ServiceAccount's annotations, the pod's labels and the trust" ;;
    esac
}

# log_in: prepares transport and credentials for the first call.
log_in() {
    : >"$errors"
    if [ "$INSECURE" = true ]; then
        flags=--insecure
    else
        # For private addresses and .localhost names krane tries plain http as well as https, and would send the password there. A
        # proxy that does not exist prevents that. The clouds' metadata services, which have only plain http, stay reachable.
        HTTP_PROXY=http://127.0.0.1:9
        NO_PROXY=169.254.169.254,169.254.170.23,169.254.170.2,fd00:ec2::23,fd00:ec2::254,metadata.google.internal${NO_PROXY:+,$NO_PROXY}
        export HTTP_PROXY NO_PROXY
    fi
    case $CREDENTIALS in
        secret)
            # Whatever is wrong with credentials, krane continues anonymously: check them before the push.
            if ! "$KRANE" auth get "$PUSH_HOST" >/dev/null 2>"$errors"; then
                fail "the mounted pull secret has no credentials for $PUSH_HOST: add an entry for exactly this host (with its port) to .dockerconfigjson"
            fi ;;
        token)
            if [ ! -s "$LOGIN_TOKEN" ]; then
                fail "the pod has no token of its ServiceAccount: see its events with 'kubectl describe pod'"
            fi
            # printf belongs to the shell, so the token is in no process's arguments.
            login=$({ printf '%s:' "$LOGIN_USER" && cat "$LOGIN_TOKEN"; } | base64 | tr -d '\n')
            printf '{"auths":{"%s":{"auth":"%s"}}}' "$PUSH_HOST" "$login" >"$DOCKER_CONFIG/config.json"
            login= ;;
    esac
}
