// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {HostileRules} from "./mocks/HostileRules.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// Does anything that anybody can do to a ledger, in any order, and remembers what the ledger logged, what it must
/// have done, and nothing else.
contract Everybody is BaseTest {
    bytes32[] public recorded;
    mapping(bytes32 => bytes32) public commitmentOf;
    mapping(bytes32 => bytes) public dataOf;
    address[] public revoked;
    /// What the words must be by what was done.
    mapping(address => uint256) public revocationOf;
    /// What the words are by what was logged.
    mapping(address => uint256) public loggedRevocationOf;
    address public loggedRules;
    uint256 public pausedTo;
    uint256 public stoppedSeconds;

    IQuorumRules[] private honest;
    Federation[] private federations;
    HostileRules private hostile;
    bool public underHostile;

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
        vm.recordLogs();
        ledger = deployLedger(address(rules));
        _index(vm.getRecordedLogs());
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

    /// The revoked builders of the current rules, by what was logged.
    function expectedBits() external view returns (uint256 bits) {
        if (loggedRevocationOf[address(rules)] != 0) return type(uint32).max;
        for (uint256 i = 0; i < fed.builders.length; i++) {
            if (loggedRevocationOf[builder(i)] != 0) bits |= 1 << i;
        }
    }

    // ------------------------------------------------------------------------------------------------- actions

    function complete(uint256 seed) external {
        if (sequence() != 0 || underHostile) return;
        bytes32 release = bytes32(seed | 1);
        _do(STRANGER, abi.encodeCall(ledger.genesis, (release, submissionByAll(release), genesisSignatures(release))));
    }

    function submit(uint256 seed, uint32 signers, uint256 damage) external {
        (bytes32 release, bytes memory submission) = _submission(seed, signers, damage);
        _do(address(uint160(seed | 1)), abi.encodeCall(ledger.finalise, (release, submission)));
    }

    function submitBatch(uint256 seed, uint32 signers, uint256 damage, uint8 size) external {
        IReleaseLedger.Submission[] memory batch = new IReleaseLedger.Submission[](size % 5);
        for (uint256 i = 0; i < batch.length; i++) {
            uint256 one = uint256(keccak256(abi.encode(seed, i)));
            uint256 spoilt = i == damage % 16 ? 0 : 1;
            (batch[i].release, batch[i].submission) = _submission(one, signers, spoilt);
        }
        _do(address(uint160(seed | 1)), abi.encodeCall(ledger.finaliseBatch, (batch)));
    }

    function _submission(uint256 seed, uint32 signers, uint256 damage)
        private
        view
        returns (bytes32 release, bytes memory submission)
    {
        release = bytes32(seed % 64 + 1);
        if (signers % 2 == 0) signers = type(uint32).max;
        uint256[] memory indices = new uint256[](fed.builders.length);
        uint256 count;
        for (uint256 i = 0; i < indices.length; i++) {
            if ((signers >> i) & 1 == 1) indices[count++] = i;
        }
        assembly ("memory-safe") {
            mstore(indices, count)
        }
        submission = submissionBy(release, indices);
        if (damage % 4 == 0) submission[damage % submission.length] ^= 0x01;
    }

    function submitUnderHostileRules(uint256 seed, bytes calldata answer, uint8 systems, uint8 signers) external {
        bytes32 release = bytes32(seed % 64 + 1);
        hostile.answer(seed % 2 == 0 ? abi.encode(answer) : abi.encode(_wellFormed(1 + systems % 64, 1 + signers % 32)));
        _do(STRANGER, abi.encodeCall(ledger.finalise, (release, "")));
    }

    function postAnything(bytes32 release, bytes32 root, bytes32 evidence, address rules_, bytes32 r, bytes32 vs)
        external
    {
        uint256 before = ledger.control();
        assertTrue(
            _do(STRANGER, abi.encodeCall(ledger.post, (release, root, evidence, rules_, r, vs))), "posting is refused"
        );
        assertEq(ledger.control(), before, "posting changed control");
    }

    function swapRules(uint256 which) external {
        which %= 4;
        address next = which == 3 ? address(hostile) : address(honest[which]);
        hostile.describe(HostileRules.Description.Honest);
        if (!_do(TIMELOCK, abi.encodeCall(ledger.setRules, (next, next.codehash)))) return;
        underHostile = which == 3;
        if (underHostile) return;
        remember(federations[which]);
        rules = honest[which];
    }

    function revoke(uint256 which, uint8 mood) external {
        // Seldom, so that there are builders left to sign with.
        if (which % 7 != 0) return;
        address subject = _subject(which / 7, mood);
        bool fresh = revocationOf[subject] == 0;
        assertTrue(_do(GUARDIAN, abi.encodeCall(ledger.revoke, (subject))) == fresh, "revoked once, and always once");
        if (fresh) _expect(subject, block.timestamp, sequence() + 1, 0);
    }

    function dispute(uint256 which, uint8 mood, uint32 from) external {
        if (which % 7 != 0) return;
        address subject = _subject(which / 7, mood);
        from %= sequence() + 2;
        uint256 word = revocationOf[subject];
        bool possible = from != 0 && from <= sequence() && word & 1 == 0;
        bool accepted = _do(GUARDIAN, abi.encodeCall(ledger.revokeRetroactively, (subject, from)));
        assertTrue(accepted == possible, "disputed once, and always once");
        if (!accepted) return;
        uint256 earlier = uint32(word >> 8);
        _expect(subject, block.timestamp, word == 0 || from < earlier ? from : earlier, uint8(word) | 1);
    }

    function confirm(uint256 which) external {
        if (revoked.length == 0) return;
        address subject = revoked[which % revoked.length];
        uint256 word = revocationOf[subject];
        bool possible = word & 3 == 1 && block.timestamp < (word >> 40) + 30 days;
        bool accepted = _do(TIMELOCK, abi.encodeCall(ledger.confirmRevocation, (subject)));
        assertTrue(accepted == possible, "confirmed while it is open");
        if (accepted) revocationOf[subject] = word | 2;
    }

    function equivocate(uint256 which, uint8 mood, uint256 seed) external {
        if (which % 7 != 0) return;
        hostile.describe(HostileRules.Description(mood % 9));
        uint256 index = which / 7 % fed.builders.length;
        address subject = builder(index);
        bool fresh = revocationOf[subject] == 0;
        bool differ = seed % 3 != 0;
        IReleaseLedger.Claim memory first = _claim(index, seed, 1);
        IReleaseLedger.Claim memory second = _claim(index, seed, differ ? 2 : 1);
        bool accepted = _do(STRANGER, abi.encodeCall(ledger.proveEquivocation, (bytes32(seed | 1), first, second)));
        assertTrue(accepted == (fresh && differ), "proven once, if at all");
        if (accepted) _expect(subject, block.timestamp, sequence() + 1, 4);
    }

    function _claim(uint256 index, uint256 seed, uint256 salt)
        private
        view
        returns (IReleaseLedger.Claim memory claim)
    {
        (claim.systems, claim.digests) = (new string[](1), new bytes32[](1));
        (claim.systems[0], claim.digests[0]) = ("x86_64-linux", keccak256(abi.encode(seed, salt)));
        (claim.evidence, claim.rules) = (bytes32(seed), address(uint160(salt)));
        bytes32 root = Reference.leaf("x86_64-linux", claim.digests[0]);
        bytes32 digest = Reference.attestation(domain(), bytes32(seed | 1), root, claim.evidence, claim.rules);
        (claim.r, claim.vs) = vm.signCompact(fed.builders[index].key, digest);
    }

    function _subject(uint256 which, uint8 mood) private returns (address) {
        hostile.describe(HostileRules.Description(mood % 9));
        return which % 16 == 0 ? address(honest[which % 3]) : builder(which % fed.builders.length);
    }

    function _expect(address subject, uint256 since, uint256 from, uint256 flags) private {
        if (revocationOf[subject] == 0) revoked.push(subject);
        revocationOf[subject] = since << 40 | from << 8 | flags;
    }

    function pause(uint32 duration) external {
        if (!_do(GUARDIAN, abi.encodeCall(ledger.pause, (duration % 40 days)))) return;
        assertEq(pausedTo, block.timestamp + duration % 40 days, "until then");
        stoppedSeconds += duration % 40 days;
    }

    function wait(uint32 time) external {
        vm.warp(block.timestamp + time % 20 days);
    }

    function trespass(uint256 seed, uint8 what) external {
        address caller = address(uint160(uint256(keccak256(abi.encode(seed)))));
        if (seed % 3 == 0) caller = what % 2 == 0 ? TIMELOCK : GUARDIAN;
        bytes memory call_;
        if (what % 5 == 0) call_ = abi.encodeCall(ledger.revoke, (builder(0)));
        if (what % 5 == 1) call_ = abi.encodeCall(ledger.pause, (1));
        if (what % 5 == 2) call_ = abi.encodeCall(ledger.setRules, (address(rules), address(rules).codehash));
        if (what % 5 == 3) call_ = abi.encodeCall(ledger.revokeRetroactively, (builder(0), 1));
        if (what % 5 == 4) call_ = abi.encodeCall(ledger.confirmRevocation, (builder(0)));
        bool timelocks = what % 5 == 2 || what % 5 == 4;
        if (caller == (timelocks ? TIMELOCK : GUARDIAN)) return;
        assertTrue(!_do(caller, call_), "power of another");
    }

    // ------------------------------------------------------------------------------------------------- watching

    function _do(address caller, bytes memory call_) private returns (bool accepted) {
        uint256 before = sequence();
        bool paused = block.timestamp < pausedTo;
        bool isGenesis = bytes4(call_) == ledger.genesis.selector;
        vm.recordLogs();
        vm.prank(caller);
        (accepted,) = address(ledger).call(call_);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (!accepted) {
            assertEq(sequence(), before, "a refused call moved the sequence");
            return accepted;
        }
        uint256 records = _index(logs);
        assertEq(sequence(), before + records, "next numbers");
        if (records == 0) return accepted;
        assertTrue(isGenesis || !paused, "recorded while paused");
        assertTrue(isGenesis == (before == 0), "genesis first, and once");
    }

    /// Follows the log as an indexer would.
    function _index(Vm.Log[] memory logs) private returns (uint256 records) {
        for (uint256 i = 0; i < logs.length; i++) {
            bytes32 topic = logs[i].topics[0];
            if (topic == IReleaseLedger.ReleaseFinalised.selector) {
                _indexRelease(logs[i].topics[1], abi.decode(logs[i].data, (bytes)));
                records++;
            } else if (topic == IReleaseLedger.Revoked.selector) {
                (uint256 since, uint256 from, uint256 flags) = abi.decode(logs[i].data, (uint256, uint256, uint256));
                loggedRevocationOf[address(uint160(uint256(logs[i].topics[1])))] = since << 40 | from << 8 | flags;
            } else if (topic == IReleaseLedger.RulesSet.selector) {
                loggedRules = address(uint160(uint256(logs[i].topics[1])));
            } else if (topic == IReleaseLedger.Paused.selector) {
                uint256 until = abi.decode(logs[i].data, (uint256));
                assertTrue(block.timestamp >= pausedTo + 30 days || pausedTo == 0, "too soon");
                pausedTo = until;
            }
        }
    }

    function _indexRelease(bytes32 release, bytes memory data) private {
        assertTrue(commitmentOf[release] == 0, "a release was recorded twice");
        recorded.push(release);
        commitmentOf[release] = keccak256(Reference.slice(data, 0, data.length - 64 * uint256(uint8(data[2]))));
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

    function invariant_CON_18_a_recorded_release_never_changes() external view {
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

    /// Since when and from which release, with which flags: only ever what the guardian, the timelock or a proof made it.
    function invariant_CON_16_revocations_are_what_was_done_and_never_undone() external view {
        (, uint256 revocations_) = everybody.counts();
        for (uint256 i = 0; i < revocations_; i++) {
            address subject = everybody.revoked(i);
            assertEq(ledger.revocations(subject), everybody.revocationOf(subject), "word");
            assertTrue(ledger.revocations(subject) != 0, "never zero");
        }
    }

    /// Whoever follows the events knows every word of the ledger's storage.
    function invariant_CON_29_the_events_rebuild_the_storage() external view {
        (uint256 records, uint256 revocations_) = everybody.counts();
        for (uint256 i = 0; i < revocations_; i++) {
            address subject = everybody.revoked(i);
            assertEq(ledger.revocations(subject), everybody.loggedRevocationOf(subject), "revocation");
        }
        uint256 control = ledger.control();
        assertEq(address(uint160(control)), everybody.loggedRules(), "rules");
        assertEq(uint32(control >> 192), records, "sequence");
        assertEq(control >> 224, everybody.pausedTo(), "paused until");
        if (!everybody.underHostile()) assertEq(uint32(control >> 160), everybody.expectedBits(), "revoked builders");
    }

    function invariant_the_roles_never_change() external view {
        assertEq(ledger.timelock(), TIMELOCK, "timelock");
        assertEq(ledger.guardian(), GUARDIAN, "guardian");
    }
}
