import { type Address, encodeDeployData, getContractAddress, type Hex, zeroHash } from 'viem';
import { agentWalletFactoryAbi, agentWalletFactoryBytecode } from './contracts.generated.ts';

/** The deterministic deployment proxy, at this address on every chain. Its input is a salt and the creation code. */
export const CREATE2_DEPLOYER: Address = '0x4e59b44847b379578588920cA78FbF26c0B4956C';

/** The factory's creation code with that owner. */
export const factoryCreationCode = (owner: Address): Hex =>
  encodeDeployData({ abi: agentWalletFactoryAbi, bytecode: agentWalletFactoryBytecode, args: [owner] });

/**
 * Returns the address of the genuine factory of an owner, the same on every chain. It follows from code and owner, so no other code
 * and no other owner can be there.
 */
export const factoryAddress = (owner: Address): Address =>
  getContractAddress({
    opcode: 'CREATE2',
    from: CREATE2_DEPLOYER,
    salt: zeroHash,
    bytecode: factoryCreationCode(owner),
  });
