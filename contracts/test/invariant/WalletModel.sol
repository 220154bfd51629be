// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev What a wallet should be and allow, written down a second time, as plainly as possible.
abstract contract WalletModel {
    struct Expected {
        address executor;
        address guardian;
        bool frozen;
        bool listOn;
        uint256 validUntil;
        uint256 perPayment;
        uint256 perPeriod;
        uint256 raisedPerPayment;
        uint256 raisedPerPeriod;
        uint256 raiseAt;
        bool unwritten; // a raise matured and nothing has written it down yet
        uint256 threshold;
        uint256 approverMask; // bits of the approver list in the handler
    }

    uint256 internal constant PERIOD = 1 days;
    uint256 internal constant DELAY = 2 days;

    Expected public expected;
    mapping(uint256 nonce => uint256 times) public paidUnderNonce;
    mapping(bytes32 paymentId => uint256 times) public paidByApproval;
    mapping(address payee => bool) public listed;
    mapping(uint256 period => uint256 amount) public paidIn;
    mapping(uint256 period => uint256 amount) public countedIn;
    mapping(uint256 period => uint256 amount) public highestCeilingIn;
    uint256 public withdrawn;

    function expectedState() external view returns (Expected memory) {
        return expected;
    }

    function _period() internal view returns (uint256) {
        return block.timestamp / PERIOD;
    }

    /// @dev Brings a matured raise into force, and notes the highest ceiling that the present period has seen.
    function _tick(uint256 time_) internal {
        if (expected.raiseAt != 0 && time_ >= expected.raiseAt) {
            (expected.perPayment, expected.perPeriod) = (expected.raisedPerPayment, expected.raisedPerPeriod);
            (expected.raiseAt, expected.unwritten) = (0, true);
        }
        uint256 period = time_ / PERIOD;
        if (expected.perPeriod > highestCeilingIn[period]) highestCeilingIn[period] = expected.perPeriod;
    }

    function _expectCeilings(uint256 perPayment, uint256 perPeriod) internal {
        (expected.raiseAt, expected.unwritten) = (0, false);
        if (perPayment > expected.perPayment || perPeriod > expected.perPeriod) {
            (expected.raisedPerPayment, expected.raisedPerPeriod) = (perPayment, perPeriod);
            expected.raiseAt = block.timestamp + DELAY;
        }
        if (perPayment < expected.perPayment) expected.perPayment = perPayment;
        if (perPeriod < expected.perPeriod) expected.perPeriod = perPeriod;
    }

    function _mayOperate(address caller) internal view returns (bool) {
        return caller == expected.executor && !expected.frozen && block.timestamp < expected.validUntil;
    }

    function _withinLimits(address payee, address purse, uint256 amount, uint256 counted) internal view returns (bool) {
        bool reachable = !expected.listOn || listed[payee] || payee == purse;
        return reachable && amount <= expected.perPayment && counted + amount <= expected.perPeriod;
    }
}
