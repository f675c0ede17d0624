// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../../src/interfaces/IReleaseLedger.sol";
import {QuorumRules} from "../../src/QuorumRules.sol";
import {ReleaseLedger} from "../../src/ReleaseLedger.sol";
import {Reference} from "../reference/Reference.sol";
import {Builder, Federation, Federations} from "./Federation.sol";
import {Vm, vm} from "./Vm.sol";

/// @notice A ledger with three independent builders, four systems and a threshold of two, and what it takes to sign.
abstract contract BaseTest {
    address internal constant TIMELOCK = address(0x71e10c);
    address internal constant GUARDIAN = address(0x9a2d);
    address internal constant STRANGER = address(0x57a9);
    uint256 internal constant START = 1_800_000_000;
    /// Where the ledger keeps things; frozen.
    uint256 internal constant RELEASES_SLOT = 0;
    bytes32 internal constant CONTROL_SLOT = bytes32(uint256(1));
    uint256 internal constant REVOCATIONS_SLOT = 2;

    bytes32 internal constant FIRST = keccak256("first release");
    bytes32 internal constant SECOND = keccak256("second release");

    IReleaseLedger internal ledger;
    IQuorumRules internal rules;
    Federation internal fed;

    /// What one signer puts into a submission.
    struct Vote {
        uint256 index;
        uint64 systems;
        bytes32 evidence;
    }

    function setUp() public virtual {
        vm.warp(START);
        useFederation(Federations.uniform(3, 4, 2));
    }

    // ------------------------------------------------------------------------------------------- deployments

    function useFederation(Federation memory f) internal {
        remember(f);
        rules = deployRules(f);
        ledger = deployLedger(address(rules));
    }

    function remember(Federation memory f) internal {
        delete fed;
        fed.systems = f.systems;
        for (uint256 i = 0; i < f.builders.length; i++) {
            fed.builders.push(f.builders[i]);
        }
        fed.threshold = f.threshold;
        fed.names = f.names;
    }

    function deployRules(Federation memory f) internal returns (IQuorumRules) {
        return IQuorumRules(address(new QuorumRules(f.encode())));
    }

    function deployLedger(address rules_) internal returns (IReleaseLedger) {
        return new ReleaseLedger(TIMELOCK, GUARDIAN, rules_, rules_.codehash);
    }

    /// Brings the ledger past genesis with release `FIRST`.
    function completeGenesis() internal {
        ledger.genesis(FIRST, submissionByAll(FIRST), genesisSignatures(FIRST));
    }

    // --------------------------------------------------------------------------------------------- signatures

    /// Digests that look random and differ between releases.
    function digestsOf(bytes32 release) internal view returns (bytes32[] memory digests) {
        digests = new bytes32[](fed.systems.length);
        for (uint256 i = 0; i < digests.length; i++) {
            digests[i] = keccak256(abi.encode("image", release, i));
        }
    }

    function systemNames() internal view returns (bytes[] memory names) {
        names = new bytes[](fed.systems.length);
        for (uint256 i = 0; i < names.length; i++) {
            names[i] = bytes(fed.systems[i]);
        }
    }

    function domain() internal view returns (bytes32) {
        return Reference.domainSeparator(block.chainid, address(ledger));
    }

    /// The digest that a builder signs for a vote.
    function attestationDigest(bytes32 release, bytes32[] memory digests, Vote memory vote)
        internal
        view
        returns (bytes32)
    {
        bytes32 root = Reference.rootOf(systemNames(), digests, vote.systems);
        return Reference.attestation(domain(), release, root, vote.evidence, address(rules));
    }

    function signed(bytes32 release, bytes32[] memory digests, Vote memory vote) internal view returns (bytes memory) {
        bytes32 digest = attestationDigest(release, digests, vote);
        (bytes32 r, bytes32 vs) = vm.signCompact(fed.builders[vote.index].key, digest);
        return abi.encodePacked(uint8(vote.index), vote.systems, vote.evidence, r, vs);
    }

    function submissionOf(bytes32 release, Vote[] memory votes) internal view returns (bytes memory submission) {
        bytes32[] memory digests = digestsOf(release);
        submission = abi.encodePacked(digests);
        for (uint256 i = 0; i < votes.length; i++) {
            submission = bytes.concat(submission, signed(release, digests, votes[i]));
        }
    }

    /// Votes of some builders for everything that they are eligible for.
    function votesOf(uint256[] memory indices) internal view returns (Vote[] memory votes) {
        votes = new Vote[](indices.length);
        for (uint256 i = 0; i < indices.length; i++) {
            votes[i] = vote_(indices[i], fed.builders[indices[i]].systems);
        }
    }

    function vote_(uint256 index, uint64 systems) internal pure returns (Vote memory) {
        return Vote({index: index, systems: systems, evidence: keccak256(abi.encode("evidence", index))});
    }

    function submissionBy(bytes32 release, uint256[] memory indices) internal view returns (bytes memory) {
        return submissionOf(release, votesOf(indices));
    }

    function submissionByAll(bytes32 release) internal view returns (bytes memory) {
        return submissionBy(release, Federations.first(fed.builders.length));
    }

    function submissionBy(bytes32 release, uint256 a, uint256 b) internal view returns (bytes memory) {
        return submissionBy(release, pair(a, b));
    }

    function pair(uint256 a, uint256 b) internal pure returns (uint256[] memory indices) {
        indices = new uint256[](2);
        (indices[0], indices[1]) = (a, b);
    }

    function genesisDigest(bytes32 release) internal view returns (bytes32) {
        bytes32 root = Reference.rootOf(systemNames(), digestsOf(release), fed.allSystems());
        return Reference.genesis(domain(), address(rules).codehash, release, root);
    }

    function genesisSignatures(bytes32 release) internal view returns (bytes memory signatures) {
        bytes32 digest = genesisDigest(release);
        for (uint256 i = 0; i < fed.builders.length; i++) {
            (bytes32 r, bytes32 vs) = vm.signCompact(fed.builders[i].key, digest);
            signatures = bytes.concat(signatures, r, vs);
        }
    }

    // ------------------------------------------------------------------------------------------------ records

    /// The record and data that a submission must lead to, as the reference has it.
    function expectedRecord(bytes32 release, bytes memory submission, uint64 number)
        internal
        view
        returns (bytes memory record, bytes memory data)
    {
        (bool accepted, bytes memory answer) =
            Reference.judge(fed.encode(), address(rules), domain(), release, submission);
        assertTrue(accepted, "the reference refuses");
        uint256 signers = (submission.length - 32 * fed.systems.length) / 105;
        record =
            Reference.record(answer, signers, number, uint64(block.timestamp), address(rules), address(rules).codehash);
        data = bytes.concat(record, Reference.slice(answer, answer.length - 64 * signers, 64 * signers));
    }

    function sequence() internal view returns (uint32) {
        return uint32(ledger.control() >> 192);
    }

    function revokedBits() internal view returns (uint32) {
        return uint32(ledger.control() >> 160);
    }

    function builder(uint256 index) internal view returns (address) {
        return vm.addr(fed.builders[index].key);
    }

    // --------------------------------------------------------------------------------------------- assertions

    error Failed(string what);
    error FailedEqual(string what, bytes32 left, bytes32 right);

    function assertTrue(bool condition, string memory what) internal pure {
        require(condition, Failed(what));
    }

    function assertEq(uint256 left, uint256 right, string memory what) internal pure {
        require(left == right, FailedEqual(what, bytes32(left), bytes32(right)));
    }

    function assertEq(bytes32 left, bytes32 right, string memory what) internal pure {
        require(left == right, FailedEqual(what, left, right));
    }

    function assertEq(address left, address right, string memory what) internal pure {
        require(left == right, FailedEqual(what, bytes32(bytes20(left)), bytes32(bytes20(right))));
    }

    function assertEq(bytes memory left, bytes memory right, string memory what) internal pure {
        require(keccak256(left) == keccak256(right), FailedEqual(what, keccak256(left), keccak256(right)));
    }
}
