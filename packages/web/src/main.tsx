import '@fontsource-variable/instrument-sans/wght.css'
import './styles.css'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createQueryClient } from './api/queries.ts'
import { App } from './app.tsx'
import { applyTheme } from './browser/theme.ts'
import { CrashGuard } from './parts/crash-guard.tsx'
import { PageToasts } from './parts/toasts.tsx'

applyTheme()

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no element with the id "root".')
createRoot(root).render(
  <StrictMode>
    <CrashGuard>
      <QueryClientProvider client={createQueryClient()}>
        <App />
        <PageToasts />
      </QueryClientProvider>
    </CrashGuard>
  </StrictMode>,
)
