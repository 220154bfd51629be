// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

/// @title Tree heads of the organisation's event log, put where its server cannot change them
/// @notice An anchor says: at this block, the log of the account that anchored had this size and this RFC 6962 root. The logs keep
/// every anchor; the state keeps the latest of each account.
abstract contract LogAnchors is Ownable2Step {
    /// @dev Two slots: size and time share one.
    struct Anchor {
        uint64 size;
        uint64 time;
        bytes32 root;
    }

    /// @notice The key that anchors from day to day, beside the owner; zero for none.
    address public anchorer;
    mapping(address by => Anchor) private _latest;

    /// @notice The log of `by` had `size` events and this root.
    event Anchored(uint64 indexed size, bytes32 indexed root, address indexed by);
    /// @notice Who may anchor, beside the owner.
    event AnchorerChanged(address indexed previous, address indexed next);

    /// @notice Only the owner and the anchorer anchor.
    error NotAnchorer(address caller);
    /// @notice An anchor must be of more events than the last one of the same account.
    error AnchorNotGrowing(uint64 size, uint64 latest);

    /// @notice Records a tree head. Owner or anchorer only.
    /// @dev Sizes grow for each account by itself: anyone who holds a stolen anchorer key and claims the largest size blocks that
    /// account only, and the owner names another one.
    /// @param size Number of events in the log; above that of the caller's last anchor.
    /// @param root RFC 6962 root of the Merkle tree over them.
    function anchor(uint64 size, bytes32 root) external {
        if (msg.sender != anchorer && msg.sender != owner()) revert NotAnchorer(msg.sender);
        Anchor storage last = _latest[msg.sender];
        if (size <= last.size) revert AnchorNotGrowing(size, last.size);
        (last.size, last.time, last.root) = (size, uint64(block.timestamp), root);
        emit Anchored(size, root, msg.sender);
    }

    /// @notice Names the account that may anchor beside the owner; zero for none.
    function setAnchorer(address next) external onlyOwner {
        emit AnchorerChanged(anchorer, next);
        anchorer = next;
    }

    /// @notice The last anchor of an account: size, root and the block's time; zeros if it made none.
    function latestAnchor(address by) external view returns (uint64 size, bytes32 root, uint64 time) {
        Anchor storage last = _latest[by];
        return (last.size, last.root, last.time);
    }
}
