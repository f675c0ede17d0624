# shellcheck shell=bash
# cosign, built by Go from its module: the peer that scripts/bench sets seed-verify beside. Where modules come from is the
# environment's business (GOPROXY); Go checks their sums.

readonly COSIGN_MODULE=github.com/sigstore/cosign/v3/cmd/cosign
readonly COSIGN_VERSION=v3.1.2

# Only the program is kept: what Go unpacks and compiles for it is some gigabytes.
make_cosign() {
    local key folder
    key="$COSIGN_MODULE $COSIGN_VERSION, $(go env GOVERSION)"
    ! stamped cosign "$key" || return 0
    new_folder folder cosign
    trap 'rm -rf -- "$folder/go"' EXIT
    CGO_ENABLED=0 GOFLAGS=-modcacherw GOTOOLCHAIN=local GOBIN=$folder/bin GOPATH=$folder/go GOCACHE=$folder/go/cache \
        nice go install -trimpath -ldflags '-s -w' "$COSIGN_MODULE@$COSIGN_VERSION"
    rm -rf -- "$folder/go"
    trap - EXIT
    "$folder/bin/cosign" version
    stamp "$folder" "$key"
    publish "$folder" cosign
}

# Exit 2 where there is no Go: nothing failed, it cannot be measured here.
setup_cosign() {
    if ! have go; then
        note "cosign is not compared: that takes Go 1.26 or newer on the PATH, to build $COSIGN_MODULE@$COSIGN_VERSION"
        exit 2
    fi
    step "building cosign $COSIGN_VERSION" cosign locked make_cosign
}
