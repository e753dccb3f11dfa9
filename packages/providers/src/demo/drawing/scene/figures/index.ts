/** Figures that a prompt may name, drawn as flat shapes in a box of 200 by 200; their feet are at the bottom. */
import { ANIMALS } from './animals.ts'
import { THINGS } from './things.ts'

export const FIGURES = { ...ANIMALS, ...THINGS }

export type FigureName = keyof typeof FIGURES
