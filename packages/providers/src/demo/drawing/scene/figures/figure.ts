/** A shape and its colour. Parts come from the back to the front. */
type Piece = readonly [color: string, path: string]

export interface Figure {
  /** Where it is at home. */
  place: 'ground' | 'water' | 'sky'
  /** Its height as a part of the picture's unit. */
  size: number
  pieces: readonly Piece[]
  /** Points that glow, as windows and lamps do: x, y, radius in the box. */
  lamps?: readonly (readonly [number, number, number])[]
}

/** A figure as SVG, mirrored where it looks the other way. */
export function svgOf(figure: Figure, isMirrored: boolean): string {
  const paths = figure.pieces.map(([color, path]) => `<path fill="${color}" d="${path}"/>`).join('')
  const turn = isMirrored ? ' transform="translate(200 0) scale(-1 1)"' : ''
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200"><g${turn}>${paths}</g></svg>`
}
