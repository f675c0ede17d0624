# shellcheck shell=bash
# What every script here shares: where things are, how to speak, one lock, temporary folders that
# become real in one step.
#
# Sourced, never run. Everything that is fetched or unpacked goes below the cache folder (`.cache` in
# the checkout, or $SEED_CACHE) and nowhere else; cargo and npm keep their own homes.

SEED_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
SEED_LIB=$SEED_ROOT/scripts/lib
SEED_CACHE=${SEED_CACHE:-$SEED_ROOT/.cache}
case $SEED_CACHE in /*) ;; *) SEED_CACHE=$PWD/$SEED_CACHE ;; esac
export SEED_ROOT SEED_CACHE

# Colours only where a person reads them.
if [[ -t 1 && -z ${NO_COLOR-} && ${TERM-dumb} != dumb ]]; then
    red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' dim=$'\e[2m' bold=$'\e[1m' plain=$'\e[0m'
else
    red='' green='' yellow='' dim='' bold='' plain=''
fi

say() { printf '%s\n' "$*"; }
note() { printf '%s\n' "$*" >&2; }

# die WHAT [FIX]: one clear line, its fix below it, exit 1.
die() {
    note "${red}error:${plain} $1"
    [[ $# -lt 2 ]] || note "  fix: $2"
    exit 1
}

have() { command -v -- "$1" >/dev/null 2>&1; }

# locked FUNCTION [ARG…]: at most one set-up at a time per cache folder, whoever started it.
# FUNCTION runs in a process of its own (see `fresh_shell`), the lock ends with it.
locked() {
    mkdir -p -- "$SEED_CACHE"
    exec 9>"$SEED_CACHE/lock"
    if ! flock --nonblock 9; then
        note "waiting for another set-up in $SEED_CACHE"
        flock 9 # bounded by the time limit of `quietly`
    fi
    local rc=0
    fresh_shell "$@" 9>&- || rc=$?
    exec 9>&-
    return "$rc"
}

# fresh_shell FUNCTION [ARG…]: runs a function of these libraries in a new bash. bash forgets
# `set -e` inside a function whose result is tested; a new process does not.
fresh_shell() { bash "$SEED_LIB/call.sh" "$@"; }

# new_folder VARIABLE NAME: makes an empty folder beside its future place $SEED_CACHE/NAME and
# removes what an interrupted run left of it.
new_folder() {
    local target=$SEED_CACHE/$2
    mkdir -p -- "$(dirname -- "$target")"
    rm -rf -- "$target".new.*
    printf -v "$1" '%s' "$(mktemp -d -- "$target.new.XXXXXX")"
    chmod 755 -- "${!1}"
}

# publish FOLDER NAME: puts a finished folder in its place, so a reader sees the old or the new one.
publish() {
    local target=$SEED_CACHE/$2
    [[ ! -e $target ]] || mv -- "$target" "$1.old"
    mv -- "$1" "$target"
    rm -rf -- "$1.old"
}

# stamped NAME KEY: is $SEED_CACHE/NAME whole and made for KEY?
stamped() { [[ -f $SEED_CACHE/$1/.stamp && $(<"$SEED_CACHE/$1/.stamp") == "$2" ]]; }

# stamp FOLDER KEY: the last thing written into a folder before `publish`.
stamp() { printf '%s\n' "$2" >"$1/.stamp"; }
