// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  The release ledger: what was finalised, by whom, under which rules, for ever
/// @notice A release is recorded once and its record never changes. The ledger has no owner, no proxy and no
///         upgrade. Two addresses, fixed at deployment, have powers: the timelock may replace the rules and confirm
///         what the guardian disputes; the guardian may take power away (revoke, dispute, pause). Anybody may take
///         the power of a builder that provably signed two digests for one thing. Nobody can touch a recorded
///         release, record one without the rules, or give a revoked key its power back.
interface IReleaseLedger {
    /// How a recorded release stands now, judged by its own record, the revocations since, and the endorsements
    /// presented with the question.
    enum Standing {
        /// Not recorded here.
        Unknown,
        /// Enough signers stand.
        Final,
        /// Enough signers stand only if open disputes lapse.
        Disputed,
        /// Too few signers stand, whatever becomes of open disputes.
        Tainted
    }

    /// Somebody on whom a recorded release relied, and who no longer counts for it.
    struct Withdrawal {
        /// A signer of the record, or the rules that judged it.
        address subject;
        /// Unix seconds at which the revocation was made.
        uint64 since;
        /// `Disputed` while the revocation may still lapse, else `Tainted`.
        Standing effect;
        /// The systems for which the subject was counted; for rules, all systems.
        uint64 systems;
    }

    /// One release to record, as `finalise` takes it.
    struct Submission {
        /// The release: the struct hash of its source.
        bytes32 release;
        /// Digests and signatures, see `IQuorumRules.judge`.
        bytes submission;
    }

    /// What somebody attested, with the whole list that its root stands for.
    struct Claim {
        /// SHA-256 of the evidence manifest that was signed.
        bytes32 evidence;
        /// The rules that were signed; those of two claims may differ.
        address rules;
        /// All systems under the root: 1 to 64 names, each `[a-z0-9_]+-[a-z0-9_]+` of 3 to 28 bytes, strictly
        /// ascending byte by byte.
        string[] systems;
        /// The image digest of each system, none zero.
        bytes32[] digests;
        /// The EIP-2098 signature over `Attestation(release, root, evidence, rules)`: its first half.
        bytes32 r;
        /// Its second half.
        bytes32 vs;
    }

    // ----------------------------------------------------------------------------------------------- events

    /// @notice A release was recorded. This event and the slot `releases(release)` are written together.
    /// @param  release  The release: the struct hash of its source.
    /// @param  data     The record, then one 64-byte EIP-2098 signature per entry in entry order. The record is the
    ///                  first `32 * (4 + 2 * nEntries + nSystems)` bytes; `keccak256(record) == releases(release)`.
    event ReleaseFinalised(bytes32 indexed release, bytes data);

    /// @notice The rules judge from now on. Emitted at deployment too.
    event RulesSet(address indexed rules, bytes32 codeHash);

    /// @notice A builder or rules lost their power, at once and for ever; or an earlier loss was extended to releases
    ///         recorded before it, or confirmed. What this event says replaces what an earlier one said of the subject.
    /// @param  since         Unix seconds.
    /// @param  fromSequence  The first sequence number for which the subject no longer counts.
    /// @param  flags         As in the revocation word, see `revocations`.
    event Revoked(address indexed subject, uint64 since, uint32 fromSequence, uint8 flags);

    /// @notice `finalise` is refused before this time, in Unix seconds.
    event Paused(uint32 until);

    /// @notice The first release was recorded, signed by every builder.
    /// @param  signatures  One 64-byte EIP-2098 signature over `Genesis` per entry in entry order.
    event GenesisCompleted(bytes32 indexed release, bytes signatures);

    /// @notice A builder signed two image digests for one system of one release. Comes after its `Revoked`.
    /// @param  system        The first system, in ascending order, for which they differ.
    /// @param  firstDigest   The digest for it in the first claim.
    /// @param  secondDigest  The digest for it in the second claim.
    event EquivocationProven(
        address indexed builder, bytes32 indexed release, string system, bytes32 firstDigest, bytes32 secondDigest
    );

