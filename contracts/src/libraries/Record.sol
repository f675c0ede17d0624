// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReleaseLedger} from "../interfaces/IReleaseLedger.sol";

/// @title  The record of a release, in 32-byte words
/// @notice Word 0 is `u8 version = 1 ‖ u8 nSystems ‖ u8 nEntries ‖ 13 zero bytes ‖ u64 sequence ‖ u64 timestamp`; words 1
///         to 3 are the root, the code hash of the rules and their address; then two words per entry, `u8 builder index ‖
///         3 zero bytes ‖ address ‖ u64 systems` and `evidence`; then one image digest per system.
library Record {
    uint256 private constant VERSION = 1;
    uint256 private constant HEAD_BYTES = 128;
    uint256 private constant MAX_SYSTEMS = 64;
    uint256 private constant MAX_BUILDERS = 32;
    /// The bits of an entry that are zero: the upper three of the index and the three bytes after it.
    uint256 private constant NEVER_SET = 0xe0ffffff << 224;

    /// @notice Checks the rules' answer for form and turns it into a record followed by signatures, in place.
    /// @param  answer      See `IQuorumRules.judge`.
    /// @param  revoked     Bit i: builder i is revoked.
    /// @return commitment  The Keccak-256 of the record.
    function seal(bytes memory answer, address rules, uint256 revoked, uint256 sequence)
        internal
        view
        returns (bytes32 commitment)
    {
        uint256 entries;
        uint256 size;
        uint256 signers;
        bytes32 codeHash = rules.codehash;
        bool wellFormed;
        assembly ("memory-safe") {
            let start := add(answer, 0x20)

            // Counts that are possible, and nothing else in the first word; a root; zeros where the ledger writes.
            let first := mload(start)
            let systems := shr(240, first)
            entries := and(shr(232, first), 0xff)
            let wrong := or(shl(24, first), or(mload(add(start, 0x40)), mload(add(start, 0x60))))
            wrong := or(wrong, iszero(mload(add(start, 0x20))))
            wrong := or(wrong, or(iszero(systems), gt(systems, MAX_SYSTEMS)))
            wrong := or(wrong, or(iszero(entries), gt(entries, MAX_BUILDERS)))

            // Exactly as long as the counts say, which also bounds the loops below.
            size := add(HEAD_BYTES, add(shl(6, entries), shl(5, systems)))
            wrong := or(wrong, xor(mload(answer), add(size, shl(6, entries))))

            if iszero(wrong) {
                let cursor := add(start, HEAD_BYTES)
                for { let end := add(cursor, shl(6, entries)) } lt(cursor, end) { cursor := add(cursor, 0x40) } {
                    let entry := mload(cursor)
                    let index := shr(248, entry)
                    let signed := and(entry, 0xffffffffffffffff)
                    // An index above 31, or bytes set after it; not above all before it.
                    wrong := or(wrong, or(and(entry, NEVER_SET), shr(index, signers)))
                    // No system, or one that does not exist; no builder.
                    wrong := or(wrong, or(iszero(signed), shr(systems, signed)))
                    wrong := or(wrong, iszero(shl(96, shr(64, entry))))
                    signers := or(signers, shl(index, 1))
                }
                for { let end := add(start, size) } lt(cursor, end) { cursor := add(cursor, 0x20) } {
                    wrong := or(wrong, iszero(mload(cursor)))
                }
            }
            wellFormed := iszero(wrong)

            first := or(or(shl(248, VERSION), first), or(shl(64, sequence), timestamp()))
            mstore(start, first)
            mstore(add(start, 0x40), codeHash)
            mstore(add(start, 0x60), and(rules, 0xffffffffffffffffffffffffffffffffffffffff))
            commitment := keccak256(start, mul(size, wellFormed))
        }
        require(wellFormed, IReleaseLedger.LedgerMalformedAnswer(rules));
        if (signers & revoked != 0) _refuseRevoked(answer, entries, revoked);
    }

    /// Names the first revoked builder of an answer that has one.
    function _refuseRevoked(bytes memory answer, uint256 entries, uint256 revoked) private pure {
        for (uint256 i = 0; i < entries; i++) {
            uint256 entry;
            assembly ("memory-safe") {
                entry := mload(add(add(answer, 0xa0), shl(6, i)))
            }
            uint256 index = entry >> 248;
            address builder = address(uint160(entry >> 64));
            require((revoked >> index) & 1 == 0, IReleaseLedger.LedgerSignerRevoked(index, builder));
        }
    }

    // --------------------------------------------------------------------------------- reading a known record

    /// @notice The counts and the sequence number of a record that the ledger wrote.
    function head(bytes calldata record) internal pure returns (uint256 systems, uint256 entries, uint256 sequence) {
        uint256 word = uint256(bytes32(record[:32]));
        return (uint8(word >> 240), uint8(word >> 232), uint64(word >> 64));
    }

    /// @notice The rules that judged, and their code hash.
    function rulesOf(bytes calldata record) internal pure returns (address rules, bytes32 codeHash) {
        return (address(uint160(uint256(bytes32(record[96:128])))), bytes32(record[64:96]));
    }

    /// @notice An entry: the builder's index in the rules, its address, and the systems it signed.
    /// @param  position  Which entry, counted from 0.
    function entryAt(bytes calldata record, uint256 position)
        internal
        pure
        returns (uint256 index, address builder, uint64 systems)
    {
        uint256 offset = HEAD_BYTES + 64 * position;
        uint256 word = uint256(bytes32(record[offset:offset + 32]));
        return (word >> 248, address(uint160(word >> 64)), uint64(word));
    }

    /// @notice The image digest of a system.
    function digestAt(bytes calldata record, uint256 system) internal pure returns (bytes32) {
        (, uint256 entries,) = head(record);
        uint256 offset = HEAD_BYTES + 64 * entries + 32 * system;
        return bytes32(record[offset:offset + 32]);
    }
}
