// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "./interfaces/IQuorumRules.sol";
import {Configuration} from "./libraries/Configuration.sol";
import {Merkle} from "./libraries/Merkle.sol";
import {Recount} from "./libraries/Recount.sol";
import {Signature} from "./libraries/Signature.sol";
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
///         Beside a record there may be endorsements, by builders that nobody chose to be independent. They are counted
///         by `recount`, which finds the largest independent set itself.
///
///         A builder signs once, over the root of the systems that it built; the mask beside its signature says which
///         they are. The digests are the same for all signers, so that they agree or the signature fails.
///
/// @dev    Not deployed by itself, see `QuorumRules`. Assembly is confined to helpers that load and store words at
///         places whose bounds are established by the submission's exact length.
contract QuorumRulesLogic is IQuorumRules {
    uint256 private constant SIGNER_BYTES = 105;
    /// Where entries start in the answer.
    uint256 private constant HEAD_BYTES = 128;

    // ---------------------------------------------------------------------------------------------- judgment

    /// @inheritdoc IQuorumRules
    function judge(bytes32 release, bytes32 domainSeparator, bytes calldata submission)
        external
        view
        returns (bytes memory)
    {
        _return(_judge(Configuration.load(), release, domainSeparator, submission));
    }

    /// @inheritdoc IQuorumRules
    function judgeGenesis(
        bytes32 release,
        bytes32 domainSeparator,
        bytes calldata submission,
        bytes calldata genesisSignatures
    ) external view returns (bytes memory) {
        bytes memory config = Configuration.load();
        bytes memory answer = _judge(config, release, domainSeparator, submission);
        (uint256 systems_, uint256 builders,) = Configuration.counts(Configuration.finalWord(config));
        uint256 signers = _countSigners(submission.length, systems_);
        require(signers == builders, QuorumGenesisIncomplete(signers, builders));
        require(
            genesisSignatures.length == 64 * builders,
            QuorumMalformedGenesisSignatures(genesisSignatures.length, 64 * builders)
        );
        bytes32 root = _load(_start(answer) + 32);
        bytes32 digest = Typed.genesis(domainSeparator, address(this).codehash, release, root);
        (uint256 signature,) = _range(genesisSignatures, 0);
        for (uint256 i = 0; i < builders; i++) {
            (address builder,, uint256 eligible) = Configuration.builderAt(config, systems_, i);
            (, uint256 signed) = _entry(_entries(answer) + 64 * i);
            require(signed == eligible, QuorumGenesisSystems(i, signed, eligible));
            address recovered =
                Signature.recover(digest, _calldata(signature + 64 * i), _calldata(signature + 64 * i + 32));
            require(recovered == builder, QuorumBadGenesisSignature(i, builder, recovered));
        }
        _return(answer);
    }

    function _judge(bytes memory config, bytes32 release, bytes32 domain, bytes calldata submission)
        private
        view
        returns (bytes memory answer)
    {
        (uint256 systems_,, uint256 need) = Configuration.counts(Configuration.finalWord(config));
        uint256 signers = _countSigners(submission.length, systems_);
        uint256 leaves;
        (answer, leaves) = _readDigests(config, systems_, signers, submission);
        uint256 form = Typed.attestationForm(domain, release, address(this));
        uint256 common = _readSigners(config, answer, leaves, form, submission);
        if (common == Configuration.allSystems(systems_)) {
            require(signers >= need, QuorumBelowThreshold(0, signers, need));
        } else {
            _requireQuorum(answer, systems_, signers, need);
        }
    }

    /// How many signers a submission of this length has.
    function _countSigners(uint256 length, uint256 systems_) private pure returns (uint256 signers) {
        unchecked {
            require(length > 32 * systems_, QuorumMalformedSubmission(length, systems_));
            uint256 rest = length - 32 * systems_;
            signers = rest / SIGNER_BYTES;
            require(rest == signers * SIGNER_BYTES, QuorumMalformedSubmission(length, systems_));
        }
    }

    /// Allocates the answer and fills in its head, its root and its digests. Returns where the leaves are, too.
    function _readDigests(bytes memory config, uint256 systems_, uint256 signers, bytes calldata submission)
        private
        pure
        returns (bytes memory answer, uint256 leaves)
    {
        unchecked {
            answer = _newBytes(HEAD_BYTES + 128 * signers + 32 * systems_);
            uint256 start = _start(answer);
            uint256 digests = start + HEAD_BYTES + 64 * signers;
            _copy(digests, submission, 32 * systems_);
            leaves = _allocate(32 * systems_);
            uint256 system = _start(config);
            for (uint256 i = 0; i < 32 * systems_; i += 32) {
                bytes32 digest = _load(digests + i);
                require(digest != 0, QuorumZeroDigest(i / 32));
                _store(leaves + i, Merkle.leaf(_load(system + i), digest));
            }
            _store(start, bytes32(systems_ << 240 | signers << 232));
            _store(start + 32, _rootOf(leaves, systems_, Configuration.allSystems(systems_)));
            _store(start + 64, 0);
            _store(start + 96, 0);
        }
    }

    /// Checks every signer and fills in its entry and signature. Returns the systems that all of them signed.
    function _readSigners(
        bytes memory config,
        bytes memory answer,
        uint256 leaves,
        uint256 form,
        bytes calldata submission
    ) private view returns (uint256 common) {
        unchecked {
            (uint256 systems_, uint256 builders,) = Configuration.counts(Configuration.finalWord(config));
            (uint256 cursor, uint256 end) = _range(submission, 32 * systems_);
            uint256 entry = _entries(answer);
            uint256 signature = entry + 64 * ((end - cursor) / SIGNER_BYTES) + 32 * systems_;
            common = Configuration.allSystems(systems_);
            uint256 mask = common;
            bytes32 root = _load(_start(answer) + 32);
            uint256 seen;
            uint256 next;
            for (; cursor < end; cursor += SIGNER_BYTES) {
                uint256 signed = uint256(_calldata(cursor));
                uint256 index = signed >> 248;
                signed = uint64(signed >> 184);
                (address builder, uint256 domains, uint256 eligible) = Configuration.builderAt(config, systems_, index);
                if (_improper(next, index, builders, signed, eligible)) {
                    _refuse(next, index, builders, signed, eligible);
                }
                next = index + 1;

                if (seen & domains != 0) _requireIndependent(config, answer, entry, index, domains, signed);
                seen |= domains;
                if (signed != mask) {
                    (mask, root) = (signed, _rootOf(leaves, systems_, signed));
                    common &= signed;
                }

                _store(entry, bytes32(index << 248 | uint256(uint160(builder)) << 64 | signed));
                bytes32 evidence = _calldata(cursor + 9);
                _store(entry + 32, evidence);
                bytes32 r = _calldata(cursor + 41);
                _store(signature, r);
                bytes32 vs = _calldata(cursor + 73);
                _store(signature + 32, vs);
                address recovered = Signature.recover(Typed.attestation(form, root, evidence), r, vs);
                require(recovered == builder, QuorumBadSignature(index, builder, recovered));
                entry += 64;
                signature += 64;
            }
        }
    }

    /// Whether a signer is out of order, unknown, or not eligible for what it names. One condition without branches.
    function _improper(uint256 next, uint256 index, uint256 builders, uint256 signed, uint256 eligible)
        private
        pure
        returns (bool result)
    {
        assembly ("memory-safe") {
            let misplaced := or(lt(index, next), iszero(lt(index, builders)))
            let ineligible := or(iszero(signed), and(signed, not(eligible)))
            result := gt(or(misplaced, ineligible), 0)
        }
    }

    /// Says why a signer is improper.
    function _refuse(uint256 next, uint256 index, uint256 builders, uint256 signed, uint256 eligible) private pure {
        if (index >= builders) revert QuorumUnknownBuilder(index, builders);
        if (index < next) revert QuorumUnorderedSigners(next - 1, index);
        revert QuorumIneligibleSystems(index, signed, eligible);
    }

    /// Refuses a signer if one of the entries before `end` shares both a failure domain and a system with it.
    function _requireIndependent(
        bytes memory config,
        bytes memory answer,
        uint256 end,
        uint256 index,
        uint256 domains,
        uint256 signed
    ) private pure {
        (uint256 systems_,,) = Configuration.counts(Configuration.finalWord(config));
        for (uint256 entry = _entries(answer); entry < end; entry += 64) {
            (uint256 otherIndex, uint256 otherSigned) = _entry(entry);
            if (otherSigned & signed == 0) continue;
            (, uint256 otherDomains,) = Configuration.builderAt(config, systems_, otherIndex);
            uint256 shared = domains & otherDomains;
            require(shared == 0, QuorumDependentSigners(otherIndex, index, shared));
        }
    }

    /// Refuses a system with too few signers.
    function _requireQuorum(bytes memory answer, uint256 systems_, uint256 signers, uint256 need) private pure {
        for (uint256 s = 0; s < systems_; s++) {
            uint256 have;
            for (uint256 k = 0; k < signers; k++) {
                (, uint256 signed) = _entry(_entries(answer) + 64 * k);
                have += (signed >> s) & 1;
            }
            require(have >= need, QuorumBelowThreshold(s, have, need));
        }
    }

    /// The root over the leaves of some systems, which are at least one. Leaves the leaves as they are.
    function _rootOf(uint256 leaves, uint256 systems_, uint256 mask) private pure returns (bytes32) {
        unchecked {
            uint256 nodes;
            uint256 count;
            assembly ("memory-safe") {
                // Allocated for as long as it is needed, with a word before and one behind for `Merkle.root` to overwrite.
                nodes := add(mload(0x40), 0x20)
                mstore(0x40, add(nodes, shl(5, add(systems_, 1))))
                switch eq(add(mask, 1), shl(systems_, 1))
                case 1 {
                    mcopy(nodes, leaves, shl(5, systems_))
                    count := systems_
                }
                default {
                    for { let i := 0 } lt(i, systems_) { i := add(i, 1) } {
                        mstore(add(nodes, shl(5, count)), mload(add(leaves, shl(5, i))))
                        count := add(count, and(shr(i, mask), 1))
                    }
                }
            }
            bytes32 root = Merkle.root(nodes, count);
            assembly ("memory-safe") {
                mstore(0x40, sub(nodes, 0x20))
            }
            return root;
        }
    }

    // ----------------------------------------------------------------------------------------------- recount

    /// @inheritdoc IQuorumRules
    function recount(
        bytes32 release,
        bytes32 domainSeparator,
        bytes calldata record,
        bytes calldata endorsements,
        uint256 droppedEntries,
        uint256 droppedEndorsers
    ) external view returns (uint256[] memory counts) {
        return Recount.count(release, domainSeparator, record, endorsements, droppedEntries, droppedEndorsers);
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

    /// So many bytes of memory, not cleared.
    function _allocate(uint256 size) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := mload(0x40)
            mstore(0x40, add(pointer, size))
        }
    }

    /// Bytes of this length, a multiple of 32, not cleared; `_return` finds room for one word before them.
    function _newBytes(uint256 length) private pure returns (bytes memory data) {
        assembly ("memory-safe") {
            data := add(mload(0x40), 0x20)
            mstore(data, length)
            mstore(0x40, add(add(data, 0x20), length))
        }
    }

    /// Ends the call with the ABI encoding of bytes from `_newBytes`, without copying them.
    function _return(bytes memory data) private pure {
        assembly ("memory-safe") {
            let start := sub(data, 0x20)
            mstore(start, 0x20)
            return(start, add(mload(data), 0x40))
        }
    }

    /// Where the contents of bytes start in memory.
    function _start(bytes memory data) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := add(data, 0x20)
        }
    }

    /// Where the entries of an answer start in memory.
    function _entries(bytes memory answer) private pure returns (uint256 pointer) {
        unchecked {
            return _start(answer) + HEAD_BYTES;
        }
    }

    /// Where the contents of `data` start after a prefix, and where they end, in calldata.
    function _range(bytes calldata data, uint256 prefix) private pure returns (uint256 start, uint256 end) {
        assembly ("memory-safe") {
            start := add(data.offset, prefix)
            end := add(data.offset, data.length)
        }
    }

    function _calldata(uint256 pointer) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(pointer)
        }
    }

    function _load(uint256 pointer) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(pointer)
        }
    }

    /// Stores a word where the caller allocated it.
    function _store(uint256 pointer, bytes32 word) private pure {
        assembly ("memory-safe") {
            mstore(pointer, word)
        }
    }

    /// Copies the first bytes of `data` to where the caller allocated them.
    function _copy(uint256 pointer, bytes calldata data, uint256 size) private pure {
        assembly ("memory-safe") {
            calldatacopy(pointer, data.offset, size)
        }
    }

    /// Index and systems of an entry of the answer.
    function _entry(uint256 pointer) private pure returns (uint256 index, uint256 signed) {
        uint256 word = uint256(_load(pointer));
        return (word >> 248, uint64(word));
    }
}