    /// @notice Somebody posted what they say is a builder's signature. Nothing of it was checked: it is a claim, which
    ///         whoever reads it checks as if it had come from anywhere else. `data` is exactly the five words.
    /// @param  root      The Merkle root over the systems that were signed.
    /// @param  evidence  SHA-256 of the evidence manifest.
    /// @param  rules     The rules that were signed.
    /// @param  r         The first half of the EIP-2098 signature.
    /// @param  vs        Its second half.
    event Posted(bytes32 indexed release, bytes32 root, bytes32 evidence, address rules, bytes32 r, bytes32 vs);

    // ----------------------------------------------------------------------------------------------- errors

    /// Only the timelock may do this.
    error LedgerNotTimelock(address caller);
    /// Only the guardian may do this.
    error LedgerNotGuardian(address caller);
    /// An address of the deployment is zero, or timelock and guardian are the same.
    error LedgerInvalidRoles(address timelock, address guardian);

    /// The release is zero.
    error LedgerZeroRelease();
    /// The release is recorded already; a record never changes.
    error LedgerAlreadyFinal(bytes32 release, bytes32 commitment);
    /// No release can be finalised before genesis.
    error LedgerBeforeGenesis();
    /// Genesis has taken place.
    error LedgerAfterGenesis(uint32 sequence);
    /// Finalising is paused.
    error LedgerPaused(uint32 until);
    /// The sequence number has reached its largest value.
    error LedgerExhausted();
    /// Nothing of the batch was left to record: it is empty, or all of it is recorded already.
    error LedgerEmptyBatch();

    /// The rules gave an answer that is no record: wrong length or counts, a zero root, digest or builder, a builder
    /// twice or out of order, or systems that do not exist. The rules are at fault, not the submission.
    error LedgerMalformedAnswer(address rules);
    /// The answer counts a builder that was revoked, or the rules themselves were revoked (then every builder is).
    error LedgerSignerRevoked(uint256 index, address builder);

    /// The code at the address is not the code that was announced.
    error LedgerRulesCodeMismatch(address rules, bytes32 expected, bytes32 found);
    /// There is no code at the address, or it starts with 0xef (a delegated account or another code format).
    error LedgerRulesNotContract(address rules);
    /// The rules were revoked, and never return.
    error LedgerRulesRevoked(address rules);
    /// The rules do not describe their builders: not 1 to 32 of them, or a zero address.
    error LedgerRulesUnreadable(address rules);

    /// Too little gas is left to ask the rules a question with all the gas it may need. Without this refusal, whoever
    /// calls could make honest rules seem unable to answer.
    error LedgerTooLittleGas(uint256 left, uint256 need);

    /// The zero address cannot be revoked.
    error LedgerZeroSubject();
    /// The subject was revoked before.
    error LedgerAlreadyRevoked(address subject, uint64 since);
    /// A dispute reaches back to a release that was recorded: to 1 at least, to the current sequence number at most.
    error LedgerInvalidSequence(uint32 fromSequence, uint32 sequence);
    /// The subject was disputed before, at that time. A second dispute could keep releases disputed for ever.
    error LedgerAlreadyDisputed(address subject, uint64 since);
    /// There is nothing to confirm: the subject, whose revocation word this is, was not disputed, or the dispute was
    /// confirmed, or it lapsed.
    error LedgerNoOpenDispute(address subject, uint256 word);
    /// A pause lasts 1 second to 30 days.
    error LedgerInvalidPause(uint32 duration, uint32 longest);
    /// A new pause is possible only 30 days after the last one ended.
    error LedgerPauseTooSoon(uint256 earliest);

