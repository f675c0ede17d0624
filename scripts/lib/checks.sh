# shellcheck shell=bash
# What a machine must have, one check a function. A check prints what it found and returns 0, or
# calls `missing WHAT FIX`.

# Room for the build, the unpacked tools and the demo, in MiB.
readonly ROOM_NEEDED=12000
readonly MEMORY_NEEDED=3000

missing() {
    printf '%s\n%s\n' "$1" "$2"
    return 1
}

check_machine() {
    local id version
    id=$(. /etc/os-release 2>/dev/null && printf '%s' "${ID-}")
    version=$(. /etc/os-release 2>/dev/null && printf '%s' "${VERSION_ID-}")
    [[ $(uname -sm) == "Linux x86_64" ]] || missing "this is $(uname -sm)" "use a Linux machine on x86_64" || return
    case $id-$version in
    debian-12 | debian-13) say "Debian $version, x86_64" ;;
    *) missing "this is ${id:-an unnamed system} ${version}" "use Debian 12 or 13 (a container of it is enough)" ;;
    esac
}

check_place() {
    case $SEED_ROOT$SEED_CACHE in
    *:*) missing "the path of the checkout or the cache holds a colon" "move the checkout to a path without ':'" || return ;;
    esac
    mkdir -p -- "$SEED_CACHE" 2>/dev/null && [[ -w $SEED_CACHE ]] ||
        missing "$SEED_CACHE cannot be written" "make it yours, or name another with SEED_CACHE=DIR" || return
    local probe rc=0
    probe=$(mktemp -- "$SEED_CACHE/probe.XXXXXX")
    printf '#!/bin/sh\nexit 0\n' >"$probe"
    chmod 755 -- "$probe"
    "$probe" 2>/dev/null || rc=$?
    rm -f -- "$probe"
    ((rc == 0)) || missing "$SEED_CACHE lies on a file system that forbids running programs" "name another place with SEED_CACHE=DIR" || return
    say "the cache can be written and run from"
}

check_room() {
    local free
    free=$(df --output=avail -BM -- "$SEED_ROOT" | tail -n 1 | tr -dc 0-9)
    ((free >= ROOM_NEEDED)) || missing "$free MiB free, $ROOM_NEEDED needed" "free some space where $SEED_ROOT lies" || return
    say "at least $ROOM_NEEDED MiB free"
}

check_memory() {
    local total
    total=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
    ((total >= MEMORY_NEEDED)) || missing "$total MiB of memory, $MEMORY_NEEDED needed" "use a larger machine" || return
    say "at least $MEMORY_NEEDED MiB"
}

# check_program NAME PACKAGE
check_program() {
    have "$1" || missing "not on the PATH" "sudo apt-get install $2" || return
    say "found"
}

# A C compiler that links: the crates with C code need the C library's headers too.
check_cc() {
    have cc || missing "not on the PATH" "sudo apt-get install build-essential" || return
    local folder rc=0
    folder=$(mktemp -d)
    printf '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n' |
        cc -x c -o "$folder/program" - 2>/dev/null || rc=$?
    rm -rf -- "$folder"
    ((rc == 0)) || missing "cc does not compile and link a C program" "sudo apt-get install build-essential" || return
    say "compiles and links"
}

check_rust() {
    local wanted
    wanted=$(pinned_rust)
    have rustup || missing "rustup is not on the PATH" "install rustup, then: $(rust_fix)" || return
    if (cd -- "$SEED_ROOT" && cargo --version && cargo clippy --version && cargo fmt --version) >/dev/null 2>&1; then
        say "$wanted with clippy and rustfmt"
    else
        missing "toolchain $wanted with clippy and rustfmt is not installed" "$(rust_fix)"
    fi
}

check_node() {
    have node && have npm || missing "node or npm is not on the PATH" "sudo apt-get install nodejs npm" || return
    local version
    version=$(node --version)
    [[ $version =~ ^v([0-9]+)\. ]] && ((BASH_REMATCH[1] >= 18)) ||
        missing "node is ${version}, 18 needed" "install Node 18 or newer" || return
    say "18 or newer"
}

check_archive() {
    have apt-get && have dpkg-deb || missing "apt-get or dpkg-deb is not on the PATH" "use Debian 12 or 13" || return
    [[ -n $(debian_sources "$(own_suite)") ]] ||
        missing "no apt source offers Debian's main component for '$(own_suite)'" \
            "add Debian's archive to /etc/apt/sources.list.d (suite $(own_suite), component main)" || return
    say "Debian's main component can be named"
}

# Nix builds in a sandbox of new namespaces, with a /proc of its own.
check_namespaces() {
    local run=(unshare --user --map-root-user --net --mount --pid --fork --mount-proc true)
    if "${run[@]}" 2>/dev/null; then
        say "user, network, mount and pid namespaces"
        return
    fi
    missing "$(namespace_fault)" "$(namespace_fix)"
}

# setting NAME: a kernel setting, empty where the kernel has none of that name.
setting() { cat -- "/proc/sys/${1//.//}" 2>/dev/null || true; }

namespace_fault() { say "Nix cannot make its sandbox: the kernel or the container refuses user namespaces"; }

namespace_fix() {
    if [[ $(setting user.max_user_namespaces) == 0 ]]; then
        say "sudo sysctl user.max_user_namespaces=15000"
    elif [[ $(setting kernel.unprivileged_userns_clone) == 0 ]]; then
        say "sudo sysctl kernel.unprivileged_userns_clone=1"
    elif [[ $(setting kernel.apparmor_restrict_unprivileged_userns) == 1 ]]; then
        say "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    else
        say "in a container: start it with --security-opt seccomp=unconfined --security-opt systempaths=unconfined"
    fi
}

# Chain and registry listen on 127.0.0.1, on ports the system chooses.
check_loopback() {
    have node || missing "not looked at: node is missing" "sudo apt-get install nodejs npm" || return
    node -e 'const s = require("net").createServer().on("error", () => process.exit(1)).listen(0, "127.0.0.1", () => s.close())' 2>/dev/null ||
        missing "no port of 127.0.0.1 can be listened on" "sudo ip link set lo up" || return
    say "127.0.0.1 can be listened on"
}

# A clock before the last commit breaks TLS and the archive's signatures.
check_clock() {
    local commit
    commit=$(git -C "$SEED_ROOT" log -1 --format=%ct 2>/dev/null || say 0)
    (($(date +%s) + 86400 >= commit)) || missing "it is before this checkout's last commit" "set the clock: sudo timedatectl set-ntp true" || return
    say "not before the last commit"
}
