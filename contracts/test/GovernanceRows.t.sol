// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Safe} from "@safe-global/safe-smart-account/contracts/Safe.sol";
import {Enum} from "@safe-global/safe-smart-account/contracts/libraries/Enum.sol";

import {Safes} from "./utils/Safes.sol";
import {vm} from "./utils/Vm.sol";

/// Schedules, in the middle of a batch, the batch that is running: what made an executor a proposer before OpenZeppelin 4.3.1.
contract Reenterer {
    TimelockController private immutable timelock;

    constructor(TimelockController timelock_) {
        timelock = timelock_;
    }

    function again(address[] calldata targets, uint256[] calldata values, bytes[] calldata payloads) external {
        timelock.scheduleBatch(targets, values, payloads, 0, 0, 0);
    }
}

/// What governance relies on in OpenZeppelin's timelock and in the Safe, row by row of the threat model.
contract GovernanceRowsTest {
    using Safes for Safe;

    uint256[] private keys;
    Safe private safe;
    TimelockController private timelock;

    function setUp() external {
        for (uint256 i = 1; i <= 3; i++) {
            keys.push(uint256(keccak256(abi.encode("owner", i))) >> 1);
            for (uint256 j = i - 1; j > 0 && vm.addr(keys[j]) < vm.addr(keys[j - 1]); j--) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
            }
        }
        safe = Safes.create(keys, 2);
        address[] memory proposers = new address[](1);
        address[] memory executors = new address[](1);
        proposers[0] = address(safe);
        timelock = new TimelockController(7 days, proposers, executors, address(0));
    }

    function _two(uint256 i, uint256 j) private view returns (uint256[] memory chosen) {
        chosen = new uint256[](2);
        (chosen[0], chosen[1]) = (keys[i], keys[j]);
    }

    /// The signatures of two keys over what the Safe would do next.
    function _sign(Safe from, uint256 i, uint256 j, address to, bytes memory data) private view returns (bytes memory) {
        bytes32 hash = from.getTransactionHash(
            to, 0, data, Enum.Operation.Call, 0, 0, 0, address(0), payable(address(0)), from.nonce()
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[i], hash);
        (uint8 w, bytes32 q, bytes32 t) = vm.sign(keys[j], hash);
        return bytes.concat(bytes.concat(r, s, bytes1(v)), bytes.concat(q, t, bytes1(w)));
    }

    function _send(Safe to, address target, bytes memory data, bytes memory signatures) private {
        to.execTransaction(target, 0, data, Enum.Operation.Call, 0, 0, 0, address(0), payable(address(0)), signatures);
    }

    function _refused(string memory reason) private {
        vm.expectRevert(abi.encodeWithSignature("Error(string)", reason));
    }

    function test_GOV_02_no_batch_schedules_itself_while_it_runs() external {
        Reenterer reenterer = new Reenterer(timelock);
        address[] memory targets = new address[](3);
        uint256[] memory values = new uint256[](3);
        bytes[] memory payloads = new bytes[](3);
        targets[0] = address(timelock);
        payloads[0] = abi.encodeCall(timelock.grantRole, (timelock.PROPOSER_ROLE(), address(reenterer)));
        targets[1] = address(timelock);
        payloads[1] = abi.encodeCall(timelock.updateDelay, (0));
        targets[2] = address(reenterer);
        payloads[2] = abi.encodeCall(Reenterer.again, (targets, values, payloads));
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        timelock.executeBatch(targets, values, payloads, 0, 0);
        require(timelock.getMinDelay() == 7 days, "delay");
    }

    function test_GOV_03_one_owner_counts_once() external {
        bytes memory data = abi.encodeCall(Safe(payable(address(0))).changeThreshold, (1));
        bytes memory twice = _sign(safe, 0, 0, address(safe), data);
        _refused("GS026");
        _send(safe, address(safe), data, twice);
    }

    function test_GOV_03_a_removed_owner_does_not_count() external {
        address gone = vm.addr(keys[2]);
        bytes memory remove = abi.encodeWithSignature("removeOwner(address,address,uint256)", address(1), gone, 2);
        address[] memory owners = safe.getOwners();
        for (uint256 i = 1; i < owners.length; i++) {
            if (owners[i] == gone) {
                remove = abi.encodeWithSignature("removeOwner(address,address,uint256)", owners[i - 1], gone, 2);
            }
        }
        safe.execute(_two(0, 1), address(safe), remove);
        bytes memory data = abi.encodeWithSignature("changeThreshold(uint256)", 1);
        bytes memory signatures = _sign(safe, 1, 2, address(safe), data);
        _refused("GS026");
        _send(safe, address(safe), data, signatures);
    }

    function test_GOV_03_no_safe_without_a_threshold() external {
        _refused("GS202");
        this.create(0);
        _refused("GS201");
        this.create(4);
    }

    function create(uint256 threshold) external {
        Safes.create(keys, threshold);
    }

    function test_GOV_17_signatures_work_once() external {
        bytes memory data = abi.encodeWithSignature("changeThreshold(uint256)", 3);
        bytes memory signatures = _sign(safe, 0, 1, address(safe), data);
        _send(safe, address(safe), data, signatures);
        _refused("GS020");
        _send(safe, address(safe), data, signatures);
    }

    function test_GOV_17_signatures_work_on_one_chain_and_for_one_safe() external {
        bytes memory data = abi.encodeWithSignature("changeThreshold(uint256)", 3);
        bytes memory signatures = _sign(safe, 0, 1, address(safe), data);
        Safe other = Safes.create(keys, 2);
        _refused("GS026");
        _send(other, address(safe), data, signatures);
        vm.chainId(2);
        _refused("GS026");
        _send(safe, address(safe), data, signatures);
    }
}
