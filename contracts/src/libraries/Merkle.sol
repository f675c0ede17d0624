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

    /// @notice The root over leaves. Overwrites them.
    /// @param  nodes  The leaves in order, at least one.
    function root(bytes32[] memory nodes) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            let first := add(nodes, 0x20)
            // Scratch for one node behind everything allocated: 0x01 ‖ left ‖ right.
            let scratch := mload(0x40)
            mstore8(scratch, 1)
            let left := add(scratch, 0x01)
            let right := add(scratch, 0x21)

            for { let count := mload(nodes) } gt(count, 1) {} {
                let from := first
                let to := first
                for { let last := add(first, shl(5, sub(count, 1))) } iszero(gt(from, last)) {} {
                    mstore(left, mload(from))
                    // The partner, or the node itself where it is the odd last one.
                    mstore(right, mload(add(from, shl(5, lt(from, last)))))
                    mstore(to, keccak256(scratch, 0x41))
                    from := add(from, 0x40)
                    to := add(to, 0x20)
                }
                count := shr(1, add(count, 1))
            }
            result := mload(first)
        }
    }
}
