/** The rules of the token pool, for whoever keeps its state elsewhere. */
export { type Facts, type Known, learn, type Subject } from './learn.ts'
export { type LaneState, limitOf, newLane, newStanding, type Standing } from './reducer.ts'
export { rulesOf, type Rules } from './rules.ts'
