#!/usr/bin/env bash
# Runs one function of these libraries with its arguments: `call.sh FUNCTION [ARG…]`.
set -euo pipefail
# shellcheck source=all.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/all.sh"
"$@"
