# shellcheck shell=bash
# The set-up as other scripts ask for it. Each function does nothing when its part is already there,
# shows progress when it is not, and leaves the paths in the environment:
#
#   setup_rust       the pinned toolchain runs
#   setup_nix        SEED_NIX, SEED_NIX_SECOND (empty if there is only one)
#   setup_registry   SEED_REGISTRY
#   setup_contracts  SEED_ANVIL, SEED_FORGE, SEED_CAST
#   setup_deny       SEED_CARGO_DENY
#   setup_python     SEED_PYTHON, a Python with halmos and slither
#   setup_lint       shellcheck for `lint_scripts`
#
# No function may be called where its result is tested (`if`, `||`): each ends the script itself, with
# a line that says what is missing.

setup_rust() { step "looking for Rust $(pinned_rust)" rust locked make_rust; }

setup_nix() {
    make_all_nix
    local versions
    mapfile -t versions <"$SEED_CACHE/nix/versions"
    SEED_NIX=$SEED_CACHE/nix/${versions[0]}/bin/nix
    SEED_NIX_SECOND=${versions[1]:+$SEED_CACHE/nix/${versions[1]}/bin/nix}
    export SEED_NIX SEED_NIX_SECOND
}

setup_registry() {
    step "unpacking docker-registry" registry locked make_registry
    export SEED_REGISTRY=$SEED_CACHE/registry/bin/docker-registry
}

setup_contracts() {
    step "installing the contracts' tools" contracts locked make_contracts
    SEED_ANVIL=$(foundry anvil) SEED_FORGE=$(foundry forge) SEED_CAST=$(foundry cast)
    export SEED_ANVIL SEED_FORGE SEED_CAST
}

setup_deny() {
    step "building cargo-deny $CARGO_DENY" cargo-deny locked make_cargo_deny
    export SEED_CARGO_DENY=$SEED_CACHE/cargo-deny/bin/cargo-deny
}

setup_python() {
    step "unpacking Python, halmos and slither" python locked make_python
    export SEED_PYTHON=$SEED_CACHE/python/bin/python3
}

setup_lint() { step "unpacking shellcheck" shellcheck locked make_shellcheck; }

setup_all() {
    setup_rust
    setup_nix
    setup_registry
    setup_contracts
}
