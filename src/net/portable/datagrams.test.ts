import { addressesOf } from '../local-addresses.ts';
import { runDatagramsContract } from '../datagrams.contract.ts';

runDatagramsContract('portable', { addresses: addressesOf('::'), keepsTheQueue: false });
