# shellcheck shell=bash
# The story the demo tells, in order. Every claim it makes is an outcome that is held against what was
# expected; everything else is set-up, and its failure ends the demo with 2.

readonly DEMO_SOURCE=https://example.org/demo/seed

tell_story() {
    chapter "A federation of three, two of whom must agree"
    deploy_federation main ada:us/cloud-a bo:ch/cloud-b cy:br/own-metal

    chapter "Release 1: everybody rebuilds it from a hex file of $(stat -c %s "$repository/seed") bytes, and everybody signs"
    first=$(git_here rev-parse HEAD)
    build_release main first ada bo cy
    sign_genesis main first ada bo cy
    expect "release 1 becomes the genesis of the ledger" 0 finalised \
        aggregate main first --wait-finalised
    first_image=$(image_of first ada)
    write_policy main policy.toml
    expect "seed-verify finds release 1 good" 0 verified verify_image policy.toml "$first_image"

    chapter "Release 2: a new commit, and a liar"
    edit_greeting "hello again, from the seed"
    commit_all "2026-01-02T00:00:00Z" "second"
    second=$(git_here rev-parse HEAD)
    build_release main second ada bo
    build_lie main second cy
    expect "release 2 is carried by the two who agree" 0 finalised aggregate main second --wait-finalised
    second_image=$(image_of second ada)
    expect "seed-verify finds release 2 good" 0 verified verify_image policy.toml "$second_image"
    expect "and every byte of its layers" 0 verified verify_image policy.toml --deep "$second_image"
    expect "the liar's image is not the release" 1 image-not-in-record lie_with_the_locator

    chapter "What is refused"
    refuse_registry_lies
    refuse_old_release
    refuse_lying_endpoint
    refuse_below_quorum
    refuse_unknown_rules
    refuse_dependent_genesis
}

