# shellcheck shell=bash
# Scratch copies of a commit, in which tests of the pure crates run often: `scripts/mutants`, `scripts/coverage`.

readonly CARGO_MUTANTS=27.1.0

# cargo-mutants at one version, built without optimisation: what takes time is what it starts.
make_cargo_mutants() {
    local key="cargo-mutants $CARGO_MUTANTS" folder
    ! stamped cargo-mutants "$key" || return 0
    new_folder folder cargo-mutants
    cd -- "$SEED_ROOT"
    cargo install --locked --debug --root "$folder" --target-dir "$folder/target" "cargo-mutants@$CARGO_MUTANTS"
    rm -rf -- "$folder/target"
    stamp "$folder" "$key"
    publish "$folder" cargo-mutants
}

# llvm-profdata and llvm-cov of the pinned toolchain.
make_llvm_tools() {
    [[ ! -x $(llvm_tool llvm-cov) ]] || return 0
    rustup component add llvm-tools --toolchain "$(pinned_rust)"
}

# llvm_tool NAME: its path.
llvm_tool() {
    local home host
    home=$(cd -- "$SEED_ROOT" && rustc --print sysroot)
    host=$(rustc -vV | sed -n 's/^host: //p')
    say "$home/lib/rustlib/$host/bin/$1"
}

# scratch_tree COMMIT FOLDER: FOLDER as COMMIT has it. Without the times of the archive, or what was built of an earlier
# copy would pass for newer than this one.
scratch_tree() {
    rm -rf -- "$2"
    mkdir -p -- "$2/.cargo"
    git -C "$SEED_ROOT" archive "$1" | tar -x -m -C "$2"
    scratch_settings >"$2/.cargo/config.toml"
}

# What is tested are our crates; what they lean on runs fast and without checks of its own.
scratch_settings() {
    local name
    printf '[profile.dev]\ndebug = false\n[profile.dev.package."*"]\nopt-level = 1\ndebug = false\n'
    printf 'debug-assertions = false\noverflow-checks = false\n'
    for name in k256 crypto-bigint elliptic-curve ecdsa sha2 keccak sha3; do
        printf '[profile.dev.package.%s]\nopt-level = 3\ndebug-assertions = false\noverflow-checks = false\n' "$name"
    done
    for name in primitives attestation image merkle; do
        printf '[profile.dev.package.seed-%s]\nopt-level = 2\n' "$name"
    done
}

# Whoever else works on this machine comes first.
step_back() {
    [[ ! -w /proc/self/autogroup ]] || echo 10 >/proc/self/autogroup || true
    renice -n 15 -p "$$" >/dev/null
}
