/** Dark, light, or as the system says. The colours themselves are `light-dark()` pairs in styles.css. */
import { createStore } from './store.ts'

export const themes = ['system', 'dark', 'light'] as const
export type Theme = (typeof themes)[number]

export const theme = createStore<Theme>('system', {
  key: 'safelight.theme',
  in: 'localStorage',
  revive: kept => themes.find(known => known === kept) ?? 'system',
})

export function applyTheme(): void {
  document.documentElement.dataset['theme'] = theme.get()
}

export function nextTheme(now: Theme): Theme {
  return themes[(themes.indexOf(now) + 1) % themes.length] ?? 'system'
}
