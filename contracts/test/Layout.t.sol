// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BaseTest} from "./utils/BaseTest.sol";
import {vm} from "./utils/Vm.sol";

/// Where the ledger keeps things, word by word: what proofs are made of, and frozen.
contract LayoutTest is BaseTest {
    function setUp() public override {
        super.setUp();
        completeGenesis();
        vm.prank(GUARDIAN);
        ledger.revoke(builder(1));
        vm.prank(GUARDIAN);
        ledger.pause(5 days);
    }

    function test_slot_0_is_releases() external view {
        bytes32 slot = keccak256(abi.encode(FIRST, uint256(0)));
        assertEq(vm.load(address(ledger), slot), ledger.releases(FIRST), "commitment");
        assertTrue(ledger.releases(FIRST) != 0, "recorded");
    }

    function test_slot_1_is_control() external view {
        uint256 word = uint256(vm.load(address(ledger), bytes32(uint256(1))));
        assertEq(word, ledger.control(), "getter");
        assertEq(address(uint160(word)), address(rules), "rules: bits 0 to 159");
        assertEq(uint32(word >> 160), 1 << 1, "revoked: bits 160 to 191");
        assertEq(uint32(word >> 192), 1, "sequence: bits 192 to 223");
        assertEq(uint32(word >> 224), START + 5 days, "paused until: bits 224 to 255");
    }

    function test_slot_2_is_revocations() external view {
        bytes32 slot = keccak256(abi.encode(builder(1), uint256(2)));
        uint256 word = uint256(vm.load(address(ledger), slot));
        assertEq(word, ledger.revocations(builder(1)), "getter");
        assertEq(uint8(word), 0, "flags: bits 0 to 7");
        assertEq(uint32(word >> 8), 2, "fromSequence: bits 8 to 39");
        assertEq(uint64(word >> 40), START, "since: bits 40 to 103");
        assertEq(word >> 104, 0, "zeros above");
    }

    function test_CON_21_no_other_slot_is_in_use() external view {
        for (uint256 i = 0; i < 32; i++) {
            if (i != 1) assertEq(vm.load(address(ledger), bytes32(i)), 0, "empty");
        }
        assertEq(vm.load(address(rules), 0), 0, "rules keep nothing");
    }
}
