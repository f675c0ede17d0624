// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  Compact signatures (EIP-2098) with `s` in the lower half of the order
library Signature {
    /// Half the order of secp256k1, rounded down: for each signature exactly one of `s` and its negation is at most this.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Who signed a digest; zero where the signature is malformed or `s` lies in the upper half.
    /// @dev    Compares equal to OpenZeppelin's `ECDSA.tryRecover(digest, r, vs)` on all inputs (test/Domain.t.sol); it
    ///         exists because it is called once per builder and that costs 200 gas less each time.
    /// @param  vs  The parity of `v` in the highest bit, `s` below it.
    function recover(bytes32 digest, bytes32 r, bytes32 vs) internal view returns (address signer) {
        assembly ("memory-safe") {
            let s := shr(1, shl(1, vs))
            let scratch := mload(0x40)
            mstore(scratch, digest)
            mstore(add(scratch, 0x20), add(27, shr(255, vs)))
            mstore(add(scratch, 0x40), r)
            mstore(add(scratch, 0x60), s)
            // The precompile answers nothing, rather than zero, for what is no signature: the word is cleared before.
            mstore(0x00, 0)
            pop(staticcall(gas(), 0x01, scratch, 0x80, 0x00, 0x20))
            signer := mul(mload(0x00), iszero(gt(s, HALF_ORDER)))
        }
    }
}
