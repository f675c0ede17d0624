// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  The word that governs the next release
/// @notice From the least significant bit: `u160 rules ‖ u32 revoked ‖ u32 sequence ‖ u32 pausedUntil`.
library Control {
    uint256 private constant REVOKED = 160;
    uint256 private constant SEQUENCE = 192;
    uint256 private constant PAUSED_UNTIL = 224;
    uint256 private constant FIELD = type(uint32).max;

    /// @notice The rules that judge.
    function rules(uint256 word) internal pure returns (address) {
        return address(uint160(word));
    }

    /// @notice Bit i: builder i of the rules is revoked.
    function revoked(uint256 word) internal pure returns (uint256) {
        return (word >> REVOKED) & FIELD;
    }

    /// @notice The number of releases recorded; zero before genesis.
    function sequence(uint256 word) internal pure returns (uint32) {
        return uint32(word >> SEQUENCE);
    }

    /// @notice The end of the last pause, in Unix seconds.
    function pausedUntil(uint256 word) internal pure returns (uint32) {
        return uint32(word >> PAUSED_UNTIL);
    }

    /// @notice The word with other rules and their revoked builders.
    function withRules(uint256 word, address rules_, uint256 revoked_) internal pure returns (uint256) {
        return (word >> SEQUENCE) << SEQUENCE | revoked_ << REVOKED | uint160(rules_);
    }

    /// @notice The word with the next sequence number, which the caller knows to exist.
    function withNextSequence(uint256 word) internal pure returns (uint256) {
        unchecked {
            return word + (1 << SEQUENCE);
        }
    }

    /// @notice The word with another end of pause.
    function withPausedUntil(uint256 word, uint32 until) internal pure returns (uint256) {
        return (word & ~(FIELD << PAUSED_UNTIL)) | uint256(until) << PAUSED_UNTIL;
    }
}
