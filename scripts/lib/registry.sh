# shellcheck shell=bash
# The registry the demo and the tests talk to: Debian's docker-registry, unpacked. Its program needs
# nothing but the C library.

make_registry() {
    local suite key folder debs
    suite=$(own_suite)
    key="docker-registry of $suite, layout $DEBIAN_LAYOUT"
    ! stamped registry "$key" || return 0
    debs=$(fetch_packages "$suite" docker-registry)
    new_folder folder registry
    find "$debs" -name '*.deb' ! -name 'docker-registry_*' -delete
    unpack_packages "$debs" "$folder/tree"
    mkdir -- "$folder/bin"
    ln -s ../tree/usr/bin/docker-registry "$folder/bin/docker-registry"
    "$folder/bin/docker-registry" --version
    stamp "$folder" "$key"
    publish "$folder" registry
}
