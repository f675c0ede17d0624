// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  What builders sign: EIP-712 domain and types
library Typed {
    string internal constant NAME = "NixSeed";
    string internal constant VERSION = "1";

    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant ATTESTATION_TYPEHASH =
        keccak256("Attestation(bytes32 release,bytes32 root,bytes32 evidence,address rules)");
    bytes32 internal constant GENESIS_TYPEHASH =
        keccak256("Genesis(bytes32 rulesCodeHash,bytes32 release,bytes32 root)");

    bytes32 private constant NAME_HASH = keccak256(bytes(NAME));
    bytes32 private constant VERSION_HASH = keccak256(bytes(VERSION));

    /// @notice The domain separator of a ledger on the chain this runs on.
    function domainSeparator(address ledger) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, ledger));
    }

    /// @notice The 32 bytes a builder signs to attest its systems of a release.
    function attestation(bytes32 domain, bytes32 release, bytes32 root, bytes32 evidence, address rules)
        internal
        pure
        returns (bytes32)
    {
        return digest(domain, keccak256(abi.encode(ATTESTATION_TYPEHASH, release, root, evidence, rules)));
    }

    /// @notice The 32 bytes a builder signs to agree to a genesis.
    function genesis(bytes32 domain, bytes32 rulesCodeHash, bytes32 release, bytes32 root)
        internal
        pure
        returns (bytes32)
    {
        return digest(domain, keccak256(abi.encode(GENESIS_TYPEHASH, rulesCodeHash, release, root)));
    }

    /// @notice `keccak256(0x19 ‖ 0x01 ‖ domain ‖ structHash)`.
    function digest(bytes32 domain, bytes32 structHash) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, hex"1901")
            mstore(add(at, 0x02), domain)
            mstore(add(at, 0x22), structHash)
            result := keccak256(at, 0x42)
        }
    }
}