    /// A claim has 1 to 64 systems and one digest for each.
    error LedgerClaimLength(uint256 systems, uint256 digests);
    /// A system of a claim is not 3 to 28 bytes of the form `[a-z0-9_]+-[a-z0-9_]+`.
    error LedgerClaimSystemName(uint256 index, string system);
    /// The systems of a claim must ascend strictly, compared byte by byte.
    error LedgerClaimSystemOrder(uint256 index);
    /// A digest of a claim is zero.
    error LedgerClaimZeroDigest(uint256 index);
    /// The claims were not signed by one builder: by two, or a signature is none or has `s` in the upper half (zero).
    error LedgerClaimSigners(address first, address second);
    /// The claims agree on every system that they have in common, if they have any.
    error LedgerNoEquivocation(address builder);

    /// These bytes are not the record of the release.
    error LedgerRecordMismatch(bytes32 release, bytes32 commitment, bytes32 found);

    // ------------------------------------------------------------------------------------- anybody may call

    /// @notice Records a release, if the rules accept the submission. Who calls has no influence on the result.
    /// @dev    Reverts with the rules' own reason where they refuse. Effects: the slot `releases(release)`, the
    ///         sequence number in `control`, event `ReleaseFinalised`. Nothing else, and no other call.
    /// @param  release     The release: the struct hash of its source.
    /// @param  submission  Digests and signatures, see `IQuorumRules.judge`.
    function finalise(bytes32 release, bytes calldata submission) external;

    /// @notice Records the first release, signed by every builder of the rules. Possible once.
    /// @dev    As `finalise`, but not stopped by a pause; emits `GenesisCompleted` as well.
    /// @param  genesisSignatures  See `IQuorumRules.judgeGenesis`.
    function genesis(bytes32 release, bytes calldata submission, bytes calldata genesisSignatures) external;

    /// @notice Records several releases in order, each with a sequence number, a record and an event of its own, exactly
    ///         as one call of `finalise` after the other would. Those that are recorded already are passed over, so
    ///         that a submitter who lost the race for one loses nothing else.
    /// @dev    Reverts as a whole, with the reason of the first submission that is refused, or with `LedgerEmptyBatch`
    ///         where nothing was left to record.
    function finaliseBatch(Submission[] calldata batch) external;

    /// @notice Logs a signature that no registry and no aggregator would take, for everybody to find. Stores nothing and
    ///         checks nothing; emits `Posted` and has no other effect.
    /// @param  release   The release that was signed.
    /// @param  root      The Merkle root over the systems that were signed.
    /// @param  evidence  SHA-256 of the evidence manifest.
    /// @param  rules     The rules that were signed.
    /// @param  r         The first half of the EIP-2098 signature.
    /// @param  vs        Its second half.
    function post(bytes32 release, bytes32 root, bytes32 evidence, address rules, bytes32 r, bytes32 vs) external;

    /// @notice Revokes a builder that signed two image digests for one system of one release, at once and for ever, for
    ///         releases to come. The proof is the two attestations; who brings it does not matter.
    /// @dev    Works for any key, so that a builder that is not configured yet is kept out as well. Refused with
    ///         `LedgerAlreadyRevoked` where the key has lost its power already. The revocation has flags 4.
    function proveEquivocation(bytes32 release, Claim calldata first, Claim calldata second) external;

    // ------------------------------------------------------------------------------------ the timelock's part

    /// @notice Replaces the rules that judge from now on, and rebuilds the set of revoked builders for them.
    /// @param  rules     The new rules. Anything that was revoked stays revoked.
    /// @param  codeHash  Keccak-256 of their code; the call is refused if the code is another when it is executed.
    function setRules(address rules, bytes32 codeHash) external;

    /// @notice Confirms an open dispute: releases that rely on the subject, from its `fromSequence` on, do so in vain for
    ///         ever. Emits `Revoked` with the new flags.
    /// @param  subject  What the guardian disputed with `revokeRetroactively` less than 30 days ago.
    function confirmRevocation(address subject) external;

    // ------------------------------------------------------------------------------------ the guardian's part

