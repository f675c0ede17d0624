# shellcheck shell=bash
# The steps of ./scripts/test, in the order they run. One function a step; each runs in a process of
# its own, in the checkout, and fails by its exit code.
#
# Cheap steps first. The rest shares work: clippy and the docs need the same check of every
# dependency; programs, tests and demo the same build of it. One target folder, one profile.

# name, then what it shows. The function is `step_<name>`, dashes as underscores.
readonly STEPS=(
    "scripts      the scripts: shellcheck, and what they read"
    "format       cargo fmt"
    "deny         bans, licences and sources of every dependency"
    "contracts    Solidity: format, lint, build, tests, committed snapshots"
    "slither      Solidity: every finding of slither is explained"
    "symbolic     Solidity: proofs, with nothing left out"
    "clippy       lints, warnings denied"
    "docs         API documentation, warnings denied"
    "build        every program"
    "graph        the dependency graph is the documented one"
    "vectors      the protocol's vectors"
    "gas          whole releases on receipts, within their limits"
    "tests        cargo test"
    "demo         the demo, as a newcomer runs it"
    "life         a federation's whole life, through real Safes and a timelock"
    "runbooks     every runbook, as it is written"
    "fool-true    the demo fails when seed-verify says yes to everything"
    "fool-false   the demo fails when seed-verify says no to everything"
    "fool-reject  the demo fails when seed-verify rejects everything, in its own words"
)

step_scripts() {
    lint_scripts
    selftest_sources
    selftest_stamps
}

step_format() { cargo fmt --all -- --check; }

step_deny() { "$SEED_CARGO_DENY" --locked --all-features check bans licenses sources; }

# The one build that the demo and the tests share. Building one package alone would choose other
# features for its dependencies, and so compile them again.
step_build() { cargo build --workspace --bins --locked; }

step_graph() { xtask graph --check; }

step_vectors() { xtask vectors --check; }

xtask() {
    step_build
    "${CARGO_TARGET_DIR:-target}/debug/xtask" "$@"
}

step_contracts() { contracts/tools/check; }

step_slither() { contracts/tools/slither; }

step_symbolic() { contracts/tools/prove; }

# The limits are in xtask; the committed figures are exact, so any change of gas is seen.
step_gas() { scripts/gas --check; }

step_clippy() { cargo clippy --workspace --all-targets --locked -- -D warnings; }

step_docs() { RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked; }

# Every failure in one run, as it takes long to get there.
step_tests() { cargo test --workspace --locked --no-fail-fast; }

step_demo() { scripts/demo; }

step_life() { scripts/life; }

step_runbooks() { scripts/runbooks; }

step_fool_true() { demo_must_fail "$(type -P true)"; }

step_fool_false() { demo_must_fail "$(type -P false)"; }

# A verifier that always rejects, and talks like one.
step_fool_reject() {
    local fake=$SEED_CACHE/fake-verify
    printf '%s\n' '#!/bin/sh' 'echo "error[manifest-digest-mismatch]: the manifest is not the one on the chain" >&2' \
        'exit 1' >"$fake"
    chmod 755 -- "$fake"
    demo_must_fail "$fake"
}

# demo_must_fail PROGRAM: runs the demo with PROGRAM as the verifier. It must end with 1, "an outcome
# was not the expected one"; any other failure (2: it could not be set up) proves nothing.
demo_must_fail() {
    local rc=0
    SEED_VERIFY=$1 scripts/demo || rc=$?
    ((rc == 1)) || die "the demo ended with $rc, not 1, when seed-verify was $1"
}
