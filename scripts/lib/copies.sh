# shellcheck shell=bash
# The image of a release as skopeo and podman copy it, and what seed-verify says of each copy. Part of scripts/runtimes;
# stands on world.sh, story.sh and outcome.sh. The tools share this machine's network here, for the registry on loopback.

# tell_copies: a federation, one release, and its image in every form these tools write.
tell_copies() {
    chapter "A release, and its image as skopeo and podman copy it"
    deploy_federation main ada:us/cloud-a bo:ch/cloud-b cy:br/own-metal
    build_release main first ada bo cy
    sign_genesis main first ada bo cy
    expect "the release is recorded" 0 finalised aggregate main first --wait-finalised
    first_image=$(image_of first ada)
    write_policy main policy.toml
    fetch_locator "$first_image" "$world/first.locator"
    mkdir -- "$world/tmp" "$world/copies"
    place=$world/copies
    copies_of_skopeo
    copies_of_podman
    copies_in_dockers_archive
}

copies_of_skopeo() {
    local from=docker://$first_image
    skopeo_copy "$from" oci:kept:seed
    judged "skopeo copy … oci:" oci:kept image-not-in-record
    skopeo_copy "$from" oci-archive:kept.tar:seed
    judged "skopeo copy … oci-archive:" oci-archive:kept.tar image-not-in-record
    skopeo_copy --preserve-digests "$from" oci-archive:preserved.tar:seed
    judged "skopeo copy --preserve-digests … oci-archive:" oci-archive:preserved.tar image-not-in-record
    skopeo_copy --dest-decompress "$from" oci:plain:seed
    judged "skopeo copy --dest-decompress … oci:" oci:plain image-not-in-record
    skopeo_copy --dest-compress --dest-compress-format gzip "$from" oci:gzip:seed
    judged "skopeo copy --dest-compress-format gzip … oci:" oci:gzip repacked-copy
    # Docker's form knows no zstd: skopeo refuses that, so it is made of the copy that has gzip.
    skopeo_copy --format v2s2 oci:gzip:seed oci:docker:seed
    judged "skopeo copy --format v2s2 … oci:" oci:docker repacked-copy
    skopeo_copy --format v2s2 oci:gzip:seed oci-archive:docker.tar:seed
    judged "skopeo copy --format v2s2 … oci-archive:" oci-archive:docker.tar repacked-copy
}

copies_of_podman() {
    copied podman_here pull --quiet --tls-verify=false "$first_image"
    copied podman_here save --quiet --format oci-archive --output podman.tar "$first_image"
    judged "podman save --format oci-archive" oci-archive:podman.tar repacked-copy
    copied podman_here save --quiet --format oci-dir --output podman "$first_image"
    judged "podman save --format oci-dir" oci:podman repacked-copy
}

# Neither its form nor what becomes of it when it is converted again has a manifest or config that was attested.
copies_in_dockers_archive() {
    local name again
    skopeo_copy oci:gzip:seed docker-archive:skopeo-docker.tar:copies/seed:v1
    copied podman_here pull --quiet oci:gzip:seed
    copied podman_here save --quiet --format docker-archive --output podman-docker.tar "$(config_of gzip)"
    for name in skopeo podman; do
        expect "$name: docker-archive:" 2 reference-malformed verify_image policy.toml "docker-archive:$place/$name-docker.tar"
        expect "$name: the same, called oci-archive:" 2 docker-archive verify_image policy.toml "oci-archive:$place/$name-docker.tar"
    done
    skopeo_copy docker-archive:skopeo-docker.tar oci:again:seed
    [[ $(config_of again) != "$(config_of gzip)" ]] || die "the config came back as it was; say so in crates/verifier/README.md"
    again=oci:$place/again@$(digest_in oci:again)
    expect "back from docker-archive: to oci:" 1 repacked-copy verify_copy "$again" --record "$world/first.locator"
    expect "  --deep, where no locator leads to it" 3 locator-missing verify_copy "$again" --deep
    expect "  --deep, with the locator" 1 image-not-in-record verify_copy "$again" --deep --record "$world/first.locator"
}

# judged TITLE PLACE CODE: what is said of the copy at PLACE, without and with --deep. Where the tool kept the manifest it is the
# original itself; where it did not, CODE is said without --deep, and with it the original's digest.
judged() {
    local title=$1 copy code=$3 exit=1 digest what="other manifest"
    digest=$(digest_in "$2")
    copy=${2%%:*}:$place/${2#*:}@$digest
    [[ $digest != "${first_image##*@}" ]] || { exit=0 code=verified what="same manifest"; }
    tell "$title ($what)"
    expect "  with its locator" "$exit" "$code" verify_copy "$copy" --record "$world/first.locator"
    expect "  --deep" 0 verified verify_copy "$copy" --deep
    same_original "$digest"
}

# same_original DIGEST: the newest answer was about the released image, and says so where DIGEST is another.
same_original() {
    local answer
    answer=$demo_logs/$(printf '%02d' "$((${#outcome_rows[@]} - 1))").out
    node -e '
        const answer = require("fs").readFileSync(process.argv[1], "utf8");
        const [copy, original] = process.argv.slice(2);
        const found = [...answer.matchAll(/"copyOf": *"([^"]*)"/g)].map((match) => match[1]);
        process.exit(found.join() === (copy === original ? "" : original) ? 0 : 1);
    ' "$answer" "$1" "${first_image##*@}" || die "the answer does not name the original" "see copyOf in $answer"
}

verify_copy() { verify_image policy.toml --mirror "${first_image%@*}" "$@"; }

skopeo_copy() { copied runtime_tool --share-net skopeo copy --quiet --src-tls-verify=false "$@"; }

podman_here() {
    runtime_tool --share-net podman --root /bench/podman-root --runroot /bench/podman-run --cgroup-manager cgroupfs \
        --events-backend none --storage-driver vfs --runtime /usr/sbin/runc "$@"
}

# copied COMMAND…: COMMAND succeeds; its words are for failures.
copied() {
    "$@" >"$world/said" 2>&1 || {
        cat -- "$world/said" >&2
        die "failed: ${*:2}"
    }
}

# digest_in oci:FOLDER|oci-archive:FILE: the digest of the one image there.
digest_in() {
    local index
    case $1 in
    oci:*) index=$(<"$place/${1#*:}/index.json") ;;
    *) index=$(tar -xOf "$place/${1#*:}" index.json) ;;
    esac
    grep -oE -m 1 'sha256:[0-9a-f]{64}' <<<"$index" | head -n 1
}

# config_of FOLDER: the config's digest of the one image in a layout, in hex.
config_of() {
    local digest
    digest=$(digest_in "oci:$1")
    node -e 'process.stdout.write(JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).config.digest.slice(7))' \
        "$place/$1/blobs/sha256/${digest#sha256:}"
}
