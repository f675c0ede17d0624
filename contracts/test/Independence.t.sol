// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Independence} from "../src/libraries/Independence.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {vm} from "./utils/Vm.sol";

/// The largest independent set, against all sets there are.
contract IndependenceTest is BaseTest {
    function setUp() public override {}

    /// Builders of which two conflict with a probability of `density` in 256.
    function _random(uint256 seed, uint256 count, uint256 density) private pure returns (uint256[] memory conflicts) {
        conflicts = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            for (uint256 j = 0; j < i; j++) {
                if (uint256(keccak256(abi.encode(seed, i, j))) % 256 < density) _connect(conflicts, i, j);
            }
        }
    }

    function _connect(uint256[] memory conflicts, uint256 i, uint256 j) private pure {
        conflicts[i] |= 1 << j;
        conflicts[j] |= 1 << i;
    }

    function _bruteForce(uint256[] memory conflicts, uint256 candidates) private pure returns (uint256 most) {
        for (uint256 set = 0; set < 1 << conflicts.length; set++) {
            if (set & ~candidates != 0) continue;
            uint256 size;
            bool fits = true;
            for (uint256 i = 0; i < conflicts.length; i++) {
                if ((set >> i) & 1 == 0) continue;
                size++;
                if (conflicts[i] & set != 0) fits = false;
            }
            if (fits && size > most) most = size;
        }
    }

    function testFuzz_finds_what_trying_every_set_finds(uint256 seed, uint8 density, uint256 candidates) external pure {
        uint256[] memory conflicts = _random(seed, 8, density);
        candidates &= 255;
        assertEq(Independence.largest(conflicts, candidates), _bruteForce(conflicts, candidates), "size");
    }

    function test_nobody_and_everybody() external pure {
        uint256[] memory none = new uint256[](32);
        assertEq(Independence.largest(none, 0), 0, "nobody");
        assertEq(Independence.largest(none, type(uint32).max), 32, "everybody");
        uint256[] memory all = _random(0, 32, 256);
        assertEq(Independence.largest(all, type(uint32).max), 1, "all in conflict");
    }

    /// Shapes in which a greedy choice goes wrong or the search branches.
    function test_cycles_and_stars() external pure {
        for (uint256 length = 4; length <= 32; length++) {
            uint256[] memory cycle = new uint256[](length);
            for (uint256 i = 0; i < length; i++) {
                _connect(cycle, i, (i + 1) % length);
            }
            assertEq(Independence.largest(cycle, (1 << length) - 1), length / 2, "cycle");
        }
        uint256[] memory star = new uint256[](32);
        for (uint256 i = 1; i < 32; i++) {
            _connect(star, 0, i);
        }
        assertEq(Independence.largest(star, type(uint32).max), 31, "star");
    }

    /// Bounded: the hardest shapes found for thirty-two builders fit into what nodes spend on a view.
    function test_the_hardest_shapes_found_are_affordable() external view {
        uint256 worst;
        for (uint256 density = 20; density < 220; density += 20) {
            for (uint256 seed = 0; seed < 4; seed++) {
                worst = _measure(_random(seed, 32, density), worst);
            }
        }
        uint256[] memory squares = new uint256[](32);
        for (uint256 i = 0; i < 32; i++) {
            _connect(squares, i, i / 4 * 4 + (i + 1) % 4);
        }
        worst = _measure(squares, worst);
        uint256[] memory circulant = new uint256[](32);
        for (uint256 i = 0; i < 32; i++) {
            _connect(circulant, i, (i + 8) % 32);
            _connect(circulant, i, (i + 12) % 32);
        }
        worst = _measure(circulant, worst);
        assertTrue(worst < 5_000_000, vm.toString(worst));
    }

    function _measure(uint256[] memory conflicts, uint256 worst) private view returns (uint256) {
        uint256 before = gasleft();
        Independence.largest(conflicts, type(uint32).max);
        uint256 used = before - gasleft();
        return used > worst ? used : worst;
    }
}
