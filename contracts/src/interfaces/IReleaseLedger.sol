// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  The release ledger: what was finalised, by whom, under which rules, for ever
/// @notice A release is recorded once and its record never changes. The ledger has no owner, no proxy and no
///         upgrade. Two addresses, fixed at deployment, have powers over the *future*: the timelock may replace the
///         rules, the guardian may take power away (revoke, pause). Neither can touch a recorded release, record
///         one, or give anybody power.
interface IReleaseLedger {
    /// How a recorded release stands now, judged by its own record and the revocations since.
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

    // ----------------------------------------------------------------------------------------------- events

    /// @notice A release was recorded. This event and the slot `releases(release)` are written together.
    /// @param  release  The release: the struct hash of its source.
    /// @param  data     The record, then one 64-byte EIP-2098 signature per entry in entry order. The record is the
    ///                  first `32 * (4 + 2 * nEntries + nSystems)` bytes; `keccak256(record) == releases(release)`.
    event ReleaseFinalised(bytes32 indexed release, bytes data);

    /// @notice The rules judge from now on. Emitted at deployment too.
    event RulesSet(address indexed rules, bytes32 codeHash);

    /// @notice A builder or rules lost their power, at once and for ever.
    /// @param  since         Unix seconds.
    /// @param  fromSequence  The first sequence number for which the subject no longer counts.
    /// @param  flags         As in the revocation word, see `revocations`.
    event Revoked(address indexed subject, uint64 since, uint32 fromSequence, uint8 flags);

    /// @notice `finalise` is refused before this time, in Unix seconds.
    event Paused(uint32 until);

    /// @notice The first release was recorded, signed by every builder.
    /// @param  signatures  One 64-byte EIP-2098 signature over `Genesis` per entry in entry order.
    event GenesisCompleted(bytes32 indexed release, bytes signatures);

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

    /// The zero address cannot be revoked.
    error LedgerZeroSubject();
    /// The subject was revoked before.
    error LedgerAlreadyRevoked(address subject, uint64 since);
    /// A pause lasts 1 second to 30 days.
    error LedgerInvalidPause(uint32 duration, uint32 longest);
    /// A new pause is possible only 30 days after the last one ended.
    error LedgerPauseTooSoon(uint256 earliest);

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

    // ------------------------------------------------------------------------------------ the timelock's part

    /// @notice Replaces the rules that judge from now on, and rebuilds the set of revoked builders for them.
    /// @param  rules     The new rules. Anything that was revoked stays revoked.
    /// @param  codeHash  Keccak-256 of their code; the call is refused if the code is another when it is executed.
    function setRules(address rules, bytes32 codeHash) external;

    // ------------------------------------------------------------------------------------ the guardian's part

    /// @notice Takes all power from a builder or from rules, at once and for ever, for releases to come.
    /// @dev    Never depends on the rules' cooperation: where they do not say who their builders are, all are held
    ///         for revoked until the timelock sets other rules. Revoking the current rules does the same.
    /// @param  subject  A builder's address, or rules; it need not have any power yet.
    function revoke(address subject) external;

    /// @notice Stops `finalise`, and only that.
    /// @param  duration  Seconds, at most 30 days.
    function pause(uint32 duration) external;

    // ------------------------------------------------------------------------------------------------- views

    /// @notice How a release stands now, re-evaluated from its record. Reverts if `record` is not its record.
    /// @dev    Counts the signers in the record; an endorsement presented beside it can only improve on this.
    /// @return standing     The worst standing of any system; `Unknown` where the release is not recorded.
    /// @return systems      The standing of each system, in the order of the record's rules.
    /// @return withdrawals  Who no longer counts, and since when.
    function status(bytes32 release, bytes calldata record)
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
    ///         the guardian, for releases to come. Whatever the flags, the address counts for no new release.
    function revocations(address subject) external view returns (uint256 word);

    /// @notice The address that may replace the rules.
    function timelock() external view returns (address);

    /// @notice The address that may revoke and pause.
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
