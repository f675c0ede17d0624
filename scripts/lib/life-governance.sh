# shellcheck shell=bash
# What governance does in the life: by seed-gov, through Safes whose owners sign files, and a timelock.

# Company, jurisdiction and infrastructure of every builder there ever is.
declare -rA LIFE_FACTS=(
    [ada]="ada-labs us cloud-a" [bo]="bo-verein ch cloud-b" [cy]="cy-casa br own-metal-c" [dora]="dora-kk jp cloud-d"
    [emil]="emil-works in own-metal-e" [fay]="fay-trust za cloud-f" [gil]="gil-lag no own-metal-g"
)

# write_federation FILE THRESHOLD NAME…: the federation file, with who governs.
write_federation() {
    local file=$1 threshold=$2 name parent country place
    shift 2
    {
        printf 'threshold = %s\nsystems = ["x86_64-linux"]\n\n[governance]\n' "$threshold"
        printf 'proposers = [%s]\n' "$(quoted_addresses "${LIFE_PROPOSERS[@]}")"
        printf 'guardians = [%s]\n' "$(quoted_addresses "${LIFE_GUARDIANS[@]}")"
        for name in "$@"; do
            read -r parent country place <<<"${LIFE_FACTS[$name]}"
            printf '\n[[builders]]\nname = "%s"\naddress = "%s"\nparent = "%s"\njurisdictions = ["%s"]\ninfrastructure = ["%s"]\n' \
                "$name" "$(address_of "$name")" "$parent" "$country" "$place"
        done
    } >"$file"
}

quoted_addresses() {
    local name list=
    for name in "$@"; do
        list+=", \"$(address_of "$name")\""
    done
    printf '%s' "${list#, }"
}

live_deployment() {
    chapter "Deployment: two Safes of three owners, a timelock of seven days, rules of four builders, a ledger"
    local name
    for name in ada bo cy dora; do
        tell "$(printf '%-10s %s  %s' "$name" "$(address_of "$name")" "${LIFE_FACTS[$name]}")"
    done
    prepare_deployment main ada bo cy dora
    sed 's/^delay = .*/delay = 86400/' "$world/main-deploy.toml" >"$world/hasty-deploy.toml"
    expect "production with a delay of one day" 1 delay-too-short \
        answers "$gov" deploy --config "$world/hasty-deploy.toml" --rpc "$rpc" --out "$world/hasty.json" "${payer[@]}"
    expect "with seven days" 0 done deploy main
    expect "again: everything stands, nothing is sent" 0 done deploy main
    expect "what stands there is what this source compiles to" 0 done verify_code main
    tell "ledger     $(deployed main ledger), timelock $(deployed main timelock)"
    tell "safes      proposers $(deployed main proposer), guardian $(deployed main guardian)"
}

# deploy_governed LEDGER NAME…: as above, in one outcome.
deploy_governed() {
    prepare_deployment "$@"
    expect "another ledger, with Safes, timelock and rules of its own" 0 done deploy "$1"
    expect "what stands there is what this source compiles to" 0 done verify_code "$1"
}

# prepare_deployment LEDGER NAME…: the federation file and the configuration of its deployment.
prepare_deployment() {
    local ledger=$1
    shift
    write_federation "$world/$ledger-federation.toml" 3 "$@"
    cat >"$world/$ledger-deploy.toml" <<CONFIG
environment = "production"
chain-id = 31337
salt = "0x$(printf '%s' "$ledger" | sha256sum | cut -c 1-64)"
delay = $((7 * DAY))
federation = "$ledger-federation.toml"

[proposer]
owners = [$(quoted_addresses "${LIFE_PROPOSERS[@]}")]
threshold = 2

[guardian]
owners = [$(quoted_addresses "${LIFE_GUARDIANS[@]}")]
threshold = 2
CONFIG
}

deploy() {
    answers "$gov" deploy --config "$world/$1-deploy.toml" --rpc "$rpc" --out "$world/$1.json" "${payer[@]}"
}

verify_code() { answers "$gov" verify-code --deployment "$world/$1.json" --rpc "$rpc" --sources "$SEED_ROOT/contracts"; }

live_change_of_rules() {
    chapter "A fifth builder: the federation file is changed, reviewed, signed by two of three, and waits seven days"
    next_commit third
    rebuild main third ada bo cy
    local next=$world/main-federation-next.toml
    write_federation "$next" 3 ada bo cy dora emil
    expect "the new file stands" 0 done answers "$gov" federation check "$next"
    expect "what would change, and who would then suffice" 0 done \
        answers "$gov" federation plan "$next" --against "$world/main-federation.toml"
    expect "olga proposes it" 0 done propose add-emil rules --federation "$next" "${payer[@]}"
    review add-emil
    expect "one signature of two" 1 signatures-missing queue add-emil olga
    expect "queued: from now on everybody can look at it" 0 queued queue add-emil olga pim
    expect "what waits, in words" 0 done answers "$gov" decode --queue --deployment "$world/main.json" --rpc "$rpc" --federation "$next"
    execute_after_delay add-emil
}

