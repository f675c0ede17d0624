# shellcheck shell=bash
# The Python tools of the contracts' proofs: halmos and slither, as contracts/tools/requirements.txt pins them, run by Debian's
# Python.
#
# Python is always the unpacked one, whatever the machine has: it starts through its own loader and libraries, finds its own
# standard library and the tools' folder, and nothing else of that kind.

make_python() {
    local suite key folder debs
    suite=$(own_suite)
    key="python of $suite, layout $DEBIAN_LAYOUT, tools $(sha256sum -- "$SEED_ROOT/contracts/tools/requirements.txt" "$SEED_LIB/python.sh" | sha256sum)"
    ! stamped python "$key" || return 0
    # pip's package holds what pip needs to run, and Python's own wheel of it is left out of Debian's Python.
    debs=$(fetch_packages "$suite" python3 python3-pip libstdc++6 ca-certificates)
    new_folder folder python
    unpack_packages "$debs" "$folder/tree"
    mkdir -- "$folder/bin" "$folder/tools"
    python_wrapper "$folder/tree" >"$folder/bin/python3"
    chmod 755 -- "$folder/bin/python3"
    PYTHONPATH=$folder/tree/usr/lib/python3/dist-packages "$folder/bin/python3" -m pip install \
        --disable-pip-version-check --no-input --no-cache-dir --no-compile --no-warn-script-location --progress-bar off \
        --require-hashes --only-binary :all: --no-deps --target "$folder/tools" \
        --requirement "$SEED_ROOT/contracts/tools/requirements.txt"
    "$folder/bin/python3" -m halmos --version
    "$folder/bin/python3" -m slither --version
    stamp "$folder" "$key"
    publish "$folder" python
}

# python_wrapper ROOT: a command that runs the Python unpacked in ROOT.
python_wrapper() {
    cat <<WRAPPER
#!/bin/sh
# Runs the unpacked Python; the contract is at the top of scripts/lib/python.sh.
self=\$(readlink -f -- "\$0") || exit 1
home=\${self%/*/*}
root=\$home/tree
export PYTHONHOME="\$root/usr" PYTHONPATH="\$home/tools\${PYTHONPATH:+:\$PYTHONPATH}" PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1
exec "\$root/$(loader_in "$1")" --inhibit-cache --library-path "$(libraries_below '$root')" \\
    --argv0 "\$self" "\$root/usr/bin/$(basename -- "$(readlink -- "$1/usr/bin/python3")")" "\$@"
WRAPPER
}
