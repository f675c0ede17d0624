# shellcheck shell=bash
# Container tools from Debian's packages, unpacked, and run in a root of their own: each sees the unpacked
# files as `/`, this machine's /dev and /sys, the folder of the run as /bench, and no network unless --share-net is said.

# The folder of the run, and the store path of the seed in it; set by scripts/runtimes.
place=${place-} seed=${seed-}

readonly RUNTIME_PACKAGES=(skopeo umoci buildah runc crun bubblewrap podman conmon golang-github-containers-common)

make_runtimes() {
    local suite key folder debs
    suite=$(own_suite)
    key="${RUNTIME_PACKAGES[*]} of $suite, with a user, layout $DEBIAN_LAYOUT"
    ! stamped runtimes "$key" || return 0
    debs=$(fetch_packages "$suite" "${RUNTIME_PACKAGES[@]}")
    new_folder folder runtimes
    unpack_packages "$debs" "$folder/tree"
    mkdir -p -- "$folder/tree/etc/containers" "$folder/tree/var/tmp" "$folder/tree/bench"
    # Which images to trust is not what is tested here.
    printf '{"default":[{"type":"insecureAcceptAnything"}]}\n' >"$folder/tree/etc/containers/policy.json"
    # buildah wants to know who it is.
    printf 'root:x:0:0:root:/run:/bin/false\n' >"$folder/tree/etc/passwd"
    stamp "$folder" "$key"
    publish "$folder" runtimes
}

setup_runtimes() { step "unpacking container tools" runtimes locked make_runtimes; }

# sandbox ARG…: bubblewrap with ARG….
sandbox() { run_unpacked "$SEED_CACHE/runtimes/tree" bwrap --die-with-parent --unshare-net --unshare-pid "$@"; }

# runtime_tool PROGRAM [ARG…]: a container tool, with the folder of the run as /bench.
runtime_tool() {
    sandbox --bind "$SEED_CACHE/runtimes/tree" / --dev-bind /dev /dev --proc /proc --bind /sys /sys \
        --tmpfs /tmp --tmpfs /run --bind "$place" /bench --chdir /bench --cap-add ALL --clearenv \
        --setenv PATH /usr/sbin:/usr/bin:/sbin:/bin --setenv HOME /run "$@" </dev/null
}

run_podman() {
    runtime_tool podman --root /bench/podman --runroot /bench/podman-run --cgroup-manager cgroupfs \
        --events-backend none --storage-driver vfs --runtime /usr/sbin/runc "$@"
}

# accepts WHAT COMMAND…: COMMAND succeeds and says nothing that sounds like a warning.
accepts() {
    local what=$1 rc=0
    shift
    "$@" >"$place/said" 2>&1 || rc=$?
    if ((rc != 0)) || grep -qiE 'warn|error|deprecat|unknown|invalid|level=' "$place/said"; then
        cat -- "$place/said" >&2
        die "$what: exit $rc, or words that are no praise"
    fi
    say "ok       $what"
}

# build_images: the example's seed in both encodings, as layouts $place/tar and $place/zstd.
build_images() {
    local builder=${CARGO_TARGET_DIR:-$SEED_ROOT/target}/debug/seed-builder commit form
    cp -r -- "$SEED_ROOT/examples/bootstrap" "$place/repository"
    git -C "$place/repository" init -q -b main
    git -C "$place/repository" add -A
    git -C "$place/repository" -c user.name=test -c user.email=test@example.org commit -qm example
    commit=$(git -C "$place/repository" rev-parse HEAD)
    "$builder" key new "$place/key" --development >/dev/null
    for form in tar tar+zstd; do
        "$builder" run --development --state "$place/state" --nix "$SEED_NIX" --source "$place/repository" \
            --source-uri https://git.example/acme/boot --commit "$commit" --system x86_64-linux \
            --dev-key-file "$place/key" --chain-id 31337 --compression "$form" --tag seed \
            --ledger 0x00000000000000000000000000000000000000aa \
            --rules 0x00000000000000000000000000000000000000bb \
            --allow-seed "sha256:$(sha256sum "$place/repository/seed" | cut -d ' ' -f 1)" \
            --publish "oci:$place/${form#*+}" --out "$place/attestation-${form#*+}.json"
    done
}

# The two commands that build the example's project with the seed and nothing else, as folders see it.
# project_commands FOLDER: prints one command a line.
project_commands() {
    printf '%s\n' "$seed/bin/cat $1/tally.bc $seed/lib/lib.bc $1/joined.bc" "$seed/bin/cc $1/joined.bc $1/tally"
}

# fresh_out NAME: an empty folder with the project's source.
fresh_out() {
    mkdir -- "$place/$1"
    cp -- "$SEED_ROOT/examples/bootstrap/project/tally.bc" "$place/$1/"
}

# with_bundle RUNTIME COMMAND…: the project built in the unpacked bundle by COMMAND, which is RUNTIME as runc is called.
with_bundle() {
    local runtime=$1 line words
    shift
    fresh_out "$runtime"
    rm -f -- "$place/bundle/rootfs/tmp/joined.bc" "$place/bundle/rootfs/tmp/tally"
    while read -r line; do
        words=${line// /\",\"}
        sed -z -E -i "s#\"args\": *\[[^]]*\]#\"args\":[\"$words\"]#; s#\"terminal\": *true#\"terminal\":false#" \
            "$place/bundle/config.json"
        accepts "$runtime: ${line##*/bin/}" runtime_tool "$@" --root "/run/$runtime" run --bundle /bench/bundle seed
    done < <(project_commands /tmp)
    cp -- "$place/bundle/rootfs/tmp/tally" "$place/$runtime/tally"
}

with_runc() { with_bundle runc runc; }

# crun starts on no machine that has both generations of control groups. Where this is one, it is shown the second alone;
# it needs neither.
with_crun() {
    local hide=() both=/sys/fs/cgroup/unified
    [[ ! -d $both ]] || hide=(--bind "$both" /sys/fs/cgroup)
    with_bundle crun "${hide[@]}" crun --cgroup-manager=disabled
}

with_bwrap() {
    local line
    fresh_out bwrap
    while read -r line; do
        # shellcheck disable=SC2086
        accepts "bwrap: ${line##*/bin/}" sandbox --ro-bind "$place/bundle/rootfs" / --proc /proc --dev /dev \
            --bind "$place/bwrap" /tmp --clearenv $line
    done < <(project_commands /tmp)
}

with_podman() {
    local line words image
    fresh_out podman-out
    image=$(run_podman images --quiet --no-trunc | sort -u | head -n 1)
    while read -r line; do
        read -ra words <<<"$line"
        accepts "podman: ${line##*/bin/}" run_podman run --rm --pull never --network none \
            --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 --volume /bench/podman-out:/tmp \
            --entrypoint "${words[0]}" "${image#sha256:}" "${words[@]:1}"
    done < <(project_commands /tmp)
}
