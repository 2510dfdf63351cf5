export { dependencyCycle } from './dependencies.ts';
export { planSteps } from './plan.ts';
export type { Action, PlannedApp, PlanStep } from './plan.ts';
export { nextRestart } from './restart.ts';
export { nextScale } from './scale.ts';
export type { Goal, InstanceView, Moves } from './types.ts';
