# shellcheck shell=bash
# A federation's life, from its deployment to its move to another ledger. Every claim is an outcome; whenever
# something happened, the ledger and seed-verify are both asked how every release stands.

tell_life() {
    live_deployment
    live_genesis
    live_second_release
    live_change_of_rules
    live_third_release
    live_revocation
    live_dispute_that_lapses
    live_dispute_that_is_confirmed
    live_endorsement
    live_pause
    live_equivocation
    live_migration
}

live_genesis() {
    chapter "Genesis: every builder signs the first release, and that it is the first"
    remember first
    rebuild main first ada bo cy dora
    sign_genesis main first ada bo cy
    expect "a genesis without dora's consent" 1 genesis-incomplete today aggregate main first
    sign_genesis main first dora
    record main first "release 1 becomes the genesis of the ledger"
    write_policy main policy.toml
    tell "policy     as \`policy init\` wrote it"
    standing first Final 0 verified
}

live_second_release() {
    chapter "Release 2: three of four agree; cy is late"
    next_commit second
    rebuild main second ada bo dora
    record main second "release 2 is recorded"
    standing second Final 0 verified
}

live_third_release() {
    chapter "Release 3: a vote names the rules that shall judge it, and a policy the rules it accepts"
    expect "three votes for the old rules" 1 quorum-unmet today aggregate main third
    adopt_rules main
    rebuild main third ada bo cy
    record main third "the same digests, signed for the rules in force"
    expect "seed-verify, until its owner accepts these rules" 1 rules-unknown today verify_image policy.toml "$third_image"
    accept_rules main policy.toml
    standing first Final 0 verified
    standing second Final 0 verified
    standing third Final 0 verified
}

live_revocation() {
    chapter "The guardian revokes dora: what was recorded stands, nothing new counts her"
    guardian "dora is revoked, at once" done revoke dora
    standing first Final 0 verified
    standing second Final 0 verified
    standing third Final 0 verified
    next_commit fourth
    rebuild main fourth ada bo dora
    expect "a release with dora's vote" 1 quorum-unmet today aggregate main fourth
}

live_dispute_that_lapses() {
    chapter "Dora's key may have been stolen before release 2: a dispute reaches back, and lapses"
    guardian "what dora signed from release 2 on is disputed" done dispute dora 2
    standing first Final 0 verified
    standing second Disputed 4 builder-disputed
    standing third Final 0 verified
    guardian "a second dispute of the same key" reverted dispute dora 2
    pass_days 29
    standing second Disputed 4 builder-disputed
    pass_days 2
    standing second Final 0 verified
}

live_dispute_that_is_confirmed() {
    chapter "Cy's key was stolen before release 3: the timelock confirms in time"
    guardian "what cy signed from release 3 on is disputed" done dispute cy 3
    standing third Disputed 4 builder-disputed
    confirm_dispute cy
    standing third Tainted 4 builder-revoked
    pass_days 60
    standing first Final 0 verified
    standing second Final 0 verified
    standing third Tainted 4 builder-revoked
}

live_endorsement() {
    chapter "Release 3 is healed: another builder endorses what was recorded"
    rebuild main third dora
    standing third Tainted 4 builder-revoked
    expect "the ledger, shown the signature of dora, who is revoked" 0 Tainted status main third dora
    rebuild main third emil
    expect "seed-verify, with emil's attestation in the registry" 0 verified today verify_image policy.toml "$third_image"
    expect "the ledger, shown emil's signature" 0 Final status main third emil
    expect "the ledger, shown the record alone" 0 Tainted status main third
}

live_pause() {
    chapter "A pause stops recording, nothing else, and ends by itself"
    rebuild main fourth ada bo emil
    guardian "a pause of thirty days" done pause 30
    expect "release 4 has to wait" 1 simulation-reverted today aggregate main fourth
    standing second Final 0 verified
    pass_days 15
    guardian "a second pause while the first lasts" reverted pause 30
    pass_days 16
    record main fourth "release 4 is recorded: the pause is over"
    standing fourth Final 0 verified
    guardian "a second pause, a day after the first" reverted pause 30
    expect "seed-verify on a machine whose clock stayed behind" 3 head-in-future verify_image policy.toml "$fourth_image"
}

live_equivocation() {
    chapter "Emil signs a second image for release 4: anybody can prove it"
    local honest=$world/emil/fourth.honest
    cp -- "$world/emil/fourth.attestation" "$honest"
    build_lie main fourth emil
    expect "an accusation without a contradiction" 1 no-equivocation accuse "$honest" "$honest"
    expect "an accusation of two who disagree" 1 no-equivocation accuse "$world/emil/fourth.attestation" "$world/ada/fourth.attestation"
    expect "emil's two attestations" 0 proven accuse "$honest" "$world/emil/fourth.attestation"
    settle
    standing fourth Final 0 verified
    standing third Tainted 4 builder-revoked
    next_commit fifth
    rebuild main fifth ada bo emil
    expect "release 5 with emil's vote" 1 quorum-unmet today aggregate main fifth
}

live_migration() {
    chapter "Migration: two builders are left of five, so the federation moves to another ledger"
    deploy_governed next ada bo fay gil
    rebuild next fourth ada bo fay gil
    sign_genesis next fourth ada bo fay gil
    expect "release 4, attested again, is the genesis of the new ledger" 0 finalised today aggregate next fourth --wait-finalised
    rebuild next third ada bo fay
    expect "release 3, attested again by others, is whole there" 0 finalised today aggregate next third --wait-finalised
    write_policy next policy-next.toml
    local release
    for release in third fourth; do
        expect "release '$release', the new ledger says" 0 Final status next "$release"
        expect "release '$release', seed-verify under the new policy" 0 verified today verify_image policy-next.toml "$(image_of "$release" ada next)"
    done
    expect "release 2, which nobody attested again there" 1 release-not-recorded today verify_image policy-next.toml "$second_image"
    standing first Final 0 verified
    standing second Final 0 verified
    standing third Tainted 4 builder-revoked
    standing fourth Final 0 verified
}

# standing RELEASE WORD EXIT CODE: how it stands by its ledger, and by seed-verify.
standing() {
    local image=${1}_image
    expect "release '$1', the ledger says" 0 "$2" status main "$1"
    expect "release '$1', seed-verify says" "$3" "$4" today verify_image policy.toml "${!image}"
}

# record LEDGER RELEASE TITLE: the aggregator submits it; its image is known from now on.
record() {
    expect "$3" 0 finalised today aggregate "$1" "$2" --wait-finalised
    printf -v "$2_image" '%s' "$(image_of "$2" ada "$1")"
}

declare -A commit_of=()

# remember RELEASE: the newest commit is this release.
remember() { commit_of[$1]=$(git_here rev-parse HEAD); }

# next_commit RELEASE: something new to release.
next_commit() {
    local number=$((${#commit_of[@]} + 1))
    git_here checkout --quiet main
    edit_greeting "hello, this is release $number"
    commit_all "2026-01-0${number}T00:00:00Z" "$1"
    remember "$1"
}

# rebuild LEDGER RELEASE NAME…: the builders build, and publish their votes for the rules their configuration names.
rebuild() {
    git_here checkout --quiet "${commit_of[$2]}"
    build_release "$@"
}

# accept_rules LEDGER POLICY: the policy's owner pins the rules that are in force now beside those it had.
accept_rules() {
    sed -i "s/^pinned = \[/&\"$(deployed "$1" rulesCodeHash)\", /" "$world/$2"
    grep -qF "$(deployed "$1" rulesCodeHash)" "$world/$2" || die "the rules were not added to $2"
}
