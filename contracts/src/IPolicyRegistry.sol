// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What wallets and purses ask the registry.
interface IPolicyRegistry {
    /// @notice Whether payments may claim this policy digest now.
    function isActive(bytes32 digest) external view returns (bool);
}
