# shellcheck shell=bash
# Cases for what the set-up reads of other people's files: apt sources in both forms.

# expect CASE WANTED GOT
expect() {
    [[ $2 == "$3" ]] || die "$1: wanted"$'\n'"$2"$'\n'"got"$'\n'"$3"
    say "ok: $1"
}

selftest_sources() {
    expect "a one-line source becomes a stanza of the other suite" \
        $'Types: deb\nURIs: mirror+file:/m.list\nSuites: trixie\nComponents: main\nSigned-By: /a.gpg /b.gpg' \
        "$(one_line_sources bookworm trixie <<<'deb [ arch=amd64 signed-by=/a.gpg,/b.gpg ]  mirror+file:/m.list bookworm contrib main # words')"
    expect "a one-line source without options" \
        $'Types: deb\nURIs: file:/d\nSuites: bookworm\nComponents: main' \
        "$(one_line_sources bookworm bookworm <<<'deb file:/d stable main')"
    expect "leaves out sources, comments, other suites and other components" "" \
        "$(one_line_sources bookworm trixie <<<$'deb-src file:/d bookworm main\n# deb file:/d bookworm main\ndeb file:/d bookworm-backports main\ndeb file:/d bookworm stable')"
    expect "a deb822 stanza keeps its addresses and a folded key" \
        $'Types: deb\nURIs: file:/a\n file:/b\nSuites: trixie\nComponents: main\nSigned-By:\n -----BEGIN\n .\n -----END' \
        "$(deb822_sources bookworm trixie <<<$'# words\nTypes: deb deb-src\nURIs: file:/a\n file:/b\nSuites: bookworm bookworm-updates\nComponents: main contrib\nSigned-By:\n -----BEGIN\n .\n -----END')"
    expect "leaves out a disabled stanza, and one of another suite" "" \
        "$(deb822_sources bookworm trixie <<<$'Types: deb\nURIs: file:/a\nSuites: bookworm\nComponents: main\nEnabled: no\n\nTypes: deb\nURIs: file:/a\nSuites: bookworm-security\nComponents: main')"
}

# A stamp counts only for its own key, and an interrupted folder never does.
selftest_stamps() {
    local folder SEED_CACHE
    SEED_CACHE=$(mktemp -d)
    new_folder folder part/one
    ! stamped part/one "one" || die "a folder that was not published counts"
    stamp "$folder" "one"
    publish "$folder" part/one
    stamped part/one "one" || die "a published folder does not count"
    ! stamped part/one "two" || die "a folder made for another key counts"
    new_folder folder part/one
    stamp "$folder" "two"
    publish "$folder" part/one
    stamped part/one "two" || die "a new folder does not replace the old one"
    expect "nothing is left beside a published folder" "one" "$(ls -A "$SEED_CACHE/part")"
    rm -rf -- "$SEED_CACHE"
}
