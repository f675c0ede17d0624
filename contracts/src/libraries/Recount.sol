// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../interfaces/IQuorumRules.sol";
import {Configuration} from "./Configuration.sol";
import {Independence} from "./Independence.sol";
import {Merkle} from "./Merkle.sol";
import {Record} from "./Record.sol";
import {Signature} from "./Signature.sol";
import {Typed} from "./Typed.sol";

/// @title  Counting the builders of a recorded release again
/// @notice Runs as part of rules, on their configuration. Called by views only, so that it is written to be read.
library Recount {
    using Record for bytes;

    uint256 private constant ENDORSEMENT_BYTES = 105;

    /// @notice See `IQuorumRules.recount`.
    function count(
        bytes32 release,
        bytes32 domain,
        bytes calldata record,
        bytes calldata endorsements,
        uint256 droppedEntries,
        uint256 droppedEndorsers
    ) internal view returns (uint256[] memory counts) {
        bytes memory config = Configuration.load();
        (uint256 systems, uint256 builders,) = Configuration.counts(Configuration.finalWord(config));
        _requireRecord(record, systems);
        // Per builder, the systems for which it counts.
        uint256[] memory signed = new uint256[](builders);
        _addEntries(signed, record, droppedEntries);
        uint256 form = Typed.attestationForm(domain, release, address(this));
        _addEndorsements(signed, config, form, record, endorsements, droppedEndorsers);
        return _largest(_conflicts(config, systems, builders), signed, systems);
    }

    function _requireRecord(bytes calldata record, uint256 systems) private view {
        require(record.length >= 32, IQuorumRules.QuorumMalformedRecord(record.length, 0));
        (uint256 found, uint256 entries,) = record.head();
        require(
            found == systems && record.length == 32 * (4 + 2 * entries + systems),
            IQuorumRules.QuorumMalformedRecord(record.length, found)
        );
        (address rules, bytes32 codeHash) = record.rulesOf();
        require(
            rules == address(this) && codeHash == address(this).codehash,
            IQuorumRules.QuorumForeignRecord(rules, codeHash)
        );
    }

    function _addEntries(uint256[] memory signed, bytes calldata record, uint256 dropped) private pure {
        (, uint256 entries,) = record.head();
        for (uint256 i = 0; i < entries; i++) {
            (uint256 index,, uint64 systems) = record.entryAt(i);
            require(index < signed.length, IQuorumRules.QuorumUnknownBuilder(index, signed.length));
            if ((dropped >> index) & 1 == 0) signed[index] |= systems;
        }
    }

    function _addEndorsements(
        uint256[] memory signed,
        bytes memory config,
        uint256 form,
        bytes calldata record,
        bytes calldata endorsements,
        uint256 dropped
    ) private view {
        require(
            endorsements.length % ENDORSEMENT_BYTES == 0, IQuorumRules.QuorumMalformedEndorsements(endorsements.length)
        );
        uint256 next;
        for (; endorsements.length != 0; endorsements = endorsements[ENDORSEMENT_BYTES:]) {
            uint256 index = uint8(endorsements[0]);
            uint256 systems = uint64(bytes8(endorsements[1:9]));
            require(index < signed.length, IQuorumRules.QuorumUnknownBuilder(index, signed.length));
            if (index < next) revert IQuorumRules.QuorumUnorderedSigners(next - 1, index);
            next = index + 1;
            _requireSigned(config, form, record, index, systems, endorsements);
            if ((dropped >> index) & 1 == 0) signed[index] |= systems;
        }
    }

    /// Checks the endorsement that comes first.
    function _requireSigned(
        bytes memory config,
        uint256 form,
        bytes calldata record,
        uint256 index,
        uint256 systems,
        bytes calldata endorsement
    ) private view {
        (uint256 count_,,) = record.head();
        (address builder,, uint256 eligible) = Configuration.builderAt(config, count_, index);
        require(
            systems != 0 && systems & ~eligible == 0, IQuorumRules.QuorumIneligibleSystems(index, systems, eligible)
        );
        bytes32 root = _rootOf(config, record, systems);
        bytes32 digest = Typed.attestation(form, root, bytes32(endorsement[9:41]));
        address recovered = Signature.recover(digest, bytes32(endorsement[41:73]), bytes32(endorsement[73:105]));
        require(recovered == builder, IQuorumRules.QuorumBadSignature(index, builder, recovered));
    }

    /// The root over the recorded digests of some systems, which are at least one.
    function _rootOf(bytes memory config, bytes calldata record, uint256 mask) private pure returns (bytes32) {
        (uint256 systems,,) = record.head();
        bytes32[] memory leaves = new bytes32[](systems);
        uint256 size;
        for (uint256 s = 0; s < systems; s++) {
            if ((mask >> s) & 1 == 0) continue;
            leaves[size++] = Merkle.leaf(Configuration.systemAt(config, s), record.digestAt(s));
        }
        assembly ("memory-safe") {
            mstore(leaves, size)
        }
        return Merkle.root(leaves);
    }

    /// Per builder, the others that share a failure domain with it.
    function _conflicts(bytes memory config, uint256 systems, uint256 builders)
        private
        pure
        returns (uint256[] memory conflicts)
    {
        conflicts = new uint256[](builders);
        for (uint256 i = 0; i < builders; i++) {
            (, uint256 domains,) = Configuration.builderAt(config, systems, i);
            for (uint256 j = 0; j < builders; j++) {
                (, uint256 others,) = Configuration.builderAt(config, systems, j);
                if (i != j && domains & others != 0) conflicts[i] |= 1 << j;
            }
        }
    }

    /// Per system, the largest set of independent builders that signed it.
    function _largest(uint256[] memory conflicts, uint256[] memory signed, uint256 systems)
        private
        pure
        returns (uint256[] memory counts)
    {
        counts = new uint256[](systems);
        uint256 previous;
        for (uint256 s = 0; s < systems; s++) {
            uint256 candidates;
            for (uint256 i = 0; i < signed.length; i++) {
                candidates |= ((signed[i] >> s) & 1) << i;
            }
            // Mostly all systems were signed by the same builders: the search, which may be long, is not repeated.
            bool same = s != 0 && candidates == previous;
            counts[s] = same ? counts[s - 1] : Independence.largest(conflicts, candidates);
            previous = candidates;
        }
    }
}
