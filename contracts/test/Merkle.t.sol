// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Merkle} from "../src/libraries/Merkle.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {vm} from "./utils/Vm.sol";

contract MerkleTest is BaseTest {
    function setUp() public override {}

    function _leaves(uint256 count, bytes32 seed) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            leaves[i] = keccak256(abi.encode(seed, i));
        }
    }

    function test_one_leaf_is_its_own_root() external pure {
        bytes32[] memory leaves = _leaves(1, "one");
        assertEq(Merkle.root(leaves), leaves[0], "root");
    }

    function test_every_size_up_to_sixty_four_equals_the_reference() external pure {
        for (uint256 count = 1; count <= 64; count++) {
            bytes32[] memory leaves = _leaves(count, bytes32(count));
            assertEq(Merkle.root(leaves), Reference.root(leaves), "root");
        }
    }

    /// Why everybody who uses a root fixes the list of systems as well.
    function test_CON_11_an_odd_last_leaf_is_paired_with_itself() external pure {
        bytes32[] memory three = _leaves(3, "odd");
        bytes32[] memory four = _leaves(4, "odd");
        assertTrue(Merkle.root(three) != Merkle.root(four), "four leaves");
        four[3] = three[2];
        assertEq(Merkle.root(three), Merkle.root(four), "the last one twice");
    }

    function testFuzz_leaves_hash_as_the_reference(bytes32 name, uint8 length, bytes32 digest) external pure {
        length = 3 + length % 26;
        bytes memory system = Reference.slice(abi.encode(name), 0, length);
        bytes32 word = bytes32(bytes.concat(bytes1(length), system, new bytes(31 - length)));
        assertEq(Merkle.leaf(word, digest), Reference.leaf(system, digest), "leaf");
    }

    function testFuzz_roots_equal_the_reference(uint8 count, bytes32 seed) external pure {
        bytes32[] memory leaves = _leaves(1 + count % 64, seed);
        assertEq(Merkle.root(leaves), Reference.root(leaves), "root");
    }

    /// A node can never be taken for a leaf: they start with different bytes, whatever the name and the digest.
    function testFuzz_CON_10_nodes_are_no_leaves(bytes32 left, bytes32 right, bytes32 digest) external pure {
        bytes32[] memory two = new bytes32[](2);
        (two[0], two[1]) = (left, right);
        bytes32 word = bytes32(bytes.concat(bytes1(uint8(left[0]) % 29), Reference.slice(abi.encode(left), 1, 31)));
        assertTrue(Merkle.root(two) != Merkle.leaf(word, digest), "distinct");
    }
}
