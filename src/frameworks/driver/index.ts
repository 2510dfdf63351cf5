export { SchedulerDriver } from './driver.ts';
export type {
  CallOutcome,
  FrameworkIdStore,
  SchedulerCall,
  SchedulerEvent,
  SchedulerHandler,
  Subscription,
} from './types.ts';
