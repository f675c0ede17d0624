# shellcheck shell=bash
# The parts the demo runs on: a chain, a registry, a repository, keys. All real, all on loopback, all below
# one folder, all ended with it.

# No command of the story may take longer, in seconds.
readonly DEMO_COMMAND_LIMIT=300
# No part may take longer to answer after it was started, in seconds.
readonly DEMO_START_LIMIT=60
readonly DEMO_BUILDERS=(ada bo cy)

world_pids=() endpoint_pids=()

# world_begin: a folder, the programs, a chain, a registry and keys for everybody.
world_begin() {
    mkdir -p -- "$SEED_CACHE/demo"
    world=$(mktemp -d -- "$SEED_CACHE/demo/run.XXXXXX")
    demo_logs=$world/log
    mkdir -- "$demo_logs" "$world/keys"
    local bin=${CARGO_TARGET_DIR:-$SEED_ROOT/target}/debug
    builder=$bin/seed-builder aggregator=$bin/seed-aggregator xtask=$bin/xtask
    liar=$bin/seed-liar forge=$bin/seed-forge
    verify=${SEED_VERIFY:-$bin/seed-verify}
    start_chain
    start_endpoints
    start_registry
    make_keys
    make_repository
}

# start NAME COMMAND…: runs COMMAND in the background with its words in $world/NAME.log.
start() {
    local name=$1
    shift
    : >"$world/$name.log"
    "$@" >>"$world/$name.log" 2>&1 </dev/null &
    world_pids+=("$!")
}

# await NAME PATTERN: waits until PATTERN (one group) is in $world/NAME.log and prints the group.
await() {
    local deadline=$((SECONDS + DEMO_START_LIMIT)) pid=${world_pids[-1]}
    while ((SECONDS < deadline)); do
        if [[ $(<"$world/$1.log") =~ $2 ]]; then
            printf '%s' "${BASH_REMATCH[1]}"
            return
        fi
        kill -0 "$pid" 2>/dev/null || break
        read -rt 0.05 <> <(:) || true
    done
    tail -n 5 -- "$world/$1.log" >&2
    die "$1 did not start"
}

start_chain() {
    start chain "$SEED_ANVIL" --host 127.0.0.1 --port 0 --slots-in-an-epoch 1 --mixed-mining --block-time 1
    rpc=http://127.0.0.1:$(await chain 'Listening on 127\.0\.0\.1:([0-9]+)')
    # The first account anvil funds pays for everything; its key is public knowledge.
    grep -oE -m 1 '0x[0-9a-f]{64}' "$world/chain.log" >"$world/keys/gas"
    chmod 600 -- "$world/keys/gas"
    tell "chain      anvil at $rpc"
}

# Three endpoints of the one chain, each behind a process of its own; a network would have three operators.
start_endpoints() {
    local name
    for name in alpha beta gamma; do
        start "$name" "$liar" --upstream "$rpc"
        printf -v "$name" 'http://127.0.0.1:%s' "$(await "$name" 'listening on http://127\.0\.0\.1:([0-9]+)')"
        endpoint_pids+=("${world_pids[-1]}")
    done
    tell "endpoints  $alpha $beta $gamma"
}

start_registry() {
    mkdir -- "$world/registry"
    cat >"$world/registry.yml" <<CONFIG
version: 0.1
log: {level: info, formatter: text}
storage: {filesystem: {rootdirectory: $world/registry}, delete: {enabled: true}}
http: {addr: "127.0.0.1:0"}
CONFIG
    start registry "$SEED_REGISTRY" serve "$world/registry.yml"
    registry=127.0.0.1:$(await registry 'listening on 127\.0\.0\.1:([0-9]+)')
    tell "registry   docker-registry at $registry"
}

make_keys() {
    local name
    for name in "${DEMO_BUILDERS[@]}"; do
        head -c 24 /dev/urandom | base64 >"$world/keys/$name.password"
        "$builder" key new --password-file "$world/keys/$name.password" "$world/keys/$name.json" >"$world/keys/$name.address"
    done
}

# The project's repository: the bootstrap example, with fixed names and dates, so that its commits are the
# same on every machine.
make_repository() {
    repository=$world/repository
    cp -R -- "$SEED_ROOT/examples/bootstrap" "$repository"
    git_here init --quiet --initial-branch main
    commit_all "2026-01-01T00:00:00Z" "first"
    tell "source     $(git_here rev-parse HEAD), a copy of examples/bootstrap"
}

git_here() {
    env -u GIT_DIR -u GIT_WORK_TREE GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null \
        git -C "$repository" "$@"
}

# commit_all DATE MESSAGE
commit_all() {
    git_here add --all
    GIT_AUTHOR_NAME=demo GIT_AUTHOR_EMAIL=demo@example.org GIT_AUTHOR_DATE=$1 \
        GIT_COMMITTER_NAME=demo GIT_COMMITTER_EMAIL=demo@example.org GIT_COMMITTER_DATE=$1 \
        git_here commit --quiet --message "$2"
}

# world_keep: leaves everything running until the user has had enough.
world_keep() {
    write_names
    ln -sfn -- "$world" "$SEED_CACHE/demo/kept"
    chapter "Everything is still there"
    cat <<KEPT
  chain     $rpc, behind three endpoints
  registry  http://$registry/v2/demo/main/tags/list

  In another terminal:

    cd $(printf %q "$SEED_CACHE")/demo/kept
    . ./names.sh
    seed-verify --chain --policy policy.toml \$image
    seed-verify --chain --policy policy.toml --deep --output json \$old_image
    seed-verify record --policy policy.toml \$release
    seed-verify --explain rules-unknown

  README.md goes on from there, also to what is refused and why.

KEPT
    if [[ -t 0 ]]; then
        say "  Press Enter to end chain and registry and to remove what was made."
    else
        say "  Ends, and removes what was made, when a line comes in or process $$ is ended."
    fi
    # Without anybody to press Enter, until the chain ends or a signal comes.
    read -r || wait "${world_pids[0]}" || true
}

# write_names: what was made, by names to paste; for any shell that reads assignments.
write_names() {
    {
        printf 'PATH=%q:$PATH\n' "$(dirname -- "$verify")"
        printf '%s=%q\n' image "$second_image" old_image "$first_image" lie "$(image_of second cy)" \
            locator second.locator layer "$(blob_file "$(layer_of "$second_image")")" \
            release "$(grep -oE -m 1 '0x[0-9a-f]{64}' "$world/ada-second.out")" \
            alpha_pid "${endpoint_pids[0]}" beta_pid "${endpoint_pids[1]}" gamma_pid "${endpoint_pids[2]}"
    } >"$world/names.sh"
}

# world_end: ends every part and removes the folder.
world_end() {
    trap '' INT TERM
    local pid
    for pid in "${world_pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${world_pids[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    world_pids=()
    [[ -n ${world-} && -d $world ]] || return 0
    [[ ! $SEED_CACHE/demo/kept -ef $world ]] || rm -f -- "$SEED_CACHE/demo/kept"
    chmod -R u+w -- "$world" 2>/dev/null || true
    rm -rf -- "$world"
}
