# shellcheck shell=bash
# The contracts' tools: Foundry's programs and the Solidity compiler, from npm as the lock pins them,
# with no package's install script run.

contracts_key() { sha256sum -- "$SEED_ROOT/contracts/package-lock.json" | cut -d' ' -f1; }

# npm removes node_modules before it fills it, so a stamp inside is only there after a whole install.
make_contracts() {
    local key stamp=$SEED_ROOT/contracts/node_modules/.seed-stamp
    key=$(contracts_key)
    [[ ! -f $stamp || $(<"$stamp") != "$key" ]] || return 0
    npm ci --prefix "$SEED_ROOT/contracts" --ignore-scripts --no-audit --no-fund --no-update-notifier
    printf '%s\n' "$key" >"$stamp"
}

# foundry PROGRAM: its path (forge, anvil, cast).
foundry() { printf '%s\n' "$SEED_ROOT/contracts/node_modules/@foundry-rs/$1-linux-amd64/bin/$1"; }
