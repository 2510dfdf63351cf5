export { missing, pathOf, percentile, run } from '../../dns/support/tools.ts';
export { Daemon } from '../../dns/support/daemon.ts';
