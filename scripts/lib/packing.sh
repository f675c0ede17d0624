# shellcheck shell=bash
# What scripts/bench puts beside the packer: other people's tools on the same files, and closures of two sizes.

# The folder of the run; runtime_tool shows it to the tools as /bench.
place=${place-}

# The most memory packing may take, whatever the closure's size.
readonly MOST_PACK_KIB=262144

# timed NAME COMMAND…: runs it, and adds its seconds (wall, user, system) to the file of NAME.
timed() {
    local name=$1 TIMEFORMAT='%R %U %S'
    shift
    { time "$@" >"$place/said" 2>&1; } 2>>"$place/times-$name" || {
        cat -- "$place/said" >&2
        die "$name failed"
    }
}

# The packer as the builder calls it: NAR hashes checked, 40 layers, files synced to disk.
pack_ours() { "$packer" pack "$place" "$1" "$place/image"; }

# umoci writes the layer in one go and always compresses it, with several threads.
pack_umoci() {
    runtime_tool --as-pid-1 umoci init --layout umoci &&
        runtime_tool --as-pid-1 umoci new --image umoci:seed &&
        runtime_tool --as-pid-1 umoci insert --image umoci:seed tree/nix /nix
}

# buildah copies everything into its store first; the layer is a plain tar.
pack_buildah() {
    run_buildah from --name seed scratch &&
        run_buildah copy seed /bench/tree/nix /nix &&
        run_buildah commit --quiet --disable-compression seed oci:/bench/oci:seed
}

run_buildah() {
    runtime_tool --as-pid-1 --setenv TMPDIR /bench/tmp buildah --root /bench/buildah --runroot /bench/buildah-run \
        --storage-driver vfs "$@"
}

# beside_tools ROUNDS [--json]: each tool in turn, round by round; then medians.
beside_tools() {
    local round name layout tar
    for ((round = 0; round < $1; round++)); do
        for name in tar tar+zstd umoci buildah; do
            rm -rf -- "$place"/{image,umoci,buildah,buildah-run,oci,tmp}
            mkdir -- "$place/tmp"
            case $name in
            tar*) timed "$name" pack_ours "$name" && layout=image ;;
            umoci) timed umoci pack_umoci && layout=umoci && same_files umoci -tzf ;;
            buildah) timed buildah pack_buildah && layout=oci && same_files oci -tf ;;
            esac
            find "$place/$layout/blobs" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }' >"$place/size-$name"
        done
    done
    tar=$(median_of tar '$1')
    [[ ${2-} == --json ]] ||
        printf '\n%-42s %10s %10s %8s %10s\n' "the same files as an image, whole programs" wall CPU "to tar" size
    for name in tar tar+zstd umoci buildah; do
        local format='%-42s %8.2f s %8.2f s %8.1f %7d MB\n' unit=1000000
        [[ ${2-} != --json ]] || {
            format='{"packed_by":"%s","wall_seconds":%.3f,"cpu_seconds":%.3f,"wall_to_tar":%.2f,"bytes":%d}\n' unit=1
        }
        awk -v format="$format" -v name="$name" -v tar="$tar" -v wall="$(median_of "$name" '$1')" -v unit="$unit" \
            -v cpu="$(median_of "$name" '$2 + $3')" -v size="$(<"$place/size-$name")" \
            'BEGIN { printf format, name, wall, cpu, wall / tar, size / unit }'
    done
    [[ ${2-} == --json ]] || say "medians of $1 rounds; tar and tar+zstd are this packer, umoci compresses (gzip), buildah does not."
}

# same_files LAYOUT TAR-OPTION: the layer of another tool holds every file that was to be packed, and no other.
same_files() {
    local layer
    layer=$(find "$place/$1/blobs/sha256" -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2)
    cmp -s -- <(tar "$2" "$layer" | sed 's:^/::' | grep -v '/$' | sort) \
        <(cd -- "$place/tree" && find nix -type f | sort) || die "$1 packed other files"
}

# median_of NAME EXPRESSION: of an awk expression over the lines of timed.
median_of() { awk "{ print $2 }" "$place/times-$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# pack_memories BUILDER [--json] MEGABYTES…: the most memory per size, and a failure above the gate.
pack_memories() {
    local builder=$1 form='' size peak failed=0
    shift
    [[ $1 != --json ]] || { form=json && shift; }
    [[ -n $form ]] || printf '\n%-42s %10s\n' "seed-builder pack, whole program" "peak memory"
    for size; do
        peak=$(pack_memory "$builder" "$size")
        if [[ -n $form ]]; then
            printf '{"closure_megabytes":%d,"peak_kib":%d,"peak_kib_limit":%d}\n' "$size" "$peak" "$MOST_PACK_KIB"
        else
            printf '%-42s %6d KiB, at most %d\n' "a closure of $size MB" "$peak" "$MOST_PACK_KIB"
        fi
        ((peak > 0 && peak <= MOST_PACK_KIB)) || failed=1
    done
    ((failed == 0)) || die "packing took more than $MOST_PACK_KIB KiB, or nothing was measured"
}

# pack_memory BUILDER MEGABYTES: what `seed-builder pack` (build, audit, rebuild, pack) has resident at most, in KiB, over
# a closure of hundred store paths and that size. VmHWM only grows, so the last value that is seen is the highest one.
pack_memory() {
    local repository=$place/memory-$2 large=() commit pid peak='' seen status=0
    for _ in {1..10}; do large+=(--large "$(($2 * 90000))"); done
    "${1%/*}/seed-closure" "$repository" --paths 100 --largest "$(($2 * 2200))" "${large[@]}" >"$place/said"
    git -C "$repository" init -q -b main
    git -C "$repository" add -A
    git -C "$repository" -c user.name=test -c user.email=test@example.org commit -qm closure
    commit=$(git -C "$repository" rev-parse HEAD)
    "$1" pack --state "$place/state-$2" --nix "$SEED_NIX" --source "$repository" --commit "$commit" \
        --system x86_64-linux --allow-seed "sha256:$(sha256sum "$repository/bootstrap/seed" | cut -d ' ' -f 1)" \
        --source-uri https://git.example/acme/closure >>"$place/said" 2>&1 &
    pid=$!
    while seen=$(awk '/^VmHWM:/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [[ -n $seen ]]; do
        peak=$seen
        sleep 0.02
    done
    wait "$pid" || status=$?
    ((status == 0)) || {
        cat -- "$place/said" >&2
        die "seed-builder pack ended with $status"
    }
    rm -rf -- "$place/state-$2" "$repository"
    printf '%s\n' "$peak"
}
