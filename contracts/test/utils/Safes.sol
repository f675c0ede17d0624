// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Safe} from "@safe-global/safe-smart-account/contracts/Safe.sol";
import {Enum} from "@safe-global/safe-smart-account/contracts/libraries/Enum.sol";
import {SafeProxyFactory} from "@safe-global/safe-smart-account/contracts/proxies/SafeProxyFactory.sol";

import {vm} from "./Vm.sol";

/// @notice Real Safes, deployed and used as their users do.
library Safes {
    /// @notice A Safe of these keys' owners.
    function create(uint256[] memory keys, uint256 threshold) internal returns (Safe) {
        address[] memory owners = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; i++) {
            owners[i] = vm.addr(keys[i]);
        }
        Safe singleton = new Safe();
        SafeProxyFactory factory = new SafeProxyFactory();
        bytes memory setup = abi.encodeCall(
            Safe.setup, (owners, threshold, address(0), "", address(0), address(0), 0, payable(address(0)))
        );
        return Safe(payable(address(factory.createProxyWithNonce(address(singleton), setup, 0))));
    }

    /// @notice Has the owners of some keys sign and send a call. The keys' addresses must ascend.
    function execute(Safe safe, uint256[] memory keys, address to, bytes memory data) internal returns (bool) {
        bytes32 hash = safe.getTransactionHash(
            to, 0, data, Enum.Operation.Call, 0, 0, 0, address(0), payable(address(0)), safe.nonce()
        );
        bytes memory signatures;
        for (uint256 i = 0; i < keys.length; i++) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[i], hash);
            signatures = bytes.concat(signatures, r, s, bytes1(v));
        }
        return
            safe.execTransaction(to, 0, data, Enum.Operation.Call, 0, 0, 0, address(0), payable(address(0)), signatures);
    }
}
