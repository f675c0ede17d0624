// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  The word that says when and how an address was revoked
/// @notice From the least significant bit: `u8 flags ‖ u32 fromSequence ‖ u64 since`, above that zeros. Zero means never
///         revoked; a revocation is never zero because `since` is a time.
library Revocation {
    /// The revocation reaches back to releases recorded before it was made. It is a dispute, which lapses unless it is
    /// confirmed in time.
    uint8 internal constant RETROACTIVE = 1;
    /// The timelock confirmed a retroactive revocation: it no longer lapses.
    uint8 internal constant CONFIRMED = 2;
    /// Made by proof that the builder signed two digests for one release and system.
    uint8 internal constant EQUIVOCATION = 4;

    /// How long a dispute stays open.
    uint256 internal constant DISPUTE_PERIOD = 30 days;

    /// @notice Packs a revocation.
    function pack(uint64 since, uint32 fromSequence, uint8 flags) internal pure returns (uint256) {
        return uint256(since) << 40 | uint256(fromSequence) << 8 | flags;
    }

    /// @notice Takes a revocation apart.
    function unpack(uint256 word) internal pure returns (uint64 since, uint32 fromSequence, uint8 flags) {
        return (uint64(word >> 40), uint32(word >> 8), uint8(word));
    }

    /// @notice Whether a revocation is a dispute that has neither been confirmed nor lapsed.
    /// @param  time  Unix seconds.
    function isOpenDispute(uint256 word, uint256 time) internal pure returns (bool) {
        (uint64 since,,) = unpack(word);
        return _mayLapse(word) && time < uint256(since) + DISPUTE_PERIOD;
    }

    /// @notice Whether a revocation concerns a release at a time, and whether it may still lapse.
    /// @param  word      The revocation, or zero.
    /// @param  sequence  The sequence number of the release.
    /// @param  time      Unix seconds.
    function concerns(uint256 word, uint256 sequence, uint256 time) internal pure returns (bool now_, bool mayLapse) {
        (, uint32 fromSequence,) = unpack(word);
        if (word == 0 || sequence < fromSequence) return (false, false);
        mayLapse = _mayLapse(word);
        now_ = !mayLapse || isOpenDispute(word, time);
    }

    function _mayLapse(uint256 word) private pure returns (bool) {
        (,, uint8 flags) = unpack(word);
        return flags & (RETROACTIVE | CONFIRMED) == RETROACTIVE;
    }
}
