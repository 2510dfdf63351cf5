import { defineErrors } from '../core/errors.ts';

export const clusterErrors = defineErrors({
  CLUSTER_DETECTION_TIMEOUT: {
    message: 'master detection timed out after {after}',
    hint: 'No leading master was found: {problem}. Check that ZooKeeper runs and is reached from here, and its path; ZkDetectionTimeout (cluster.zkDetectionTimeoutSeconds) 0 waits for ever.',
  },
});
