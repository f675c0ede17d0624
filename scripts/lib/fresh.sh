# shellcheck shell=bash
# Tests as on a new machine: a copy of the checkout, an empty home, empty caches.

# run_fresh [STEP…]: runs scripts/test in a copy; the exit code is its. The copy holds what git would
# hold (tracked files as they are now, and new files that are not ignored), and is removed at the end.
run_fresh() {
    mkdir -p -- "$SEED_CACHE"
    fresh_folder=$(mktemp -d -- "$SEED_CACHE/fresh.XXXXXX")
    trap forget_fresh EXIT
    copy_checkout "$fresh_folder/checkout"
    mkdir -- "$fresh_folder/home"
    local toolchains=${RUSTUP_HOME:-$HOME/.rustup}
    say "fresh copy, empty home and caches in $fresh_folder"
    say "kept from this machine: the Rust toolchain in $toolchains, and the programs on the PATH"
    local rc=0
    without_caches HOME="$fresh_folder/home" RUSTUP_HOME="$toolchains" CARGO_HOME="$fresh_folder/home/.cargo" \
        npm_config_cache="$fresh_folder/home/.npm" GIT_CEILING_DIRECTORIES="$fresh_folder" \
        "$fresh_folder/checkout/scripts/test" "$@" || rc=$?
    ((rc == 0)) || keep_logs
    return "$rc"
}

copy_checkout() {
    local file
    mkdir -- "$1"
    git -C "$SEED_ROOT" ls-files -z --cached --others --exclude-standard |
        while IFS= read -r -d '' file; do
            [[ ! -e $SEED_ROOT/$file && ! -L $SEED_ROOT/$file ]] || printf '%s\0' "$file"
        done |
        tar --create --directory "$SEED_ROOT" --null --no-recursion --files-from - |
        tar --extract --directory "$1"
}

# without_caches NAME=VALUE… COMMAND…: nothing of the caller's that points into a home or a cache.
without_caches() {
    local name drop=()
    while IFS= read -r name; do
        case $name in
        SEED_* | XDG_* | NIX_* | CARGO_TARGET_DIR | CARGO_BUILD_* | CARGO_PROFILE_* | RUSTC* | RUSTFLAGS | npm_config_prefix | npm_config_userconfig)
            drop+=(-u "$name")
            ;;
        esac
    done < <(compgen -e)
    env "${drop[@]}" "$@"
}

# The logs of a failed run outlive the copy.
keep_logs() {
    rm -rf -- "$SEED_CACHE/log/fresh"
    mkdir -p -- "$SEED_CACHE/log"
    [[ ! -d $fresh_folder/checkout/.cache/log ]] || mv -- "$fresh_folder/checkout/.cache/log" "$SEED_CACHE/log/fresh"
    note "its logs are in $SEED_CACHE/log/fresh"
}

# Nix leaves its stores read-only.
forget_fresh() {
    chmod -R u+w -- "$fresh_folder" 2>/dev/null || true
    rm -rf -- "$fresh_folder"
}
