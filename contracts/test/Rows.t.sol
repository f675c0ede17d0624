// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {Merkle} from "../src/libraries/Merkle.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federations} from "./utils/Federation.sol";
import {vm} from "./utils/Vm.sol";

/// Rows of the threat model (CON) that no test of one behaviour covers whole. The others carry their row in the name.
contract RowsTest is BaseTest {
    function setUp() public override {
        super.setUp();
        completeGenesis();
    }

    // ------------------------------------------------------------------------------------------- CON-07: replay

    /// Signatures made for another chain, ledger, release, rules or root, in all 32 combinations: only those made for
    /// exactly this submission are accepted.
    function test_CON_07_of_every_combination_of_five_axes_only_one_is_accepted() external {
        for (uint256 axes = 1; axes < 32; axes++) {
            bytes memory replayed = _signedElsewhere(axes);
            vm.expectPartialRevert(IQuorumRules.QuorumBadSignature.selector);
            ledger.finalise(SECOND, replayed);
        }
        ledger.finalise(SECOND, _signedElsewhere(0));
    }

    function _signedElsewhere(uint256 axes) private view returns (bytes memory submission) {
        bytes32[] memory digests = digestsOf(SECOND);
        submission = abi.encodePacked(digests);
        if (axes & 16 != 0) digests[3] = keccak256("another image");
        bytes32 root = Reference.rootOf(systemNames(), digests, fed.allSystems());
        bytes32 domain_ = Reference.domainSeparator(
            axes & 1 == 0 ? block.chainid : block.chainid + 1, axes & 2 == 0 ? address(ledger) : address(0x1ed6e5)
        );
        for (uint256 i = 0; i < 2; i++) {
            bytes32 evidence = keccak256(abi.encode("evidence", i));
            bytes32 digest = Reference.attestation(
                domain_,
                axes & 4 == 0 ? SECOND : FIRST,
                root,
                evidence,
                axes & 8 == 0 ? address(rules) : address(0x501e5)
            );
            (bytes32 r, bytes32 vs) = vm.signCompact(fed.builders[i].key, digest);
            submission = bytes.concat(submission, abi.encodePacked(uint8(i), fed.allSystems(), evidence, r, vs));
        }
    }

    // ------------------------------------------------------------------------------------- CON-11: repeated leaves

    /// Lists as the rules have them (every system once, in order) with different digests or masks have different roots.
    function testFuzz_CON_11_different_lists_have_different_roots(
        uint64 mask,
        uint64 other,
        bytes32 seed,
        uint8 changed
    ) external pure {
        vm.assume(mask != 0 && other != 0);
        bytes32[] memory leaves = _leaves(mask, seed);
        bytes32 root = Merkle.root(leaves);
        if (mask != other) assertTrue(root != Merkle.root(_leaves(other, seed)), "other systems");
        leaves[changed % leaves.length] ^= bytes32(uint256(1));
        assertTrue(root != Merkle.root(leaves), "another leaf");
    }

    function _leaves(uint64 mask, bytes32 seed) private pure returns (bytes32[] memory leaves) {
        uint256 count;
        leaves = new bytes32[](64);
        for (uint256 i = 0; i < 64; i++) {
            if (Reference.has(mask, i)) leaves[count++] = Merkle.leaf(bytes32((3 << 248) | (i + 1) << 224), seed);
        }
        assembly ("memory-safe") {
            mstore(leaves, count)
        }
    }

    // ------------------------------------------------------------------------------------------ CON-23: what code has

    /// The only call is STATICCALL. Nothing looks at who sent a transaction, at its price, or at the number, the hash or
    /// the proposer of a block.
    function test_CON_23_the_code_has_no_opcode_that_calls_creates_or_looks_around() external view {
        bytes memory logic = address(rules).code;
        uint256 configuration = rules.configuration().length;
        assembly ("memory-safe") {
            mstore(logic, sub(mload(logic), configuration))
        }
        _walk(address(ledger).code);
        _walk(logic);
    }

    function _walk(bytes memory code) private pure {
        // CALL, CALLCODE, DELEGATECALL, CREATE, CREATE2, SELFDESTRUCT; ORIGIN, GASPRICE; BLOCKHASH, COINBASE, NUMBER,
        // PREVRANDAO, GASLIMIT, BASEFEE; BALANCE, SELFBALANCE; TLOAD, TSTORE.
        bytes memory never = hex"f1f2f4f0f5ff323a40414344454831475c5d";
        uint256 calls;
        for (uint256 pc = 0; pc < code.length; pc++) {
            bytes1 opcode = code[pc];
            for (uint256 i = 0; i < never.length; i++) {
                if (opcode == never[i]) revert(string.concat("opcode at ", vm.toString(pc)));
            }
            if (opcode == 0xfa) calls++;
            if (opcode >= 0x60 && opcode <= 0x7f) pc += uint8(opcode) - 0x5f;
        }
        assertTrue(calls > 0, "the walk finds what is there");
    }

    // ---------------------------------------------------------------------------------------------- CON-24: roles

    /// Every function that is no view, by everybody: it works, or it fails for this reason.
    function test_CON_24_every_function_by_every_role() external {
        address[6] memory callers = [TIMELOCK, GUARDIAN, STRANGER, builder(0), address(rules), address(ledger)];
        bytes[] memory calls = _calls();
        _assertComplete(calls);
        for (uint256 f = 0; f < calls.length; f++) {
            bytes4 selector = bytes4(calls[f]);
            for (uint256 c = 0; c < callers.length; c++) {
                bytes memory expected = _refusal(selector, callers[c]);
                uint256 before = vm.snapshotState();
                if (selector == ledger.confirmRevocation.selector) _openDispute();
                vm.prank(callers[c]);
                (bool accepted, bytes memory reason) = address(ledger).call(calls[f]);
                assertTrue(accepted == (expected.length == 0), string.concat("call ", vm.toString(f)));
                if (!accepted) assertEq(reason, expected, "reason");
                vm.revertToState(before);
            }
        }
    }

    function _openDispute() private {
        vm.prank(GUARDIAN);
        ledger.revokeRetroactively(address(0xd15), 1);
    }

    function _calls() private returns (bytes[] memory calls) {
        IReleaseLedger.Submission[] memory batch = new IReleaseLedger.Submission[](1);
        batch[0] = IReleaseLedger.Submission(SECOND, submissionByAll(SECOND));
        address next = address(deployRules(Federations.uniform(5, 4, 3)));
        calls = new bytes[](10);
        calls[0] = abi.encodeCall(ledger.finalise, (SECOND, submissionByAll(SECOND)));
        calls[1] = abi.encodeCall(ledger.finaliseBatch, (batch));
        calls[2] = abi.encodeCall(ledger.genesis, (SECOND, submissionByAll(SECOND), genesisSignatures(SECOND)));
        calls[3] = abi.encodeCall(ledger.post, (SECOND, SECOND, SECOND, address(rules), SECOND, SECOND));
        calls[4] = abi.encodeCall(ledger.proveEquivocation, (SECOND, _claim(1), _claim(2)));
        calls[5] = abi.encodeCall(ledger.setRules, (next, next.codehash));
        calls[6] = abi.encodeCall(ledger.confirmRevocation, (address(0xd15)));
        calls[7] = abi.encodeCall(ledger.revoke, (builder(2)));
        calls[8] = abi.encodeCall(ledger.revokeRetroactively, (builder(2), 1));
        calls[9] = abi.encodeCall(ledger.pause, (1 days));
    }

    function _claim(uint256 salt) private view returns (IReleaseLedger.Claim memory claim) {
        (claim.systems, claim.digests) = (new string[](1), new bytes32[](1));
        (claim.systems[0], claim.digests[0]) = ("x86_64-linux", bytes32(salt));
        bytes32 digest =
            Reference.attestation(domain(), SECOND, Reference.leaf("x86_64-linux", bytes32(salt)), 0, address(0));
        (claim.r, claim.vs) = vm.signCompact(fed.builders[0].key, digest);
    }

    /// Nothing where the caller may.
    function _refusal(bytes4 selector, address caller) private view returns (bytes memory) {
        if (selector == ledger.genesis.selector) {
            return abi.encodeWithSelector(IReleaseLedger.LedgerAfterGenesis.selector, 1);
        }
        bool timelocks = selector == ledger.setRules.selector || selector == ledger.confirmRevocation.selector;
        if (timelocks && caller != TIMELOCK) {
            return abi.encodeWithSelector(IReleaseLedger.LedgerNotTimelock.selector, caller);
        }
        bool guardians = selector == ledger.revoke.selector || selector == ledger.revokeRetroactively.selector
            || selector == ledger.pause.selector;
        if (guardians && caller != GUARDIAN) {
            return abi.encodeWithSelector(IReleaseLedger.LedgerNotGuardian.selector, caller);
        }
        return "";
    }

    /// The table above has every function of the committed interface that is no view.
    function _assertComplete(bytes[] memory calls) private view {
        string memory abi_ = vm.readFile("snapshots/abi/ReleaseLedger.json");
        uint256 functions;
        for (uint256 i = 0; vm.keyExistsJson(abi_, string.concat("[", vm.toString(i), "]")); i++) {
            string memory key = string.concat("[", vm.toString(i), "]");
            if (keccak256(bytes(vm.parseJsonString(abi_, string.concat(key, ".type")))) != keccak256("function")) {
                continue;
            }
            bytes32 kind = keccak256(bytes(vm.parseJsonString(abi_, string.concat(key, ".stateMutability"))));
            if (kind == keccak256("view") || kind == keccak256("pure")) continue;
            assertEq(kind, keccak256("nonpayable"), "nothing takes money");
            functions++;
        }
        assertEq(calls.length, functions, "every function that is no view");
    }

    function testFuzz_CON_24_there_is_no_other_function(bytes4 selector, bytes calldata arguments) external {
        bytes memory code = address(ledger).code;
        for (uint256 i = 0; i + 4 <= code.length; i++) {
            // Whatever the dispatcher knows stands in the code.
            bytes4 found;
            assembly ("memory-safe") {
                found := shl(224, shr(224, mload(add(add(code, 0x20), i))))
            }
            if (found == selector) return;
        }
        (bool accepted,) = address(ledger).call(bytes.concat(selector, arguments));
        assertTrue(!accepted, "unknown function");
    }

    // -------------------------------------------------------------------------------------------- CON-25: re-entry

    function test_CON_25_rules_that_call_back_change_nothing() external {
        ReentrantRules reentrant = new ReentrantRules(rules, ledger);
        vm.prank(TIMELOCK);
        ledger.setRules(address(reentrant), address(reentrant).codehash);
        bytes[] memory calls = _calls();
        for (uint256 i = 0; i < calls.length; i++) {
            bytes32 release = keccak256(abi.encode("reentrant", i));
            bytes memory submission = submissionByAll(release);
            reentrant.attempt(calls[i]);
            uint256 before = ledger.control();
            ledger.finalise(release, submission);
            assertEq(ledger.control(), before + (1 << 192), "one release more, nothing else");
            assertTrue(ledger.releases(release) != 0, "the release");
            assertEq(ledger.releases(SECOND), 0, "not the other one");
            assertEq(ledger.revocations(builder(0)), 0, "nobody is revoked");
        }
        reentrant.attempt(abi.encodeCall(ledger.post, (SECOND, SECOND, SECOND, address(rules), SECOND, SECOND)));
        vm.prank(GUARDIAN);
        ledger.revoke(STRANGER);
        assertEq(revokedBits(), 0, "nor when they are asked who their builders are");
    }

    // ---------------------------------------------------------------------------------------------- CON-30: time

    /// On some chains many blocks have one time, and the number of a block is another chain's, repeats or jumps.
    function testFuzz_CON_30_the_number_of_a_block_means_nothing(uint64[4] memory numbers, uint32 later) external {
        vm.warp(START + later);
        for (uint256 i = 0; i < numbers.length; i++) {
            vm.roll(numbers[i]);
            bytes32 release = keccak256(abi.encode("release", i));
            bytes memory submission = submissionBy(release, 0, 1);
            (bytes memory record,) = expectedRecord(release, submission, uint64(2 + i));
            ledger.finalise(release, submission);
            assertEq(ledger.releases(release), keccak256(record), "numbered by the ledger, not by the chain");
            (IReleaseLedger.Standing standing,,) = ledger.status(release, record);
            assertTrue(standing == IReleaseLedger.Standing.Final, "final");
        }
    }

    // ---------------------------------------------------------------------------------------- CON-31: delegation

    /// Builders, the submitter, and the subject of a revocation are delegated accounts (EIP-7702): keys sign as before.
    function test_CON_31_delegated_accounts_sign_submit_and_are_revoked_like_any_others() external {
        for (uint256 i = 0; i < 3; i++) {
            vm.signAndAttachDelegation(address(rules), fed.builders[i].key);
            (bool delegated,) = address(STRANGER).call("");
            assertTrue(delegated, "attached");
            assertEq(builder(i).code, bytes.concat(hex"ef0100", bytes20(address(rules))), "delegated");
        }
        bytes memory submission = submissionByAll(SECOND);
        (bytes memory record,) = expectedRecord(SECOND, submission, 2);
        address submitter = builder(1);
        vm.prank(submitter);
        ledger.finalise(SECOND, submission);
        assertEq(ledger.releases(SECOND), keccak256(record), "recorded as without delegation");
        address subject = builder(2);
        vm.prank(GUARDIAN);
        ledger.revoke(subject);
        bytes memory third = submissionByAll("third");
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerSignerRevoked.selector, 2, subject));
        ledger.finalise("third", third);
    }
}

/// Rules that try something whenever they are asked, see to it that it failed, and then answer as honest rules do.
contract ReentrantRules {
    IQuorumRules private immutable HONEST;
    IReleaseLedger private immutable LEDGER;
    bytes private call_;

    constructor(IQuorumRules honest, IReleaseLedger ledger) {
        (HONEST, LEDGER) = (honest, ledger);
    }

    function attempt(bytes memory next) external {
        call_ = next;
    }

    function builderCount() external returns (uint256) {
        _attempt(50_000);
        return HONEST.builderCount();
    }

    function builderAt(uint256 index) external view returns (address) {
        return HONEST.builderAt(index);
    }

    function judge(bytes32 release, bytes32 domain, bytes calldata submission) external returns (bytes memory) {
        _attempt(2_000_000);
        return HONEST.judge(release, domain, submission);
    }

    function _attempt(uint256 gas_) private {
        if (call_.length == 0) return;
        (bool accepted,) = address(LEDGER).call{gas: gas_}(call_);
        require(!accepted, "it had an effect");
    }
}
