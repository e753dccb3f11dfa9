/** A value between four cells of a field. */
export function between(field: Float32Array, columns: number, cell: number, fx: number, fy: number): number {
  const upper = (field[cell] as number) * (1 - fx) + (field[cell + 1] as number) * fx
  const lower = (field[cell + columns] as number) * (1 - fx) + (field[cell + columns + 1] as number) * fx
  return upper * (1 - fy) + lower * fy
}
