import { Component, type ReactNode } from 'react'
import { text } from '../messages.ts'
import { Button } from './button.tsx'
import { Notice } from './notice.tsx'

/** The last net: a fault of the page's own becomes a sentence and a way on, never a blank page. */
export class CrashGuard extends Component<{ children: ReactNode }, { hasCrashed: boolean }> {
  override state = { hasCrashed: false }

  static getDerivedStateFromError(): { hasCrashed: boolean } {
    return { hasCrashed: true }
  }

  override render(): ReactNode {
    if (!this.state.hasCrashed) return this.props.children
    return (
      <main className="mx-auto max-w-xl p-6 pt-24">
        <Notice actions={<Button onClick={() => location.reload()}>{text.reload}</Button>}>{text.crash}</Notice>
      </main>
    )
  }
}
