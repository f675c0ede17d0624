// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {HostileRules} from "./mocks/HostileRules.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// Does anything that anybody can do to a ledger, in any order, and remembers what it saw.
contract Everybody is BaseTest {
    bytes32[] public recorded;
    mapping(bytes32 => bytes32) public commitmentOf;
    mapping(bytes32 => bytes) public dataOf;
    address[] public revoked;
    mapping(address => uint256) public revocationOf;
    uint256 public pausedTo;
    uint256 public stoppedSeconds;

    IQuorumRules[] private honest;
    Federation[] private federations;
    HostileRules private hostile;
    bool private underHostile;

    constructor() {
        vm.warp(START);
        for (uint256 i = 0; i < 3; i++) {
            Federation memory f = Federations.uniform(3 + 2 * i, 2 + i, uint8(2 + i));
            if (i == 2) f.builders[0].domains |= f.builders[1].domains & ~uint256(type(uint32).max);
            _keep(f);
        }
        hostile = new HostileRules("", HostileRules.Description.Honest);
        remember(federations[0]);
        rules = honest[0];
        ledger = deployLedger(address(rules));
    }

    /// The constructor did it; not one of the actions.
    function setUp() public override {}

    function _keep(Federation memory f) private {
        federations.push();
        Federation storage kept = federations[federations.length - 1];
        kept.systems = f.systems;
        for (uint256 i = 0; i < f.builders.length; i++) {
            kept.builders.push(f.builders[i]);
        }
        kept.threshold = f.threshold;
        kept.names = f.names;
        honest.push(deployRules(f));
    }

    function theLedger() external view returns (IReleaseLedger) {
        return ledger;
    }

    function counts() external view returns (uint256 records, uint256 revocations_) {
        return (recorded.length, revoked.length);
    }

    // ------------------------------------------------------------------------------------------------- actions

    function complete(uint256 seed) external {
        if (sequence() != 0 || underHostile) return;
        bytes32 release = bytes32(seed | 1);
        _watch(release, abi.encodeCall(ledger.genesis, (release, submissionByAll(release), genesisSignatures(release))));
    }

    function submit(uint256 seed, uint32 signers, uint256 damage) external {
        bytes32 release = bytes32(seed % 64 + 1);
        if (signers % 2 == 0) signers = type(uint32).max;
        uint256[] memory indices = new uint256[](fed.builders.length);
        uint256 count;
        for (uint256 i = 0; i < indices.length; i++) {
            if ((signers >> i) & 1 == 1) indices[count++] = i;
        }
        assembly ("memory-safe") {
            mstore(indices, count)
        }
        bytes memory submission = submissionBy(release, indices);
        if (damage % 4 == 0) submission[damage % submission.length] ^= 0x01;
        vm.prank(address(uint160(seed | 1)));
        _watch(release, abi.encodeCall(ledger.finalise, (release, submission)));
    }

    function submitUnderHostileRules(uint256 seed, bytes calldata answer, uint8 systems, uint8 signers) external {
        bytes32 release = bytes32(seed % 64 + 1);
        hostile.answer(seed % 2 == 0 ? abi.encode(answer) : abi.encode(_wellFormed(1 + systems % 64, 1 + signers % 32)));
        _watch(release, abi.encodeCall(ledger.finalise, (release, "")));
    }

    function swapRules(uint256 which) external {
        which %= 4;
        address next = which == 3 ? address(hostile) : address(honest[which]);
        hostile.describe(HostileRules.Description.Honest);
        bytes32 hash = next.codehash;
        vm.prank(TIMELOCK);
        try ledger.setRules(next, hash) {
            underHostile = which == 3;
            if (which == 3) return;
            remember(federations[which]);
            rules = honest[which];
        } catch {}
    }

    function revoke(uint256 which, uint8 mood) external {
        // Seldom, so that there are builders left to sign with.
        if (which % 7 != 0) return;
        which /= 7;
        hostile.describe(HostileRules.Description(mood % 9));
        address subject = which % 16 == 0 ? address(honest[which % 3]) : builder(which % fed.builders.length);
        bool fresh = ledger.revocations(subject) == 0;
        vm.prank(GUARDIAN);
        try ledger.revoke(subject) {
            assertTrue(fresh, "a revocation was replaced");
            revoked.push(subject);
            revocationOf[subject] = ledger.revocations(subject);
        } catch {
            assertTrue(!fresh, "a revocation was refused");
        }
    }

    function pause(uint32 duration) external {
        vm.prank(GUARDIAN);
        try ledger.pause(duration % 40 days) {
            assertTrue(block.timestamp >= pausedTo + 30 days, "too soon");
            pausedTo = block.timestamp + duration % 40 days;
            stoppedSeconds += duration % 40 days;
        } catch {}
    }

    function wait(uint32 time) external {
        vm.warp(block.timestamp + time % 20 days);
    }

    function trespass(uint256 seed, uint8 what) external {
        address caller = address(uint160(uint256(keccak256(abi.encode(seed)))));
        vm.prank(caller);
        bool accepted;
        if (what % 3 == 0) (accepted,) = address(ledger).call(abi.encodeCall(ledger.revoke, (builder(0))));
        if (what % 3 == 1) (accepted,) = address(ledger).call(abi.encodeCall(ledger.pause, (1)));
        if (what % 3 == 2) {
            (accepted,) =
                address(ledger).call(abi.encodeCall(ledger.setRules, (address(rules), address(rules).codehash)));
        }
        assertTrue(!accepted, "a stranger has power");
    }

    // ------------------------------------------------------------------------------------------------- watching

    function _watch(bytes32 release, bytes memory call_) private {
        uint256 before = sequence();
        bool paused = block.timestamp < pausedTo;
        bool isGenesis = bytes4(call_) == ledger.genesis.selector;
        vm.recordLogs();
        (bool accepted,) = address(ledger).call(call_);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (!accepted) {
            assertEq(sequence(), before, "a refused call moved the sequence");
            return;
        }
        assertTrue(commitmentOf[release] == 0, "a release was recorded twice");
        assertTrue(isGenesis || !paused, "recorded while paused");
        assertTrue(isGenesis == (before == 0), "genesis first, and once");
        assertEq(sequence(), before + 1, "next number");
        bytes memory data = abi.decode(logs[0].data, (bytes));
        recorded.push(release);
        commitmentOf[release] = ledger.releases(release);
        dataOf[release] = data;
        _audit(release, data);
    }

    /// Judges a record from what was emitted alone, by the reference.
    function _audit(bytes32 release, bytes memory data) private view {
        (uint256 systems, uint256 signers) = (uint8(data[1]), uint8(data[2]));
        uint256 size = 32 * (4 + 2 * signers + systems);
        assertEq(data.length, size + 64 * signers, "length");
        assertEq(keccak256(Reference.slice(data, 0, size)), ledger.releases(release), "event and slot agree");
        address judge = address(uint160(uint256(bytes32(Reference.slice(data, 96, 32)))));
        assertEq(judge, address(uint160(ledger.control())), "judged by the current rules");
        assertEq(bytes32(Reference.slice(data, 64, 32)), judge.codehash, "their code");
        assertTrue(ledger.revocations(judge) == 0, "revoked rules judged");
        if (judge == address(hostile)) return;
        uint256 seen;
        for (uint256 i = 0; i < signers; i++) {
            bytes32 entry = bytes32(Reference.slice(data, 128 + 64 * i, 32));
            address signer = address(uint160(uint256(entry) >> 64));
            assertEq(signer, builder(uint8(entry[0])), "a builder of the rules");
            assertTrue(ledger.revocations(signer) == 0, "a revoked builder was counted");
            uint256 domains = fed.builders[uint8(entry[0])].domains;
            assertEq(seen & domains, 0, "dependent builders were counted");
            seen |= domains;
        }
        assertTrue(signers >= fed.threshold, "below the threshold");
    }

    function _wellFormed(uint256 systems, uint256 signers) private pure returns (bytes memory answer) {
        answer =
            abi.encodePacked(uint8(0), uint8(systems), uint8(signers), new bytes(29), keccak256("root"), new bytes(64));
        for (uint256 i = 0; i < signers; i++) {
            answer = bytes.concat(answer, bytes32(i << 248 | (0xb0b + i) << 64 | 1), keccak256("evidence"));
        }
        for (uint256 i = 0; i < systems + 2 * signers; i++) {
            answer = bytes.concat(answer, keccak256(abi.encode("word", i)));
        }
    }
}

