// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IQuorumRules} from "./interfaces/IQuorumRules.sol";
import {Configuration} from "./libraries/Configuration.sol";
import {Merkle} from "./libraries/Merkle.sol";
import {Typed} from "./libraries/Typed.sol";

/// @title  The logic of the rules; its configuration stands at the end of its code
///
/// @notice A release has a quorum when, for every system of the configuration, at least `threshold` builders
///
///         - are eligible for the system,
///         - share no failure domain with one another, and
///         - signed the same image digest for it,
///
///         all in one submission. Who is counted is up to the submitter: a builder that depends on another signer of
///         the same system is left out of the submission, not skipped here. So any subset of a record's signers of a
///         system is independent too, and whoever reads the record may count them one by one.
///
///         A builder signs once, over the root of the systems that it built; the mask beside its signature says which
///         they are. The digests are the same for all signers, so that they agree or the signature fails.
///
/// @dev    Not deployed by itself, see `QuorumRules`. Assembly is confined to helpers that load and store words at
///         places whose bounds are established by the submission's exact length.
contract QuorumRulesLogic is IQuorumRules {
    uint256 private constant SIGNER_BYTES = 105;

    /// Everything `judge` works on.
    struct Case {
        bytes config;
        uint256 systems;
        uint256 builders;
        /// Signers in the submission.
        uint256 signers;
        /// Leaf per system.
        bytes32[] leaves;
        /// Root over all systems.
        bytes32 root;
        /// What becomes the answer.
        bytes answer;
    }

    // ---------------------------------------------------------------------------------------------- judgment

    /// @inheritdoc IQuorumRules
    function judge(bytes32 release, bytes32 domainSeparator, bytes calldata submission)
        external
        view
        returns (bytes memory)
    {
        return _judge(release, domainSeparator, submission).answer;
    }

    /// @inheritdoc IQuorumRules
    function judgeGenesis(
        bytes32 release,
        bytes32 domainSeparator,
        bytes calldata submission,
        bytes calldata genesisSignatures
    ) external view returns (bytes memory) {
        Case memory c = _judge(release, domainSeparator, submission);
        require(c.signers == c.builders, QuorumGenesisIncomplete(c.signers, c.builders));
        require(
            genesisSignatures.length == 64 * c.builders,
            QuorumMalformedGenesisSignatures(genesisSignatures.length, 64 * c.builders)
        );
        bytes32 digest = Typed.genesis(domainSeparator, address(this).codehash, release, c.root);
        for (uint256 i = 0; i < c.builders; i++) {
            (address builder,, uint256 eligible) = Configuration.builderAt(c.config, c.systems, i);
            (, uint256 systems_) = _entry(c.answer, i);
            require(systems_ == eligible, QuorumGenesisSystems(i, systems_, eligible));
            (address recovered,,) =
                ECDSA.tryRecover(digest, _word(genesisSignatures, 64 * i), _word(genesisSignatures, 64 * i + 32));
            require(recovered == builder, QuorumBadGenesisSignature(i, builder, recovered));
        }
        return c.answer;
    }

    function _judge(bytes32 release, bytes32 domain, bytes calldata submission) private view returns (Case memory c) {
        uint256 need;
        c.config = Configuration.load();
        (c.systems, c.builders, need) = Configuration.counts(Configuration.finalWord(c.config));
        c.signers = _countSigners(submission.length, c.systems);
        _readDigests(c, submission);
        uint256 common = _readSigners(c, release, domain, submission);
        _requireQuorum(c, common, need);
    }

    /// How many signers a submission of this length has.
    function _countSigners(uint256 length, uint256 systems_) private pure returns (uint256 signers) {
        unchecked {
            // The remainder is zero only if the length is exact; a length below the digests' is refused first.
            require(length > 32 * systems_, QuorumMalformedSubmission(length, systems_));
            uint256 rest = length - 32 * systems_;
            signers = rest / SIGNER_BYTES;
            require(rest == signers * SIGNER_BYTES && signers != 0, QuorumMalformedSubmission(length, systems_));
        }
    }

    /// Allocates the answer, fills in its head and digests, and computes leaves and root.
    function _readDigests(Case memory c, bytes calldata submission) private pure {
        unchecked {
            uint256 systems_ = c.systems;
            uint256 signers = c.signers;
            uint256 digestsAt = 128 + 64 * signers;
            bytes memory answer = new bytes(digestsAt + 32 * systems_ + 64 * signers);
            bytes32[] memory leaves = new bytes32[](systems_);
            for (uint256 i = 0; i < systems_; i++) {
                bytes32 digest = _word(submission, 32 * i);
                require(digest != 0, QuorumZeroDigest(i));
                _store(answer, digestsAt + 32 * i, uint256(digest));
                leaves[i] = Merkle.leaf(Configuration.systemAt(c.config, i), digest);
            }
            bytes32 root = _rootOf(leaves, Configuration.allSystems(systems_));
            _store(answer, 0, systems_ << 240 | signers << 232);
            _store(answer, 32, uint256(root));
            (c.answer, c.leaves, c.root) = (answer, leaves, root);
        }
    }

    /// Checks every signer and fills in its entry and signature. Returns the systems that all of them signed.
    function _readSigners(Case memory c, bytes32 release, bytes32 domain, bytes calldata submission)
        private
        view
        returns (uint256 common)
    {
        unchecked {
            common = Configuration.allSystems(c.systems);
            uint256 seen;
            uint256 mask = common;
            bytes32 root = c.root;
            uint256 next;
            for (uint256 k = 0; k < c.signers; k++) {
                uint256 offset = 32 * c.systems + SIGNER_BYTES * k;
                uint256 head = uint256(_word(submission, offset));
                uint256 index = head >> 248;
                require(index >= next, QuorumUnorderedSigners(next - 1, index));
                require(index < c.builders, QuorumUnknownBuilder(index, c.builders));
                next = index + 1;

                (address builder, uint256 domains, uint256 eligible) =
                    Configuration.builderAt(c.config, c.systems, index);
                uint256 signed = (head >> 184) & type(uint64).max;
                require(signed != 0 && signed & ~eligible == 0, QuorumIneligibleSystems(index, signed, eligible));
                if (seen & domains != 0) _requireIndependent(c, k, index, domains, signed);
                seen |= domains;
                common &= signed;
                if (signed != mask) (mask, root) = (signed, _rootOf(c.leaves, signed));

                bytes32 evidence = _word(submission, offset + 9);
                bytes32 r = _word(submission, offset + 41);
                bytes32 vs = _word(submission, offset + 73);
                bytes32 digest = Typed.attestation(domain, release, root, evidence, address(this));
                (address recovered,,) = ECDSA.tryRecover(digest, r, vs);
                require(recovered == builder, QuorumBadSignature(index, builder, recovered));

                _store(c.answer, 128 + 64 * k, index << 248 | uint256(uint160(builder)) << 64 | signed);
                _store(c.answer, 160 + 64 * k, uint256(evidence));
                uint256 signatureAt = 128 + 64 * c.signers + 32 * c.systems + 64 * k;
                _store(c.answer, signatureAt, uint256(r));
                _store(c.answer, signatureAt + 32, uint256(vs));
            }
        }
    }

    /// Refuses signer `k` if an earlier one shares both a failure domain and a system with it.
    function _requireIndependent(Case memory c, uint256 k, uint256 index, uint256 domains, uint256 signed)
        private
        pure
    {
        for (uint256 j = 0; j < k; j++) {
            (uint256 otherIndex, uint256 otherSigned) = _entry(c.answer, j);
            if (otherSigned & signed == 0) continue;
            (, uint256 otherDomains,) = Configuration.builderAt(c.config, c.systems, otherIndex);
            uint256 shared = domains & otherDomains;
            require(shared == 0, QuorumDependentSigners(otherIndex, index, shared));
        }
    }

    /// Refuses a system with too few signers. `common` are the systems that everybody signed.
    function _requireQuorum(Case memory c, uint256 common, uint256 need) private pure {
        for (uint256 s = 0; s < c.systems; s++) {
            uint256 have = c.signers;
            if ((common >> s) & 1 == 0) {
                have = 0;
                for (uint256 k = 0; k < c.signers; k++) {
                    (, uint256 signed) = _entry(c.answer, k);
                    have += (signed >> s) & 1;
                }
            }
            require(have >= need, QuorumBelowThreshold(s, have, need));
        }
    }

    /// The root over the leaves of some systems, which are at least one.
    function _rootOf(bytes32[] memory leaves, uint256 mask) private pure returns (bytes32) {
        unchecked {
            bytes32[] memory nodes = new bytes32[](leaves.length);
            uint256 count;
            for (uint256 i = 0; i < leaves.length; i++) {
                nodes[count] = leaves[i];
                count += (mask >> i) & 1;
            }
            assembly ("memory-safe") {
                mstore(nodes, count)
            }
            return Merkle.root(nodes);
        }
    }

    // ------------------------------------------------------------------------------------------- description

    /// @inheritdoc IQuorumRules
    function builderAt(uint256 index) external pure returns (address builder) {
        bytes memory config = Configuration.load();
        (uint256 systems_, uint256 builders,) = Configuration.counts(Configuration.finalWord(config));
        require(index < builders, QuorumUnknownBuilder(index, builders));
        (builder,,) = Configuration.builderAt(config, systems_, index);
    }

    /// @inheritdoc IQuorumRules
    function builderCount() external pure returns (uint256 count) {
        (, count,) = Configuration.counts(Configuration.finalWord(Configuration.load()));
    }

    /// @inheritdoc IQuorumRules
    function threshold() external pure returns (uint256 need) {
        (,, need) = Configuration.counts(Configuration.finalWord(Configuration.load()));
    }

    /// @inheritdoc IQuorumRules
    function systems() external pure returns (string[] memory names) {
        bytes memory config = Configuration.load();
        (uint256 count,,) = Configuration.counts(Configuration.finalWord(config));
        names = new string[](count);
        for (uint256 i = 0; i < count; i++) {
            bytes32 word = Configuration.systemAt(config, i);
            bytes memory name = new bytes(uint8(word[0]));
            for (uint256 j = 0; j < name.length; j++) {
                name[j] = word[j + 1];
            }
            names[i] = string(name);
        }
    }

    /// @inheritdoc IQuorumRules
    function configuration() external pure returns (bytes memory) {
        return Configuration.load();
    }

    // ----------------------------------------------------------------------------------------------- helpers

    /// The 32 bytes at an offset, which the caller knows to lie inside.
    function _word(bytes calldata data, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(data.offset, offset))
        }
    }

    /// Stores a word at an offset, where the caller allocated it.
    function _store(bytes memory data, uint256 offset, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(data, 0x20), offset), word)
        }
    }

    /// Index and systems of an entry of the answer.
    function _entry(bytes memory answer, uint256 k) private pure returns (uint256 index, uint256 systems_) {
        assembly ("memory-safe") {
            let word := mload(add(add(answer, 0xa0), shl(6, k)))
            index := shr(248, word)
            systems_ := and(word, 0xffffffffffffffff)
        }
    }
}
