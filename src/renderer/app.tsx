import { ActionIcon, Anchor } from '@mantine/core'
import { lazy, Suspense, type ComponentType } from 'react'
import type { ProjectSection } from '../shared/contract/studio/place.ts'
import { UndoNotice } from './features/results/undo-notice.tsx'
import { ComparePage } from './pages/compare/compare-page.tsx'
import { DropZone } from './features/opening/drop-zone.tsx'
import { FolderDialog } from './features/opening/folder-dialog.tsx'
import { CheckpointPage } from './pages/checkpoint/checkpoint-page.tsx'
import { JobsTray } from './features/jobs/jobs-tray.tsx'
import { Commands } from './features/palette/commands.tsx'
import { FindButton } from './features/palette/find-button.tsx'
import { PageBoundary } from './features/page-boundary.tsx'
import { ChatPage } from './pages/chat/chat-page.tsx'
import { HomePage } from './pages/home/home-page.tsx'
import { ProjectPage } from './pages/project/project-page.tsx'
import { ResultPage } from './pages/result/result-page.tsx'
import { SensitivityPage } from './pages/sensitivity/sensitivity-page.tsx'
import { SweepPage } from './pages/sweep/sweep-page.tsx'
import { SettingsPage } from './pages/settings/settings-page.tsx'
import { SpeedPage } from './pages/speed/speed-page.tsx'
import { homeAddress, pageKey, settingsAddress, useRoute, type Route } from './route.ts'
import { useLink } from './stores/link.ts'
import { SlidersIcon, Mark } from './ui/icons.tsx'
import { Message } from './ui/message.tsx'
import { ThemeSwitch } from './ui/theme-switch.tsx'
import classes from './app.module.css'

// What a person looks into only when they want to know more.
const MatrixPage = lazy(async () => ({ default: (await import('./pages/matrix/matrix-page.tsx')).MatrixPage }))

const SECTIONS: Record<ProjectSection, ComponentType<{ projectId: number }>> = {
  overview: ProjectPage,
  checkpoint: CheckpointPage,
  sensitivity: SensitivityPage,
  sweep: SweepPage,
  speed: SpeedPage,
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
            <FindButton />
            <JobsTray />
            <ThemeSwitch />
            <ActionIcon
              component="a"
              href={settingsAddress}
              variant="subtle"
              color="gray"
              size="lg"
              aria-label="Settings"
              aria-current={route.page === 'settings' ? 'page' : undefined}
            >
              <SlidersIcon />
            </ActionIcon>
          </div>
        </div>
      </header>
      <LinkNotice />
      <Commands />
      <main className={classes.main}>
        <PageBoundary key={pageKey(route)}>
          <Page route={route} />
        </PageBoundary>
      </main>
      <UndoNotice />
      <FolderDialog />
      <DropZone />
    </>
  )
}

function Page({ route }: { route: Route }) {
  if (route.page === 'home') return <HomePage />
  if (route.page === 'settings') return <SettingsPage />
  if (route.page === 'project') {
    const Section = SECTIONS[route.section]
    return <Section projectId={route.projectId} />
  }
  if (route.page === 'result') return <ResultPage projectId={route.projectId} resultId={route.resultId} />
  if (route.page === 'matrix') {
    return (
      <Suspense fallback={null}>
        <MatrixPage {...route} />
      </Suspense>
    )
  }
  if (route.page === 'compare') return <ComparePage projectId={route.projectId} sides={route.sides} />
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
