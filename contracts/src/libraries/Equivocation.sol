// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReleaseLedger} from "../interfaces/IReleaseLedger.sol";
import {Merkle} from "./Merkle.sol";
import {Signature} from "./Signature.sol";
import {SystemName} from "./SystemName.sol";
import {Typed} from "./Typed.sol";

/// @title  Proof that a builder signed two digests for one system of one release
/// @notice A signature covers a root only. What it stands for is shown by the whole list of systems and digests: valid
///         names in strictly ascending order, so that no root stands for two lists.
library Equivocation {
    using SystemName for bytes32;

    uint256 private constant MAX_SYSTEMS = 64;

    /// @notice The builder that signed two claims about one release, and where they differ. Reverts, with the reason,
    ///         unless there is one and they do.
    /// @return builder  Who signed both.
    /// @return i        The position of the first system that differs, in the first claim.
    /// @return j        Its position in the second claim.
    function prove(
        bytes32 domain,
        bytes32 release,
        IReleaseLedger.Claim calldata first,
        IReleaseLedger.Claim calldata second
    ) internal view returns (address builder, uint256 i, uint256 j) {
        builder = _signerOf(domain, release, first);
        address other = _signerOf(domain, release, second);
        require(builder == other && builder != address(0), IReleaseLedger.LedgerClaimSigners(builder, other));
        bool differ;
        (differ, i, j) = _difference(first, second);
        require(differ, IReleaseLedger.LedgerNoEquivocation(builder));
    }

    /// Who signed a claim; zero where nobody did.
    function _signerOf(bytes32 domain, bytes32 release, IReleaseLedger.Claim calldata claim)
        private
        view
        returns (address)
    {
        bytes32 root = _rootOf(claim);
        uint256 form = Typed.attestationForm(domain, release, claim.rules);
        return Signature.recover(Typed.attestation(form, root, claim.evidence), claim.r, claim.vs);
    }

    /// The root over the list of a claim, which is checked.
    function _rootOf(IReleaseLedger.Claim calldata claim) private pure returns (bytes32) {
        uint256 count = claim.systems.length;
        require(
            count != 0 && count <= MAX_SYSTEMS && count == claim.digests.length,
            IReleaseLedger.LedgerClaimLength(count, claim.digests.length)
        );
        bytes32[] memory leaves = new bytes32[](count);
        uint256 previous;
        for (uint256 i = 0; i < count; i++) {
            bytes32 system = SystemName.pack(claim.systems[i]);
            require(system.isValid(), IReleaseLedger.LedgerClaimSystemName(i, claim.systems[i]));
            require(system.order() > previous, IReleaseLedger.LedgerClaimSystemOrder(i));
            require(claim.digests[i] != 0, IReleaseLedger.LedgerClaimZeroDigest(i));
            previous = system.order();
            leaves[i] = Merkle.leaf(system, claim.digests[i]);
        }
        return Merkle.root(leaves);
    }

    /// The first system that both claims have, with different digests. Both lists ascend.
    function _difference(IReleaseLedger.Claim calldata first, IReleaseLedger.Claim calldata second)
        private
        pure
        returns (bool found, uint256 i, uint256 j)
    {
        while (i < first.systems.length && j < second.systems.length) {
            uint256 a = SystemName.pack(first.systems[i]).order();
            uint256 b = SystemName.pack(second.systems[j]).order();
            if (a == b && first.digests[i] != second.digests[j]) return (true, i, j);
            if (a <= b) i++;
            if (b <= a) j++;
        }
    }
}
