// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Creation code kept as the code of an account
/// @notice The factory cannot hold the code of what it makes: EIP-170 allows an account 24,576 bytes.
/// @dev A leading STOP makes the account impossible to execute.
contract CodeStore {
    constructor(bytes memory code) {
        bytes memory stored = bytes.concat(hex"00", code);
        assembly ("memory-safe") {
            return(add(stored, 32), mload(stored))
        }
    }
}
