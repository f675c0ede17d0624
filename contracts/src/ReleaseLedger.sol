// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IQuorumRules} from "./interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "./interfaces/IReleaseLedger.sol";
import {Control} from "./libraries/Control.sol";
import {Equivocation} from "./libraries/Equivocation.sol";
import {Questions} from "./libraries/Questions.sol";
import {Record} from "./libraries/Record.sol";
import {Reevaluation} from "./libraries/Reevaluation.sol";
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
/// - Anybody may finalise releases, one or many at once, complete the genesis, post a signature, and prove that a
///   builder equivocated. The caller's identity is used for nothing.
/// - The timelock may replace the rules, and confirm a dispute that the guardian opened. It cannot revoke, pause, undo a
///   revocation, or record a release.
/// - The guardian may revoke builders and rules, dispute what they signed or judged before, and pause. It cannot undo
///   any of it, set rules, or record a release.
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
/// Each question to the rules is asked only if all the gas for it is there, so that this is the rules' doing, never the
/// caller's.
///
/// EQUIVOCATION
/// A builder that signed two digests for one system of one release is revoked by whoever shows both attestations, each
/// with the whole list that its root stands for. Roots alone prove nothing: a builder signs again over a larger list
/// when more of its systems are built.
///
/// DISPUTES
/// The guardian may make a revocation reach back, once per subject: from a sequence number on, the subject does not
/// count for recorded releases either. No record changes by that; it is how the record stands that changes. Unless the
/// timelock confirms it within 30 days the dispute lapses, and the releases stand as before. The revocation for
/// releases to come does not lapse.
///
/// STANDING
/// How a release stands is computed, never stored: for each system the largest set of independent builders that signed
/// its recorded digest, without those who do not count. Final: enough remain. Disputed: enough remain only if open
/// disputes lapse. Tainted: too few remain. An attestation presented beside the record (an endorsement) counts like one
/// in it, unless its builder was revoked at any time: it bears no time of its own, and a stolen key must not heal a
/// record.
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
        control = _record(release, _open(), _judgeCall(release, submission));
    }

    /// @inheritdoc IReleaseLedger
    function finaliseBatch(Submission[] calldata batch) external {
        uint256 before = _open();
        uint256 word = before;
        for (uint256 i = 0; i < batch.length; i++) {
            bytes32 release = batch[i].release;
            if (releases[release] != 0) continue;
            word = _record(release, word, _judgeCall(release, batch[i].submission));
        }
        require(word != before, LedgerEmptyBatch());
        control = word;
    }

    /// @inheritdoc IReleaseLedger
    function genesis(bytes32 release, bytes calldata submission, bytes calldata genesisSignatures) external {
        uint256 word = control;
        require(word.sequence() == 0, LedgerAfterGenesis(word.sequence()));
        control = _record(
            release,
            word,
            abi.encodeCall(IQuorumRules.judgeGenesis, (release, domainSeparator(), submission, genesisSignatures))
        );
        emit GenesisCompleted(release, genesisSignatures);
    }

    /// @inheritdoc IReleaseLedger
    function post(bytes32 release, bytes32 root, bytes32 evidence, address rules, bytes32 r, bytes32 vs) external {
        emit Posted(release, root, evidence, rules, r, vs);
    }

    /// @inheritdoc IReleaseLedger
    function proveEquivocation(bytes32 release, Claim calldata first, Claim calldata second) external {
        require(release != 0, LedgerZeroRelease());
        (address builder, uint256 i, uint256 j) = Equivocation.prove(domainSeparator(), release, first, second);
        _requireNotRevoked(builder);
        _revoke(builder, control.sequence() + 1, Revocation.EQUIVOCATION);
        emit EquivocationProven(builder, release, first.systems[i], first.digests[i], second.digests[j]);
    }

    // ------------------------------------------------------------------------------------ the timelock's part

    /// @inheritdoc IReleaseLedger
    function setRules(address rules, bytes32 codeHash) external {
        require(msg.sender == timelock, LedgerNotTimelock(msg.sender));
        _setRules(rules, codeHash);
    }

    /// @inheritdoc IReleaseLedger
    function confirmRevocation(address subject) external {
        require(msg.sender == timelock, LedgerNotTimelock(msg.sender));
        uint256 word = revocations[subject];
        require(word.isOpenDispute(block.timestamp), LedgerNoOpenDispute(subject, word));
        (uint64 since, uint32 fromSequence, uint8 flags) = word.unpack();
        flags |= Revocation.CONFIRMED;
        revocations[subject] = Revocation.pack(since, fromSequence, flags);
        emit Revoked(subject, since, fromSequence, flags);
    }

    // ------------------------------------------------------------------------------------ the guardian's part

    /// @inheritdoc IReleaseLedger
    function revoke(address subject) external {
        require(msg.sender == guardian, LedgerNotGuardian(msg.sender));
        _requireNotRevoked(subject);
        _revoke(subject, control.sequence() + 1, 0);
    }

    /// @inheritdoc IReleaseLedger
    function revokeRetroactively(address subject, uint32 fromSequence) external {
        require(msg.sender == guardian, LedgerNotGuardian(msg.sender));
        uint32 current = control.sequence();
        require(fromSequence != 0 && fromSequence <= current, LedgerInvalidSequence(fromSequence, current));
        uint256 word = revocations[subject];
        (uint64 since, uint32 earlier, uint8 flags) = word.unpack();
        require(flags & Revocation.RETROACTIVE == 0, LedgerAlreadyDisputed(subject, since));
        if (word != 0 && earlier < fromSequence) fromSequence = earlier;
        _revoke(subject, fromSequence, flags | Revocation.RETROACTIVE);
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
        return _status(release, record, record[:0]);
    }

    /// @inheritdoc IReleaseLedger
    function status(bytes32 release, bytes calldata record, bytes calldata endorsements)
        external
        view
        returns (Standing standing, Standing[] memory systems, Withdrawal[] memory withdrawals)
    {
        return _status(release, record, endorsements);
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

    /// The value of `control`, if releases can be finalised.
    function _open() private view returns (uint256 word) {
        word = control;
        require(word.sequence() != 0, LedgerBeforeGenesis());
        require(block.timestamp >= word.pausedUntil(), LedgerPaused(word.pausedUntil()));
    }

    /// Asks the rules and records what they answer. `word` is the value of `control`; returns the next one.
    function _record(bytes32 release, uint256 word, bytes memory question) private returns (uint256 next) {
        require(release != 0, LedgerZeroRelease());
        require(releases[release] == 0, LedgerAlreadyFinal(release, releases[release]));
        require(word.sequence() != type(uint32).max, LedgerExhausted());
        next = word.withNextSequence();

        bytes memory data = Questions.judgment(word.rules(), question);
        releases[release] = data.seal(word.rules(), word.revoked(), next.sequence());
        _emitFinalised(release, data);
    }

    /// `emit ReleaseFinalised(release, data)`, where `data` comes from `Questions.judgment`.
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

    // ------------------------------------------------------------------------------------------------ rules

    function _setRules(address rules, bytes32 codeHash) private {
        bytes32 found = rules.codehash;
        require(found == codeHash, LedgerRulesCodeMismatch(rules, codeHash, found));
        require(_isContract(rules), LedgerRulesNotContract(rules));
        require(revocations[rules] == 0, LedgerRulesRevoked(rules));
        (bool known, uint256 revoked) = Questions.revokedBuilders(revocations, rules);
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

    // ------------------------------------------------------------------------------------------- revocation

    function _requireNotRevoked(address subject) private view {
        (uint64 since,,) = revocations[subject].unpack();
        require(since == 0, LedgerAlreadyRevoked(subject, since));
    }

    /// Writes a revocation made now, and what the current rules' builders make of it.
    function _revoke(address subject, uint32 fromSequence, uint8 flags) private {
        require(subject != address(0), LedgerZeroSubject());
        uint64 since = uint64(block.timestamp);
        revocations[subject] = Revocation.pack(since, fromSequence, flags);

        uint256 word = control;
        address rules = word.rules();
        (bool known, uint256 revoked) = Questions.revokedBuilders(revocations, rules);
        if (!known || revocations[rules] != 0) revoked = type(uint32).max;
        control = word.withRules(rules, revoked);
        emit Revoked(subject, since, fromSequence, flags);
    }

    // ------------------------------------------------------------------------------------------ re-evaluation

    function _status(bytes32 release, bytes calldata record, bytes calldata endorsements)
        private
        view
        returns (Standing standing, Standing[] memory systems, Withdrawal[] memory withdrawals)
    {
        bytes32 commitment = releases[release];
        if (commitment == 0) return (Standing.Unknown, systems, withdrawals);
        bytes32 found = keccak256(record);
        require(found == commitment, LedgerRecordMismatch(release, commitment, found));

        Reevaluation.Dropped memory dropped;
        (withdrawals, dropped) = Reevaluation.withdrawals(revocations, record);
        systems = Reevaluation.standings(revocations, release, domainSeparator(), record, endorsements, dropped);
        standing = Standing.Final;
        for (uint256 s = 0; s < systems.length; s++) {
            if (systems[s] > standing) standing = systems[s];
        }
    }
}
