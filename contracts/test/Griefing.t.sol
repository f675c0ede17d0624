// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federations} from "./utils/Federation.sol";
import {vm} from "./utils/Vm.sol";

/// A caller chooses how much gas a call gets. With too little, honest rules could seem unable to say who their builders
/// are, and everybody would be held for revoked: a stranger with one key of its own could stop all releases.
contract GriefingTest is BaseTest {
    function setUp() public override {
        vm.warp(START);
        useFederation(Federations.uniform(7, 4, 4));
        completeGenesis();
    }

    /// Two contradicting claims by a key that is nobody's.
    function _proof() private view returns (bytes memory) {
        IReleaseLedger.Claim[2] memory claims;
        for (uint256 i = 0; i < 2; i++) {
            claims[i].systems = new string[](1);
            claims[i].systems[0] = "x86_64-linux";
            claims[i].digests = new bytes32[](1);
            claims[i].digests[0] = keccak256(abi.encode(i));
            bytes32 root = Reference.leaf("x86_64-linux", claims[i].digests[0]);
            (claims[i].r, claims[i].vs) =
                vm.signCompact(0xbad, Reference.attestation(domain(), SECOND, root, 0, address(0)));
        }
        return abi.encodeCall(ledger.proveEquivocation, (SECOND, claims[0], claims[1]));
    }

    /// With every amount of gas, the call does all it should or nothing; and there is an amount for each.
    function _tryAll(address caller, bytes memory call_, uint256 most, uint256 step) private {
        uint256 start = vm.snapshotState();
        uint256 before = ledger.control();
        bool refusedByName;
        for (uint256 gas_ = 25_000; gas_ < most; gas_ += step) {
            vm.prank(caller);
            (bool accepted, bytes memory reason) = address(ledger).call{gas: gas_}(call_);
            assertEq(ledger.control(), before, "no builder lost its bit");
            if (accepted) {
                assertTrue(refusedByName, "refused before");
                return;
            }
            if (bytes4(reason) == IReleaseLedger.LedgerTooLittleGas.selector) refusedByName = true;
            vm.revertToState(start);
        }
        assertTrue(false, "never enough gas");
    }

    function test_too_little_gas_never_revokes_everybody_by_a_proof() external {
        _tryAll(STRANGER, _proof(), 500_000, 1009);
    }

    function test_too_little_gas_never_revokes_everybody_by_a_revocation() external {
        _tryAll(GUARDIAN, abi.encodeCall(ledger.revoke, (STRANGER)), 500_000, 1009);
    }

    function test_too_little_gas_never_revokes_everybody_by_a_dispute() external {
        _tryAll(GUARDIAN, abi.encodeCall(ledger.revokeRetroactively, (STRANGER, 1)), 500_000, 1009);
    }

    /// Around the limit, gas by gas: rules that need nearly all the gas of a question answer, or the call is refused.
    function test_rules_that_need_all_the_gas_of_a_question_get_it() external {
        ThirstyRules thirsty = new ThirstyRules();
        vm.prank(TIMELOCK);
        ledger.setRules(address(thirsty), address(thirsty).codehash);
        bytes memory call_ = abi.encodeCall(ledger.revoke, (STRANGER));
        uint256 start = vm.snapshotState();
        uint256 before = ledger.control();
        uint256 accepted;
        for (uint256 gas_ = 200_000; gas_ < 700_000; gas_ += 211) {
            vm.prank(GUARDIAN);
            (bool done,) = address(ledger).call{gas: gas_}(call_);
            assertEq(ledger.control(), before, "no builder lost its bit");
            if (done) accepted++;
            vm.revertToState(start);
        }
        assertTrue(accepted > 10, "enough gas is enough");
    }

    function test_the_error_says_what_was_left_and_what_is_needed() external {
        vm.prank(GUARDIAN);
        (bool accepted, bytes memory reason) =
            address(ledger).call{gas: 150_000}(abi.encodeCall(ledger.revoke, (STRANGER)));
        assertTrue(!accepted && reason.length == 68, "refused");
        (uint256 left, uint256 need) = abi.decode(Reference.slice(reason, 4, 64), (uint256, uint256));
        assertTrue(left < 150_000 && need > 203_174 && need < 215_000, "figures");
    }
}

/// Honest about their builders, if they get 190,000 gas for each answer.
contract ThirstyRules {
    function _drink() private view {
        uint256 until = gasleft() - 190_000;
        while (gasleft() > until) {}
    }

    function builderCount() external view returns (uint256) {
        _drink();
        return 2;
    }

    function builderAt(uint256 index) external view returns (address) {
        _drink();
        return address(uint160(0xb0b + index));
    }
}
