// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TransientSlot} from "@openzeppelin/contracts/utils/TransientSlot.sol";

/// @title A byte string that lives for one transaction (EIP-1153)
/// @dev Length at `slot`, words from `slot + 1` on. What is left after the transaction is nothing.
library TransientBytes {
    using TransientSlot for *;

    /// @dev Keeps `data` under `slot`.
    function write(bytes32 slot, bytes memory data) internal {
        slot.asUint256().tstore(data.length);
        for (uint256 offset; offset < data.length; offset += 32) {
            bytes32 word;
            // A load past the end reads what lies behind; `read` cuts it off by the length.
            assembly ("memory-safe") {
                word := mload(add(add(data, 32), offset))
            }
            _wordSlot(slot, offset).asBytes32().tstore(word);
        }
    }

    /// @dev What is kept under `slot`; empty if nothing.
    function read(bytes32 slot) internal view returns (bytes memory data) {
        data = new bytes(slot.asUint256().tload());
        for (uint256 offset; offset < data.length; offset += 32) {
            bytes32 word = _wordSlot(slot, offset).asBytes32().tload();
            // abi.encode gives whole words, and `new bytes` allocates whole words.
            assembly ("memory-safe") {
                mstore(add(add(data, 32), offset), word)
            }
        }
    }

    /// @dev Forgets it, for the rest of the transaction.
    function clear(bytes32 slot) internal {
        slot.asUint256().tstore(0);
    }

    function _wordSlot(bytes32 slot, uint256 offset) private pure returns (bytes32) {
        unchecked {
            return bytes32(uint256(slot) + 1 + offset / 32);
        }
    }
}
