# shellcheck shell=bash
# Nix as an ordinary user, from Debian's package, with no daemon, no /nix and no root.
#
# The contract, for everything that is given a Nix by path (`seed-builder run --nix PATH`):
#   * $SEED_CACHE/nix/VERSION/bin/nix is a plain `nix` command; nix-store, nix-build,
#     nix-instantiate and nix-hash lie beside it. It is a script that may be moved with its folder.
#   * It starts Nix through its own unpacked loader and libraries, so the machine's C library does
#     not matter. Programs that Nix starts (git, tar) are the machine's own.
#   * It keeps the caller's environment, and sets only what makes Nix find itself again (its build
#     hook, which it asks even with no builders): NIX_BIN_DIR and NIX_LIBEXEC_DIR.
#   * A caller that wants no network wraps it in `unshare --user --map-current-user --net` as an
#     ordinary user, in `unshare --net` as root. `--map-root-user` does not work: Nix then takes
#     itself for root and fails to drop groups it may not drop.
#   * Settings are the caller's, by NIX_CONF_DIR. An empty `build-hook` does not work with Nix 2.8.
# $SEED_CACHE/nix/versions lists the versions, this machine's own first.

readonly NIX_APPLETS=(nix nix-store nix-build nix-instantiate nix-hash)

# Makes one Nix of SUITE, unless it is there. Prints nothing; the folder is $SEED_CACHE/nix/SUITE.
make_nix() {
    local suite=$1 key folder debs
    key="nix-bin of $suite, layout $DEBIAN_LAYOUT"
    ! stamped "nix/$suite" "$key" || return 0
    debs=$(fetch_packages "$suite" nix-bin)
    new_folder folder "nix/$suite"
    unpack_packages "$debs" "$folder/tree"
    mkdir -p -- "$folder/bin" "$folder/libexec/nix"
    write_wrappers "$folder"
    stands_alone "$folder"
    nix_version "$folder" >"$folder/version"
    stamp "$folder" "$key"
    publish "$folder" "nix/$suite"
    link_nix "$suite"
}

# write_wrappers FOLDER: the commands of one Nix.
write_wrappers() {
    local applet
    for applet in "${NIX_APPLETS[@]}"; do
        nix_wrapper "$applet" "$1/tree" >"$1/bin/$applet"
    done
    nix_wrapper build-remote "$1/tree" >"$1/libexec/nix/build-remote"
    chmod 755 -- "$1"/bin/* "$1/libexec/nix/build-remote"
}

# Every library comes from the unpacked closure, none from what this machine happens to have.
stands_alone() {
    local foreign
    foreign=$(run_unpacked "$1/tree" --list nix | grep -vF -e "$1/tree/" -e linux-vdso || true)
    [[ -z $foreign ]] || die "the unpacked Nix leans on libraries outside its own folder: $foreign"
}

# The version Nix says it is; fails if that is not a version (the program did not run).
nix_version() {
    local said
    said=$("$1/bin/nix" --version)
    [[ $said =~ ^nix\ \(Nix\)\ ([0-9]+\.[0-9]+(\.[0-9]+)?)(\+|$) ]] || die "the unpacked Nix says: $said"
    printf '%s\n' "${BASH_REMATCH[1]}"
}

# $SEED_CACHE/nix/VERSION -> SUITE
link_nix() {
    local version
    version=$(<"$SEED_CACHE/nix/$1/version")
    ln -sfn -- "$1" "$SEED_CACHE/nix/$version"
}

# nix_wrapper APPLET ROOT: a command that runs the unpacked Nix under the name APPLET.
nix_wrapper() {
    local up='/*/*'
    [[ $1 != build-remote ]] || up='/*/*/*'
    cat <<WRAPPER
#!/bin/sh
# Runs the unpacked Nix as '$1'; the contract is at the top of scripts/lib/nix.sh.
self=\$(readlink -f -- "\$0") || exit 1
home=\${self%$up}
root=\$home/tree
export NIX_BIN_DIR="\$home/bin" NIX_LIBEXEC_DIR="\$home/libexec"
exec "\$root/$(loader_in "$2")" --inhibit-cache --library-path "$(libraries_below '$root')" \\
    --argv0 $1 "\$root/usr/bin/nix" "\$@"
WRAPPER
}

# Makes this machine's own Nix and, where it can be had, another one, and lists them.
make_all_nix() {
    local own other
    own=$(own_suite)
    other=$(other_suite)
    step "unpacking Nix of $own" "nix-$own" locked make_nix "$own"
    local versions=("$(<"$SEED_CACHE/nix/$own/version")")
    if quietly "unpacking Nix of $other" "$SEED_CACHE/log/nix-$other.log" locked make_nix "$other"; then
        versions+=("$(<"$SEED_CACHE/nix/$other/version")")
    else
        note "${yellow}note:${plain} no second Nix: that of $other cannot be had here, so every builder uses ${versions[0]}"
        note "  last word: $(tail -n 1 -- "$SEED_CACHE/log/nix-$other.log")"
    fi
    printf '%s\n' "${versions[@]}" >"$SEED_CACHE/nix/versions.$$"
    mv -- "$SEED_CACHE/nix/versions.$$" "$SEED_CACHE/nix/versions"
}
