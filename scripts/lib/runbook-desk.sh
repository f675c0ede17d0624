# shellcheck shell=bash
# What every runbook's commands find (the programs, the names that runbooks use), and what time and other people do
# between two steps.
# shellcheck source=all.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/all.sh"
# shellcheck source=outcome.sh
. "$SEED_LIB/outcome.sh"
# shellcheck source=world.sh
. "$SEED_LIB/world.sh"
# shellcheck source=story.sh
. "$SEED_LIB/story.sh"
# shellcheck source=life.sh
. "$SEED_LIB/life.sh"
# shellcheck source=life-governance.sh
. "$SEED_LIB/life-governance.sh"

# What README.md of the runbooks says is set.
export CHECKOUT=$SEED_ROOT RPC=$rpc RPC_ALPHA=$alpha RPC_BETA=$beta RPC_GAMMA=$gamma REGISTRY=$registry/acme/seed REGISTRY_2=$registry/acme/seed-2
export PATH=$world/bin:$PATH
payer=(--keystore keys/payer.json --password-file keys/payer.password)

# meanwhile FUNCTION [ARG…]: what time or somebody else does; then the names are what they are by now.
meanwhile() {
    "$@"
    read_names
}

# read_names: LEDGER of the deployment; RELEASE, its image's DIGEST and IMAGE of the newest release.
read_names() {
    # shellcheck disable=SC2034 # read by the runbooks
    [[ ! -e deployment.json ]] || LEDGER=$(json_field deployment.json ledger)
    # shellcheck disable=SC1091 # written by `publish_names`
    [[ ! -e names ]] || . ./names
}

json_field() { node -e 'process.stdout.write(String(JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"))[process.argv[2]]))' "$1" "$2"; }

# people_agree: the federation file and the configuration of its deployment are there.
people_agree() { agree_on "" ada bo cy dora; }

people_agree_again() { agree_on -2 ada bo dora fay; }

# agree_on SUFFIX NAME…
agree_on() {
    local suffix=$1 name
    shift
    for name in "$@"; do
        seed-builder key address --password-file "keys/$name.password" "$(keystore_of "$name")" >"keys/$name.address"
    done
    prepare_deployment "desk$suffix" "$@"
    mv -- "$world/desk$suffix-federation.toml" "federation$suffix.toml"
    sed "s/^federation = .*/federation = \"federation$suffix.toml\"/" "$world/desk$suffix-deploy.toml" >"deploy$suffix.toml"
}

# keystore_of NAME: its newest key.
keystore_of() { if [[ -e keys/$1-2.json ]]; then printf 'keys/%s-2.json' "$1"; else printf 'keys/%s.json' "$1"; fi; }

# builders_configure SUFFIX PLACE NAME…: NAME$SUFFIX.toml, for the ledger of deployment$SUFFIX.json and the rules in
# force there.
builders_configure() {
    local suffix=$1 place=$2 name key
    shift 2
    for name in "$@"; do
        key=$(keystore_of "$name")
        cat >"$name$suffix.toml" <<CONFIG
state = "$(basename -- "$key" .json)"
nix = "$(nix_of "$name")"
source = "$repository"
source-uri = "$DEMO_SOURCE"
commit = "$(git_here rev-parse HEAD)"
target = "seed"
system = ["x86_64-linux"]
keystore = "$key"
password-file = "keys/$name.password"
development = true
chain-id = 31337
ledger = "$(json_field "deployment$suffix.json" ledger)"
rules = "$(rules_in_force "deployment$suffix.json")"
publish = ["$place"]
allow-seed = ["sha256:$(sha256sum "$repository/seed" | cut -c 1-64)"]
out = "$name$suffix.attestation"
CONFIG
    done
}

# rules_in_force DEPLOYMENT: as its ledger says.
rules_in_force() {
    local control
    control=$("$SEED_CAST" storage --rpc-url "$rpc" "$(json_field "$1" ledger)" 1)
    printf '0x%s' "${control:26:40}"
}

