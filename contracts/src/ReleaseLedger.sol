// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IQuorumRules} from "./interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "./interfaces/IReleaseLedger.sol";
import {Control} from "./libraries/Control.sol";
import {Record} from "./libraries/Record.sol";
import {Revocation} from "./libraries/Revocation.sol";
import {Typed} from "./libraries/Typed.sol";

/// @title  The release ledger
///
/// RECORD
/// For each release the ledger stores one word, the Keccak-256 of its record. It is written once, together with an event
/// that carries the record and the signatures, and no code path writes it again. The record says which image digest each
/// system has, who signed with what evidence, and which rules (address and code hash) judged. The ledger itself writes
/// the sequence number, the time and the rules into it; no caller chooses a stored value.
///
/// JUDGMENT
/// Whether a submission suffices is for the rules, another contract, to say. They are asked by STATICCALL and write
/// nothing. Their answer is checked for form: lengths, counts, order, no zero root, digest or builder, no revoked
/// builder. Rules that lie within that form are not found out here: the record names their code, and whoever reads a
/// record judges that code, recovers the signatures and counts again.
///
/// ROLES
/// - Anybody may finalise a release, and complete the genesis. The caller's identity is used for nothing.
/// - The timelock may replace the rules. It cannot revoke, pause, undo a revocation, or record a release.
/// - The guardian may revoke builders and rules, and pause. It cannot undo either, set rules, or record a release.
/// - Nobody may change or remove a record, a revocation, the roles, or this code. No call is made with anything but
///   STATICCALL, so that there is nothing to re-enter.
///
/// GENESIS
/// Until every builder of the rules has signed the first release, nothing can be finalised. The timelock may still
/// replace the rules, the guardian may still revoke.
///
/// REVOCATION
/// Takes effect in the same transaction: an address revoked when the sequence number is n does not count from n + 1 on.
/// It is kept by address, outlives every change of rules, and has no opposite. Releases recorded before keep standing.
/// The bits in `control` are this list as seen by the current rules: builder i is revoked. If the current rules are
/// revoked, or will not say who their builders are, all bits are set, and nothing is finalised until other rules are.
///
/// PAUSE
/// Stops `finalise` for at most 30 days; then 30 days must pass before the next one. So at most half of any time is
/// lost to a hostile guardian, who can be outlasted but not removed.
///
/// LIVENESS
/// Needs a quorum of builders, one account with gas, and a chain that includes its transaction. Needs neither role.
contract ReleaseLedger is IReleaseLedger {
    using Control for uint256;
    using Record for bytes;
    using Revocation for uint256;

    uint32 private constant LONGEST_PAUSE = 30 days;
    uint256 private constant PAUSE_INTERVAL = 30 days;
    uint256 private constant MAX_BUILDERS = 32;
    /// Gas for one question about the rules' builders, many times what honest rules need.
    uint256 private constant QUESTION_GAS = 200_000;

    // ------------------------------------------------------------------------------------------- immutables

    /// @inheritdoc IReleaseLedger
    address public immutable timelock;
    /// @inheritdoc IReleaseLedger
    address public immutable guardian;

    // ---------------------------------------------------------------------------------------------- storage

    /// @inheritdoc IReleaseLedger
    mapping(bytes32 release => bytes32 commitment) public releases;
    /// @inheritdoc IReleaseLedger
    uint256 public control;
    /// @inheritdoc IReleaseLedger
    mapping(address subject => uint256 word) public revocations;

    // ------------------------------------------------------------------------------------------ constructor

    /// @param timelock_      May replace the rules.
    /// @param guardian_      May revoke and pause; not the timelock.
    /// @param rules          The first rules.
    /// @param rulesCodeHash  Keccak-256 of their code.
    constructor(address timelock_, address guardian_, address rules, bytes32 rulesCodeHash) {
        require(
            timelock_ != address(0) && guardian_ != address(0) && timelock_ != guardian_,
            LedgerInvalidRoles(timelock_, guardian_)
        );
        timelock = timelock_;
        guardian = guardian_;
        _setRules(rules, rulesCodeHash);
    }

    // ------------------------------------------------------------------------------------- anybody may call

    /// @inheritdoc IReleaseLedger
    function finalise(bytes32 release, bytes calldata submission) external {
        uint256 word = control;
        require(word.sequence() != 0, LedgerBeforeGenesis());
        require(block.timestamp >= word.pausedUntil(), LedgerPaused(word.pausedUntil()));
        _record(release, word, _judgeCall(release, submission));
    }

    /// @inheritdoc IReleaseLedger
    function genesis(bytes32 release, bytes calldata submission, bytes calldata genesisSignatures) external {
        uint256 word = control;
        require(word.sequence() == 0, LedgerAfterGenesis(word.sequence()));
        _record(
            release,
            word,
            abi.encodeCall(IQuorumRules.judgeGenesis, (release, domainSeparator(), submission, genesisSignatures))
        );
        emit GenesisCompleted(release, genesisSignatures);
    }

    // ------------------------------------------------------------------------------------ the timelock's part

    /// @inheritdoc IReleaseLedger
    function setRules(address rules, bytes32 codeHash) external {
        require(msg.sender == timelock, LedgerNotTimelock(msg.sender));
        _setRules(rules, codeHash);
    }

    // ------------------------------------------------------------------------------------ the guardian's part

    /// @inheritdoc IReleaseLedger
    function revoke(address subject) external {
        require(msg.sender == guardian, LedgerNotGuardian(msg.sender));
        require(subject != address(0), LedgerZeroSubject());
        (uint64 since,,) = revocations[subject].unpack();
        require(since == 0, LedgerAlreadyRevoked(subject, since));

        uint256 word = control;
        since = uint64(block.timestamp);
        uint32 fromSequence = word.sequence() + 1;
        revocations[subject] = Revocation.pack(since, fromSequence, 0);

        address rules = word.rules();
        (bool known, uint256 revoked) = _revokedBuilders(rules);
        if (!known || revocations[rules] != 0) revoked = type(uint32).max;
        control = word.withRules(rules, revoked);
        emit Revoked(subject, since, fromSequence, 0);
    }

    /// @inheritdoc IReleaseLedger
    function pause(uint32 duration) external {
        require(msg.sender == guardian, LedgerNotGuardian(msg.sender));
        require(duration != 0 && duration <= LONGEST_PAUSE, LedgerInvalidPause(duration, LONGEST_PAUSE));
        uint256 word = control;
        uint256 earliest = word.pausedUntil() + PAUSE_INTERVAL;
        require(block.timestamp >= earliest, LedgerPauseTooSoon(earliest));
        uint32 until = SafeCast.toUint32(block.timestamp + duration);
        control = word.withPausedUntil(until);
        emit Paused(until);
    }

    // ------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IReleaseLedger
    function status(bytes32 release, bytes calldata record)
        external
        view
        returns (Standing standing, Standing[] memory systems, Withdrawal[] memory withdrawals)
    {
        bytes32 commitment = releases[release];
        if (commitment == 0) return (Standing.Unknown, systems, withdrawals);
        bytes32 found = keccak256(record);
        require(found == commitment, LedgerRecordMismatch(release, commitment, found));

        withdrawals = _withdrawals(record);
        systems = _standings(record, withdrawals);
        standing = Standing.Final;
        for (uint256 s = 0; s < systems.length; s++) {
            if (systems[s] > standing) standing = systems[s];
        }
    }

    /// @inheritdoc IReleaseLedger
    function domainSeparator() public view returns (bytes32) {
        return Typed.domainSeparator(address(this));
    }

    /// @inheritdoc IReleaseLedger
    function eip712Domain()
        external
        view
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        // 0x0f: name, version, chainId and verifyingContract are in use.
        return (hex"0f", Typed.NAME, Typed.VERSION, block.chainid, address(this), 0, new uint256[](0));
    }

    // -------------------------------------------------------------------------------------------- recording

    /// Asks the rules and records what they answer. `word` is the value of `control`.
    function _record(bytes32 release, uint256 word, bytes memory question) private {
        require(release != 0, LedgerZeroRelease());
        require(releases[release] == 0, LedgerAlreadyFinal(release, releases[release]));
        require(word.sequence() != type(uint32).max, LedgerExhausted());
        word = word.withNextSequence();

        bytes memory data = _judgment(word.rules(), question);
        releases[release] = data.seal(word.rules(), word.revoked(), word.sequence());
        control = word;
        _emitFinalised(release, data);
    }

    /// `emit ReleaseFinalised(release, data)`, where `data` comes from `_judgment`.
    function _emitFinalised(bytes32 release, bytes memory data) private {
        bytes32 topic = ReleaseFinalised.selector;
        assembly ("memory-safe") {
            // Its offset, its length and itself are in memory one after the other: the ABI encoding, as it was returned.
            log2(sub(data, 0x20), add(mload(data), 0x40), topic, release)
        }
    }

    /// `abi.encodeCall(IQuorumRules.judge, (release, domainSeparator(), submission))`
    function _judgeCall(bytes32 release, bytes calldata submission) private view returns (bytes memory question) {
        bytes32 domain = domainSeparator();
        bytes4 selector = IQuorumRules.judge.selector;
        assembly ("memory-safe") {
            question := mload(0x40)
            mstore(add(question, 0x20), selector)
            mstore(add(question, 0x24), release)
            mstore(add(question, 0x44), domain)
            mstore(add(question, 0x64), 0x60)
            mstore(add(question, 0x84), submission.length)
            let start := add(question, 0xa4)
            calldatacopy(start, submission.offset, submission.length)
            // Whole words, the rest zero.
            mstore(add(start, submission.length), 0)
            let padded := and(add(submission.length, 0x1f), not(0x1f))
            mstore(question, add(0x84, padded))
            mstore(0x40, and(add(add(start, padded), 0x1f), not(0x1f)))
        }
    }

    /// The rules' answer to a question; reverts with their reason if they refuse.
    function _judgment(address rules, bytes memory question) private view returns (bytes memory answer) {
        // An answer is the ABI encoding of one `bytes`: its offset, its length, itself. Its length and contents already
        // lie in memory as Solidity keeps `bytes`, so that nothing needs to be copied once they are known to be exact.
        bool exact;
        assembly ("memory-safe") {
            let accepted := staticcall(gas(), rules, add(question, 0x20), mload(question), 0x00, 0x00)
            let size := returndatasize()
            let returned := mload(0x40)
            returndatacopy(returned, 0x00, size)
            if iszero(accepted) { revert(returned, size) }

            mstore(0x40, and(add(add(returned, size), 0x3f), not(0x1f)))
            answer := add(returned, 0x20)
            exact := and(gt(size, 0x3f), and(eq(mload(returned), 0x20), eq(add(mload(answer), 0x40), size)))
        }
        require(exact, LedgerMalformedAnswer(rules));
    }

    // ------------------------------------------------------------------------------------------------ rules

    function _setRules(address rules, bytes32 codeHash) private {
        bytes32 found = rules.codehash;
        require(found == codeHash, LedgerRulesCodeMismatch(rules, codeHash, found));
        require(_isContract(rules), LedgerRulesNotContract(rules));
        require(revocations[rules] == 0, LedgerRulesRevoked(rules));
        (bool known, uint256 revoked) = _revokedBuilders(rules);
        require(known, LedgerRulesUnreadable(rules));
        control = control.withRules(rules, revoked);
        emit RulesSet(rules, codeHash);
    }

    /// Whether there is code, and it is ordinary code.
    function _isContract(address account) private view returns (bool result) {
        assembly ("memory-safe") {
            mstore(0x00, 0)
            extcodecopy(account, 0x00, 0x00, 0x01)
            result := and(gt(extcodesize(account), 0), iszero(eq(byte(0, mload(0x00)), 0xef)))
        }
    }

    /// Which builders of the rules are revoked, if the rules say who their builders are.
    function _revokedBuilders(address rules) private view returns (bool known, uint256 revoked) {
        uint256 count;
        (known, count) = _ask(rules, abi.encodeCall(IQuorumRules.builderCount, ()));
        if (!known || count == 0 || count > MAX_BUILDERS) return (false, 0);
        for (uint256 i = 0; i < count; i++) {
            uint256 builder;
            (known, builder) = _ask(rules, abi.encodeCall(IQuorumRules.builderAt, (i)));
            if (!known || builder == 0 || builder > type(uint160).max) return (false, 0);
            if (revocations[address(uint160(builder))] != 0) revoked |= 1 << i;
        }
    }

    /// Asks the rules for one word. Bounded in gas and in what is copied, because the guardian's power to revoke must
    /// not depend on the good will of those it is used against.
    function _ask(address rules, bytes memory question) private view returns (bool answered, uint256 word) {
        assembly ("memory-safe") {
            answered := staticcall(QUESTION_GAS, rules, add(question, 0x20), mload(question), 0x00, 0x20)
            answered := and(answered, eq(returndatasize(), 0x20))
            word := mload(0x00)
        }
    }

    // ------------------------------------------------------------------------------------------- re-evaluation

    /// Who, of those a record relies on, no longer counts for it.
    function _withdrawals(bytes calldata record) private view returns (Withdrawal[] memory found) {
        (uint256 systems, uint256 entries, uint256 sequence) = record.head();
        (address rules,) = record.rulesOf();
        found = new Withdrawal[](entries + 1);
        uint256 count;
        for (uint256 i = 0; i <= entries; i++) {
            (address subject, uint64 signed) =
                i < entries ? record.entryAt(i) : (rules, uint64(type(uint64).max >> (64 - systems)));
            uint256 word = revocations[subject];
            (bool concerned, bool mayLapse) = word.concerns(sequence, block.timestamp);
            if (!concerned) continue;
            (uint64 since,,) = word.unpack();
            Standing effect = mayLapse ? Standing.Disputed : Standing.Tainted;
            found[count++] = Withdrawal({subject: subject, since: since, effect: effect, systems: signed});
        }
        assembly ("memory-safe") {
            mstore(found, count)
        }
    }

    /// The standing of each system. The signers of one system are independent of one another, which is why they can be
    /// counted one by one after any of them has been dropped.
    function _standings(bytes calldata record, Withdrawal[] memory withdrawals)
        private
        view
        returns (Standing[] memory standings)
    {
        (uint256 systems, uint256 entries,) = record.head();
        (address rules, bytes32 codeHash) = record.rulesOf();
        uint256 need = _thresholdOf(rules, codeHash);
        standings = new Standing[](systems);
        for (uint256 s = 0; s < systems; s++) {
            uint256 signers;
            for (uint256 i = 0; i < entries; i++) {
                (, uint64 signed) = record.entryAt(i);
                signers += (signed >> s) & 1;
            }
            (uint256 lasting, uint256 disputed) = (0, 0);
            for (uint256 i = 0; i < withdrawals.length; i++) {
                Withdrawal memory w = withdrawals[i];
                if ((w.systems >> s) & 1 == 0) continue;
                // Without its rules a record has no signers at all.
                uint256 weight = w.subject == rules ? signers : 1;
                if (w.effect == Standing.Tainted) lasting += weight;
                else disputed += weight;
            }
            if (signers >= need + lasting + disputed) standings[s] = Standing.Final;
            else if (signers >= need + lasting) standings[s] = Standing.Disputed;
            else standings[s] = Standing.Tainted;
        }
    }

    /// The threshold of the rules that judged a record; reverts where it cannot be known.
    function _thresholdOf(address rules, bytes32 codeHash) private view returns (uint256 need) {
        require(rules.codehash == codeHash, LedgerRulesCodeMismatch(rules, codeHash, rules.codehash));
        bool known;
        (known, need) = _ask(rules, abi.encodeCall(IQuorumRules.threshold, ()));
        require(known && need >= 2 && need <= MAX_BUILDERS, LedgerRulesUnreadable(rules));
    }
}
