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
        uint256 epoch;
        uint256 next; // index above the highest nonce that paid in this epoch
    }

    uint256 internal constant PERIOD = 1 days;
    uint256 internal constant DELAY = 2 days;

    Expected internal expected;
    mapping(uint256 nonce => uint256 times) public paidUnderNonce;
    uint256[] public paidNonces;
    mapping(bytes32 paymentId => uint256 times) public paidByApproval;
    mapping(bytes32 paymentId => bool) public revoked;
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

    function countOfPaidNonces() external view returns (uint256) {
        return paidNonces.length;
    }

    /// @dev A nonce pays once, in its epoch, at most 72 below the next one and 65,535 above it.
    function usable(uint256 nonce, uint256 next) public view returns (bool) {
        if (nonce >> 32 != expected.epoch || paidUnderNonce[nonce] != 0) return false;
        uint256 index = nonce & type(uint32).max;
        return index < next ? next - index <= 72 : index - next < 65_536 && index != type(uint32).max;
    }

    function _nextAfter(uint256 nonce, uint256 next) internal pure returns (uint256) {
        uint256 index = nonce & type(uint32).max;
        return index < next ? next : index + 1;
    }

    function _raisedEpoch() internal {
        (expected.epoch, expected.next) = (expected.epoch + 1, 0);
    }

    function _mayOperate(address caller) internal view returns (bool) {
        return caller == expected.executor && !expected.frozen && block.timestamp < expected.validUntil;
    }

    function _withinLimits(address payee, address purse, uint256 amount, uint256 counted) internal view returns (bool) {
        bool reachable = !expected.listOn || listed[payee] || payee == purse;
        return reachable && amount <= expected.perPayment && counted + amount <= expected.perPeriod;
    }
}
