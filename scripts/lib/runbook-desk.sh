# shellcheck shell=bash
# What every runbook's commands find: the programs, the names that runbooks use, and what happens meanwhile.
# shellcheck source=all.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/all.sh"
# shellcheck source=outcome.sh
. "$SEED_LIB/outcome.sh"
# shellcheck source=world.sh
. "$SEED_LIB/world.sh"
# shellcheck source=story.sh
. "$SEED_LIB/story.sh"
# shellcheck source=life.sh
. "$SEED_LIB/life.sh"

PATH=$world/bin:$PATH
RPC=$rpc
REGISTRY=$registry/acme/seed
export PATH RPC REGISTRY

# meanwhile FUNCTION [ARG…]: what time or somebody else does between two steps.
meanwhile() { "$@"; }