/// What holds whatever anybody does.
contract InvariantTest is BaseTest {
    Everybody private everybody;

    function setUp() public override {
        everybody = new Everybody();
        ledger = everybody.theLedger();
    }

    /// Only the handler is called.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(everybody);
    }

    function invariant_a_recorded_release_never_changes() external view {
        (uint256 records,) = everybody.counts();
        for (uint256 i = 0; i < records; i++) {
            bytes32 release = everybody.recorded(i);
            assertEq(ledger.releases(release), everybody.commitmentOf(release), "commitment");
        }
    }

    function invariant_the_sequence_counts_the_records() external view {
        (uint256 records,) = everybody.counts();
        assertEq(sequence(), records, "gapless");
        uint64 expected;
        for (uint256 i = 0; i < records; i++) {
            bytes memory data = everybody.dataOf(everybody.recorded(i));
            expected++;
            assertEq(uint64(bytes8(Reference.slice(data, 16, 8))), expected, "numbered in order");
        }
    }

    function invariant_a_revocation_never_changes() external view {
        (, uint256 revocations_) = everybody.counts();
        for (uint256 i = 0; i < revocations_; i++) {
            address subject = everybody.revoked(i);
            assertEq(ledger.revocations(subject), everybody.revocationOf(subject), "word");
            assertTrue(ledger.revocations(subject) != 0, "never zero");
        }
    }

    function invariant_the_roles_never_change() external view {
        assertEq(ledger.timelock(), TIMELOCK, "timelock");
        assertEq(ledger.guardian(), GUARDIAN, "guardian");
    }
}