    /// @notice Takes all power from a builder or from rules, at once and for ever, for releases to come.
    /// @dev    Never depends on the rules' cooperation: where they do not say who their builders are, all are held
    ///         for revoked until the timelock sets other rules. Revoking the current rules does the same.
    /// @param  subject  A builder's address, or rules; it need not have any power yet.
    function revoke(address subject) external;

    /// @notice Takes all power from a builder or from rules as `revoke` does, and disputes what they signed or judged
    ///         before: from `fromSequence` on the subject does not count for recorded releases either. The dispute
    ///         lapses after 30 days unless the timelock confirms it; the loss of power for releases to come does not.
    /// @dev    Possible once per subject. A subject that was revoked before keeps flag 4 and the earlier of the two
    ///         sequence numbers; `since` is the time of the dispute.
    /// @param  fromSequence  From 1 to the current sequence number.
    function revokeRetroactively(address subject, uint32 fromSequence) external;

    /// @notice Stops `finalise` and `finaliseBatch`, and only them.
    /// @param  duration  Seconds, at most 30 days.
    function pause(uint32 duration) external;

    // ------------------------------------------------------------------------------------------------- views

    /// @notice How a release stands now, re-evaluated from its record. Reverts if `record` is not its record.
    /// @dev    Counts the signers in the record only; an endorsement presented beside it can only improve on this.
    /// @return standing     The worst standing of any system; `Unknown` where the release is not recorded.
    /// @return systems      The standing of each system, in the order of the record's rules.
    /// @return withdrawals  Who no longer counts, and since when.
    function status(bytes32 release, bytes calldata record)
        external
        view
        returns (Standing standing, Standing[] memory systems, Withdrawal[] memory withdrawals);

    /// @notice How a release stands now, with endorsements counted beside its record: attestations of the recorded digests
    ///         by builders of the rules that judged. Reverts with the rules' reason if one of them is false, and if
    ///         `record` is not the record of the release.
    /// @dev    Per system the count is the largest set of independent builders. An endorsement is presented now and bears
    ///         no time, so one by a builder that was revoked, however and for whatever releases, never counts: whoever
    ///         stole its key must not heal a record.
    /// @param  endorsements  See `IQuorumRules.recount`.
    function status(bytes32 release, bytes calldata record, bytes calldata endorsements)
        external
        view
        returns (Standing standing, Standing[] memory systems, Withdrawal[] memory withdrawals);

    /// @notice Keccak-256 of the record of a release; zero where it is not recorded. Storage slot 0.
    function releases(bytes32 release) external view returns (bytes32 commitment);

    /// @notice What governs the next release. Storage slot 1. From the least significant bit: `u160 rules`,
    ///         `u32 revoked` (bit i: builder i of the rules), `u32 sequence` (number of releases recorded; 0 before
    ///         genesis), `u32 pausedUntil` (Unix seconds). All bits of `revoked` are set while the rules themselves
    ///         are revoked.
    function control() external view returns (uint256 word);

    /// @notice When and how an address was revoked; zero where it was not. Storage slot 2. From the least significant
    ///         bit: `u8 flags`, `u32 fromSequence`, `u64 since`, zeros. Flags: 1 = retroactive, a dispute that lapses
    ///         30 days after `since` unless confirmed; 2 = confirmed by the timelock; 4 = proven equivocation; 0 = by
    ///         the guardian, for releases to come. Whatever the flags, and also after a dispute has lapsed, the address
    ///         counts for no new release and no endorsement.
    function revocations(address subject) external view returns (uint256 word);

    /// @notice The address that may replace the rules and confirm disputes.
    function timelock() external view returns (address);

    /// @notice The address that may revoke, dispute and pause.
    function guardian() external view returns (address);

    /// @notice The EIP-712 domain separator, computed anew for the chain this call runs on.
    function domainSeparator() external view returns (bytes32);

    /// @notice The EIP-712 domain, as EIP-5267 describes it.
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        );
}
