/** Three prints drying on a line under the lamp. Decoration only: drawn, so that it needs no file and follows the theme. */
import type { ReactNode } from 'react'

export function DryingLine() {
  return (
    <svg
      viewBox="0 0 640 500"
      className="pointer-events-none mx-auto w-full max-w-lg overflow-visible lg:max-w-none"
      aria-hidden="true"
    >
      <Gradients />
      <circle cx="320" cy="64" r="430" fill="url(#lamp-light)" className="animate-lamp" />
      <path d="M320 -400V22" stroke="var(--edge)" strokeWidth="1.5" />
      <path d="M272 62 Q276 22 320 20 Q364 22 368 62Z" fill="var(--raised)" stroke="var(--edge)" strokeWidth="1.5" />
      <path d="M284 62 A36 30 0 0 0 356 62Z" fill="var(--accent)" />
      <path d="M-34 156 Q320 204 1040 112" fill="none" stroke="var(--edge)" strokeWidth="1.5" />
      <Print x={18} y={172} width={184} height={272} tilt={-2} scene={<Hills />} />
      <Print x={236} y={180} width={196} height={196} tilt={0.7} scene={<Moon />} />
      <Print x={462} y={168} width={196} height={136} tilt={2.4} scene={<Shore />} />
    </svg>
  )
}

function Gradients() {
  return (
    <defs>
      <radialGradient id="lamp-light">
        <stop offset="0" stopColor="var(--accent)" stopOpacity="0.34" />
        <stop offset="0.4" stopColor="var(--accent)" stopOpacity="0.11" />
        <stop offset="1" stopColor="var(--accent)" stopOpacity="0" />
      </radialGradient>
      <linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
        <stop offset="0" stopColor="var(--print-deep)" />
        <stop offset="1" stopColor="var(--print-pale)" />
      </linearGradient>
      <linearGradient id="sea" x1="0" y1="0" x2="0" y2="1">
        <stop offset="0" stopColor="var(--print-mid)" />
        <stop offset="1" stopColor="var(--print-deep)" />
      </linearGradient>
    </defs>
  )
}

interface PrintProps {
  x: number
  y: number
  width: number
  height: number
  tilt: number
  scene: ReactNode
}

function Print({ x, y, width, height, tilt, scene }: PrintProps) {
  const border = 10
  return (
    <g transform={`translate(${x} ${y}) rotate(${tilt} ${width / 2} 0)`}>
      <rect
        width={width}
        height={height}
        rx="2"
        fill="var(--paper)"
        className="drop-shadow-[0_18px_18px_var(--shade)]"
      />
      <svg
        x={border}
        y={border}
        width={width - 2 * border}
        height={height - 2 * border}
        viewBox="0 0 100 100"
        preserveAspectRatio="xMidYMid slice"
      >
        {scene}
      </svg>
      {[0.18, 0.82].map(at => (
        <rect key={at} x={width * at - 4} y={-10} width="8" height="22" rx="2" fill="var(--accent)" />
      ))}
    </g>
  )
}

function Hills() {
  return (
    <>
      <rect x="-50" width="200" height="100" fill="url(#sky)" />
      <circle cx="58" cy="40" r="10" fill="var(--paper)" opacity="0.85" />
      <path d="M-50 72 Q-10 44 22 62 T84 54 T150 66 V100 H-50Z" fill="var(--print-mid)" />
      <path d="M-50 86 Q10 62 48 78 T150 74 V100 H-50Z" fill="var(--print-deep)" />
    </>
  )
}

function Moon() {
  return (
    <>
      <rect width="100" height="100" fill="var(--print-deep)" />
      <circle cx="50" cy="46" r="25" fill="var(--print-pale)" />
      <circle cx="60" cy="40" r="23" fill="var(--print-deep)" />
      <path d="M0 88 Q30 80 52 87 T100 84 V100 H0Z" fill="var(--print-mid)" />
    </>
  )
}

function Shore() {
  return (
    <>
      <rect x="-50" width="200" height="58" fill="url(#sky)" />
      <circle cx="34" cy="56" r="13" fill="var(--paper)" opacity="0.8" />
      <rect x="-50" y="58" width="200" height="42" fill="url(#sea)" />
      <path d="M24 66h20M28 73h12M31 80h6" stroke="var(--paper)" strokeWidth="2" opacity="0.6" strokeLinecap="round" />
    </>
  )
}
