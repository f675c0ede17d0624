// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  Rules: who must have signed what before a release is recorded
/// @notice Rules are pure: their answers depend on their arguments, their code and their address, never on
///         storage, time or the caller. The ledger asks them by `STATICCALL`, so that rules, however hostile,
///         write nothing. Rules are replaced by deploying other rules; what they once judged stays judged.
///
/// Terms. *Builder*: one address that signs. *Index*: a builder's position in the configuration, 0 to 31.
/// *System*: what a builder builds for, such as `x86_64-linux`; bit i of a `systems` mask, counted from the least
/// significant, is system i of the configuration. *Domains*: one bit per way in which two builders may fail
/// together; builders whose domains share no bit are independent.
interface IQuorumRules {
    // ------------------------------------------------------------------------------------------ submission

    /// The submission's length fits no number of signers: it is `32 * systems + 105 * signers`, signers >= 1.
    error QuorumMalformedSubmission(uint256 length, uint256 systems);
    /// The image digest of a system is zero.
    error QuorumZeroDigest(uint256 system);
    /// No builder has this index.
    error QuorumUnknownBuilder(uint256 index, uint256 builders);
    /// Signers must be named in strictly ascending order of index, each once.
    error QuorumUnorderedSigners(uint256 previous, uint256 index);
    /// The signer names no system, a system outside the configuration, or one it is not eligible for.
    error QuorumIneligibleSystems(uint256 index, uint256 systems, uint256 eligible);
    /// Two signers share a failure domain on a system that both name.
    error QuorumDependentSigners(uint256 first, uint256 second, uint256 sharedDomains);
    /// The signature is malformed, has `s` in the upper half, or was made by somebody else or over something else.
    error QuorumBadSignature(uint256 index, address expected, address recovered);
    /// Too few signers for a system.
    error QuorumBelowThreshold(uint256 system, uint256 have, uint256 need);

    // --------------------------------------------------------------------------------------------- recount

    /// The record's length or number of systems does not fit these rules.
    error QuorumMalformedRecord(uint256 length, uint256 systems);
    /// Other rules, or rules with other code, judged this record.
    error QuorumForeignRecord(address rules, bytes32 codeHash);
    /// The length of the endorsements is no multiple of 105.
    error QuorumMalformedEndorsements(uint256 length);

    // --------------------------------------------------------------------------------------------- genesis

    /// Genesis needs every builder of the configuration.
    error QuorumGenesisIncomplete(uint256 have, uint256 need);
    /// At genesis every builder signs all systems it is eligible for.
    error QuorumGenesisSystems(uint256 index, uint256 systems, uint256 eligible);
    /// At genesis there is one 64-byte signature per builder, in order of index.
    error QuorumMalformedGenesisSignatures(uint256 length, uint256 need);
    /// The builder's signature over `Genesis` is malformed or was made by somebody else or over something else.
    error QuorumBadGenesisSignature(uint256 index, address expected, address recovered);

    // --------------------------------------------------------------------------------------- configuration

    /// The configuration's length is not the one its final word and counts call for.
    error QuorumConfigurationLength(uint256 length, uint256 expected);
    /// Only version 1 is known.
    error QuorumConfigurationVersion(uint256 version);
    /// Flags are reserved and must be zero.
    error QuorumConfigurationFlags(uint256 flags);
    /// There must be 1 to 64 systems.
    error QuorumConfigurationSystemCount(uint256 systems);
    /// There must be 1 to 32 builders.
    error QuorumConfigurationBuilderCount(uint256 builders);
    /// A system is not 3 to 28 bytes of the form `[a-z0-9_]+-[a-z0-9_]+`, padded with zero bytes.
    error QuorumConfigurationSystemName(uint256 system, bytes32 word);
    /// Systems must ascend strictly, compared byte by byte.
    error QuorumConfigurationSystemOrder(uint256 system);
    /// A builder's address is zero.
    error QuorumConfigurationZeroBuilder(uint256 index);
    /// Two builders have the same address.
    error QuorumConfigurationDuplicateBuilder(uint256 first, uint256 second);
    /// Bits 0 to 31 of a builder's domains must be exactly its own index bit.
    error QuorumConfigurationDomains(uint256 index, uint256 domains);
    /// A builder is eligible for no system, or for one that is not configured.
    error QuorumConfigurationSystems(uint256 index, uint256 systems);
    /// The threshold must be at least 2.
    error QuorumConfigurationThreshold(uint256 threshold);
    /// For each system, the threshold must be a majority of its eligible builders and no more than all of them.
    error QuorumConfigurationMajority(uint256 system, uint256 threshold, uint256 eligible);

