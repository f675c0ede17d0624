# shellcheck shell=bash
# The rehearsal of the runbooks: a folder as its people keep it, the programs on the PATH, one runbook after the
# other on one federation.

# Each goes on where the one before it ended.
readonly RUNBOOKS=(genesis-ceremony rules-change key-loss builder-compromise emergency-pause migration)

rehearsed=0

# desk_begin: the folder the commands are typed in, and what they find there.
desk_begin() {
    desk=$world/desk
    mkdir -- "$desk" "$world/bin"
    ln -s -- "$world/keys" "$desk/keys"
    rm -- "$world/keys/ada.json" # made by the first runbook
    cp -- "$world/keys/quin.password" "$world/keys/quin-2.password"
    local program
    for program in seed-gov seed-verify seed-aggregator; do
        dated_program "$program"
    done
    ln -s -- "$builder" "$world/bin/seed-builder"
    offline_program
    export world desk rpc alpha beta gamma registry repository builder aggregator xtask liar forge demo_logs
}

# dated_program NAME: NAME on the PATH of the rehearsal, on the date the chain has.
dated_program() {
    printf '#!/bin/sh\nSEED_CLOCK_AHEAD=$(cat %q) LD_PRELOAD=%q exec %q "$@"\n' \
        "$world/ahead" "$world/clock.so" "$(dirname -- "$builder")/$1" >"$world/bin/$1"
    chmod 755 -- "$world/bin/$1"
}

# `offline` on the PATH of the rehearsal: runs a command where there is no network, not even loopback.
offline_program() {
    local namespaces=(--net)
    [[ $(id -u) == 0 ]] || namespaces=(--user --map-current-user --net)
    printf '#!/bin/sh\nexec unshare %s -- "$@"\n' "${namespaces[*]}" >"$world/bin/offline"
    chmod 755 -- "$world/bin/offline"
}

# rehearse NAME: runs the runbook and shows what became of every step of it; fails if it did not run to its end.
rehearse() {
    local name=$1 out=$world/runbook/$1 rc=0 said
    local file=docs/operations/$name.md
    mkdir -p -- "$out"
    chapter "$file"
    {
        printf 'set -euo pipefail\ncd -- %q\n. %q\n' "$desk" "$SEED_LIB/runbook-desk.sh"
        (cd -- "$SEED_ROOT" && node "$SEED_LIB/runbook.mjs" script "$file" "$out")
    } >"$out/script" || die "$file cannot be read as a runbook"
    timeout --kill-after=10 "$STEP_LIMIT" bash "$out/script" </dev/null >"$out/log" 2>&1 || rc=$?
    while IFS=$'\t' read -r said line title why log; do
        rehearsed=$((rehearsed + 1))
        if [[ $said == yes ]]; then
            printf '  %s %4s  %s\n' "${green}✓${plain}" "$line" "$title"
            continue
        fi
        outcome_failed=$((outcome_failed + 1))
        printf '  %s %4s  %s  (%s)\n' "${red}✗${plain}" "$line" "$title" "$why"
        [[ $why == "not run" ]] || tail -n 12 -- "$log" "$out/log" | sed 's/^/    | /'
    done < <(cd -- "$SEED_ROOT" && node "$SEED_LIB/runbook.mjs" judge "$file" "$out")
    return "$rc"
}
