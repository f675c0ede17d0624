// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {vm} from "./utils/Vm.sol";

/// The rules against the plain reference, on federations and submissions nobody chose.
contract DifferentialTest is BaseTest {
    /// A federation of 2 to 7 builders and 1 to 6 systems with random eligibility and shared domains. Its threshold is
    /// such that the constructor accepts it; where no threshold is, eligibility is made universal.
    function _federation(uint256 seed) private pure returns (Federation memory f) {
        uint256 systems = 1 + _pick(seed, "systems", 6);
        uint256 builders = 2 + _pick(seed, "builders", 6);
        f = Federations.uniform(builders, systems, uint8(builders / 2 + 1));
        for (uint256 i = 0; i < builders; i++) {
            // One of six failure domains, shared by whoever draws the same; some draw none.
            uint256 drawn = _pick(seed, keccak256(abi.encode("domain", i)), 9);
            if (drawn < 6) f.builders[i].domains |= 1 << (100 + drawn);
            if (_pick(seed, keccak256(abi.encode("partial", i)), 4) == 0) {
                uint64 mask = uint64(_pick(seed, keccak256(abi.encode("mask", i)), 1 << systems));
                if (mask != 0) f.builders[i].systems = mask;
            }
        }
        for (uint256 s = 0; s < systems; s++) {
            uint256 eligible;
            for (uint256 i = 0; i < builders; i++) {
                eligible += (f.builders[i].systems >> s) & 1;
            }
            if (eligible >= f.threshold) continue;
            for (uint256 i = 0; i < builders; i++) {
                f.builders[i].systems |= uint64(1 << s);
            }
        }
    }

    /// Random signers, mostly for what they are eligible for.
    function _votes(uint256 seed) private view returns (Vote[] memory votes) {
        uint256 count;
        votes = new Vote[](fed.builders.length);
        for (uint256 i = 0; i < fed.builders.length; i++) {
            if (_pick(seed, keccak256(abi.encode("signs", i)), 5) == 0) continue;
            uint64 mask = fed.builders[i].systems;
            uint256 habit = _pick(seed, keccak256(abi.encode("habit", i)), 8);
            if (habit == 0) mask &= uint64(_pick(seed, keccak256(abi.encode("some", i)), 64));
            if (habit == 1) mask = fed.allSystems();
            if (mask == 0) mask = fed.builders[i].systems;
            votes[count++] = vote_(i, mask);
        }
        assembly ("memory-safe") {
            mstore(votes, count)
        }
    }

    function _pick(uint256 seed, bytes32 what, uint256 below) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what))) % below;
    }

    function _compare(bytes memory submission) private view returns (bool accepted) {
        bytes memory expected;
        (accepted, expected) = Reference.judge(fed.encode(), address(rules), domain(), SECOND, submission);
        (bool accepted_, bytes memory returned) =
            address(rules).staticcall(abi.encodeCall(rules.judge, (SECOND, domain(), submission)));
        assertTrue(accepted == accepted_, accepted ? "the rules refuse" : "the rules accept");
        if (accepted) assertEq(returned, abi.encode(expected), "answer");
    }

    function testFuzz_judges_as_the_reference(uint256 seed) external {
        useFederation(_federation(seed));
        _compare(submissionOf(SECOND, _votes(seed)));
    }

    function testFuzz_judges_altered_submissions_as_the_reference(uint256 seed, uint256 position, bytes1 value)
        external
    {
        useFederation(_federation(seed));
        bytes memory submission = submissionOf(SECOND, _votes(seed));
        submission[position % submission.length] = value;
        _compare(submission);
    }

    function testFuzz_judges_garbage_as_the_reference(bytes memory submission, uint8 signers) external view {
        if (signers % 2 == 0) {
            // Of a length that could be a submission.
            submission = bytes.concat(submission, new bytes(128 + 105 * 7));
            submission = Reference.slice(submission, 0, 128 + 105 * (1 + uint256(signers) % 7));
        }
        assertTrue(!_compare(submission), "garbage is refused");
    }

    /// The generator is worth something only if it finds both verdicts often.
    function test_the_generator_finds_both_verdicts() external {
        uint256 accepted;
        for (uint256 seed = 0; seed < 100; seed++) {
            useFederation(_federation(seed));
            if (_compare(submissionOf(SECOND, _votes(seed)))) accepted++;
        }
        assertTrue(accepted > 10 && accepted < 90, "both verdicts");
    }

    /// From submission to slot and event, for what the reference accepts.
    function testFuzz_records_as_the_reference(uint256 seed, uint32 later) external {
        useFederation(_federation(seed));
        bytes memory submission = submissionOf(SECOND, _votes(seed));
        (bool accepted,) = Reference.judge(fed.encode(), address(rules), domain(), SECOND, submission);
        vm.assume(accepted);
        // As if genesis had taken place.
        vm.store(address(ledger), CONTROL_SLOT, bytes32(ledger.control() | 1 << 192));
        vm.warp(START + later);
        (bytes memory record, bytes memory data) = expectedRecord(SECOND, submission, 2);
        vm.recordLogs();
        ledger.finalise(SECOND, submission);
        assertEq(vm.getRecordedLogs()[0].data, abi.encode(data), "event");
        assertEq(ledger.releases(SECOND), keccak256(record), "slot");
    }

    // ----------------------------------------------------------------------------------------------- recounting

    /// The record of random signers, whether or not they are a quorum: whoever recounts does not ask.
    function _record(uint256 seed) private view returns (bytes memory) {
        Reference.Rules memory r = Reference.parse(fed.encode());
        bytes32[] memory digests = digestsOf(SECOND);
        bytes memory submission = submissionOf(SECOND, _votes(seed));
        Reference.Signer[] memory signers = Reference.parseSigners(submission, digests.length);
        bytes memory answer = Reference.answerOf(r, digests, signers);
        return Reference.record(answer, signers.length, 2, 3, address(rules), address(rules).codehash);
    }

    function _endorsements(uint256 seed) private view returns (bytes memory endorsements) {
        Vote[] memory votes = _votes(uint256(keccak256(abi.encode(seed, "endorsers"))));
        for (uint256 i = 0; i < votes.length; i++) {
            // Some sign what they are not eligible for, or other digests than the recorded ones.
            if (seed % 4 != 1) votes[i].systems &= fed.builders[votes[i].index].systems;
            bytes32[] memory digests = digestsOf(seed % 4 == 0 && i == 0 ? FIRST : SECOND);
            if (votes[i].systems == 0) continue;
            endorsements = bytes.concat(endorsements, signed(SECOND, digests, votes[i]));
        }
    }

    function _compareCounts(bytes memory record, bytes memory endorsements, uint256 entries, uint256 endorsers)
        private
        view
        returns (bool accepted)
    {
        uint256[] memory expected;
        (accepted, expected) =
            Reference.recount(fed.encode(), address(rules), domain(), SECOND, record, endorsements, entries, endorsers);
        (bool accepted_, bytes memory returned) = address(rules)
            .staticcall(abi.encodeCall(rules.recount, (SECOND, domain(), record, endorsements, entries, endorsers)));
        assertTrue(accepted == accepted_, accepted ? "the rules refuse" : "the rules accept");
        if (accepted) assertEq(returned, abi.encode(expected), "counts");
    }

    function testFuzz_recounts_as_the_reference(uint256 seed, uint8 entries, uint8 endorsers) external {
        useFederation(_federation(seed));
        _compareCounts(_record(seed), _endorsements(seed), entries, endorsers);
    }

    function testFuzz_recounts_altered_endorsements_as_the_reference(uint256 seed, uint256 position, bytes1 value)
        external
    {
        useFederation(_federation(seed));
        bytes memory endorsements = _endorsements(seed);
        vm.assume(endorsements.length != 0);
        endorsements[position % endorsements.length] = value;
        _compareCounts(_record(seed), endorsements, 0, 0);
    }

    function test_the_generator_finds_good_and_bad_endorsements_that_matter() external {
        (uint256 accepted, uint256 matters) = (0, 0);
        for (uint256 seed = 0; seed < 60; seed++) {
            useFederation(_federation(seed));
            bytes memory endorsements = _endorsements(seed);
            if (!_compareCounts(_record(seed), endorsements, 0, 0)) continue;
            accepted++;
            uint256[] memory with_ = rules.recount(SECOND, domain(), _record(seed), endorsements, 0, 0);
            uint256[] memory without = rules.recount(SECOND, domain(), _record(seed), "", 0, 0);
            if (keccak256(abi.encode(with_)) != keccak256(abi.encode(without))) matters++;
        }
        assertTrue(accepted > 30 && accepted < 55, string.concat("accepted ", vm.toString(accepted)));
        assertTrue(matters > 10, string.concat("matters ", vm.toString(matters)));
    }
}
