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

    // Of literals, because the hash of a constant string would be computed anew in each call.
    bytes32 private constant NAME_HASH = keccak256("NixSeed");
    bytes32 private constant VERSION_HASH = keccak256("1");

    /// @notice The domain separator of a ledger on the chain this runs on.
    function domainSeparator(address ledger) internal view returns (bytes32 result) {
        (bytes32 typeHash, bytes32 nameHash, bytes32 versionHash) = (DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH);
        // abi.encode of five words, in memory behind everything allocated.
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            mstore(scratch, typeHash)
            mstore(add(scratch, 0x20), nameHash)
            mstore(add(scratch, 0x40), versionHash)
            mstore(add(scratch, 0x60), chainid())
            mstore(add(scratch, 0x80), and(ledger, 0xffffffffffffffffffffffffffffffffffffffff))
            result := keccak256(scratch, 0xa0)
        }
    }

    /// @notice Prepares what all attestations of one release to one ledger and rules have in common.
    /// @return form  Memory: five words of the struct, then `0x19 ‖ 0x01 ‖ domain ‖ struct hash`.
    function attestationForm(bytes32 domain, bytes32 release, address rules) internal pure returns (uint256 form) {
        bytes32 typeHash = ATTESTATION_TYPEHASH;
        assembly ("memory-safe") {
            form := mload(0x40)
            mstore(0x40, add(form, 0x120))
            mstore(form, typeHash)
            mstore(add(form, 0x20), release)
            mstore(add(form, 0x80), and(rules, 0xffffffffffffffffffffffffffffffffffffffff))
            mstore(add(form, 0xa0), hex"1901")
            mstore(add(form, 0xa2), domain)
        }
    }

    /// @notice The 32 bytes a builder signs to attest its systems of a release.
    /// @param  form  From `attestationForm`.
    function attestation(uint256 form, bytes32 root, bytes32 evidence) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            mstore(add(form, 0x40), root)
            mstore(add(form, 0x60), evidence)
            mstore(add(form, 0xc2), keccak256(form, 0xa0))
            result := keccak256(add(form, 0xa0), 0x42)
        }
    }

    /// @notice The 32 bytes a builder signs to agree to a genesis.
    function genesis(bytes32 domain, bytes32 rulesCodeHash, bytes32 release, bytes32 root)
        internal
        pure
        returns (bytes32)
    {
        bytes32 structHash = keccak256(abi.encode(GENESIS_TYPEHASH, rulesCodeHash, release, root));
        return keccak256(bytes.concat(hex"1901", domain, structHash));
    }
}
