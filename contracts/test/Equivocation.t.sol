// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// Two signatures of one builder for one system of one release, with different digests.
contract EquivocationTest is BaseTest {
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    function setUp() public override {
        super.setUp();
        completeGenesis();
    }

    /// A claim over the systems in a mask, signed; digests depend on `salt`.
    function _claim(uint256 index, uint64 mask, string memory salt)
        private
        view
        returns (IReleaseLedger.Claim memory claim)
    {
        uint256 count;
        claim.systems = new string[](fed.systems.length);
        claim.digests = new bytes32[](fed.systems.length);
        for (uint256 i = 0; i < fed.systems.length; i++) {
            if (!Reference.has(mask, i)) continue;
            claim.systems[count] = fed.systems[i];
            claim.digests[count++] = keccak256(abi.encode(salt, i));
        }
        _cut(claim, count);
        claim.evidence = keccak256(abi.encode("evidence", salt));
        claim.rules = address(rules);
        _sign(claim, index);
    }

    function _cut(IReleaseLedger.Claim memory claim, uint256 count) private pure {
        (string[] memory systems, bytes32[] memory digests) = (claim.systems, claim.digests);
        assembly ("memory-safe") {
            mstore(systems, count)
            mstore(digests, count)
        }
    }

    /// Signs a claim as it stands.
    function _sign(IReleaseLedger.Claim memory claim, uint256 index) private view {
        bytes32[] memory leaves = new bytes32[](claim.systems.length);
        for (uint256 i = 0; i < leaves.length; i++) {
            leaves[i] =
                Reference.leaf(bytes(claim.systems[i]), i < claim.digests.length ? claim.digests[i] : bytes32(0));
        }
        bytes32 root = leaves.length == 0 ? bytes32(0) : Reference.root(leaves);
        bytes32 digest = Reference.attestation(domain(), SECOND, root, claim.evidence, claim.rules);
        (claim.r, claim.vs) = vm.signCompact(fed.builders[index].key, digest);
    }

    function _refused(bytes memory reason, IReleaseLedger.Claim memory first, IReleaseLedger.Claim memory second)
        private
    {
        uint256 before = ledger.control();
        vm.expectRevert(reason);
        ledger.proveEquivocation(SECOND, first, second);
        vm.expectRevert();
        ledger.proveEquivocation(SECOND, second, first);
        assertEq(ledger.control(), before, "nothing changed");
    }

    // ------------------------------------------------------------------------------------------------- accepted

    function test_revokes_the_builder_from_the_next_release_on() external {
        vm.warp(START + 5);
        vm.recordLogs();
        vm.prank(STRANGER);
        ledger.proveEquivocation(SECOND, _claim(1, 15, "one"), _claim(1, 15, "two"));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(ledger.revocations(builder(1)), (START + 5) << 40 | 2 << 8 | 4, "word");
        assertEq(revokedBits(), 2, "bit");
        assertEq(sequence(), 1, "sequence");

        assertEq(logs.length, 2, "two events");
        assertEq(logs[0].topics[0], IReleaseLedger.Revoked.selector, "revoked first");
        assertEq(logs[0].topics[1], bytes32(uint256(uint160(builder(1)))), "who");
        assertEq(logs[0].data, abi.encode(START + 5, 2, 4), "since, from, flags");
        assertEq(
            logs[1].topics[0], keccak256("EquivocationProven(address,bytes32,string,bytes32,bytes32)"), "proven then"
        );
        assertEq(logs[1].topics[1], bytes32(uint256(uint160(builder(1)))), "who");
        assertEq(logs[1].topics[2], SECOND, "release");
        assertEq(
            logs[1].data,
            abi.encode("aarch64-darwin", keccak256(abi.encode("one", 0)), keccak256(abi.encode("two", 0))),
            "what"
        );

        bytes memory submission = submissionByAll(SECOND);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerSignerRevoked.selector, 1, builder(1)));
        ledger.finalise(SECOND, submission);
        ledger.finalise(SECOND, submissionBy(SECOND, 0, 2));
    }

    function test_names_the_first_system_that_differs() external {
        IReleaseLedger.Claim memory first = _claim(0, 15, "same");
        IReleaseLedger.Claim memory second = _claim(0, 15, "same");
        second.digests[2] = keccak256("other");
        second.digests[3] = keccak256("another");
        _sign(second, 0);
        vm.recordLogs();
        ledger.proveEquivocation(SECOND, first, second);
        assertEq(
            vm.getRecordedLogs()[1].data, abi.encode(fed.systems[2], first.digests[2], keccak256("other")), "the third"
        );
    }

    /// A builder lists the systems that it had built when it signed: only one need be common.
    function testFuzz_lists_that_overlap_in_one_system_suffice(uint8 common, uint64 mask, uint64 other) external {
        useFederation(Federations.uniform(3, 64, 2));
        uint64 bit = uint64(1 << (common % 64));
        (mask, other) = (mask | bit, (other & ~mask) | bit);
        ledger.proveEquivocation(SECOND, _claim(0, mask, "one"), _claim(0, other, "two"));
        assertEq(ledger.revocations(builder(0)), START << 40 | 1 << 8 | 4, "before genesis: from 1");
    }

    function test_the_rules_and_the_evidence_of_the_claims_may_differ() external {
        IReleaseLedger.Claim memory second = _claim(2, 15, "two");
        second.rules = address(0xbeef);
        second.evidence = 0;
        _sign(second, 2);
        ledger.proveEquivocation(SECOND, _claim(2, 15, "one"), second);
        assertEq(revokedBits(), 4, "revoked");
    }

    function test_works_for_a_builder_that_the_current_rules_do_not_know() external {
        Federation memory f = Federations.uniform(4, 4, 3);
        remember(f);
        ledger.proveEquivocation(SECOND, _claim(3, 15, "one"), _claim(3, 15, "two"));
        assertEq(revokedBits(), 0, "none of the current ones");
        address next = address(deployRules(f));
        vm.prank(TIMELOCK);
        ledger.setRules(next, next.codehash);
        assertEq(revokedBits(), 8, "but of the next");
    }

    function test_works_while_paused_and_changes_neither_pause_nor_sequence() external {
        vm.prank(GUARDIAN);
        ledger.pause(1 days);
        uint256 before = ledger.control();
        ledger.proveEquivocation(SECOND, _claim(0, 15, "one"), _claim(0, 15, "two"));
        assertEq(ledger.control(), before | 1 << 160, "one bit");
    }

    function test_writes_only_the_word_and_control() external {
        IReleaseLedger.Claim memory first = _claim(0, 15, "one");
        IReleaseLedger.Claim memory second = _claim(0, 15, "two");
        vm.record();
        ledger.proveEquivocation(SECOND, first, second);
        (, bytes32[] memory writes) = vm.accesses(address(ledger));
        assertEq(writes.length, 2, "two writes");
        assertEq(writes[0], keccak256(abi.encode(builder(0), REVOCATIONS_SLOT)), "the word");
        assertEq(writes[1], CONTROL_SLOT, "control");
    }

    // ------------------------------------------------------------------------------------------------- refused

    function test_rejects_claims_that_agree() external {
        bytes memory reason = abi.encodeWithSelector(IReleaseLedger.LedgerNoEquivocation.selector, builder(0));
        // A second run with other evidence, and one with more systems.
        IReleaseLedger.Claim memory again = _claim(0, 15, "one");
        again.evidence = keccak256("another run");
        _sign(again, 0);
        _refused(reason, _claim(0, 15, "one"), again);
        _refused(reason, _claim(0, 15, "one"), _claim(0, 5, "one"));
        _refused(reason, _claim(0, 15, "one"), _claim(0, 15, "one"));
    }

    function test_rejects_claims_about_different_systems() external {
        bytes memory reason = abi.encodeWithSelector(IReleaseLedger.LedgerNoEquivocation.selector, builder(0));
        _refused(reason, _claim(0, 5, "one"), _claim(0, 10, "two"));
        _refused(reason, _claim(0, 1, "one"), _claim(0, 14, "two"));
    }

    function test_rejects_claims_of_two_builders() external {
        _refused(
            abi.encodeWithSelector(IReleaseLedger.LedgerClaimSigners.selector, builder(0), builder(1)),
            _claim(0, 15, "one"),
            _claim(1, 15, "two")
        );
    }

    /// Nobody is who signed neither: the recovered address would be zero for both.
    function test_CON_05_rejects_claims_that_nobody_signed() external {
        IReleaseLedger.Claim memory first = _claim(0, 15, "one");
        IReleaseLedger.Claim memory second = _claim(0, 15, "two");
        (first.r, second.r) = (0, 0);
        _refused(abi.encodeWithSelector(IReleaseLedger.LedgerClaimSigners.selector, 0, 0), first, second);
    }

    function test_rejects_signatures_with_s_in_the_upper_half() external {
        IReleaseLedger.Claim memory first = _claim(0, 15, "one");
        IReleaseLedger.Claim memory second = _claim(0, 15, "two");
        second.vs = bytes32(HALF_ORDER + 1);
        _refused(abi.encodeWithSelector(IReleaseLedger.LedgerClaimSigners.selector, builder(0), 0), first, second);
    }

    function test_rejects_a_claim_about_another_release() external {
        IReleaseLedger.Claim memory first = _claim(0, 15, "one");
        IReleaseLedger.Claim memory second = _claim(0, 15, "two");
        vm.expectPartialRevert(IReleaseLedger.LedgerClaimSigners.selector);
        ledger.proveEquivocation(FIRST, first, second);
    }

    function test_rejects_the_zero_release() external {
        IReleaseLedger.Claim memory first = _claim(0, 15, "one");
        vm.expectRevert(IReleaseLedger.LedgerZeroRelease.selector);
        ledger.proveEquivocation(0, first, first);
    }

    /// Whatever is altered in a claim, its signature is no longer the builder's.
    function testFuzz_rejects_an_altered_claim(uint256 what, uint256 value) external {
        IReleaseLedger.Claim memory first = _claim(0, 15, "one");
        IReleaseLedger.Claim memory second = _claim(0, 15, "two");
        uint160 change = uint160(value) == 0 ? 1 : uint160(value);
        if (what % 5 == 0) second.evidence ^= bytes32(uint256(change));
        if (what % 5 == 1) second.rules = address(uint160(second.rules) ^ change);
        if (what % 5 == 2) second.digests[value % 4] = keccak256(abi.encode(value));
        if (what % 5 == 3) _cut(second, 1 + value % 3);
        if (what % 5 == 4) second.systems[value % 4] = "i686-linux";
        vm.expectRevert();
        ledger.proveEquivocation(SECOND, first, second);
        assertEq(revokedBits(), 0, "nobody");
    }

    function test_rejects_lists_of_impossible_length() external {
        IReleaseLedger.Claim memory good = _claim(0, 15, "one");
        IReleaseLedger.Claim memory bad = _claim(0, 15, "two");
        bytes32[] memory three = new bytes32[](3);
        bad.digests = three;
        _refused(abi.encodeWithSelector(IReleaseLedger.LedgerClaimLength.selector, 4, 3), bad, good);
        bad.systems = new string[](0);
        bad.digests = new bytes32[](0);
        _refused(abi.encodeWithSelector(IReleaseLedger.LedgerClaimLength.selector, 0, 0), bad, good);
        bad.systems = new string[](65);
        bad.digests = new bytes32[](65);
        _refused(abi.encodeWithSelector(IReleaseLedger.LedgerClaimLength.selector, 65, 65), bad, good);
    }

    function test_sixty_four_systems_are_possible() external {
        useFederation(Federations.uniform(3, 64, 2));
        ledger.proveEquivocation(SECOND, _claim(0, type(uint64).max, "one"), _claim(0, type(uint64).max, "two"));
        assertEq(revokedBits(), 1, "revoked");
    }

    function test_rejects_a_zero_digest() external {
        IReleaseLedger.Claim memory bad = _claim(0, 15, "two");
        bad.digests[3] = 0;
        _sign(bad, 0);
        _refused(abi.encodeWithSelector(IReleaseLedger.LedgerClaimZeroDigest.selector, 3), bad, _claim(0, 15, "one"));
    }

    /// [a, b, c, c] has the root of [a, b, c]: a list that repeats or descends would prove what nobody signed.
    function test_rejects_systems_that_do_not_ascend() external {
        IReleaseLedger.Claim memory good = _claim(0, 15, "one");
        IReleaseLedger.Claim memory bad = _claim(0, 15, "two");
        bad.systems[3] = bad.systems[2];
        bad.digests[3] = bad.digests[2];
        _sign(bad, 0);
        _refused(abi.encodeWithSelector(IReleaseLedger.LedgerClaimSystemOrder.selector, 3), bad, good);
        bad = _claim(0, 15, "two");
        (bad.systems[0], bad.systems[1]) = (bad.systems[1], bad.systems[0]);
        _sign(bad, 0);
        _refused(abi.encodeWithSelector(IReleaseLedger.LedgerClaimSystemOrder.selector, 1), bad, good);
    }

    /// The signature over three systems read as one over four, the last of them twice.
    function test_CON_11_a_list_that_repeats_its_last_system_proves_nothing() external {
        IReleaseLedger.Claim memory first = _claim(0, 7, "one");
        IReleaseLedger.Claim memory second = _claim(0, 7, "one");
        second.systems = new string[](4);
        second.digests = new bytes32[](4);
        for (uint256 i = 0; i < 4; i++) {
            (second.systems[i], second.digests[i]) = (first.systems[i < 3 ? i : 2], first.digests[i < 3 ? i : 2]);
        }
        _refused(abi.encodeWithSelector(IReleaseLedger.LedgerClaimSystemOrder.selector, 3), second, first);
    }

    /// Its length is one byte of a word: 261 would be 5.
    function test_CON_13_rejects_a_name_whose_length_fits_no_byte() external {
        IReleaseLedger.Claim memory bad = _claim(0, 1, "two");
        bad.systems[0] = string(abi.encodePacked("a-bcd", new bytes(256)));
        _sign(bad, 0);
        _refused(
            abi.encodeWithSelector(IReleaseLedger.LedgerClaimSystemName.selector, 0, bad.systems[0]),
            bad,
            _claim(0, 15, "one")
        );
    }

    function test_CON_13_rejects_names_that_are_no_systems() external {
        string[10] memory names = [
            "",
            "a-",
            "-a",
            "ab",
            "linux",
            "X86_64-linux",
            "x86_64-linux-",
            "a--b",
            "aaaaaaaaaaaaaa-bbbbbbbbbbbbbb",
            "a b-c"
        ];
        for (uint256 i = 0; i < names.length; i++) {
            IReleaseLedger.Claim memory bad = _claim(0, 1, "two");
            bad.systems[0] = names[i];
            _sign(bad, 0);
            _refused(
                abi.encodeWithSelector(IReleaseLedger.LedgerClaimSystemName.selector, 0, names[i]),
                bad,
                _claim(0, 15, "one")
            );
        }
        IReleaseLedger.Claim memory longest = _claim(0, 1, "two");
        IReleaseLedger.Claim memory other = _claim(0, 1, "one");
        (longest.systems[0], other.systems[0]) = ("aaaaaaaaaaaaa-bbbbbbbbbbbbbb", "aaaaaaaaaaaaa-bbbbbbbbbbbbbb");
        _sign(longest, 0);
        _sign(other, 0);
        ledger.proveEquivocation(SECOND, longest, other);
        assertEq(revokedBits(), 1, "28 bytes are a name");
    }

    function test_rejects_a_builder_that_was_revoked_before() external {
        vm.prank(GUARDIAN);
        ledger.revoke(builder(0));
        uint256 word = ledger.revocations(builder(0));
        vm.warp(START + 1 days);
        _refused(
            abi.encodeWithSelector(IReleaseLedger.LedgerAlreadyRevoked.selector, builder(0), START),
            _claim(0, 15, "one"),
            _claim(0, 15, "two")
        );
        assertEq(ledger.revocations(builder(0)), word, "the word stays");
    }

    function test_rejects_the_same_proof_again() external {
        ledger.proveEquivocation(SECOND, _claim(0, 15, "one"), _claim(0, 15, "two"));
        _refused(
            abi.encodeWithSelector(IReleaseLedger.LedgerAlreadyRevoked.selector, builder(0), START),
            _claim(0, 15, "one"),
            _claim(0, 15, "two")
        );
    }

    function test_rejects_signatures_for_another_chain_or_ledger() external {
        IReleaseLedger.Claim memory first = _claim(0, 15, "one");
        IReleaseLedger.Claim memory second = _claim(0, 15, "two");
        vm.chainId(block.chainid + 1);
        vm.expectPartialRevert(IReleaseLedger.LedgerClaimSigners.selector);
        ledger.proveEquivocation(SECOND, first, second);
        vm.chainId(block.chainid - 1);
        ledger = deployLedger(address(rules));
        vm.expectPartialRevert(IReleaseLedger.LedgerClaimSigners.selector);
        ledger.proveEquivocation(SECOND, first, second);
    }
}
