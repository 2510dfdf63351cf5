import { memoryStore } from './memory-store.ts';
import { runStoreContract } from '../store.contract.ts';

runStoreContract('memory', async () => memoryStore());
