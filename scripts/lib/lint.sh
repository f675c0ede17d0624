# shellcheck shell=bash
# shellcheck over every script here, from Debian's package.

make_shellcheck() {
    local suite key folder debs
    suite=$(own_suite)
    key="shellcheck of $suite, layout $DEBIAN_LAYOUT"
    ! stamped shellcheck "$key" || return 0
    debs=$(fetch_packages "$suite" shellcheck)
    new_folder folder shellcheck
    unpack_packages "$debs" "$folder/tree"
    run_unpacked "$folder/tree" shellcheck --version
    stamp "$folder" "$key"
    publish "$folder" shellcheck
}

# The scripts people run; the libraries are read through them.
lint_scripts() {
    local script scripts=("$SEED_ROOT/.ci/run" "$SEED_LIB/call.sh")
    for script in "$SEED_ROOT"/scripts/*; do
        [[ ! -f $script ]] || scripts+=("$script")
    done
    cd -- "$SEED_ROOT/scripts"
    run_unpacked "$SEED_CACHE/shellcheck/tree" shellcheck "${scripts[@]}"
}