# builders_sign_genesis SUFFIX NAME…: each rebuilds the first release and signs that it is the first.
builders_sign_genesis() {
    local suffix=$1 name
    shift
    for name in "$@"; do
        seed-builder run --config "$name$suffix.toml" >"$name.run"
        seed-builder sign-genesis --attestation "$name$suffix.attestation" --keystore "$(keystore_of "$name")" \
            --rules-code-hash "$(json_field "deployment$suffix.json" rulesCodeHash)" --password-file "keys/$name.password" \
            --publish "$(grep -oE '^publish = \["[^"]*' "$name$suffix.toml" | cut -d '"' -f 2)" --out "$name$suffix.genesis"
    done
    publish_names "$1.run"
}

# publish_names RUN: the release that this run of a builder was about is what everybody talks about from now on.
publish_names() {
    local release digest
    release=$(sed -nE 's/^release +(0x[0-9a-f]{64})$/\1/p' "$1")
    digest=$(sed -nE 's/^image .*(sha256:[0-9a-f]{64})$/\1/p' "$1")
    printf 'RELEASE=%s\nDIGEST=%s\nIMAGE=%s\n' "$release" "$digest" "$REGISTRY@$digest" >names
}

# builders_release NAME…: a new commit, and these rebuild it and vote for the rules in force.
builders_release() {
    local count
    count=$(git_here rev-list --count HEAD)
    edit_greeting "hello, this is number $count"
    commit_all "2026-02-0${count}T00:00:00Z" "number $count"
    builders_vote "$@"
}

# builders_vote NAME…: for the newest commit.
builders_vote() {
    local name
    builders_configure "" "$REGISTRY" "$@"
    for name in "$@"; do
        seed-builder run --config "$name.toml" >"$name.run"
    done
    publish_names "$1.run"
}

# anybody_submits: what is ready is recorded.
anybody_submits() {
    seed-aggregator once --rpc "$RPC" --chain-id 31337 --ledger "$(json_field deployment.json ledger)" --from "$REGISTRY" \
        --publish-locator "$REGISTRY" --key-file keys/payer.json --password-file keys/payer.password --wait-finalised
}

# everybody_changes_the_rules: docs/operations/rules-change.md, with the federation-next.toml that is there.
everybody_changes_the_rules() {
    local name=change-$SECONDS hash owner signatures=()
    seed-gov propose rules --deployment deployment.json --federation federation-next.toml --rpc "$RPC" "${payer[@]}" --out "$name.json"
    hash=$(seed-gov hash "$name.json" | sed -n 's/^Safe transaction hash *//p')
    for owner in olga pim; do
        seed-gov sign "$name.json" --deployment deployment.json --keystore "keys/$owner.json" \
            --password-file "keys/$owner.password" --expect-safe-tx "$hash" --out "$name.$owner.json"
        signatures+=(--signature "$name.$owner.json")
    done
    seed-gov queue "$name.json" --deployment deployment.json --rpc "$RPC" "${payer[@]}" "${signatures[@]}"
    pass_days 7
    seed-gov execute "$name.json" --deployment deployment.json --rpc "$RPC" "${payer[@]}"
    mv -- federation-next.toml federation.toml
    sed -i "s/^pinned = \\[/&\"$(seed-gov federation build federation.toml | sed -n 's/^code hash *//p')\", /" policy.toml
    settle
}

# somebody_lies NAME: honest.attestation and lie.attestation, both NAME's, for the newest release.
somebody_lies() {
    local lie=$world/lie key
    key=$(keystore_of "$1")
    builders_vote "$1"
    cp -- "$1.attestation" honest.attestation
    git_here clone --quiet "$repository" "$lie"
    edit_greeting "hello, I am not what you think" "$lie"
    repository=$lie commit_all "2026-02-28T00:00:00Z" "lie"
    sed -e "s#^source = .*#source = \"$lie\"#; s#^commit = .*#commit = \"$(repository=$lie git_here rev-parse HEAD)\"#" \
        -e 's#^out = .*#out = "own.attestation"#' "$1.toml" >lie.toml
    seed-builder run --config lie.toml
    "$forge" --repository "$REGISTRY:any" --own own.attestation --claim honest.attestation --key-file "$key" \
        --password-file "keys/$1.password" --out lie.attestation
}

read_names
