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

    /// @notice The root over at least one leaf. Overwrites them.
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        uint256 first;
        assembly ("memory-safe") {
            first := add(leaves, 0x20)
        }
        return root(first, leaves.length);
    }

    /// @notice The root over leaves. Overwrites them.
    /// @param  first  Where the first leaf is in memory; the others follow it word by word.
    /// @param  count  How many leaves there are, at least one.
    function root(uint256 first, uint256 count) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            // Scratch for one node behind everything allocated: 0x01 ‖ left ‖ right.
            let scratch := mload(0x40)
            mstore8(scratch, 1)

            for {} gt(count, 1) {} {
                let from := first
                let to := first
                // Pairs, then the odd last node with itself.
                for { let end := add(first, shl(6, shr(1, count))) } lt(from, end) {} {
                    mcopy(add(scratch, 0x01), from, 0x40)
                    mstore(to, keccak256(scratch, 0x41))
                    from := add(from, 0x40)
                    to := add(to, 0x20)
                }
                if and(count, 1) {
                    mstore(add(scratch, 0x01), mload(from))
                    mstore(add(scratch, 0x21), mload(from))
                    mstore(to, keccak256(scratch, 0x41))
                }
                count := shr(1, add(count, 1))
            }
            result := mload(first)
        }
    }
}
