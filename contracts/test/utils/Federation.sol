// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "./Vm.sol";

/// @notice A builder as tests know it: with its key.
struct Builder {
    uint256 key;
    uint256 domains;
    uint64 systems;
}

/// @notice A federation as tests know it, before it is encoded.
struct Federation {
    string[] systems;
    Builder[] builders;
    uint8 threshold;
    bytes32 names;
}

using Federations for Federation global;

library Federations {
    /// @notice Builders that are independent of one another and eligible for every system.
    function uniform(uint256 builders, uint256 systems, uint8 threshold) internal pure returns (Federation memory f) {
        f.systems = new string[](systems);
        for (uint256 i = 0; i < systems; i++) {
            f.systems[i] = systems <= 4 ? _familiar(i) : _numbered(i);
        }
        f.builders = new Builder[](builders);
        for (uint256 i = 0; i < builders; i++) {
            f.builders[i] = Builder({
                key: uint256(keccak256(abi.encode("builder", i))) >> 1,
                domains: 1 << i | 1 << (40 + i),
                systems: uint64((1 << systems) - 1)
            });
        }
        f.threshold = threshold;
        f.names = keccak256("federation");
    }

    /// @notice The configuration, written out without any of the code under test.
    function encode(Federation memory f) internal pure returns (bytes memory config) {
        for (uint256 i = 0; i < f.systems.length; i++) {
            bytes memory name = bytes(f.systems[i]);
            config = bytes.concat(config, bytes1(uint8(name.length)), name, new bytes(31 - name.length));
        }
        for (uint256 i = 0; i < f.builders.length; i++) {
            Builder memory b = f.builders[i];
            config = bytes.concat(config, abi.encodePacked(vm.addr(b.key), b.domains, b.systems));
        }
        config = bytes.concat(config, f.names, finalWord(f, config.length + 64));
    }

    function finalWord(Federation memory f, uint256 length) internal pure returns (bytes32) {
        return bytes32(
            abi.encodePacked(
                uint8(1), uint8(f.systems.length), uint8(f.builders.length), f.threshold, new bytes(24), uint32(length)
            )
        );
    }

    function allSystems(Federation memory f) internal pure returns (uint64) {
        return uint64((1 << f.systems.length) - 1);
    }

    /// @notice The indices 0 to count - 1.
    function first(uint256 count) internal pure returns (uint256[] memory indices) {
        indices = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            indices[i] = i;
        }
    }

    function _familiar(uint256 i) private pure returns (string memory) {
        return i == 0 ? "aarch64-darwin" : i == 1 ? "aarch64-linux" : i == 2 ? "x86_64-darwin" : "x86_64-linux";
    }

    function _numbered(uint256 i) private pure returns (string memory) {
        return string.concat("cpu", i < 10 ? "0" : "", vm.toString(i), "-linux");
    }
}
