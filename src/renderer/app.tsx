import { Anchor } from '@mantine/core'
import type { ComponentType } from 'react'
import type { ProjectSection } from '../shared/contract/studio/place.ts'
import { ChatPage } from './pages/chat/chat-page.tsx'
import { HomePage } from './pages/home/home-page.tsx'
import { ProjectPage } from './pages/project/project-page.tsx'
import { SensitivityPage } from './pages/sensitivity/sensitivity-page.tsx'
import { homeAddress, useRoute, type Route } from './route.ts'
import { useLink } from './stores/link.ts'
import { Mark } from './ui/icons.tsx'
import { Message } from './ui/message.tsx'
import { ThemeSwitch } from './ui/theme-switch.tsx'
import classes from './app.module.css'

const SECTIONS: Record<ProjectSection, ComponentType<{ projectId: number }>> = {
  overview: ProjectPage,
  sensitivity: SensitivityPage,
  chat: ChatPage,
}

export function App() {
  const route = useRoute()
  return (
    <>
      <header className={classes.bar}>
        <div className={classes.inner}>
          <a className={classes.home} href={homeAddress} aria-current={route.page === 'home' ? 'page' : undefined}>
            <Mark size={22} />
            Squeeze Studio
          </a>
          <div className={classes.tools}>
            <ThemeSwitch />
          </div>
        </div>
      </header>
      <LinkNotice />
      <main className={classes.main}>
        <Page route={route} />
      </main>
    </>
  )
}

function Page({ route }: { route: Route }) {
  if (route.page === 'home') return <HomePage />
  if (route.page === 'project') {
    const Section = SECTIONS[route.section]
    return <Section projectId={route.projectId} />
  }
  return (
    <Message title="There is no such page" actions={<Anchor href={homeAddress}>Go to the projects</Anchor>}>
      {route.address}
    </Message>
  )
}

/** Says so when the host does not answer; what is on the page stays. */
function LinkNotice() {
  const link = useLink((state) => state.link)
  if (link === 'lost')
    return (
      <div className={classes.notice} role="alert">
        The studio does not answer. Trying again…
      </div>
    )
  if (link === 'locked') {
    return (
      <div className={classes.notice} role="alert">
        The studio was started anew and no longer knows this tab. Open the address that it printed.
      </div>
    )
  }
  return null
}
