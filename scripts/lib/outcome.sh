# shellcheck shell=bash
# What the demo expected and what happened. An outcome is an exit code *and* a stable code from the
# command's JSON; one without the other proves nothing.

outcome_rows=()
outcome_failed=0
demo_command=/dev/null

# chapter WORDS: a heading of the story.
chapter() { printf '\n%s\n' "${bold}$*${plain}"; }

# tell WORDS: one line of the story.
tell() { printf '  %s\n' "$*"; }

# expect TITLE EXIT CODE COMMAND…: runs COMMAND, whose stdout is JSON, and holds it against EXIT and
# CODE (the word `verified` for success). Its words are kept in the demo's log folder.
expect() {
    local title=$1 want_exit=$2 want_code=$3 rc=0 got log
    shift 3
    log=$demo_logs/$(printf '%02d' "${#outcome_rows[@]}")
    demo_command=$log.command
    with_ticker "$title" "$@" >"$log.out" 2>"$log.err" </dev/null || rc=$?
    got=$(outcome_code "$log.out")
    if [[ $rc == "$want_exit" && $got == "$want_code" ]]; then
        outcome_rows+=("${green}as expected${plain}"$'\t'"exit $rc"$'\t'"$got"$'\t'"$title")
        printf '  %s %-58s exit %s  %s\n' "${green}✓${plain}" "$title" "$rc" "$got"
        return
    fi
    outcome_failed=$((outcome_failed + 1))
    outcome_rows+=("${red}NOT as expected${plain}"$'\t'"exit $rc"$'\t'"${got:-no code}"$'\t'"$title")
    printf '  %s %-58s exit %s  %s (expected exit %s  %s)\n' "${red}✗${plain}" "$title" "$rc" "${got:-no code}" "$want_exit" "$want_code"
    sed 's/^/    $ /' "$log.command" && say ""
    tail -n 12 -- "$log.err" "$log.out" | sed 's/^/    | /'
}

# with_ticker LABEL COMMAND…: runs COMMAND in this shell and shows that it still runs when it takes long.
with_ticker() {
    local rc=0 watcher
    ticker "  $1" 2>&3 &
    watcher=$!
    shift
    "$@" || rc=$?
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    [[ ! -t 3 ]] || printf '\r\e[K' >&3
    return "$rc"
}

# bounded PROGRAM [ARG…]: runs it for at most $DEMO_COMMAND_LIMIT seconds and notes it for the report.
bounded() {
    printf '%q ' "$@" >"$demo_command"
    timeout --kill-after=10 "$DEMO_COMMAND_LIMIT" "$@"
}

# outcome_code FILE: the one stable code in a command's JSON, or nothing where there is no such JSON.
outcome_code() {
    node -e '
        let answer;
        try { answer = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")); } catch { process.exit(0); }
        if (answer === null || typeof answer !== "object") process.exit(0);
        const image = Array.isArray(answer.images) && answer.images.length === 1 ? answer.images[0] : answer;
        process.stdout.write(String(image.code ?? image.error?.code ?? image.result ?? ""));
    ' "$1"
}

# outcome_table: every outcome, and how many were not the expected ones.
outcome_table() {
    local row
    chapter "What happened"
    for row in "${outcome_rows[@]}"; do
        IFS=$'\t' read -r verdict exit_code code title <<<"$row"
        printf '  %s  %-7s  %-28s  %s\n' "$verdict" "$exit_code" "$code" "$title"
    done
    printf '\n  %s outcomes, %s not as expected\n' "${#outcome_rows[@]}" "$outcome_failed"
}
