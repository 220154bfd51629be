import { type Address, encodeDeployData, getContractAddress, type Hex, zeroHash } from 'viem';
import { agentWalletFactoryAbi, agentWalletFactoryBytecode } from './contracts.generated.ts';

/** The deterministic deployment proxy, at this address on every chain: its input is a salt and the creation code. */
export const CREATE2_DEPLOYER: Address = '0x4e59b44847b379578588920cA78FbF26c0B4956C';

/** The creation code of the factory of that owner. */
export const factoryCreationCode = (owner: Address): Hex =>
  encodeDeployData({ abi: agentWalletFactoryAbi, bytecode: agentWalletFactoryBytecode, args: [owner] });

/**
 * Where the genuine factory of that owner is, on every chain: the address follows from its code and its owner, so at this address
 * there can be no other code and no other owner.
 */
export const factoryAddress = (owner: Address): Address =>
  getContractAddress({
    opcode: 'CREATE2',
    from: CREATE2_DEPLOYER,
    salt: zeroHash,
    bytecode: factoryCreationCode(owner),
  });
