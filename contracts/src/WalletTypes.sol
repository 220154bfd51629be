// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Everything a wallet starts with. Its hash is the CREATE2 salt, so the address commits to all of it.
/// @param owner May change limits and roles and withdraw; meant to be people's multisig.
/// @param guardian May freeze, and cancel a pending raise; zero for none.
/// @param executor The server's key: pays within the limits.
/// @param approvers Whose signatures carry a payment above the ceilings or off the list; EOA or ERC-1271.
/// @param threshold How many approvers must sign; zero only with no approvers, then nothing can be approved.
/// @param perPayment Most that one payment may move, in micro-USDC, below 2^58 - 1; type(uint64).max for no ceiling.
/// @param perPeriod Most that one period may move, with the same bounds.
/// @param periodSeconds Length of a period; periods are [k * periodSeconds, (k + 1) * periodSeconds) of Unix time.
/// @param validUntil First second at which the executor can no longer pay; type(uint40).max for ever.
/// @param raiseDelay Seconds between asking for a higher ceiling and having it.
/// @param allowListOn Whether only listed payees (and the own purse) may be paid without approvals.
/// @param allowList Payees listed from the start.
/// @param salt Free value, to tell apart wallets that are otherwise the same.
struct WalletConfig {
    address owner;
    address guardian;
    address executor;
    address[] approvers;
    uint8 threshold;
    uint64 perPayment;
    uint64 perPeriod;
    uint32 periodSeconds;
    uint40 validUntil;
    uint32 raiseDelay;
    bool allowListOn;
    address[] allowList;
    bytes32 salt;
}

/// @notice One payment of a batch; all share the batch's policy digest.
struct BatchItem {
    bytes32 paymentId;
    address payee;
    uint64 amount;
    uint256 nonce;
    bytes32 decisionHash;
}

/// @notice One approver's EIP-712 signature over a `PaymentApproval`.
struct Approval {
    address approver;
    bytes signature;
}

/// @notice What a wallet and its purse read from the factory while they are constructed.
struct Deployment {
    WalletConfig config;
    address token;
    address registry;
    address wallet;
    address purse;
}

/// @notice The factory as seen by the constructors it runs.
interface IWalletDeployer {
    /// @notice The deployment under way; reverts when there is none.
    function deployment() external view returns (Deployment memory);
}