    // -------------------------------------------------------------------------------------------- judgment

    /// @notice Judges a submission. Reverts, with the reason, unless for every system at least `threshold()`
    ///         builders signed it, all signers of one system being independent of one another.
    /// @param  release          The release: the struct hash of its source.
    /// @param  domainSeparator  The EIP-712 domain separator of the asking ledger.
    /// @param  submission       `32-byte image digest` per system in order of configuration, then per signer, in
    ///                          strictly ascending order of index, 105 bytes: `u8 index ‖ u64 systems ‖ bytes32
    ///                          evidence ‖ bytes32 r ‖ bytes32 vs`. `r ‖ vs` is an EIP-2098 signature over
    ///                          `Attestation(release, root over the signer's own systems, evidence, these rules)`.
    /// @return answer           The record as far as rules can know it, then the signatures:
    ///                          `u8 0 ‖ u8 nSystems ‖ u8 nEntries ‖ 29 zero bytes`, `root` over all systems, two zero
    ///                          words, per signer `u8 index ‖ 3 zero bytes ‖ address ‖ u64 systems` and `evidence`,
    ///                          the image digests, and per signer `r ‖ vs`.
    function judge(bytes32 release, bytes32 domainSeparator, bytes calldata submission)
        external
        view
        returns (bytes memory answer);

    /// @notice Judges the first release of a ledger: as `judge`, and every builder signs all systems it is eligible
    ///         for, is independent of every other builder of those systems, and signs `Genesis` as well.
    /// @param  genesisSignatures  Per builder, in order of index, a 64-byte EIP-2098 signature over
    ///                            `Genesis(code hash of these rules, release, root over all systems)`.
    /// @return answer             As `judge`.
    function judgeGenesis(
        bytes32 release,
        bytes32 domainSeparator,
        bytes calldata submission,
        bytes calldata genesisSignatures
    ) external view returns (bytes memory answer);

    /// @notice Counts the builders of a recorded release again. Reverts, with the reason, if an endorsement is malformed or
    ///         false.
    /// @dev    Finds out neither whether the record is one that a ledger keeps nor who was revoked: the ledger that asks
    ///         has checked the first and says the second. The search is exact, and bounded because builders are at most 32.
    /// @param  release           The release: the struct hash of its source.
    /// @param  domainSeparator   The EIP-712 domain separator of the asking ledger.
    /// @param  record            The record, which these rules judged.
    /// @param  endorsements      Per endorser, in strictly ascending order of index, 105 bytes as in a submission: `u8
    ///                           index ‖ u64 systems ‖ bytes32 evidence ‖ bytes32 r ‖ bytes32 vs`, signed over the root
    ///                           of the *recorded* digests of its systems. May be empty.
    /// @param  droppedEntries    Bit i: what builder i signed in the record does not count.
    /// @param  droppedEndorsers  Bit i: an endorsement by builder i does not count. It is checked all the same.
    /// @return counts            Per system, in order of configuration: the size of the largest set of pairwise independent
    ///                           builders that signed its recorded digest, in the record or by endorsement.
    function recount(
        bytes32 release,
        bytes32 domainSeparator,
        bytes calldata record,
        bytes calldata endorsements,
        uint256 droppedEntries,
        uint256 droppedEndorsers
    ) external view returns (uint256[] memory counts);

    // ----------------------------------------------------------------------------------------- description

    /// @notice The address of the builder with this index. Reverts with `QuorumUnknownBuilder` if there is none.
    function builderAt(uint256 index) external view returns (address builder);

    /// @notice How many builders there are: 1 to 32.
    function builderCount() external view returns (uint256 count);

    /// @notice How many independent signers each system needs: at least 2.
    function threshold() external view returns (uint256 need);

    /// @notice The systems, in order of configuration.
    function systems() external view returns (string[] memory names);

    /// @notice The whole configuration: exactly the bytes at the end of these rules' code.
    function configuration() external view returns (bytes memory bytes_);
}
