import { Button, Textarea } from '@mantine/core'
import { useState, type KeyboardEvent } from 'react'
import type { ChatTurn } from '../../../shared/contract/studio/index.ts'
import { stop } from '../../stores/chat.ts'
import classes from './chat-page.module.css'

type Props = {
  running: ChatTurn | undefined
  /** Whether anything may be sent at all. */
  able: boolean
  /** Resolves to whether it was taken. */
  send: (prompt: string) => Promise<boolean>
}

/** Enter sends, with Shift it begins a new line. */
export function PromptBox({ running, able, send }: Props) {
  const [prompt, setPrompt] = useState('')
  const [stopping, setStopping] = useState<number>()
  const ready = able && !running && prompt.trim() !== ''

  async function submit() {
    if (ready && (await send(prompt))) setPrompt('')
  }

  function press(event: KeyboardEvent) {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    void submit()
  }

  function end({ id }: ChatTurn) {
    setStopping(id)
    void stop(id)
  }

  return (
    <form
      className={classes.box}
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <Textarea
        aria-label="Prompt for both models"
        placeholder="Ask both models"
        rows={2}
        className={classes.input}
        value={prompt}
        maxLength={200_000}
        onChange={(event) => setPrompt(event.currentTarget.value)}
        onKeyDown={press}
      />
      {running ? (
        <Button type="button" variant="default" disabled={stopping === running.id} onClick={() => end(running)}>
          {stopping === running.id ? 'Stopping…' : 'Stop'}
        </Button>
      ) : (
        <Button type="submit" disabled={!ready}>
          Send
        </Button>
      )}
    </form>
  )
}