# deploy_federation LEDGER NAME:JURISDICTION/INFRASTRUCTURE…: a ledger of its own.
deploy_federation() {
    local name=$1 one builder_name place
    shift
    for one in "$@"; do
        tell "$(printf '%-10s %s  %s' "${one%%:*}" "$(address_of "${one%%:*}")" "${one#*:}")"
    done
    {
        printf 'threshold = 2\nsystems = ["x86_64-linux"]\n'
        for one in "$@"; do
            builder_name=${one%%:*} place=${one#*:}
            printf '\n[[builders]]\nname = "%s"\naddress = "%s"\ndomains = ["jurisdiction %s", "infrastructure %s"]\n' \
                "$builder_name" "$(address_of "$builder_name")" "${place%%/*}" "${place#*/}"
        done
    } >"$world/$name-federation.toml"
    "$xtask" deploy --rpc "$rpc" --federation "$world/$name-federation.toml" --delay 1 \
        --out "$world/$name.json" >"$world/deploy-$name.log" 2>&1 || die "the contracts were not deployed" "see $world/deploy-$name.log"
    tell "ledger     $(deployed "$name" ledger) on chain $(deployed "$name" chainId)"
}

# deployed LEDGER FIELD
deployed() {
    node -e 'process.stdout.write(String(JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"))[process.argv[2]]))' \
        "$world/$1.json" "$2"
}

address_of() { grep -oE '0x[0-9a-f]{40}' -m 1 "$world/keys/$1.address"; }

# build_release LEDGER RELEASE NAME…: the builders rebuild the newest commit, each as a process of its own with
# its own key, stores and configuration, and publish what they found.
build_release() {
    local ledger=$1 release=$2 name pids=()
    shift 2
    for name in "$@"; do
        configure_builder "$ledger" "$release" "$name" "$repository" "$(git_here rev-parse HEAD)"
        build_one "$release" "$name" &
        pids+=("$!")
    done
    local failed=no
    with_ticker "$* rebuild release '$release'" await_all "${pids[@]}" || failed=yes
    if [[ $failed == yes ]]; then
        tail -n 6 -- "$world"/*-"$release".log >&2
        die "a builder failed to build release '$release'"
    fi
    for name in "$@"; do
        tell "$name with Nix $(nix_version_of "$name") says x86_64-linux is $(image_digest "$release" "$name")"
    done
}

# await_all PID…: waits for every one; fails if any did.
await_all() {
    local pid rc=0
    for pid in "$@"; do
        wait "$pid" || rc=1
    done
    return "$rc"
}

# The second builder uses the second Nix, where there is one.
nix_of() {
    if [[ $1 == bo && -n ${SEED_NIX_SECOND-} ]]; then
        printf '%s' "$SEED_NIX_SECOND"
    else
        printf '%s' "$SEED_NIX"
    fi
}

nix_version_of() { "$(nix_of "$1")" --version | grep -oE '[0-9.]+$'; }

# configure_builder LEDGER RELEASE NAME REPOSITORY COMMIT
configure_builder() {
    local folder=$world/$3
    mkdir -p -- "$folder"
    cat >"$folder/$2.toml" <<CONFIG
state = "state"
nix = "$(nix_of "$3")"
source = "$4"
source-uri = "$DEMO_SOURCE"
commit = "$5"
target = "seed"
system = ["x86_64-linux"]
keystore = "$world/keys/$3.json"
password-file = "$world/keys/$3.password"
development = true
chain-id = $(deployed "$1" chainId)
ledger = "$(deployed "$1" ledger)"
rules = "$(deployed "$1" rules)"
publish = ["$registry/demo/$1"]
allow-seed = ["sha256:$(sha256sum "$repository/seed" | cut -c 1-64)"]
out = "$2.attestation"
CONFIG
}

build_one() {
    "$builder" run --config "$world/$2/$1.toml" >"$world/$2-$1.out" 2>"$world/$2-$1.log" </dev/null
}

# image_digest RELEASE NAME: what NAME says the image of x86_64-linux is.
image_digest() {
    node -e 'process.stdout.write(JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).systems[0].digest)' \
        "$world/$2/$1.attestation"
}

image_of() { printf '%s' "$registry/demo/${3-main}@$(image_digest "$1" "$2")"; }

sign_genesis() {
    local ledger=$1 release=$2 name
    shift 2
    for name in "$@"; do
        "$builder" sign-genesis --attestation "$world/$name/$release.attestation" \
            --rules-code-hash "$(deployed "$ledger" rulesCodeHash)" --keystore "$world/keys/$name.json" \
            --password-file "$world/keys/$name.password" --publish "$registry/demo/$ledger" \
            --out "$world/$name/$release.genesis" >"$world/$name-genesis.log" 2>&1 || die "$name did not sign the genesis" "see $world/$name-genesis.log"
    done
}

# aggregate LEDGER RELEASE [ARG…]
aggregate() {
    local ledger=$1 release=$2
    shift 2
    bounded "$aggregator" once --rpc "$rpc" --chain-id "$(deployed "$ledger" chainId)" --ledger "$(deployed "$ledger" ledger)" \
        --from "$registry/demo/$ledger" --publish-locator "$registry/demo/$ledger" --dev-key-file "$world/keys/gas" --output json \
        --release "$(grep -oE -m 1 '0x[0-9a-f]{64}' "$world/ada-$release.out")" "$@"
}

# write_policy LEDGER FILE [GAMMA]: as an operator would, from the deployment, with three endpoints; GAMMA is the
# third where it is not the honest one.
write_policy() {
    "$verify" policy init --deployment "$world/$1.json" --source "$DEMO_SOURCE" --out "$world/$2" \
        --endpoint "alpha,us=$alpha" --endpoint "beta,ch=$beta" --endpoint "gamma,br=${3-$gamma}" \
        >"$world/policy.log" 2>&1 || true
    # A verifier that wrote none fails at its first outcome, not in the middle of the story.
    [[ -e $world/$2 ]] || : >"$world/$2"
}

# verify_image POLICY [ARG…]
verify_image() {
    local policy=$1
    shift
    bounded "$verify" --chain --policy "$world/$policy" --output json --quiet "$@"
}

# edit_greeting TEXT [FOLDER]: changes what the seed's hello says, and so the closure.
edit_greeting() {
    sed -i "s/put(\"[^\"]*\")/put(\"$1\\\\n\")/" "${2-$repository}/tools/hello.bc"
    grep -qF "$1" "${2-$repository}/tools/hello.bc" || die "the greeting was not changed"
}

# build_lie LEDGER RELEASE NAME: NAME changes a tool, builds that, and signs it as if it were the newest commit.
build_lie() {
    local lie=$world/$3/lie
    mkdir -p -- "$world/$3"
    git_here clone --quiet "$repository" "$lie"
    edit_greeting "hello, I am not what you think" "$lie"
    repository=$lie commit_all "2026-01-02T00:00:01Z" "lie"
    configure_builder "$1" "lie" "$3" "$lie" "$(repository=$lie git_here rev-parse HEAD)"
    build_one lie "$3" || die "the liar failed to build its lie" "see $world/$3-lie.log"
    "$forge" --repository "$registry/demo/$1:any" --own "$world/$3/lie.attestation" \
        --claim "$world/ada/$2.attestation" --key-file "$world/keys/$3.json" \
        --password-file "$world/keys/$3.password" --out "$world/$3/$2.attestation" >"$world/$3-forge.log" 2>&1 ||
        die "the liar failed to sign its lie" "see $world/$3-forge.log"
    tell "$3 lies: x86_64-linux is $(image_digest "$2" "$3")"
}

# The liar's image, shown with the locator of the honest release.
lie_with_the_locator() {
    local locator=$world/second.locator
    fetch_locator "$second_image" "$locator"
    verify_image policy.toml --record "$locator" "$(image_of second cy)"
}

# fetch_locator IMAGE FILE: the locator beside an image, as the registry serves it.
fetch_locator() {
    local digest=${1##*@sha256:} blob
    blob=$(node -e '
        const [base, tag] = process.argv.slice(1);
        fetch(`${base}/manifests/${tag}`, { headers: { accept: "application/vnd.oci.image.manifest.v1+json" } })
            .then((r) => r.json()).then((m) => console.log(m.layers[0].digest));
    ' "http://$registry/v2/demo/main" "seed-$digest")
    cp -- "$(blob_file "$blob")" "$2"
}

# blob_file DIGEST: where the registry keeps it on disk.
blob_file() {
    local hex=${1#sha256:}
    printf '%s' "$world/registry/docker/registry/v2/blobs/sha256/${hex:0:2}/$hex/data"
}

# with_blob DIGEST EDIT COMMAND…: lets the registry serve something else for DIGEST while COMMAND runs.
with_blob() {
    local file edit=$2
    file=$(blob_file "$1")
    shift 2
    cp -- "$file" "$world/blob.kept"
    "$edit" "$file"
    local rc=0
    "$@" || rc=$?
    cp -- "$world/blob.kept" "$file"
    return "$rc"
}

# The byte in the middle, one higher.
edit_one_byte() {
    node -e '
        const fs = require("fs"), file = process.argv[1], bytes = fs.readFileSync(file);
        bytes[bytes.length >> 1] ^= 1;
        fs.writeFileSync(file, bytes);
    ' "$1"
}

edit_to_first_manifest() { cp -- "$(blob_file "${first_image##*@}")" "$1"; }

edit_away() { rm -f -- "$1"; }

# layer_of IMAGE: the digest of its largest layer.
layer_of() {
    node -e '
        const layers = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).layers;
        process.stdout.write(layers.sort((a, b) => b.size - a.size)[0].digest);
    ' "$(blob_file "${1##*@}")"
}

evidence_of() {
    node -e 'process.stdout.write(JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).evidence)' "$world/$2/$1.attestation"
}

refuse_registry_lies() {
    with_blob "$(layer_of "$second_image")" edit_one_byte \
        expect "a layer with one byte changed" 1 layer-mismatch verify_image policy.toml --deep "$second_image"
    with_blob "${second_image##*@}" edit_to_first_manifest \
        expect "another manifest under the same digest" 1 manifest-digest-mismatch verify_image policy.toml "$second_image"
    with_blob "$(evidence_of second bo)" edit_away \
        expect "one of two builders' evidence withheld" 3 evidence-missing verify_image policy.toml "$second_image"
}

refuse_old_release() {
    sed 's/^# minimum_sequence = .*/minimum_sequence = 2/' "$world/policy.toml" >"$world/policy-newer.toml"
    expect "an old release under minimum_sequence" 1 below-minimum-sequence verify_image policy-newer.toml "$first_image"
}

refuse_lying_endpoint() {
    local forging elsewhere
    start_liar forging header=stateRoot
    start_liar elsewhere chain-id=1
    write_policy main policy-forged.toml "$forging"
    expect "one of three endpoints forges headers: outvoted" 0 verified verify_image policy-forged.toml "$second_image"
    beta=$forging write_policy main policy-captured.toml "$forging/"
    expect "two of three endpoints forge headers" 3 endpoint-quorum verify_image policy-captured.toml "$second_image"
    write_policy main policy-elsewhere.toml "$elsewhere"
    expect "one of three endpoints answers for another chain" 3 wrong-chain verify_image policy-elsewhere.toml "$second_image"
}

# start_liar NAME LIE: one more endpoint of the chain, which tells LIE; its address goes into the variable NAME.
start_liar() {
    start "$1" "$liar" --upstream "$rpc" --lie "$2"
    printf -v "$1" 'http://127.0.0.1:%s' "$(await "$1" 'listening on http://127\.0\.0\.1:([0-9]+)')"
}

refuse_below_quorum() {
    edit_greeting "hello, but nobody agrees"
    commit_all "2026-01-03T00:00:00Z" "third"
    build_release main third ada
    expect "a set of one, where two must agree" 1 quorum-unmet aggregate main third
    expect "and its image has no record" 3 locator-missing verify_image policy.toml "$(image_of third ada)"
}

# Governance is captured, and its timelock in this demo is one second.
refuse_unknown_rules() {
    "$xtask" rules-swap --rpc "$rpc" --deployment "$world/main.json" --federation "$world/main-federation.toml" \
        --out "$world/swapped.json" >"$world/swap.log" 2>&1 || die "the rules were not swapped" "see $world/swap.log"
    cp -- "$world/swapped.json" "$world/main.json"
    build_release main third ada bo
    expect "under rules of unknown logic, the ledger records" 0 finalised aggregate main third --wait-finalised
    expect "seed-verify does not accept who judged" 1 rules-unknown verify_image policy.toml "$(image_of third ada)"
    expect "release 2 stays as good as it was" 0 verified verify_image policy.toml "$second_image"
}

refuse_dependent_genesis() {
    deploy_federation second ada:us/cloud-a bo:us/cloud-b cy:br/own-metal
    build_release second third ada bo cy
    sign_genesis second third ada bo cy
    expect "a genesis with two builders of one bloc" 1 builders-dependent aggregate second third
}
