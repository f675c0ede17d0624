# shellcheck shell=bash
# The Rust toolchain the checkout pins, and cargo-deny at one version.

readonly CARGO_DENY=0.20.2

# The toolchain of rust-toolchain.toml ("1.95.0").
pinned_rust() { sed -n 's/^channel *= *"\(.*\)"/\1/p' "$SEED_ROOT/rust-toolchain.toml"; }

rust_fix() { say "rustup toolchain install $(pinned_rust) --profile minimal -c rustfmt -c clippy"; }

# Makes sure `cargo` in the checkout is the pinned one; rustup fetches it by itself where it may.
make_rust() {
    local wanted said
    wanted=$(pinned_rust)
    have cargo || die "cargo is not on the PATH" "install rustup, then: $(rust_fix)"
    cd -- "$SEED_ROOT"
    if ! { said=$(cargo --version) && cargo clippy --version && cargo fmt --version; }; then
        die "the pinned Rust toolchain $wanted does not run" "$(rust_fix)"
    fi
    [[ $said == "cargo $wanted "* ]] || die "cargo in $SEED_ROOT is '$said', not $wanted" "put rustup's cargo first on the PATH"
}

# cargo-deny, built once per version without optimisation: it runs for a second and builds in half
# the time.
make_cargo_deny() {
    local key="cargo-deny $CARGO_DENY" folder
    ! stamped cargo-deny "$key" || return 0
    new_folder folder cargo-deny
    cd -- "$SEED_ROOT"
    cargo install --locked --debug --no-default-features --root "$folder" \
        --target-dir "$folder/target" "cargo-deny@$CARGO_DENY"
    rm -rf -- "$folder/target"
    stamp "$folder" "$key"
    publish "$folder" cargo-deny
}
