# shellcheck shell=bash
# What the full life needs beside the demo's world: more keys, a calendar that can be turned, the chain's own
# opinion of a release, and seed-gov's answers as outcomes.

readonly LIFE_BUILDERS=(dora emil fay gil)
readonly LIFE_PROPOSERS=(olga pim quin)
readonly LIFE_GUARDIANS=(rosa sam tess)
readonly DAY=86400

# life_begin: the demo's world, and what only the life needs.
life_begin() {
    world_begin
    gov=${CARGO_TARGET_DIR:-$SEED_ROOT/target}/debug/seed-gov
    # Seconds by which the chain's calendar, and that of everybody who asks it, is ahead of this machine's clock.
    printf '0\n' >"$world/ahead"
    cc -shared -fPIC -O2 -Wall -o "$world/clock.so" "$SEED_LIB/life-clock.c" || die "the clock was not compiled"
    local name
    for name in "${LIFE_BUILDERS[@]}" "${LIFE_PROPOSERS[@]}" "${LIFE_GUARDIANS[@]}" payer; do
        make_key "$name"
    done
    "$SEED_CAST" send --rpc-url "$rpc" --private-key "$(<"$world/keys/gas")" --value 100ether "$(address_of payer)" \
        >"$world/cast.log" || die "the payer got no gas"
    payer=(--keystore "$world/keys/payer.json" --password-file "$world/keys/payer.password")
    tell "calendar   turned forward with the chain's; everybody who reads a clock sees that date"
}

# make_key NAME: an encrypted keystore, its password, its address.
make_key() {
    head -c 24 /dev/urandom | base64 >"$world/keys/$1.password"
    "$builder" key new --password-file "$world/keys/$1.password" "$world/keys/$1.json" >"$world/keys/$1.address"
}

# today COMMAND…: runs COMMAND on the date the chain has.
today() { SEED_CLOCK_AHEAD=$(<"$world/ahead") LD_PRELOAD=$world/clock.so "$@"; }

# pass_days N: N days go by on the chain, and its finalised head is of that date.
pass_days() {
    local ahead=$(($(<"$world/ahead") + $1 * DAY))
    chain_rpc evm_increaseTime "$(($1 * DAY))"
    printf '%s\n' "$ahead" >"$world/ahead"
    await_final time "$(($(date +%s) + ahead - 60))"
    tell "${dim}$1 days pass: it is $(date -u -d "@$(finalised time)" +%Y-%m-%d) on the chain${plain}"
}

# settle: what has happened on the chain becomes final.
settle() { await_final number "$("$SEED_CAST" block-number --rpc-url "$rpc")"; }

# await_final FIELD VALUE: mines blocks until the finalised one has at least VALUE.
await_final() {
    local deadline=$((SECONDS + DEMO_START_LIMIT))
    until (($(finalised "$1") >= $2)); do
        ((SECONDS < deadline)) || die "no finalised block of the chain has $1 $2"
        chain_rpc anvil_mine 0x1
    done
}

# chain_rpc METHOD [ARG…]: asks the chain for something only a development chain does.
chain_rpc() { "$SEED_CAST" rpc --rpc-url "$rpc" "$@" >>"$world/cast.log" || die "$1 was refused" "see $world/cast.log"; }

# finalised time|number: of the chain's finalised block.
finalised() { "$SEED_CAST" block --rpc-url "$rpc" finalized --field "${1/time/timestamp}"; }

# sequence_of LEDGER: how many releases it has recorded.
sequence_of() {
    local control
    control=$("$SEED_CAST" storage --rpc-url "$rpc" "$(deployed "$1" ledger)" 1)
    printf '%d' "0x${control:18:8}"
}

# status LEDGER RELEASE [ENDORSER…]: the ledger's own judgment of a recorded release, with the attestations of the
# endorsers presented beside it; the code is Unknown, Final, Disputed or Tainted.
status() {
    local ledger=$1 release=$2
    shift 2
    local id attestations=() name
    id=$(release_id "$release")
    for name in "$@"; do
        attestations+=("$(endorsement_file "$release" "$name")")
    done
    printf 'ask the ledger for status(%s)\n' "$id" >"$demo_command"
    node "$SEED_LIB/life-status.mjs" "$rpc" "$SEED_CAST" "$(deployed "$ledger" ledger)" "$id" "${attestations[@]}"
}

# release_id RELEASE: as its first builder wrote it.
release_id() { grep -hoE -m 1 '0x[0-9a-f]{64}' "$world"/*-"$1".out | head -n 1; }

endorsement_file() { printf '%s' "$world/$2/$1.attestation"; }

# answers COMMAND…: seed-gov, whose answer always has a code: the answer's own, that of its fault
# (`error[CODE]: …` on standard error), or `done`.
answers() {
    local rc=0 out=$demo_command.answer err=$demo_command.fault code=
    bounded "$@" --output json >"$out" 2>"$err" || rc=$?
    cat -- "$err" "$out" >&2
    if ((rc == 0)); then
        code=$(outcome_code "$out")
        code=${code:-done}
    else
        code=$(sed -nE 's/^error\[([a-z0-9-]+)\]:.*/\1/p' "$err" | head -n 1)
    fi
    printf '{"code":"%s"}\n' "$code"
    return "$rc"
}
