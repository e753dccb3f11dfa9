/** All of them, as `createWorld({ simulators })` takes them. */
import { bflSimulator } from '../bfl/simulator.ts'
import { falSimulator } from '../fal/simulator.ts'
import { googleSimulator } from '../google/simulator.ts'
import { huggingfaceSimulator } from '../huggingface/simulator.ts'
import { openaiSimulator } from '../openai/simulator.ts'
import { replicateSimulator } from '../replicate/simulator.ts'
import { runwaySimulator } from '../runway/simulator.ts'
import { wavespeedSimulator } from '../wavespeed/simulator.ts'
import type { Simulator } from './kit/simulator.ts'

/** A simulator of every provider. */
export const simulators: readonly Simulator[] = [
  falSimulator,
  wavespeedSimulator,
  huggingfaceSimulator,
  replicateSimulator,
  openaiSimulator,
  googleSimulator,
  bflSimulator,
  runwaySimulator,
]
