# shellcheck shell=bash
# Every library, in the order they need each other.
# shellcheck source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=progress.sh
. "$SEED_LIB/progress.sh"
# shellcheck source=debian.sh
. "$SEED_LIB/debian.sh"
# shellcheck source=nix.sh
. "$SEED_LIB/nix.sh"
# shellcheck source=registry.sh
. "$SEED_LIB/registry.sh"
# shellcheck source=runtimes.sh
. "$SEED_LIB/runtimes.sh"
# shellcheck source=packing.sh
. "$SEED_LIB/packing.sh"
# shellcheck source=cosign.sh
. "$SEED_LIB/cosign.sh"
# shellcheck source=contracts.sh
. "$SEED_LIB/contracts.sh"
# shellcheck source=python.sh
. "$SEED_LIB/python.sh"
# shellcheck source=rust.sh
. "$SEED_LIB/rust.sh"
# shellcheck source=scratch.sh
. "$SEED_LIB/scratch.sh"
# shellcheck source=lint.sh
. "$SEED_LIB/lint.sh"
# shellcheck source=selftest.sh
. "$SEED_LIB/selftest.sh"
# shellcheck source=setup.sh
. "$SEED_LIB/setup.sh"
# shellcheck source=steps.sh
. "$SEED_LIB/steps.sh"
