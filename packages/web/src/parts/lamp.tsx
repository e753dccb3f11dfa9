/** The safelight itself: it glows, and breathes while something is developing. */
export function Lamp({ isWorking = false, className = 'size-3' }: { isWorking?: boolean; className?: string }) {
  return (
    <span className={`relative inline-flex shrink-0 ${className}`} aria-hidden="true">
      <span
        className={`absolute -inset-full rounded-full bg-accent/30 blur-md ${isWorking ? 'animate-lamp' : 'opacity-60'}`}
      />
      <span className="relative size-full rounded-full bg-accent" />
    </span>
  )
}
