// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  The tree over the systems of a release
/// @notice `leaf = keccak256(0x00 ‖ u16 length ‖ system ‖ digest)`, `node = keccak256(0x01 ‖ left ‖ right)`, an odd last
///         node is paired with itself, and a single leaf is its own root. [a, b, c] and [a, b, c, c] share a root, so
///         whoever uses a root also fixes the strictly ascending list of systems.
library Merkle {
    /// @notice The leaf of one system.
    /// @param  system  `u8 length ‖ name`, padded with zero bytes; the length is at most 28.
    /// @param  digest  The image digest.
    function leaf(bytes32 system, bytes32 digest) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            // 3 + 28 + 32 bytes at most: they fit the scratch space. The first two bytes are the domain byte and the
            // upper half of the 16-bit length; the lower half is the first byte of `system`.
            mstore(0x00, 0)
            mstore(0x02, system)
            let end := add(0x03, byte(0, system))
            mstore(end, digest)
            result := keccak256(0x00, add(end, 0x20))
        }
    }

    /// @notice The root over at least one leaf. Leaves the leaves as they are.
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        uint256 first;
        uint256 count = leaves.length;
        assembly ("memory-safe") {
            let before := mload(0x40)
            first := add(before, 0x20)
            let size := shl(5, count)
            mstore(0x40, add(first, add(size, 0x20)))
            mcopy(first, add(leaves, 0x20), size)
        }
        return root(first, count);
    }

    /// @notice The root over leaves. Overwrites them, the word behind them, and the byte before them.
    /// @param  first  Where the first leaf is in memory; the others follow it word by word.
    /// @param  count  How many leaves there are, at least one.
    function root(uint256 first, uint256 count) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            for {} gt(count, 1) {} {
                // An odd last node is followed by itself.
                let end := add(first, shl(5, count))
                mstore(end, mload(sub(end, 0x20)))
                let to := first
                // A node is hashed where it lies, with the domain byte put before it: into the node before, of which
                // nothing is needed any more.
                for { let from := first } lt(from, end) { from := add(from, 0x40) } {
                    let start := sub(from, 0x01)
                    mstore8(start, 1)
                    mstore(to, keccak256(start, 0x41))
                    to := add(to, 0x20)
                }
                count := shr(1, add(count, 1))
            }
            result := mload(first)
        }
    }
}
