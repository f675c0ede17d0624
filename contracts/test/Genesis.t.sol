// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {Vm, vm} from "./utils/Vm.sol";

contract GenesisTest is BaseTest {
    function test_records_the_first_release_and_opens_the_ledger() external {
        bytes memory submission = submissionByAll(FIRST);
        bytes memory signatures = genesisSignatures(FIRST);
        (bytes memory record, bytes memory data) = expectedRecord(FIRST, submission, 1);

        vm.recordLogs();
        vm.prank(STRANGER);
        ledger.genesis(FIRST, submission, signatures);

        assertEq(ledger.releases(FIRST), keccak256(record), "commitment");
        assertEq(sequence(), 1, "sequence");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 2, "two events");
        assertEq(logs[0].topics[0], keccak256("ReleaseFinalised(bytes32,bytes)"), "first event");
        assertEq(logs[0].data, abi.encode(data), "record and signatures");
        assertEq(logs[1].topics[0], keccak256("GenesisCompleted(bytes32,bytes)"), "second event");
        assertEq(logs[1].topics[1], FIRST, "release");
        assertEq(logs[1].data, abi.encode(signatures), "genesis signatures");
    }

    function test_CON_27_rejects_a_second_genesis() external {
        completeGenesis();
        bytes memory submission = submissionByAll(SECOND);
        bytes memory signatures = genesisSignatures(SECOND);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerAfterGenesis.selector, 1));
        ledger.genesis(SECOND, submission, signatures);
    }

    function test_CON_26_rejects_all_builders_but_one() external {
        bytes memory submission = submissionBy(FIRST, 0, 2);
        bytes memory signatures = genesisSignatures(FIRST);
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumGenesisIncomplete.selector, 2, 3));
        ledger.genesis(FIRST, submission, signatures);
    }

    function test_rejects_a_builder_that_leaves_out_a_system() external {
        Vote[] memory votes = votesOf(Federations.first(3));
        votes[1].systems = 0x7;
        bytes memory submission = submissionOf(FIRST, votes);
        bytes memory signatures = genesisSignatures(FIRST);
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumGenesisSystems.selector, 1, 0x7, 0xf));
        ledger.genesis(FIRST, submission, signatures);
    }

    /// Whoever of them it is: the others' signatures and systems are as they should be.
    function test_CON_26_rejects_any_one_builder_that_did_not_agree() external {
        bytes memory good = genesisSignatures(FIRST);
        bytes memory other = genesisSignatures(SECOND);
        for (uint256 i = 0; i < 3; i++) {
            bytes memory signatures;
            for (uint256 j = 0; j < 3; j++) {
                signatures = bytes.concat(signatures, Reference.slice(i == j ? other : good, 64 * j, 64));
            }
            bytes memory submission = submissionByAll(FIRST);
            vm.expectPartialRevert(IQuorumRules.QuorumBadGenesisSignature.selector);
            ledger.genesis(FIRST, submission, signatures);

            Vote[] memory votes = votesOf(Federations.first(3));
            votes[i].systems = 0x7;
            submission = submissionOf(FIRST, votes);
            vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumGenesisSystems.selector, i, 0x7, 0xf));
            ledger.genesis(FIRST, submission, good);
        }
    }

    function test_CON_26_rejects_two_builders_of_one_bloc() external {
        Federation memory f = Federations.uniform(3, 4, 2);
        f.builders[0].domains |= 1 << 200;
        f.builders[2].domains |= 1 << 200;
        useFederation(f);
        bytes memory submission = submissionByAll(FIRST);
        bytes memory signatures = genesisSignatures(FIRST);
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumDependentSigners.selector, 0, 2, 1 << 200));
        ledger.genesis(FIRST, submission, signatures);
    }

    function test_accepts_one_bloc_on_systems_apart() external {
        Federation memory f = Federations.uniform(4, 2, 2);
        f.builders[0].systems = 1;
        f.builders[1].systems = 1;
        f.builders[2].systems = 2;
        f.builders[3].systems = 2;
        f.builders[0].domains |= 1 << 200;
        f.builders[2].domains |= 1 << 200;
        useFederation(f);
        completeGenesis();
        assertEq(sequence(), 1, "sequence");
    }

    function test_rejects_too_few_or_too_many_signatures() external {
        bytes memory submission = submissionByAll(FIRST);
        bytes memory signatures = genesisSignatures(FIRST);
        bytes[3] memory wrong = [bytes(""), Reference.slice(signatures, 0, 128), bytes.concat(signatures, new bytes(1))];
        for (uint256 i = 0; i < wrong.length; i++) {
            vm.expectRevert(
                abi.encodeWithSelector(IQuorumRules.QuorumMalformedGenesisSignatures.selector, wrong[i].length, 192)
            );
            ledger.genesis(FIRST, submission, wrong[i]);
        }
    }

    function test_rejects_signatures_in_another_order() external {
        bytes memory submission = submissionByAll(FIRST);
        bytes memory signatures = genesisSignatures(FIRST);
        bytes memory swapped = bytes.concat(
            Reference.slice(signatures, 64, 64),
            Reference.slice(signatures, 0, 64),
            Reference.slice(signatures, 128, 64)
        );
        vm.expectPartialRevert(IQuorumRules.QuorumBadGenesisSignature.selector);
        ledger.genesis(FIRST, submission, swapped);
    }

    function test_rejects_attestations_as_genesis_signatures() external {
        bytes memory submission = submissionByAll(FIRST);
        bytes memory signatures;
        for (uint256 i = 0; i < 3; i++) {
            signatures = bytes.concat(signatures, Reference.slice(submission, 128 + 105 * i + 41, 64));
        }
        vm.expectPartialRevert(IQuorumRules.QuorumBadGenesisSignature.selector);
        ledger.genesis(FIRST, submission, signatures);
    }

    function test_rejects_signatures_for_another_release() external {
        bytes memory submission = submissionByAll(FIRST);
        bytes memory signatures = genesisSignatures(SECOND);
        vm.expectPartialRevert(IQuorumRules.QuorumBadGenesisSignature.selector);
        ledger.genesis(FIRST, submission, signatures);
    }

    function test_CON_26_rejects_signatures_for_rules_of_other_code() external {
        Federation memory f = fed;
        f.names = keccak256("another federation file");
        bytes memory submission = submissionByAll(FIRST);
        bytes memory signatures = genesisSignatures(FIRST);
        address other = address(deployRules(f));
        vm.prank(TIMELOCK);
        ledger.setRules(other, other.codehash);
        rules = IQuorumRules(other);
        bytes memory submissionForOther = submissionByAll(FIRST);

        vm.expectPartialRevert(IQuorumRules.QuorumBadSignature.selector);
        ledger.genesis(FIRST, submission, signatures);
        vm.expectPartialRevert(IQuorumRules.QuorumBadGenesisSignature.selector);
        ledger.genesis(FIRST, submissionForOther, signatures);
        ledger.genesis(FIRST, submissionForOther, genesisSignatures(FIRST));
    }

    function test_CON_14_rejects_genesis_with_a_revoked_builder() external {
        vm.prank(GUARDIAN);
        ledger.revoke(builder(1));
        bytes memory submission = submissionByAll(FIRST);
        bytes memory signatures = genesisSignatures(FIRST);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerSignerRevoked.selector, 1, builder(1)));
        ledger.genesis(FIRST, submission, signatures);
    }

    function test_is_not_stopped_by_a_pause() external {
        vm.prank(GUARDIAN);
        ledger.pause(30 days);
        completeGenesis();
        assertEq(sequence(), 1, "sequence");
    }

    function test_rejects_the_zero_release() external {
        bytes memory submission = submissionByAll(0);
        bytes memory signatures = genesisSignatures(0);
        vm.expectRevert(IReleaseLedger.LedgerZeroRelease.selector);
        ledger.genesis(0, submission, signatures);
    }
}
