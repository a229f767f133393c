import { Button, Skeleton } from '@mantine/core'
import { useEffect, useLayoutEffect, useRef, useState, type RefObject } from 'react'
import type { ChatList, ChatTurn, Project } from '../../../shared/contract/studio/index.ts'
import { Failure } from '../../features/failure.tsx'
import { ProjectFrame } from '../../features/project/project-frame.tsx'
import { isRunning, leaveChats, openChats, send, useChat } from '../../stores/chat.ts'
import { useJobs } from '../../stores/jobs.ts'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { exact } from '../../ui/units.ts'
import { Conversations } from './conversations.tsx'
import { ModelHeads } from './model-heads.tsx'
import { settingsOf } from './models.ts'
import { PromptBox } from './prompt-box.tsx'
import { SamplingPanel } from './sampling-panel.tsx'
import { ShadeLegend } from './token-text.tsx'
import { Turn } from './turn.tsx'
import classes from './chat-page.module.css'

/** Turns in the page at first; the ones before are a click away. */
const SHOWN_TURNS = 10
/** Whoever is this near the end of a conversation follows what is said, pixels. */
const NEAR_END = 160

export function ChatPage({ projectId }: { projectId: number }) {
  return (
    <ProjectFrame projectId={projectId} section="chat" waiting={<Skeleton height={420} radius={10} />}>
      {(project) => <ChatOf project={project} />}
    </ProjectFrame>
  )
}

function ChatOf({ project }: { project: Project }) {
  useEffect(() => {
    openChats(project.id)
    return leaveChats
  }, [project.id])
  const list = useChat((state) => state.list)
  const error = useChat((state) => state.error)
  if (list) return <Sides project={project} list={list} />
  return error ? <Failure error={error} /> : <Skeleton height={420} radius={10} />
}

/** What is said changes many times a second, so only the parts that show it look at it. */
function Sides({ project, list }: { project: Project; list: ChatList }) {
  const chatId = useChat((state) => state.chatId)
  const chosen = useChat((state) => state.chosen)
  const error = useChat((state) => state.error)
  const known = useChat(({ turns }) => turns !== undefined)
  const settings = settingsOf(project, list, chosen)
  return (
    <div className={classes.sides}>
      <div className={classes.talk}>
        <ModelHeads project={project} models={settings.models} />
        <OtherWork />
        {list.tokenizerError && <Failure error={list.tokenizerError} />}
        <Turns key={chatId} project={project} />
        <div className={classes.bottom}>
          {error && <Failure error={error} />}
          <PromptBox
            able={project.checkpoint.found && !list.tokenizerError && known}
            send={(prompt) => send(prompt, settings)}
          />
          <Foot />
        </div>
      </div>
      <aside className={classes.aside} aria-label="Settings and conversations">
        <SamplingPanel key={known ? chatId : 'waiting'} settings={settings} hasTemplate={list.hasTemplate} />
        <Reading />
        <Conversations chats={list.chats} shown={chatId} />
      </aside>
    </div>
  )
}

/** What happens now, and what the shades mean. */
function Foot() {
  const words = useChat(({ turns }) => statusWords(turns?.find(isRunning)))
  const shaded = useChat(({ turns }) => turns?.some(({ divergence }) => divergence))
  return (
    <div className={classes.foot}>
      <p className={classes.status} role="status">
        {words}
      </p>
      {shaded && <ShadeLegend />}
    </div>
  )
}

function Turns({ project }: { project: Project }) {
  const turns = useChat((state) => state.turns)
  const [all, setAll] = useState(false)
  const end = useFollowing(turns)
  if (!turns) return <Skeleton height={280} radius={10} />
  if (turns.length === 0) {
    return (
      <Message title="Nothing said yet">
        Both models answer the same prompt with the same seed, one after the other. Then each token of the right answer
        is shaded by how far the right model had moved from the left one.
        {project.results.length === 0 &&
          ' There is no result yet: squeeze the checkpoint to have something to compare.'}
      </Message>
    )
  }
  const hidden = all ? 0 : Math.max(0, turns.length - SHOWN_TURNS)
  return (
    <>
      {hidden > 0 && (
        <Button variant="subtle" size="compact-sm" onClick={() => setAll(true)}>
          Show {exact(hidden)} earlier {hidden === 1 ? 'prompt' : 'prompts'}
        </Button>
      )}
      {turns.slice(hidden).map((turn) => (
        <Turn key={turn.id} turn={turn} project={project} />
      ))}
      <div ref={end} className={classes.end} />
    </>
  )
}

/** How the page is to be read. */
function Reading() {
  return (
    <Section title="How to read it">
      <Panel padded>
        <p className={classes.words}>
          KL divergence of the right model from the left one at each token of the right answer, both given the same
          text; before temperature and the other settings. The first token that the answers do not share is underlined.
        </p>
        <p className={classes.words}>
          Speeds are measured, one model after the other, so that each has the machine for itself. Tokens/s counts the
          tokens after the first; loading a model is not counted.
        </p>
      </Panel>
    </Section>
  )
}

/** Speeds beside other work are other speeds. */
function OtherWork() {
  const jobs = useJobs(({ value }) => value)
  if (!jobs?.some(({ state }) => state === 'running')) return null
  return (
    <Message title="A job is running" tone="calm">
      Answers wait until it has ended, or share the machine with it where the command line runs it: they are slower
      then.
    </Message>
  )
}

function statusWords(running: ChatTurn | undefined): string {
  if (!running) return 'Enter sends, Shift + Enter begins a new line.'
  const { answers, comparing } = running
  if (comparing) return 'Comparing both models, token by token…'
  const column = answers.findIndex(({ state }) => state === 'loading' || state === 'answering')
  if (column < 0) return 'Waiting…'
  const side = column === 0 ? 'left' : 'right'
  return answers[column]?.state === 'loading' ? `Loading the ${side} model…` : `The ${side} model answers…`
}

/** Keeps the end of what is said in sight for whoever is there, and brings a new prompt into sight. */
function useFollowing(turns: ChatTurn[] | undefined): RefObject<HTMLDivElement | null> {
  const end = useRef<HTMLDivElement>(null)
  const count = turns?.length ?? 0
  useLayoutEffect(() => {
    if (count > 0) end.current?.scrollIntoView({ block: 'nearest' })
  }, [count])
  useLayoutEffect(() => {
    const below = (end.current?.getBoundingClientRect().bottom ?? 0) - window.innerHeight
    if (turns?.some(isRunning) && below < NEAR_END) end.current?.scrollIntoView({ block: 'nearest' })
  }, [turns])
  return end
}
