// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReleaseLedger} from "../../src/interfaces/IReleaseLedger.sol";
import {ReleaseLedger} from "../../src/ReleaseLedger.sol";
import {Vm, vm} from "../utils/Vm.sol";
import {Svm, SymbolicRules, svm} from "./Symbolic.sol";

/// @notice What a ledger can become in one call, whatever its state, the caller and the rules. Proven by halmos on the code
///         that is deployed; run with tools/prove.
///
///         Every proof starts in an arbitrary state: any records, any revocations, any numbers in `control`. The rules are at
///         one address, and answer with symbolic words. Since one step from any state keeps a promise, so do many.
contract LedgerProof {
    address private constant TIMELOCK = address(0x71e10c);
    address private constant GUARDIAN = address(0x9a2d);
    bytes32 private constant CONTROL_SLOT = bytes32(uint256(1));

    SymbolicRules private rules;
    ReleaseLedger private ledger;

    /// What is compared before and after a call.
    struct Seen {
        bytes32 release;
        bytes32 commitment;
        uint256 control;
        address subject;
        uint256 revocation;
    }

    /// Everything that a proof leaves open, beside the arguments of the call.
    struct Open {
        address caller;
        uint96 control;
        uint32 time;
        bytes32 release;
        address subject;
        uint256 count;
        uint256 first;
        uint256 second;
        bool silent;
    }

    function setUp() external {
        rules = new SymbolicRules();
        rules.describe(2, 0xb0b, 0xb0c, false);
        ledger = new ReleaseLedger(TIMELOCK, GUARDIAN, address(rules), address(rules).codehash);
    }

    // ------------------------------------------------------------------------------------------------- the frame

    /// Any state, any time, rules with up to two builders.
    function _open(Open memory o) private returns (Seen memory seen) {
        svm.enableSymbolicStorage(address(ledger));
        vm.store(address(ledger), CONTROL_SLOT, bytes32(uint256(o.control) << 160 | uint160(address(rules))));
        vm.assume(o.time != 0);
        vm.warp(o.time);
        vm.assume(o.count <= 2);
        rules.describe(o.count, o.first, o.second, o.silent);
        seen.release = o.release;
        seen.commitment = ledger.releases(o.release);
        seen.control = ledger.control();
        seen.subject = o.subject;
        seen.revocation = ledger.revocations(o.subject);
    }

    function _call(address caller, bytes memory data) private returns (bool accepted) {
        vm.prank(caller);
        (accepted,) = address(ledger).call(data);
    }

    /// What no call at all may do, and what one that is refused may not do either. `ok` is what else must hold of one that is
    /// accepted. Without branches: each would double the paths.
    function _require(Seen memory seen, bool accepted, bool ok) private view {
        bytes32 commitment = ledger.releases(seen.release);
        uint256 word = ledger.revocations(seen.subject);
        bool frame = implies(seen.commitment != 0, commitment == seen.commitment);
        frame = both(frame, implies(seen.revocation != 0, word != 0));
        bool roles = both(ledger.timelock() == TIMELOCK, ledger.guardian() == GUARDIAN);
        bool same = both(commitment == seen.commitment, word == seen.revocation);
        same = both(same, ledger.control() == seen.control);
        ok = both(implies(accepted, ok), implies(!accepted, same));
        assert(both(both(frame, roles), ok));
    }

    function both(bool a, bool b) private pure returns (bool result) {
        assembly {
            result := and(a, b)
        }
    }

    function either(bool a, bool b) private pure returns (bool result) {
        assembly {
            result := or(a, b)
        }
    }

    function implies(bool a, bool b) private pure returns (bool result) {
        assembly {
            result := or(iszero(a), b)
        }
    }

    function _rulesOf(uint256 word) private pure returns (address) {
        return address(uint160(word));
    }

    function _revokedOf(uint256 word) private pure returns (uint32) {
        return uint32(word >> 160);
    }

    function _sequenceOf(uint256 word) private pure returns (uint32) {
        return uint32(word >> 192);
    }

    function _pausedOf(uint256 word) private pure returns (uint32) {
        return uint32(word >> 224);
    }

    // ------------------------------------------------------------------------------------------------- recording

    /// An answer of one system and one signer: `form` says what is wrong with it, everything else is any word.
    function _answer(uint8 form, bytes32[11] memory w) private returns (bool good, bytes32[11] memory words) {
        vm.assume(form < 12);
        for (uint256 i = 0; i < 11; i++) {
            words[i] = w[i];
        }
        // Not zero: these words are where zero is refused.
        bytes32 one = bytes32(uint256(1));
        words[0] = bytes32(uint256(1) << 240 | uint256(1) << 232);
        words[1] |= one;
        (words[2], words[3]) = (0, 0);
        words[4] = bytes32(uint256(1) << 248 | uint256(uint160(uint256(w[4])) | 1) << 64 | 1);
        words[6] |= one;
        uint256 size = 9;
        good = form == 0;
        if (form == 1) words[1] = 0;
        if (form == 2) words[6] = 0;
        if (form == 3) words[4] = bytes32(uint256(1) << 248 | 1);
        if (form == 4) words[4] = words[4] & ~one;
        if (form == 5) words[4] |= bytes32(uint256(2));
        if (form == 6) words[4] |= bytes32(uint256(1) << 253);
        if (form == 7) words[4] |= bytes32(uint256(1) << 240);
        if (form == 8) words[2] = w[2] | one;
        if (form == 9) words[3] = w[3] | one;
        if (form == 10) words[0] |= one;
        if (form == 11) size = 10;
        rules.answer(size, words);
    }

    /// Whoever finalises whatever: at most one slot that was empty is written, and the sequence number is the next one.
    function check_finalise(Open calldata o, bytes32 release, uint8 form, bytes32[11] calldata words) external {
        Seen memory seen = _open(o);
        bytes32 old = ledger.releases(release);
        (bool good, bytes32[11] memory answered) = _answer(form, words);
        bool accepted = _call(o.caller, abi.encodeCall(ledger.finalise, (release, hex"00112233")));
        bool ok = both(both(good, release != 0), old == 0);
        ok = both(ok, both(_sequenceOf(seen.control) != 0, o.time >= _pausedOf(seen.control)));
        _require(seen, accepted, both(ok, _recorded(seen, release, answered)));
    }

    /// The same for the first release, which nothing but sequence number zero allows.
    function check_genesis(Open calldata o, bytes32 release, uint8 form, bytes32[11] calldata words) external {
        Seen memory seen = _open(o);
        bytes32 old = ledger.releases(release);
        (bool good, bytes32[11] memory answered) = _answer(form, words);
        bool accepted = _call(o.caller, abi.encodeCall(ledger.genesis, (release, hex"00112233", hex"44")));
        bool ok = both(both(good, release != 0), both(old == 0, _sequenceOf(seen.control) == 0));
        _require(seen, accepted, both(ok, _recorded(seen, release, answered)));
    }

    /// One release recorded: its slot is the hash of the record that the answer makes, nothing else moved.
    function _recorded(Seen memory seen, bytes32 release, bytes32[11] memory w) private view returns (bool ok) {
        uint256 next = ledger.control();
        uint256 sequence = uint256(_sequenceOf(seen.control)) + 1;
        ok = both(next == seen.control + (1 << 192), _sequenceOf(next) == sequence);
        // Builder 1 of the rules signed: it is not revoked.
        ok = both(ok, _revokedOf(seen.control) & 2 == 0);
        bytes32 first = bytes32(uint256(1) << 248 | uint256(w[0]) | sequence << 64 | block.timestamp);
        bytes32 rulesWord = bytes32(uint256(uint160(address(rules))));
        bytes memory record = abi.encode(first, w[1], address(rules).codehash, rulesWord, w[4], w[5], w[6]);
        ok = both(ok, ledger.releases(release) == keccak256(record));
        ok = both(ok, implies(release != seen.release, ledger.releases(seen.release) == seen.commitment));
        ok = both(ok, ledger.revocations(seen.subject) == seen.revocation);
    }

    /// Two at once: as one after the other, over releases that are recorded already.
    function check_finaliseBatch(
        Open calldata o,
        bytes32 firstRelease,
        bytes32 secondRelease,
        bool malformed,
        bytes32[11] calldata words
    ) external {
        Seen memory seen = _open(o);
        bool newFirst = ledger.releases(firstRelease) == 0;
        bool newSecond = both(ledger.releases(secondRelease) == 0, secondRelease != firstRelease);
        (bool good,) = _answer(malformed ? 1 : 0, words);
        IReleaseLedger.Submission[] memory batch = new IReleaseLedger.Submission[](2);
        batch[0] = IReleaseLedger.Submission(firstRelease, hex"01");
        batch[1] = IReleaseLedger.Submission(secondRelease, hex"02");
        bool accepted = _call(o.caller, abi.encodeCall(ledger.finaliseBatch, (batch)));
        bool ok = both(good, _revokedOf(seen.control) & 2 == 0);
        ok = both(ok, both(_sequenceOf(seen.control) != 0, o.time >= _pausedOf(seen.control)));
        uint256 written;
        assembly {
            written := add(newFirst, newSecond)
        }
        ok = both(ok, both(written != 0, ledger.control() == seen.control + (written << 192)));
        ok = both(ok, _sequenceOf(ledger.control()) == uint256(_sequenceOf(seen.control)) + written);
        ok = both(ok, both(ledger.releases(firstRelease) != 0, ledger.releases(secondRelease) != 0));
        bool another = both(seen.release != firstRelease, seen.release != secondRelease);
        ok = both(ok, implies(another, ledger.releases(seen.release) == seen.commitment));
        _require(seen, accepted, both(ok, ledger.revocations(seen.subject) == seen.revocation));
    }

    // ------------------------------------------------------------------------------------------------ no records

    /// What a call that records nothing may change of `control`: the rules and the revoked builders.
    function _noRecord(Seen memory seen) private view returns (bool) {
        bool same = ledger.releases(seen.release) == seen.commitment;
        return both(same, ledger.control() >> 192 == seen.control >> 192);
    }

    function check_post(Open calldata o, bytes32[5] calldata w, address rules_) external {
        Seen memory seen = _open(o);
        _call(o.caller, abi.encodeCall(ledger.post, (w[0], w[1], w[2], rules_, w[3], w[4])));
        // As if it had been refused: nothing moved.
        _require(seen, false, true);
    }

    /// Only the timelock sets rules, and nothing else moves but the builders that are revoked under them.
    function check_setRules(Open calldata o, bool other, bytes32 codeHash) external {
        Seen memory seen = _open(o);
        SymbolicRules next = rules;
        if (other) {
            next = new SymbolicRules();
            next.describe(o.count, o.first, o.second, o.silent);
        }
        bool accepted = _call(o.caller, abi.encodeCall(ledger.setRules, (address(next), codeHash)));
        bool ok = both(o.caller == TIMELOCK, codeHash == address(next).codehash);
        uint256 word = ledger.control();
        ok = both(ok, both(_noRecord(seen), _rulesOf(word) == address(next)));
        ok = both(ok, both(ledger.revocations(address(next)) == 0, !o.silent));
        ok = both(ok, ledger.revocations(seen.subject) == seen.revocation);
        // The bits are the list: a builder that was ever revoked is revoked under any rules.
        bool first = ledger.revocations(address(uint160(o.first))) != 0;
        bool second = both(o.count == 2, ledger.revocations(address(uint160(o.second))) != 0);
        uint256 bits;
        assembly {
            bits := or(first, shl(1, second))
        }
        _require(seen, accepted, both(ok, both(o.count != 0, _revokedOf(word) == bits)));
    }

    /// Only the timelock confirms, and only a dispute that is open: one flag is set, nothing else moves.
    function check_confirmRevocation(Open calldata o) external {
        Seen memory seen = _open(o);
        bool accepted = _call(o.caller, abi.encodeCall(ledger.confirmRevocation, (o.subject)));
        bool ok = both(o.caller == TIMELOCK, ledger.releases(seen.release) == seen.commitment);
        ok = both(ok, ledger.control() == seen.control);
        uint256 kept = seen.revocation & (uint256(1) << 104) - 1;
        ok = both(ok, both(seen.revocation & 3 == 1, ledger.revocations(o.subject) == kept | 2));
        _require(seen, accepted, both(ok, o.time < uint256(uint64(seen.revocation >> 40)) + 30 days));
    }

    /// What a revocation may do, whoever made it: one word, and bits that are only added.
    function _onlyRevoked(Seen memory seen, Open calldata o, address subject) private view returns (bool ok) {
        uint256 next = ledger.control();
        ok = both(_noRecord(seen), _rulesOf(next) == _rulesOf(seen.control));
        ok = both(ok, implies(seen.subject != subject, ledger.revocations(seen.subject) == seen.revocation));
        uint32 bits = _revokedOf(next);
        uint32 before = _revokedOf(seen.control);
        ok = both(ok, implies(_consistent(o, before, subject), bits & before == before));
        // Who was revoked does not count from here on.
        bool readable = both(!o.silent, o.count != 0);
        ok = both(ok, implies(both(readable, o.first == uint160(subject)), bits & 1 == 1));
        ok = both(ok, implies(both(both(readable, o.count == 2), o.second == uint160(subject)), bits & 2 == 2));
        ok = both(ok, implies(subject == address(rules), bits == type(uint32).max));
        ok = both(ok, implies(!readable, bits == type(uint32).max));
    }

    /// Whether the bits before the call were the list as these rules see it; what a call leaves behind always is.
    function _consistent(Open calldata o, uint32 bits, address subject) private view returns (bool ok) {
        address first = address(uint160(o.first));
        address second = address(uint160(o.second));
        bool firstRevoked = both(subject != first, ledger.revocations(first) != 0);
        bool secondRevoked = both(subject != second, ledger.revocations(second) != 0);
        ok = both(bits >> o.count == 0, implies(bits & 1 != 0, firstRevoked));
        ok = both(ok, implies(bits & 2 != 0, secondRevoked));
    }

    /// Only the guardian revokes, nobody twice.
    function check_revoke(Open calldata o, address subject) external {
        Seen memory seen = _open(o);
        uint256 old = ledger.revocations(subject);
        bool accepted = _call(o.caller, abi.encodeCall(ledger.revoke, (subject)));
        bool ok = both(both(o.caller == GUARDIAN, subject != address(0)), uint64(old >> 40) == 0);
        uint256 word = uint256(o.time) << 40 | uint256(_sequenceOf(seen.control) + 1) << 8;
        ok = both(ok, ledger.revocations(subject) == word);
        _require(seen, accepted, both(ok, _onlyRevoked(seen, o, subject)));
    }

    /// Only the guardian disputes, once per subject, and never to make a revocation begin later.
    function check_revokeRetroactively(Open calldata o, address subject, uint32 from) external {
        Seen memory seen = _open(o);
        uint256 old = ledger.revocations(subject);
        bool accepted = _call(o.caller, abi.encodeCall(ledger.revokeRetroactively, (subject, from)));
        bool ok = both(both(o.caller == GUARDIAN, subject != address(0)), old & 1 == 0);
        ok = both(ok, both(from != 0, from <= _sequenceOf(seen.control)));
        uint256 word = ledger.revocations(subject);
        ok = both(ok, both(uint8(word) == uint8(old) | 1, word >> 40 == o.time));
        ok = both(ok, both(uint32(word >> 8) <= from, implies(old != 0, uint32(word >> 8) <= uint32(old >> 8))));
        _require(seen, accepted, both(ok, _onlyRevoked(seen, o, subject)));
    }

    /// A pause is the guardian's, has an end within 30 days, and comes no sooner than 30 days after the last.
    function check_pause(Open calldata o, uint32 duration) external {
        Seen memory seen = _open(o);
        bool accepted = _call(o.caller, abi.encodeCall(ledger.pause, (duration)));
        bool ok = both(o.caller == GUARDIAN, both(duration != 0, duration <= 30 days));
        uint256 next = ledger.control();
        ok = both(ok, both(next << 32 == seen.control << 32, _pausedOf(next) == uint256(o.time) + duration));
        ok = both(ok, o.time >= uint256(_pausedOf(seen.control)) + 30 days);
        ok = both(ok, ledger.releases(seen.release) == seen.commitment);
        _require(seen, accepted, both(ok, ledger.revocations(seen.subject) == seen.revocation));
    }

    /// Anybody may prove an equivocation; that revokes at most one key that was not revoked, and nothing else.
    function check_proveEquivocation(Open calldata o, bytes32 release, bytes32[8] calldata w, bool otherSystem)
        external
    {
        Seen memory seen = _open(o);
        bytes memory data = abi.encodeCall(
            ledger.proveEquivocation,
            (release, _claim(w[0], w[1], w[2], w[3], false), _claim(w[4], w[5], w[6], w[7], otherSystem))
        );
        bool accepted = _call(o.caller, data);
        bool ok = both(both(release != 0, !otherSystem), both(w[0] != w[4], both(w[0] != 0, w[4] != 0)));
        ok = both(ok, both(_noRecord(seen), _rulesOf(ledger.control()) == address(rules)));
        // A word that changed is new, and says why.
        uint256 word = ledger.revocations(seen.subject);
        bool fresh = both(seen.subject != address(0), uint64(seen.revocation >> 40) == 0);
        fresh = both(fresh, word == uint256(o.time) << 40 | uint256(_sequenceOf(seen.control) + 1) << 8 | 4);
        _require(seen, accepted, both(ok, either(word == seen.revocation, fresh)));
    }

    function _claim(bytes32 digest, bytes32 evidence, bytes32 r, bytes32 vs, bool other)
        private
        view
        returns (IReleaseLedger.Claim memory claim)
    {
        (claim.systems, claim.digests) = (new string[](1), new bytes32[](1));
        claim.systems[0] = other ? "a-c" : "a-b";
        claim.digests[0] = digest;
        (claim.evidence, claim.rules, claim.r, claim.vs) = (evidence, address(rules), r, vs);
    }

    // ------------------------------------------------------------------------- these must fail, or nothing is shown

    /// A release can be recorded at all.
    function check_must_fail_nothing_is_recorded(Open calldata o, bytes32 release, bytes32[11] calldata words)
        external
    {
        _open(o);
        _answer(0, words);
        assert(!_call(o.caller, abi.encodeCall(ledger.finalise, (release, hex"00112233"))));
    }

    function check_must_fail_there_is_no_genesis(Open calldata o, bytes32 release, bytes32[11] calldata words)
        external
    {
        _open(o);
        _answer(0, words);
        assert(!_call(o.caller, abi.encodeCall(ledger.genesis, (release, hex"00112233", hex"44"))));
    }

    function check_must_fail_no_batch_is_recorded(
        Open calldata o,
        bytes32[2] calldata releases,
        bytes32[11] calldata words
    ) external {
        _open(o);
        _answer(0, words);
        IReleaseLedger.Submission[] memory batch = new IReleaseLedger.Submission[](2);
        batch[0] = IReleaseLedger.Submission(releases[0], hex"01");
        batch[1] = IReleaseLedger.Submission(releases[1], hex"02");
        bool accepted = _call(o.caller, abi.encodeCall(ledger.finaliseBatch, (batch)));
        assert(!(accepted && releases[0] != releases[1]));
    }

    function check_must_fail_nobody_sets_rules(Open calldata o, bytes32 codeHash) external {
        _open(o);
        assert(!_call(o.caller, abi.encodeCall(ledger.setRules, (address(rules), codeHash))));
    }

    function check_must_fail_nobody_is_revoked(Open calldata o, address subject) external {
        _open(o);
        assert(!_call(o.caller, abi.encodeCall(ledger.revoke, (subject))));
    }

    function check_must_fail_nobody_disputes(Open calldata o, address subject, uint32 from) external {
        _open(o);
        assert(!_call(o.caller, abi.encodeCall(ledger.revokeRetroactively, (subject, from))));
    }

    function check_must_fail_nothing_is_confirmed(Open calldata o) external {
        _open(o);
        assert(!_call(o.caller, abi.encodeCall(ledger.confirmRevocation, (o.subject))));
    }

    function check_must_fail_nobody_pauses(Open calldata o, uint32 duration) external {
        _open(o);
        assert(!_call(o.caller, abi.encodeCall(ledger.pause, (duration))));
    }

    function check_must_fail_nobody_equivocates(Open calldata o, bytes32 release, bytes32[8] calldata w) external {
        _open(o);
        assert(
            !_call(
                o.caller,
                abi.encodeCall(
                    ledger.proveEquivocation,
                    (release, _claim(w[0], w[1], w[2], w[3], false), _claim(w[4], w[5], w[6], w[7], false))
                )
            )
        );
    }

    /// The state is arbitrary: slots that nobody wrote may hold anything.
    function check_must_fail_the_state_is_empty(Open calldata o) external {
        Seen memory seen = _open(o);
        assert(seen.commitment == 0);
    }
}
