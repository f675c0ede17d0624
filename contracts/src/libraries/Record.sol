// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReleaseLedger} from "../interfaces/IReleaseLedger.sol";

/// @title  The record of a release, in 32-byte words
/// @notice Word 0 is `u8 version = 1 ‖ u8 nSystems ‖ u8 nEntries ‖ 13 zero bytes ‖ u64 sequence ‖ u64 timestamp`; words 1
///         to 3 are the root, the code hash of the rules and their address; then two words per entry, `u8 builder index ‖
///         3 zero bytes ‖ address ‖ u64 systems` and `evidence`; then one image digest per system.
library Record {
    uint256 private constant VERSION = 1;
    uint256 private constant HEAD_WORDS = 4;
    uint256 private constant MAX_SYSTEMS = 64;
    uint256 private constant MAX_BUILDERS = 32;

    /// @notice Checks the rules' answer for form and turns it into a record followed by signatures, in place.
    /// @param  answer      See `IQuorumRules.judge`.
    /// @param  revoked     Bit i: builder i is revoked.
    /// @return commitment  The Keccak-256 of the record.
    function seal(bytes memory answer, address rules, uint256 revoked, uint256 sequence)
        internal
        view
        returns (bytes32 commitment)
    {
        unchecked {
            // The shortest answer has one system and one entry.
            _require(answer.length >= 32 * (HEAD_WORDS + 2 + 1 + 2), rules);
            uint256 first = _load(answer, 0);
            uint256 systems = first >> 240;
            uint256 entries = uint8(first >> 232);
            _require(first << 24 == 0 && systems != 0 && systems <= MAX_SYSTEMS && entries != 0, rules);
            uint256 recordLength = 32 * (HEAD_WORDS + 2 * entries + systems);
            _require(answer.length == recordLength + 64 * entries, rules);
            _require(_load(answer, 32) != 0 && _load(answer, 64) | _load(answer, 96) == 0, rules);

            _checkEntries(answer, rules, revoked, systems, entries);
            for (uint256 offset = recordLength - 32 * systems; offset < recordLength; offset += 32) {
                _require(_load(answer, offset) != 0, rules);
            }

            _store(answer, 0, VERSION << 248 | systems << 240 | entries << 232 | sequence << 64 | block.timestamp);
            _store(answer, 64, uint256(rules.codehash));
            _store(answer, 96, uint160(rules));
            assembly ("memory-safe") {
                commitment := keccak256(add(answer, 0x20), recordLength)
            }
        }
    }

    /// Each entry names a later builder than the one before, an address, and systems that exist.
    function _checkEntries(bytes memory answer, address rules, uint256 revoked, uint256 systems, uint256 entries)
        private
        pure
    {
        unchecked {
            uint256 next;
            for (uint256 i = 0; i < entries; i++) {
                uint256 entry = _load(answer, 32 * HEAD_WORDS + 64 * i);
                // The three bytes between index and address are zero, so that this is the index and nothing else.
                uint256 index = entry >> 224;
                uint256 signed = uint64(entry);
                address builder = address(uint160(entry >> 64));
                _require(index >> 24 < MAX_BUILDERS && index & 0xffffff == 0, rules);
                index >>= 24;
                _require(index >= next && builder != address(0) && signed != 0 && signed >> systems == 0, rules);
                require((revoked >> index) & 1 == 0, IReleaseLedger.LedgerSignerRevoked(index, builder));
                next = index + 1;
            }
        }
    }

    function _require(bool condition, address rules) private pure {
        require(condition, IReleaseLedger.LedgerMalformedAnswer(rules));
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

    /// @notice The signer of an entry, and the systems it signed.
    function entryAt(bytes calldata record, uint256 index) internal pure returns (address builder, uint64 systems) {
        uint256 offset = 32 * HEAD_WORDS + 64 * index;
        uint256 word = uint256(bytes32(record[offset:offset + 32]));
        return (address(uint160(word >> 64)), uint64(word));
    }

    // ----------------------------------------------------------------------------------------------- helpers

    function _load(bytes memory data, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), offset))
        }
    }

    function _store(bytes memory data, uint256 offset, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(data, 0x20), offset), word)
        }
    }
}
