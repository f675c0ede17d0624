# shellcheck shell=bash
# Shows that something long is still going on, and keeps its words for when it fails.

# ticker LABEL: says from time to time how long LABEL has taken; ends with the script that began it.
ticker() {
    local start=$SECONDS every=30 next=2
    [[ ! -t 2 ]] || every=1
    while sleep 1 && kill -0 "$$" 2>/dev/null; do
        ((SECONDS - start >= next)) || continue
        next=$((SECONDS - start + every))
        if [[ -t 2 ]]; then
            printf '\r\e[K%s… %ss' "$1" "$((SECONDS - start))" >&2
        else
            printf '%s… %ss\n' "$1" "$((SECONDS - start))" >&2
        fi
    done
}

# No command behind a progress line may take longer, in seconds.
readonly STEP_LIMIT=2700

# quietly LABEL LOG FUNCTION [ARG…]: runs a function of these libraries in a process group of its own,
# with its words in LOG and LABEL as progress; the exit code is its. An interrupt ends the whole group
# first, then the caller.
quietly() {
    local label=$1 log=$2 rc=0 watcher running
    shift 2
    mkdir -p -- "$(dirname -- "$log")"
    ticker "$label" &
    watcher=$!
    timeout --kill-after=30 "$STEP_LIMIT" bash "$SEED_LIB/call.sh" "$@" >"$log" 2>&1 </dev/null &
    running=$!
    trap 'interrupted "$running" "$watcher"' INT TERM HUP
    wait "$running" || rc=$?
    trap - INT TERM HUP
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    [[ ! -t 2 ]] || printf '\r\e[K' >&2
    ((rc != 124 && rc != 137)) || note "$label took longer than $STEP_LIMIT s and was ended"
    return "$rc"
}

interrupted() {
    trap '' INT TERM HUP
    kill -TERM "$@" 2>/dev/null || true
    wait "$@" 2>/dev/null || true
    note "interrupted"
    exit 130
}

# step LABEL NAME FUNCTION [ARG…]: like `quietly`, with the log named after NAME; on failure shows its
# end and gives up.
step() {
    local label=$1 log=$SEED_CACHE/log/$2.log
    shift 2
    if quietly "$label" "$log" "$@"; then
        return 0
    fi
    tail -n 15 -- "$log" | sed 's/^/  | /' >&2
    die "$label failed; the whole log is $log"
}
