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

# quietly LABEL LOG COMMAND…: runs COMMAND with its words in LOG and LABEL as progress; the exit code
# is COMMAND's.
quietly() {
    local label=$1 log=$2 rc=0 watcher
    shift 2
    mkdir -p -- "$(dirname -- "$log")"
    ticker "$label" 9>&- &
    watcher=$!
    "$@" >"$log" 2>&1 </dev/null || rc=$?
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    [[ ! -t 2 ]] || printf '\r\e[K' >&2
    return "$rc"
}

# step LABEL NAME COMMAND…: like `quietly`, with the log named after NAME; on failure shows its end
# and gives up.
step() {
    local label=$1 log=$SEED_CACHE/log/$2.log
    shift 2
    if quietly "$label" "$log" "$@"; then
        return 0
    fi
    tail -n 15 -- "$log" | sed 's/^/  | /' >&2
    die "$label failed; the whole log is $log"
}
