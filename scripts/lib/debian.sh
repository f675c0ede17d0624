# shellcheck shell=bash
# Debian packages without root: apt with a configuration and a state of its own below the cache
# folder, packages unpacked there and never installed.
#
# The addresses, keyrings and network settings are those of this machine's own apt; only the suite
# and the component are chosen here. An empty status file makes apt resolve the whole closure, so an
# unpacked program does not lean on what happens to be installed.

# Bumped when what is unpacked, or how, changes.
readonly DEBIAN_LAYOUT=3

# The suite of this machine ("bookworm"), from os-release.
own_suite() { (. /etc/os-release && printf '%s\n' "${VERSION_CODENAME-}"); }

# The suite that holds another Nix than this machine's.
other_suite() {
    case $(own_suite) in
    bookworm) say trixie ;;
    *) say bookworm ;;
    esac
}

# debian_sources SUITE: this machine's sources of Debian's main component, as if for SUITE, in
# deb822 form. Empty if there are none.
debian_sources() {
    local own file
    own=$(own_suite)
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [[ ! -r $file ]] || one_line_sources "$own" "$1" <"$file"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [[ ! -r $file ]] || deb822_sources "$own" "$1" <"$file"
    done
}

# One-line entries (`deb [signed-by=…] URI SUITE COMPONENT…`) on stdin, deb822 stanzas out.
one_line_sources() {
    awk -v own="$1" -v suite="$2" '
        function is_own(s) { return s == own || s ~ /^(old)*stable$/ || s == "testing" }
        { sub(/#.*/, "") }
        $1 != "deb" { next }
        {
            options = ""
            line = $0
            sub(/^[ \t]*deb[ \t]+/, "", line)
            if (line ~ /^\[/) {
                options = line; sub(/^\[[ \t]*/, "", options); sub(/[ \t]*\].*/, "", options)
                sub(/^\[[^]]*\][ \t]*/, "", line)
            }
            n = split(line, word, /[ \t]+/)
            if (!is_own(word[2])) next
            main = 0
            for (i = 3; i <= n; i++) if (word[i] == "main") main = 1
            if (!main) next
            printf "Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n", word[1], suite
            m = split(options, option, /[ \t]+/)
            for (i = 1; i <= m; i++) if (option[i] ~ /^signed-by=/) {
                sub(/^signed-by=/, "", option[i]); gsub(/,/, " ", option[i])
                print "Signed-By: " option[i]
            }
            print ""
        }'
}

# deb822 stanzas on stdin, those of Debian main out, with another suite. Folded values (an inline
# key) are kept whole.
deb822_sources() {
    awk -v own="$1" -v suite="$2" '
        function is_own(s) { return s == own || s ~ /^(old)*stable$/ || s == "testing" }
        function has(list, wanted,   n, i, word) {
            n = split(list, word, /[ \t\n]+/)
            for (i = 1; i <= n; i++) if (wanted == "" ? is_own(word[i]) : word[i] == wanted) return 1
            return 0
        }
        function flush_stanza() {
            if (has(value["types"], "deb") && has(value["suites"], "") && has(value["components"], "main") \
                && value["enabled"] !~ /^[ \t]*(no|false|0|off|disable)/ && value["uris"] != "") {
                printf "Types: deb\nURIs:%s\nSuites: %s\nComponents: main\n", value["uris"], suite
                if (value["signed-by"] != "") printf "Signed-By:%s\n", value["signed-by"]
                print ""
            }
            split("", value); name = ""
        }
        /^#/ { next }
        /^[ \t]*$/ { flush_stanza(); next }
        /^[ \t]/ { if (name != "") value[name] = value[name] "\n" $0; next }
        {
            name = tolower($0); sub(/:.*/, "", name)
            rest = $0; sub(/^[^:]*:/, "", rest)
            value[name] = rest
        }
        END { flush_stanza() }'
}

# apt_folder SUITE: makes $SEED_CACHE/apt/SUITE with a configuration, and prints its path.
apt_folder() {
    local folder=$SEED_CACHE/apt/$1
    mkdir -p -- "$folder"/{lists/partial,archives/partial,sources.d,empty}
    : >"$folder/status"
    debian_sources "$1" >"$folder/sources.d/seed.sources"
    [[ -s $folder/sources.d/seed.sources ]] ||
        die "no apt source of this machine offers Debian's main component for its own suite" \
            "add Debian's archive to /etc/apt/sources.list.d (suite $(own_suite), component main)"
    apt_settings "$folder" >"$folder/apt.conf"
    printf '%s\n' "$folder"
}

# Reuses how this machine's apt reaches its archive (proxy, certificates, credentials), none of its
# hooks. Read through APT_CONFIG, so the machine's own configuration files are not read again.
apt_settings() {
    apt-config dump | grep -E '^Acquire::' |
        grep -vE '^Acquire::(IndexTargets|Languages|GzipIndexes|Changelogs|Snapshots)' || true
    cat <<CONF
Dir::State "$1";
Dir::State::lists "$1/lists";
Dir::State::status "$1/status";
Dir::Cache "$1";
Dir::Cache::archives "$1/archives";
Dir::Etc::main "$1/empty/none";
Dir::Etc::parts "$1/empty";
Dir::Etc::sourcelist "$1/empty/none";
Dir::Etc::sourceparts "$1/sources.d";
Dir::Etc::preferences "$1/empty/none";
Dir::Etc::preferencesparts "$1/empty";
Dir::Log "$1";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Acquire::Retries "3";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
APT::Get::Assume-Yes "true";
CONF
}

# fetch_packages SUITE PACKAGE…: downloads the packages and all they depend on, checked by apt
# against the archive's signature. Prints the folder that holds them.
fetch_packages() {
    local folder
    folder=$(apt_folder "$1")
    rm -f -- "$folder"/archives/*.deb
    APT_CONFIG=$folder/apt.conf apt-get -q update >&2
    APT_CONFIG=$folder/apt.conf apt-get -q --download-only install "${@:2}" >&2
    printf '%s\n' "$folder/archives"
}

# unpack_packages FOLDER TARGET: unpacks every package of FOLDER below TARGET and then forgets it.
# Documentation and data no program here reads are left out.
unpack_packages() {
    local deb
    mkdir -p -- "$2"
    for deb in "$1"/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar --extract --directory "$2" --no-same-owner --exclude='./usr/share' --exclude='./var' --exclude='./etc'
        basename -- "$deb" .deb
    done >"$2/.packages"
    rm -rf -- "$(dirname -- "$1")"
}

# Where an unpacked closure keeps its libraries: a search path below the folder written as $1.
libraries_below() { printf '%s\n' "$1/usr/lib/nix:$1/lib/x86_64-linux-gnu:$1/usr/lib/x86_64-linux-gnu"; }

# loader_in ROOT: the loader of an unpacked closure, as a path below ROOT.
loader_in() {
    local loader=usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
    [[ -e $1/$loader ]] || loader=${loader#usr/}
    printf '%s\n' "$loader"
}

# run_unpacked ROOT [--list] PROGRAM [ARG…]: runs a program of an unpacked closure with the loader and
# the libraries of that closure, or lists what it would load.
run_unpacked() {
    local root=$1 options=()
    shift
    if [[ $1 == --list ]]; then
        options=(--list)
        shift
    fi
    "$root/$(loader_in "$root")" --inhibit-cache --library-path "$(libraries_below "$root")" "${options[@]}" \
        "$root/usr/bin/$1" "${@:2}"
}
