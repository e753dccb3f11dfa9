import { Monitor, Moon, Sun } from 'lucide-react'
import { applyTheme, nextTheme, theme } from '../browser/theme.ts'
import { hrefOf, usePlace, views } from '../browser/place.ts'
import { useStore } from '../browser/store.ts'
import { useAccount, useJobs } from '../api/queries.ts'
import { isOpen } from '../api/jobs.ts'
import { text } from '../messages.ts'
import { Button } from './button.tsx'
import { Lamp } from './lamp.tsx'

export function TopBar() {
  const isWorking = useJobs().data?.items.some(isOpen) ?? false
  return (
    <header className="sticky top-0 z-20 border-b border-line bg-ground/85 backdrop-blur-md">
      <div className="mx-auto flex max-w-[100rem] flex-wrap items-center gap-x-6 px-4 sm:h-16 sm:flex-nowrap sm:px-8">
        <Name isWorking={isWorking} />
        <Navigation />
        <div className="ml-auto flex items-center gap-1 sm:gap-3">
          <Balance />
          <ThemeButton />
        </div>
      </div>
    </header>
  )
}

export function Name({ isWorking = false }: { isWorking?: boolean }) {
  return (
    <span className="flex items-center gap-3 py-3.5 pl-1 text-lead leading-none font-semibold tracking-tight">
      <Lamp isWorking={isWorking} />
      {text.name}
    </span>
  )
}

function Navigation() {
  const { view } = usePlace()
  return (
    <nav
      aria-label={text.navigation}
      className="order-last -mx-1 flex basis-full gap-1 sm:order-none sm:mx-0 sm:basis-auto"
    >
      {views.map(name => (
        <a
          key={name}
          href={hrefOf(name)}
          aria-current={name === view ? 'page' : undefined}
          className="relative flex h-11 flex-1 items-center justify-center px-3 font-medium text-muted transition-colors hover:text-ink aria-[current=page]:text-ink aria-[current=page]:after:absolute aria-[current=page]:after:inset-x-3 aria-[current=page]:after:bottom-0 aria-[current=page]:after:h-0.5 aria-[current=page]:after:rounded-full aria-[current=page]:after:bg-accent sm:h-16 sm:flex-none"
        >
          {text.views[name]}
        </a>
      ))}
    </nav>
  )
}

function Balance() {
  const { data } = useAccount()
  return (
    <span role="status" aria-label={text.balance.label} className="figures px-2 font-medium">
      {data ? text.credits(data.balance) : <span className="text-muted">…</span>}
    </span>
  )
}

const themeIcons = { system: Monitor, dark: Moon, light: Sun } as const

export function ThemeButton() {
  const now = useStore(theme)
  const Icon = themeIcons[now]
  return (
    <Button
      look="bare"
      size="icon"
      aria-label={text.theme[now]}
      title={text.theme[now]}
      onClick={() => {
        theme.set(nextTheme)
        applyTheme()
      }}
    >
      <Icon className="size-4.5" aria-hidden="true" />
    </Button>
  )
}
