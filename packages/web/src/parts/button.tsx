import type { AnchorHTMLAttributes, ButtonHTMLAttributes } from 'react'

const looks = {
  primary:
    'bg-accent text-on-accent font-semibold hover:bg-accent-strong disabled:bg-line disabled:text-muted disabled:shadow-none',
  quiet: 'border border-line bg-raised text-ink hover:border-edge disabled:text-muted disabled:hover:border-line',
  bare: 'text-muted hover:bg-raised hover:text-ink disabled:hover:bg-transparent disabled:opacity-60',
} as const
const sizes = {
  small: 'h-9 gap-1.5 px-3 text-fine',
  medium: 'h-11 gap-2 px-4',
  large: 'h-13 gap-2 px-6 text-lead',
  icon: 'size-10',
} as const

interface Look {
  look?: keyof typeof looks
  size?: keyof typeof sizes
}

function classesOf({ look = 'quiet', size = 'small' }: Look, more = ''): string {
  return `inline-flex shrink-0 items-center justify-center rounded-control font-medium whitespace-nowrap transition-colors duration-150 ${looks[look]} ${sizes[size]} ${more}`
}

export function Button({ look, size, className, ...rest }: Look & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button
      type="button"
      className={classesOf({ ...(look && { look }), ...(size && { size }) }, className)}
      {...rest}
    />
  )
}

/** Looks like a button, leads somewhere. */
export function ButtonLink({
  look,
  size,
  className,
  children,
  ...rest
}: Look & AnchorHTMLAttributes<HTMLAnchorElement>) {
  return (
    <a className={classesOf({ ...(look && { look }), ...(size && { size }) }, className)} {...rest}>
      {children}
    </a>
  )
}
