//! The interfaces of everything that governance calls, as far as they change or announce something.
//!
//! Written out rather than read from the ABI snapshots, because a function is decoded only where somebody wrote
//! down what it means; `tests/decode_abi.rs` fails when a snapshot has one that is not here.
#![allow(
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    clippy::all
)]

alloy::sol! {
    #[derive(Debug, PartialEq)]
    interface Ledger {
        struct Submission { bytes32 release; bytes submission; }
        struct Claim { bytes32 evidence; address rules; string[] systems; bytes32[] digests; bytes32 r; bytes32 vs; }

        function finalise(bytes32 release, bytes submission) external;
        function finaliseBatch(Submission[] batch) external;
        function genesis(bytes32 release, bytes submission, bytes genesisSignatures) external;
        function post(bytes32 release, bytes32 root, bytes32 evidence, address rules, bytes32 r, bytes32 vs) external;
        function proveEquivocation(bytes32 release, Claim first, Claim second) external;
        function setRules(address rules, bytes32 codeHash) external;
        function confirmRevocation(address subject) external;
        function revoke(address subject) external;
        function revokeRetroactively(address subject, uint32 fromSequence) external;
        function pause(uint32 duration) external;

        event ReleaseFinalised(bytes32 indexed release, bytes data);
        event RulesSet(address indexed rules, bytes32 codeHash);
        event Revoked(address indexed subject, uint64 since, uint32 fromSequence, uint8 flags);
        event Paused(uint32 until);
        event GenesisCompleted(bytes32 indexed release, bytes signatures);
        event Posted(bytes32 indexed release, bytes32 root, bytes32 evidence, address rules, bytes32 r, bytes32 vs);
        event EquivocationProven(address indexed builder, bytes32 indexed release, string system, bytes32 firstDigest, bytes32 secondDigest);
    }

    #[derive(Debug, PartialEq)]
    interface Timelock {
        function schedule(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt, uint256 delay) external;
        function scheduleBatch(address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt, uint256 delay) external;
        function execute(address target, uint256 value, bytes payload, bytes32 predecessor, bytes32 salt) external payable;
        function executeBatch(address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt) external payable;
        function cancel(bytes32 id) external;
        function updateDelay(uint256 newDelay) external;
        function grantRole(bytes32 role, address account) external;
        function revokeRole(bytes32 role, address account) external;
        function renounceRole(bytes32 role, address callerConfirmation) external;

        event CallScheduled(bytes32 indexed id, uint256 indexed index, address target, uint256 value, bytes data, bytes32 predecessor, uint256 delay);
        event CallExecuted(bytes32 indexed id, uint256 indexed index, address target, uint256 value, bytes data);
        event CallSalt(bytes32 indexed id, bytes32 salt);
        event Cancelled(bytes32 indexed id);
        event MinDelayChange(uint256 oldDuration, uint256 newDuration);
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
    }

    #[derive(Debug, PartialEq)]
    interface Safe {
        function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures) external payable returns (bool success);
        function addOwnerWithThreshold(address owner, uint256 threshold) external;
        function removeOwner(address previous, address owner, uint256 threshold) external;
        function swapOwner(address previous, address oldOwner, address newOwner) external;
        function changeThreshold(uint256 threshold) external;
        function setGuard(address guard) external;
        function setModuleGuard(address guard) external;
        function enableModule(address module) external;
        function disableModule(address previous, address module) external;
        function setFallbackHandler(address handler) external;
        function approveHash(bytes32 hash) external;

        event AddedOwner(address indexed owner);
        event RemovedOwner(address indexed owner);
        event ChangedThreshold(uint256 threshold);
        event EnabledModule(address indexed module);
        event DisabledModule(address indexed module);
        event ChangedGuard(address indexed guard);
        event ChangedModuleGuard(address indexed moduleGuard);
        event ChangedFallbackHandler(address indexed handler);
        event ApproveHash(bytes32 indexed approvedHash, address indexed owner);
        event SafeMultiSigTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures, bytes additionalInfo);
        event SafeModuleTransaction(address module, address to, uint256 value, bytes data, uint8 operation);
        event SafeReceived(address indexed sender, uint256 value);
        event ExecutionSuccess(bytes32 indexed txHash, uint256 payment);
        event ExecutionFailure(bytes32 indexed txHash, uint256 payment);
    }

    /// What a Safe is asked; never part of a transaction.
    interface SafeView {
        function getOwners() external view returns (address[] owners);
        function getTransactionHash(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, uint256 nonce) external view returns (bytes32);
    }

    #[derive(Debug, PartialEq)]
    interface MultiSend {
        function multiSend(bytes transactions) external payable;
    }
}
