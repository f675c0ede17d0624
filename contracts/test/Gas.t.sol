// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BaseTest} from "./utils/BaseTest.sol";
import {Federations} from "./utils/Federation.sol";
import {vm} from "./utils/Vm.sol";

/// Gas of whole transactions, intrinsic and calldata included (forge runs this with isolation). The gate on real
/// receipts is `scripts/gas`; these snapshots show a change of cost in review.
contract GasTest is BaseTest {
    function _measure(uint256 builders, uint256 systems, uint8 threshold, uint256 signers, string memory name) private {
        useFederation(Federations.uniform(builders, systems, threshold));
        completeGenesis();
        vm.snapshotGasLastCall("genesis", name);
        bytes memory submission = submissionBy(SECOND, Federations.first(signers));
        ledger.finalise(SECOND, submission);
        vm.snapshotGasLastCall("finalise", name);
    }

    function test_3x4_3() external {
        _measure(3, 4, 2, 3, "3x4/3");
    }

    function test_3x4_2() external {
        _measure(3, 4, 2, 2, "3x4/2");
    }

    function test_7x4_7() external {
        _measure(7, 4, 4, 7, "7x4/7");
    }

    function test_3x16_3() external {
        _measure(3, 16, 2, 3, "3x16/3");
    }

    function test_3x64_3() external {
        _measure(3, 64, 2, 3, "3x64/3");
    }

    function test_CON_28_32x64_32() external {
        _measure(32, 64, 17, 32, "32x64/32");
    }
}