# review OPERATION: what each owner does before signing.
review() {
    local file=$world/$1.json altered=$world/$1-altered.json
    expect "pim reads what it does, one sentence a call" 0 done answers "$gov" decode "$file" --deployment "$world/main.json"
    expect "pim runs it on a copy of the chain's state" 0 done answers "$gov" simulate "$file" --deployment "$world/main.json" --rpc "$rpc"
    expect "pim computes the hash that olga read out" 0 done hash_is "$file" "$(hash_of "$file")"
    alter_nonce "$file" "$altered"
    expect "one digit changed, and it is another hash" 1 hash-mismatch hash_is "$altered" "$(hash_of "$file")"
    sign "$1" olga
    sign "$1" pim
}

# propose NAME KIND [ARG…]: an operation file.
propose() {
    local name=$1
    shift
    answers "$gov" propose "$@" --deployment "$world/main.json" --rpc "$rpc" --out "$world/$name.json"
}

# hash_of FILE: the hash its Safe's owners sign.
hash_of() { "$gov" hash "$1" --output json | node -pe 'JSON.parse(require("fs").readFileSync(0, "utf8")).safeTxHash'; }

hash_is() { answers "$gov" hash "$1" --expect-safe-tx "$2"; }

alter_nonce() {
    node -e '
        const fs = require("fs"), [from, to] = process.argv.slice(1), operation = JSON.parse(fs.readFileSync(from, "utf8"));
        operation.nonce += 1;
        fs.writeFileSync(to, JSON.stringify(operation));
    ' "$1" "$2"
}

# sign NAME OWNER: one owner's signature, a file.
sign() {
    "$gov" sign "$world/$1.json" --deployment "$world/main.json" --keystore "$world/keys/$2.json" \
        --password-file "$world/keys/$2.password" --expect-safe-tx "$(hash_of "$world/$1.json")" \
        --out "$world/$1-$2.signature" >"$world/$1-$2.log" 2>&1 || die "$2 did not sign $1" "see $world/$1-$2.log"
}

# queue NAME OWNER…: anybody sends what the owners signed; for the guardian's Safe that is the act itself.
queue() {
    local name=$1 owner signatures=()
    shift
    for owner in "$@"; do
        signatures+=(--signature "$world/$name-$owner.signature")
    done
    answers "$gov" queue "$world/$name.json" --deployment "$world/main.json" --rpc "$rpc" \
        "${payer[@]}" "${signatures[@]}"
}

execute() {
    answers "$gov" execute "$world/$1.json" --deployment "$world/main.json" --rpc "$rpc" "${payer[@]}"
}

# execute_after_delay NAME: not a second earlier; then by anybody.
execute_after_delay() {
    expect "executing it at once" 1 not-ready execute "$1"
    pass_days 6
    expect "executing it after six days" 1 not-ready execute "$1"
    pass_days 1
    expect "after seven days anybody may" 0 executed execute "$1"
    settle
}

# guardian TITLE CODE KIND [ARG…]: two owners of the guardian sign, somebody sends; it acts at once, or is refused
# with CODE.
guardian() {
    local title=$1 code=$2 kind=$3 rc=0 name
    shift 3
    guardian_acts=$((${guardian_acts-0} + 1)) name=guardian-$guardian_acts
    [[ $code == done ]] || rc=1
    case $kind in
    revoke) set -- revoke --subject "$(address_of "$1")" ;;
    dispute) set -- dispute --subject "$(address_of "$1")" --from-sequence "$2" ;;
    pause) set -- pause --seconds "$(($1 * DAY))" ;;
    esac
    propose "$name" "$@" >"$world/$name.log" 2>&1 || die "'$title' was not proposed" "see $world/$name.log"
    sign "$name" rosa
    sign "$name" tess
    expect "$title" "$rc" "$code" queue "$name" rosa tess
    settle
}

# confirm_dispute NAME: through the timelock, while the dispute is open.
confirm_dispute() {
    expect "olga proposes to confirm it" 0 done propose confirm confirm --subject "$(address_of "$1")"
    sign confirm olga
    sign confirm quin
    expect "queued" 0 queued queue confirm olga quin
    execute_after_delay confirm
}

# adopt_rules LEDGER: from now on builders sign for the rules in force.
adopt_rules() {
    local rules
    rules=$("$gov" federation build "$world/main-federation-next.toml" --output json)
    node -e '
        const fs = require("fs"), [file, built] = process.argv.slice(1);
        const deployment = JSON.parse(fs.readFileSync(file, "utf8")), { rules, codeHash } = JSON.parse(built);
        fs.writeFileSync(file, JSON.stringify({ ...deployment, rules, rulesCodeHash: codeHash }));
    ' "$world/$1.json" "$rules"
}

# accuse ATTESTATION ATTESTATION: anybody shows the ledger two attestations of one builder.
accuse() {
    today bounded "$aggregator" equivocation --rpc "$rpc" --chain-id 31337 --ledger "$(deployed main ledger)" \
        --dev-key-file "$world/keys/gas" --output json "$@"
}
